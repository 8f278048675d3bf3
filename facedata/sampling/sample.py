"""Pairs and triplets from the crops of one split; pure functions, vectorised, in bounded memory.

Every photo is a row number from 0, every person a code from 0. First comes the number of rows per person,
then the number per anchor; so rows need to be distinct only within one anchor, and are drawn span by span.
Negatives come from all people, including those with a single photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..errors import SampleError
from ..types import BoolArray, Int64Array
from .pool import Pool
from .quota import cut_spans
from .spaces import MOST_ROWS, OtherPairs, PairRows, Rule, SamePairs, TripletRows, Triplets

_RANDOM = Rule()

RowsT = TypeVar("RowsT", TripletRows, PairRows)


@dataclass(frozen=True)
class Drawing(Generic[RowsT]):
    """Rows to be drawn; their number is known before they are.

    Attributes:
        asked: how many rows were asked for; None for all.
        rows: how many rows there are: fewer than asked if no more distinct ones exist.
        same: how many of these are pairs of one person; 0 for triplets.
        chunks: the rows, about 262,144 at a time; can be read once.
    """

    asked: int | None
    rows: int
    same: int
    chunks: Iterator[RowsT]


def triplet_drawing(
    person: Int64Array,
    count: int | None,
    rng: np.random.Generator,
    rule: Rule = _RANDOM,
    reference: BoolArray | None = None,
) -> Drawing[TripletRows]:
    """Draw distinct triplets: two photos of one person and one of another.

    ``random`` draws equally many triplets for each person with two photos (``uniform="photos"``: for each
    photo of such people), as far as there are distinct ones. ``reference`` combines reference photos with the
    person's other photos and all photos of others. ``all`` makes every ordered (anchor, positive) once, with
    one negative. Rows are ordered by anchor: shuffle them before training.

    Args:
        person: ``(n,)`` int64, each photo's person; every code from 0 to the largest must occur.
        count: how many rows; None for every distinct one (with ``all``: every anchor with every positive).
        rng: used while the chunks are read.
        rule: the strategy, what is uniform, and the cap.
        reference: ``(n,)`` bool, needed for ``reference``.

    Raises:
        SampleError: only one person, no one with two photos, or no one with a reference photo.
    """
    every = _make_pool(person)
    triplets = Triplets(every, *_own_pools(person, every, rule, reference), rule)
    rows = min(_limit(count), int(triplets.capacity.sum()))

    def chunks() -> Iterator[TripletRows]:
        quota = triplets.share(rows, rng)
        for span in cut_spans(quota, triplets.codes):
            yield triplets.chunk(span, quota, rng)

    return Drawing(count, rows, 0, chunks())


def pair_drawing(
    person: Int64Array,
    count: int | None,
    rng: np.random.Generator,
    rule: Rule = _RANDOM,
    reference: BoolArray | None = None,
) -> Drawing[PairRows]:
    """Draw distinct pairs, as many of one person as of two people, if there are enough of each.

    No pair is drawn twice, not even with its sides swapped. ``reference`` puts a reference photo left and
    another photo right; with the other strategies, left is the lower row number. ``all`` makes every pair of
    one person (those beyond ``max_per_person`` are dropped at random) and as many of two people, or all of
    those if there are fewer.

    Args:
        person: as for :func:`triplet_drawing`.
        count: how many rows, of both kinds together; None for all of one person and as many of two.
        rng: used while the chunks are read.
        rule: the strategy, what is uniform, and the cap.
        reference: ``(n,)`` bool, needed for ``reference``.

    Raises:
        SampleError: as for :func:`triplet_drawing`.
    """
    every = _make_pool(person)
    lefts, rights = _own_pools(person, every, rule, reference)
    kinds: tuple[SamePairs | OtherPairs, ...] = (
        SamePairs(lefts, rights, rule),
        OtherPairs(lefts, rights, rule),
    )
    most_same, most_other = (int(pairs.capacity.sum()) for pairs in kinds)
    limit = _limit(count)
    if rule.strategy == "all":
        same = min(most_same, (limit + 1) // 2)
        other = min(same, most_other, limit - same)
    else:
        other = min(limit // 2, most_same, most_other)
        odd = limit % 2 if other == limit // 2 else 0
        same = min(most_same, other + odd)

    def chunks() -> Iterator[PairRows]:
        quotas = [pairs.share(rows, rng) for pairs, rows in zip(kinds, (same, other), strict=True)]
        for pairs, quota in zip(kinds, quotas, strict=True):
            for span in cut_spans(quota, pairs.codes):
                yield pairs.chunk(span, quota, rng)

    return Drawing(count, same + other, same, chunks())


def sample_triplets(
    person: Int64Array,
    count: int | None,
    seed: int | np.random.Generator,
    rule: Rule = _RANDOM,
    reference: BoolArray | None = None,
) -> TripletRows:
    """Return all rows of :func:`triplet_drawing` at once.

    >>> sample_triplets(np.array([0, 0, 1]), 10, seed=0)
    TripletRows(anchor=array([0, 1]), positive=array([1, 0]), negative=array([2, 2]))
    """
    drawing = triplet_drawing(person, count, np.random.default_rng(seed), rule, reference)
    return TripletRows(*_join(drawing.chunks))


def sample_pairs(
    person: Int64Array,
    count: int | None,
    seed: int | np.random.Generator,
    rule: Rule = _RANDOM,
    reference: BoolArray | None = None,
) -> PairRows:
    """Return all rows of :func:`pair_drawing` at once.

    >>> left, right, same = sample_pairs(np.array([0, 0, 1]), 1, seed=0)
    >>> left, right, same
    (array([0]), array([1]), array([ True]))
    """
    drawing = pair_drawing(person, count, np.random.default_rng(seed), rule, reference)
    left, right, same = _join(drawing.chunks)
    return PairRows(left, right, same.astype(np.bool_))


@dataclass(frozen=True, eq=False)
class Usage:
    """How often each photo occurs in some rows.

    Attributes:
        counts: ``(n,)`` int64.
        mean: of the counts; 0 for no photos.
        std: their standard deviation; 0 for no photos.
        never: how many photos do not occur.
        most: the largest count.
    """

    counts: Int64Array
    mean: float
    std: float
    never: int
    most: int


def usage(counts: Int64Array) -> Usage:
    """Summarize how often photos occur.

    >>> usage(np.bincount([0, 0, 2], minlength=4))
    Usage(counts=array([2, 0, 1, 0]), mean=0.75, std=0.82..., never=2, most=2)
    """
    if not len(counts):
        return Usage(counts, 0.0, 0.0, 0, 0)
    never = int(np.count_nonzero(counts == 0))
    return Usage(counts, float(counts.mean()), float(counts.std()), never, int(counts.max()))


def _make_pool(person: Int64Array) -> Pool:
    people = int(person.max(initial=-1)) + 1
    if people < 2:
        raise SampleError(
            f"{'only one person has' if people else 'nobody has'} a photo here, and negatives need two: "
            "add photos of more people, or choose other splits"
        )
    every = Pool(person, people)
    if every.size.max() < 2:
        raise SampleError(
            f"none of the {people} people here has two photos: add photos of the same people, "
            "or choose other splits"
        )
    return every


def _own_pools(person: Int64Array, every: Pool, rule: Rule, reference: BoolArray | None) -> tuple[Pool, Pool]:
    """Return the photos that can be anchors (left), and those that can be positives (right)."""
    if rule.strategy != "reference":
        return every, every
    if reference is None or not reference.any():
        raise SampleError("there is no reference photo here: prepare the set with --reference GLOB")
    anchors = Pool(person, len(every.size), reference)
    partners = Pool(person, len(every.size), ~reference)
    if not (anchors.size * partners.size).any():
        raise SampleError(
            "nobody here has both a reference photo and another one: add photos of the people with a "
            "reference photo, or prepare the set with a --reference GLOB that matches fewer"
        )
    return anchors, partners


def _limit(count: int | None) -> int:
    return MOST_ROWS if count is None else min(count, MOST_ROWS)


def _join(chunks: Iterator[Any]) -> list[Any]:
    """Return the three columns of all chunks."""
    nothing = np.empty(0, np.int64)
    return [np.concatenate(column) for column in zip((nothing, nothing, nothing), *chunks, strict=True)]
