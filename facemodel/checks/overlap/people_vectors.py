"""One direction for each person of a set, and halves of people, of whom it is known that they are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facedata.types import BoolArray, Float32Array, Int64Array

_BLOCK_ROWS = 16_384
_SHORTEST = 1e-5
"""A sum that is shorter has no direction: it is of photos that cancel each other out."""

_MOST_HALVED = 2_000
"""People who are halved in one way; more would tell little more."""


@dataclass(frozen=True, eq=False)
class People:
    """The people of a set who have a usable embedding.

    Attributes:
        numbers: ``(p,)`` int64, their numbers, ascending.
        vectors: ``(p, dim)`` float32, the direction of the sum of their photos' directions, of length one.
        photos: ``(p,)`` int64, how many photos they have.
    """

    numbers: Int64Array
    vectors: Float32Array
    photos: Int64Array

    def __len__(self) -> int:
        return len(self.numbers)


class Halves(NamedTuple):
    """People of one set, each cut into two.

    Attributes:
        places: ``(m,)`` int64, their places in :class:`People`.
        left: ``(m, dim)`` float32, directions of some of their photos.
        right: ``(m, dim)`` float32, of others.
    """

    places: Int64Array
    left: Float32Array
    right: Float32Array


def gather_people(directions: Float32Array, person: Int64Array) -> People:
    """Return each person's direction.

    Photos of one person who looks the same on all of them give a long sum, others a short one: scaled to
    length one, a person with poor photos is not farther from everybody than others.

    Args:
        directions: ``(n, dim)`` float32 of length one; may be memory-mapped.
        person: ``(n,)`` int64, each crop's person.
    """
    numbers, codes, photos = np.unique(person, return_inverse=True, return_counts=True)
    sums = _sum_up(directions, np.argsort(codes, kind="stable"), codes, len(numbers))
    vectors, good = _unit(sums)
    vectors = vectors if good.all() else vectors[good]
    return People(numbers[good], vectors, photos[good].astype(np.int64))


def halve_people(
    directions: Float32Array, person: Int64Array, people: People, left: int, right: int
) -> Halves:
    """Cut people who have enough photos into two: ``left`` photos and ``right`` other ones.

    Which photos does not depend on how they are called: they are dealt at random, with a fixed seed.

    Args:
        directions: ``(n, dim)`` float32 of length one; may be memory-mapped.
        person: ``(n,)`` int64.
        people: of :func:`gather_people`.
        left: photos of the first half.
        right: of the second.
    """
    enough = np.flatnonzero(people.photos >= left + right)
    enough = enough[:: max(1, -(-len(enough) // _MOST_HALVED))]
    place = np.full(int(people.numbers.max(initial=-1)) + 1, -1, np.int64)
    place[people.numbers[enough]] = np.arange(len(enough))
    known = person < len(place)
    rows = np.flatnonzero(known)[place[person[known]] >= 0]
    lot = np.random.default_rng(0).permutation(len(rows))
    order = rows[np.lexsort((lot, place[person[rows]]))]
    codes = place[person[order]]
    rank = np.arange(len(order)) - np.searchsorted(codes, codes)  # a photo's number among its person's
    sides = []
    for first, last in ((0, left), (left, left + right)):
        mine = (rank >= first) & (rank < last)
        side = np.full(len(directions), -1, np.int64)
        side[order[mine]] = codes[mine]
        sides.append(_unit(_sum_up(directions, order[mine], side, len(enough))))
    good = sides[0][1] & sides[1][1]
    return Halves(enough[good], sides[0][0][good], sides[1][0][good])


def _sum_up(directions: Float32Array, order: Int64Array, codes: Int64Array, count: int) -> Float32Array:
    """Return the sums of the rows of each code; ``order`` lists rows so that codes ascend."""
    sums = np.zeros((count, directions.shape[1]), np.float32)
    for start in range(0, len(order), _BLOCK_ROWS):
        rows = order[start : start + _BLOCK_ROWS]
        some, first = np.unique(codes[rows], return_index=True)
        sums[some] += np.add.reduceat(directions[rows].astype(np.float64), first, axis=0)
    return sums


def _unit(sums: Float32Array) -> tuple[Float32Array, BoolArray]:
    """Scale sums to length one, in place; also return which have a length."""
    lengths = np.sqrt(np.einsum("nd,nd->n", sums, sums, dtype=np.float64))
    good = lengths > _SHORTEST
    sums /= np.maximum(lengths, _SHORTEST)[:, None].astype(np.float32)
    return sums, good
