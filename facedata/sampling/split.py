"""Assign identities, or photos, to splits; pure functions. Hashes decide, never the order of the input."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import BoolArray, Int32Array, Int64Array

TRAIN = "train"
"""The split whose people have labels, and which gets people with too few photos."""


def split_identities(
    identities: Iterable[str],
    ratios: Mapping[str, float],
    seed: int,
    previous: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give every person one split: rank people by a hash of (seed, identity) and cut at the ratios.

    Every split's number of people is within 1 of its exact share (the cuts are rounded, half up), so with
    very few people a split may stay empty.

    Args:
        identities: the people, in any order; repeats count once.
        ratios: each split's share, adding up to 1.
        seed: another seed gives another ranking.
        previous: splits that people already have, and keep. New people fill each split up to its share of
            the new total. Splits not in ``ratios`` are ignored.

    Returns:
        Each person's split; empty for no people.

    >>> sorted(Counter(split_identities("abcde", {"train": 0.75, "test": 0.25}, seed=0).values()).items())
    [('test', 1), ('train', 4)]
    """
    people = set(identities)
    kept = {p: s for p, s in (previous or {}).items() if p in people and s in ratios}
    added = sorted(people - kept.keys(), key=lambda person: (_digest(seed, person), person))
    have = Counter(kept.values())
    wanted = share_out(len(people), list(ratios.values()))
    lacking = [max(0, want - have[name]) for name, want in zip(ratios, wanted, strict=True)]
    # if a split already has too many, the others lack more people than are new: they share those
    counts = share_out(len(added), lacking)
    names = [name for name, count in zip(ratios, counts, strict=True) for _ in range(count)]
    return kept | dict(zip(added, names, strict=True))


def split_stable(identities: Iterable[str], ratios: Mapping[str, float], seed: int) -> dict[str, str]:
    """Give every person one split by where a hash of (seed, identity) falls between 0 and 1.

    A person's split does not depend on other people, so nobody moves when a set grows; the ratios hold only
    on average. With five people and a quarter for test, most seeds leave fewer than two people in test.

    >>> half = {"train": 0.5, "test": 0.5}
    >>> few, more = split_stable("abc", half, seed=3), split_stable("abcdef", half, seed=3)
    >>> few.items() <= more.items()
    True
    """
    names = list(ratios)
    edges = np.cumsum(list(ratios.values()))[:-1]  # the last split gets the rest after rounding
    splits = {}
    for person in identities:
        fraction = (int.from_bytes(_digest(seed, person)[:8], "big") >> 11) / 2**53  # as fine as a float is
        splits[person] = names[int(np.searchsorted(edges, fraction, side="right"))]
    return splits


class PhotoSplit(NamedTuple):
    """The result of :func:`split_photos`."""

    splits: NDArray[np.int16]
    """``(n,)`` int16, an index into the ratios for each photo."""
    few: int
    """How many people have fewer photos than there are splits, and so are all in one."""


