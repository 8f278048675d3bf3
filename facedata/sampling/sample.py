"""Pairs and triplets from the crops of one split; pure, vectorised, in bounded memory.

Every photo is a row number from 0, every person a code from 0. How many rows each person gives is settled
first, then how many each anchor gives; so rows need to be distinct within one anchor only, and are drawn
span by span. Negatives come from all people, those with a single photo too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ..errors import SampleError
from ..types import BoolArray, Int64Array
from .pool import Pool
from .quota import spans
from .spaces import MOST_ROWS, Friends, PairRows, Rule, Strangers, TripletRows, Triplets

_RANDOM = Rule()


RowsT = TypeVar("RowsT", TripletRows, PairRows)


@dataclass(frozen=True)
class Drawing(Generic[RowsT]):
    """What will be drawn; its size is known before.

    Attributes:
        asked: how many rows were asked for; None for all there are.
        made: how many rows there are: fewer than asked where no more distinct ones exist.
        same: of these, how many show one person (pairs); 0 for triplets.
        chunks: the rows, about 262,144 at a time; can be run through once.
    """

    asked: int | None
    made: int
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

    ``random`` takes as many anchors of each person with two photos as of any other (``uniform="photos"``:
    of each such person's photo), so far as they have distinct triplets. ``reference`` crosses reference
    photos with the person's other photos and all photos of others. ``all`` makes every ordered (anchor,
    positive) once, with one negative. Rows come ordered by anchor: whoever trains on them shuffles.

    Args:
        person: ``(n,)`` int64, each photo's person; every code from 0 to the largest must occur.
        count: rows wanted; None for every distinct one (of ``all``: every anchor with every positive).
        rng: consumed while the chunks are run through.
        rule: strategy, uniform over what, cap.
        reference: ``(n,)`` bool, needed for ``reference``.

    Raises:
        SampleError: one person only, nobody with two photos, or nobody with a reference photo.
    """
    every = _checked_pool(person)
    triplets = Triplets(every, *_own_pools(person, every, rule, reference), rule)
    made = min(_limit(count), int(triplets.capacity.sum()))
    quota = triplets.share(made, rng)
    chunks = (triplets.chunk(span, quota, rng) for span in spans(quota, triplets.codes))
    return Drawing(count, made, 0, chunks)


def pair_drawing(
    person: Int64Array,
    count: int | None,
    rng: np.random.Generator,
    rule: Rule = _RANDOM,
    reference: BoolArray | None = None,
) -> Drawing[PairRows]:
    """Draw distinct pairs, as many of one person as of two, so far as there are enough of each.

    No pair comes twice, the other way round neither. ``reference`` puts a reference photo left and a photo
    that is none right; with the other strategies left is the lower row number. ``all`` makes every pair of
    one person (those beyond ``max_per_person`` are left out at random) and as many of two people; where
    there are fewer of those, all of them.

    Args:
        person: as for :func:`triplet_drawing`.
        count: rows wanted, of both kinds together; None for all of one person and as many of two.
        rng: consumed while the chunks are run through.
        rule: strategy, uniform over what, cap.
        reference: ``(n,)`` bool, needed for ``reference``.

    Raises:
        SampleError: as for :func:`triplet_drawing`.
    """
    every = _checked_pool(person)
    lefts, rights = _own_pools(person, every, rule, reference)
    friends, strangers = Friends(lefts, rights, rule), Strangers(lefts, rights, rule)
    most = int(friends.capacity.sum()), int(strangers.capacity.sum())
    same, different = _balance(_limit(count), *most, every_positive=rule.strategy == "all")
    friends_quota, strangers_quota = friends.share(same, rng), strangers.share(different, rng)

    def chunks() -> Iterator[PairRows]:
        for span in spans(friends_quota, friends.codes):
            yield friends.chunk(span, friends_quota, rng)
        for span in spans(strangers_quota, strangers.codes):
            yield strangers.chunk(span, strangers_quota, rng)

    return Drawing(count, same + different, same, chunks())


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
    return TripletRows(*_joined(drawing.chunks))


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
    left, right, same = _joined(drawing.chunks)
    return PairRows(left, right, same.astype(np.bool_))


@dataclass(frozen=True, eq=False)
class Usage:
    """How often each photo occurs.

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
    """Sum up how often photos occur.

    >>> usage(np.bincount([0, 0, 2], minlength=4))
    Usage(counts=array([2, 0, 1, 0]), mean=0.75, std=0.82..., never=2, most=2)
    """
    if not len(counts):
        return Usage(counts, 0.0, 0.0, 0, 0)
    never = int(np.count_nonzero(counts == 0))
    return Usage(counts, float(counts.mean()), float(counts.std()), never, int(counts.max()))


def _checked_pool(person: Int64Array) -> Pool:
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
    """Return the photos that can be anchor (left), and those that can be positive (right)."""
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


def _balance(count: int, positives: int, negatives: int, *, every_positive: bool) -> tuple[int, int]:
    """Return how many pairs to draw of one person, and how many of two."""
    if every_positive:
        same = min(positives, (count + 1) // 2)
        return same, min(same, negatives, count - same)
    half = count // 2
    different = min(half, positives, negatives)
    odd = count % 2 if different == half else 0
    return min(positives, different + odd), different


def _joined(chunks: Iterator[Any]) -> list[Any]:
    """Return the three columns of all chunks."""
    nothing = np.empty(0, np.int64)
    return [np.concatenate(column) for column in zip((nothing, nothing, nothing), *chunks, strict=True)]