def give_pairs(
    split_of: Mapping[str, str],
    photos: Mapping[str, int],
    ratios: Mapping[str, float],
    seed: int,
    previous: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Move people from the training split to those without pairs, as long as it keeps pairs itself.

    A split has pairs if it has two people, and one of them has two photos. Of :func:`split_identities`'
    ranking the last of the training people move first. If that cannot give every split pairs, nobody moves.

    Args:
        split_of: each person's split.
        photos: how many photos each person has.
        ratios: the splits, as in :func:`split_identities`.
        seed: of the ranking.
        previous: people who do not move.

    Returns:
        Each person's split.

    >>> split_of = {"anna": "train", "ben": "train", "cara": "train", "dora": "test"}
    >>> moved = give_pairs(split_of, dict.fromkeys(split_of, 2), {"train": 0.75, "test": 0.25}, seed=0)
    >>> sorted(moved.values())
    ['test', 'test', 'train', 'train']
    """
    moved, home = dict(split_of), training_split(ratios)
    people: dict[str, list[str]] = {name: [] for name in ratios}
    for person, name in split_of.items():
        people[name].append(person)
    able = sorted(people[home], key=lambda person: (_digest(seed, person), person), reverse=True)
    able = [person for person in able if person not in (previous or {})]
    left, twice = len(people[home]), sum(photos[person] >= 2 for person in people[home])
    for name in (name for name in ratios if name != home):
        mine = people[name]
        while len(mine) < 2 or all(photos[person] < 2 for person in mine):
            for person in able:
                has_two = photos[person] >= 2
                # the second person to arrive brings a pair, if the first one does not
                is_needed = has_two or not mine or (len(mine) == 1 and photos[mine[0]] >= 2)
                if is_needed and left > 2 and twice > has_two:
                    break
            else:
                return dict(split_of)
            able.remove(person)
            left, twice, moved[person] = left - 1, twice - has_two, name
            mine.append(person)
    return moved


def split_photos(
    person: Int64Array | Int32Array,
    keys: Iterable[str],
    ratios: Mapping[str, float],
    seed: int,
    least: int = 1,
) -> PhotoSplit:
    """Divide every person's photos at the ratios: a closed set, in which each person is in every split.

    A person's photos are ranked by a hash of (seed, key). Counts are rounded as in :func:`split_identities`,
    but each split gets at least one, or ``least`` of a person who has that many for each. People with fewer
    photos than there are splits go to ``train`` (to the first split when there is no ``train``).

    Args:
        person: ``(n,)`` int64 or int32, a whole number from 0 for each person.
        keys: ``(n,)``, a unique and permanent text for each photo: its path.
        ratios: each split's share, adding up to 1.
        seed: another seed gives another ranking.
        least: how many photos each split gets at least, of people who have so many for each.

    >>> split_photos(np.array([0, 0, 0, 0, 1]), list("abcde"), {"train": 0.75, "test": 0.25}, seed=0).few
    1
    """
    digests = np.fromiter((_digest(seed, key) for key in keys), "S16", len(person))
    order = np.lexsort((digests, person))
    sizes = np.bincount(person)
    starts = np.cumsum(sizes) - sizes
    rank, size_of = np.arange(len(person)) - starts[person[order]], sizes[person[order]]
    home = training_split(ratios)
    ends = np.zeros((int(sizes.max(initial=0)) + 1, len(ratios)), np.int64)  # by a person's number of photos
    for size in np.unique(sizes).tolist():
        counts = share_out(size, list(ratios.values()))
        if size < len(ratios):
            counts = [size if name == home else 0 for name in ratios]
        floor = least if size >= least * len(ratios) else 1
        while min(counts) < floor and size >= len(ratios):
            counts[counts.index(max(counts))] -= 1
            counts[counts.index(min(counts))] += 1
        ends[size] = np.cumsum(counts)
    splits = np.zeros(len(person), np.int16)
    for number in range(len(ratios) - 1):
        splits[order] += rank >= ends[size_of, number]
    few = int(np.count_nonzero((sizes > 0) & (sizes < len(ratios))))
    return PhotoSplit(splits, few)


def training_split(names: Iterable[str]) -> str:
    """Return ``train`` if there is such a split, else the first.

    >>> training_split(["test", "train"]), training_split(["a", "b"])
    ('train', 'a')
    """
    names = list(names)
    return TRAIN if TRAIN in names else names[0]


def labels_of(person: Int64Array | Int32Array, training: BoolArray) -> Int64Array:
    """Number the people that have training crops from 0, in their order; -1 for the others.

    Args:
        person: ``(n,)`` int64 or int32, one per crop, a whole number from 0 in UTF-8 byte order of identity.
        training: ``(n,)`` bool, which crops are in the training split.

    >>> labels_of(np.array([1, 0, 1, 2]), np.array([True, False, False, True])).tolist()
    [0, -1, 0, 1]
    """
    trained = np.bincount(person[training], minlength=int(person.max(initial=-1)) + 1) > 0
    return np.asarray(np.where(trained, np.cumsum(trained) - 1, -1)[person])


def share_out(total: int, shares: Sequence[float]) -> list[int]:
    """Divide ``total`` in proportion to the shares; each count is within 1 of exact, and they add up.

    >>> share_out(5, [0.75, 0.25]), share_out(3, [1, 0, 2]), share_out(0, [0, 0])
    ([4, 1], [1, 0, 2], [0, 0])
    """
    most = math.fsum(shares)
    if not most:
        return [0] * len(shares)
    ends = [math.floor(total * math.fsum(shares[: i + 1]) / most + 0.5) for i in range(len(shares))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _digest(seed: int, text: str) -> bytes:
    """Return a 16-byte hash; a number, a colon and any text make an unambiguous key."""
    return hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=16).digest()
