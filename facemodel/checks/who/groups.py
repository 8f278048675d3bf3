"""Groups: the photos under one name that agree. A name with two groups may hold two people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from .likelihood import Likelihood, Nearness
from .reference import Reference, own_length

_COMPARED = 512
"""The most photos of one name that are compared each with each; of more, these many at a time."""

_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of photos; each is of one name.

    Attributes:
        of_photo: ``(n,)`` int64, each photo's group, from 0; -1 for photos that are left out.
        person: ``(k,)`` int64, ascending.
        size: ``(k,)`` int64, photos.
        means: ``(k, dim)`` float32, means of photos of length one.
        length: ``(k,)`` float64, their squared lengths, less what all photos have in common.
        near: how near the nearest others are to them.
    """

    of_photo: Int64Array
    person: Int64Array
    size: Int64Array
    means: Float32Array
    length: Float64Array
    near: Nearness

    def similarity(self, left: Int64Array, right: Int64Array, usual: float) -> Float64Array:
        """Return the similarities of pairs of groups, ``(p,)`` float64."""
        products = np.empty(len(left))
        for start in range(0, len(left), 4096):
            rows = slice(start, start + 4096)
            pair = (self.means[side[rows]].astype(np.float64) for side in (left, right))
            products[rows] = np.einsum("ij,ij->i", *pair)
        return (products - usual) / np.sqrt(self.length[left] * self.length[right])


def make_groups(
    vectors: Float32Array, person: Int64Array, of_photo: Int64Array, reference: Reference
) -> Groups:
    """Make groups of photos that are numbered already.

    Args:
        vectors: ``(n, dim)`` float32 of length one.
        person: ``(n,)`` int64.
        of_photo: ``(n,)`` int64, ascending with the people; -1 for photos to leave out; gaps are closed.
        reference: the photos to compare with.
    """
    rows = np.flatnonzero(of_photo >= 0)
    order = rows[np.argsort(of_photo[rows], kind="stable")]
    numbers, first, size = np.unique(of_photo[order], return_index=True, return_counts=True)
    means = np.empty((len(numbers), vectors.shape[1]), np.float32)
    for number, (start, count) in enumerate(zip(first.tolist(), size.tolist(), strict=True)):
        means[number] = np.asarray(vectors[order[start : start + count]]).mean(0, dtype=np.float64)
    owner = person[order[first]]
    length = own_length(means, reference.usual)
    of_photo = np.where(of_photo >= 0, np.searchsorted(numbers, of_photo), -1)
    return Groups(of_photo, owner, size.astype(np.int64), means, length, reference.measure(means, owner))


def split_people(
    vectors: Float32Array, person: Int64Array, near: Nearness, likelihood: Likelihood
) -> Int64Array:
    """Split each person's photos into groups that agree; numbers follow the people, large groups first.

    Args:
        vectors: ``(n, dim)`` float32 of length one.
        person: ``(n,)`` int64.
        near: of the photos.
        likelihood: what agreement is here.

    Returns:
        ``(n,)`` int64, each photo's group.
    """
    of_photo = np.empty(len(person), np.int64)
    order = np.argsort(person, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(person[order]) != 0, True])
    done = 0
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        rows = order[start:stop]
        parts = _split_one(vectors, rows, near, likelihood)
        of_photo[rows] = done + parts
        done += int(parts.max()) + 1
    return of_photo


def _split_one(vectors: Float32Array, rows: Int64Array, near: Nearness, likelihood: Likelihood) -> Int64Array:
    """Split one person's photos, some hundreds at a time: others join a group that they agree with."""
    part = np.full(len(rows), -1, np.int64)
    if len(rows) == 1:
        return np.zeros(1, np.int64)
    left, done = np.arange(len(rows)), 0
    while len(left):
        some = left[:: -(-len(left) // _COMPARED)]
        mine = np.asarray(vectors[rows[some]], np.float64)
        similar = (mine @ mine.T - likelihood.usual) / (1 - likelihood.usual)
        found = _agreeing(similar, near.take(rows[some]), likelihood)
        part[some] = done + found
        rest = np.setdiff1d(left, some, assume_unique=True)
        if len(rest):
            _join(vectors, rows, rest, some, found, part, done, near, likelihood)
        done += int(found.max()) + 1
        left = left[part[left] < 0]
    sizes = np.bincount(part)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[part]


def _join(
    vectors: Float32Array, rows: Int64Array, rest: Int64Array, some: Int64Array, found: Int64Array,
    part: Int64Array, done: int, near: Nearness, likelihood: Likelihood,
) -> None:  # fmt: skip
    """Put each of the rest into the group of the compared photos that it agrees with most, if with any."""
    mine = np.asarray(vectors[rows[some]], np.float64)
    for start in range(0, len(rest), 4096):
        at = rest[start : start + 4096]
        best = np.zeros(len(at))
        for number in range(int(found.max()) + 1):
            members = found == number
            mean = mine[members].mean(0)
            length = max(float(mean @ mean) - likelihood.usual, 1e-6) * (1 - likelihood.usual)
            similar = (np.asarray(vectors[rows[at]], np.float64) @ mean - likelihood.usual) / np.sqrt(length)
            odds = _odds(
                similar, np.full(len(at), members.sum()), near, rows[at], rows[some[members]], likelihood
            )
            better = odds > best
            part[at[better]], best[better] = done + number, odds[better]


def _odds(
    similar: Float64Array, size: Int64Array, near: Nearness, rows: Int64Array, members: Int64Array,
    likelihood: Likelihood,
) -> Float64Array:  # fmt: skip
    """Return the log odds that photos show a group's person; it is as near to others as its photos are."""
    centre = Nearness(near.mean[members].mean(keepdims=True), near.deviation[members].mean(keepdims=True))
    own = near.take(rows)
    return likelihood.log_same(similar, 1, size) - likelihood.log_other(similar, own, centre)


def _agreeing(similar: Float64Array, near: Nearness, likelihood: Likelihood) -> Int64Array:
    """Return groups of photos that agree: around the photo that agrees with most, until nothing changes.

    Args:
        similar: ``(n, n)`` similarities of each with each.
        near: of the photos.
        likelihood: what agreement is here.
    """
    sides = (Nearness(near.mean[:, None], near.deviation[:, None]), Nearness(near.mean, near.deviation))
    odds = likelihood.log_same(similar, 1, 1) - likelihood.log_other(similar, *sides)
    np.fill_diagonal(odds, 5.0)
    part, done, rest = np.full(len(similar), -1, np.int64), 0, np.arange(len(similar))
    while len(rest):
        here = odds[np.ix_(rest, rest)]
        agree = here > 0
        seed = int(np.argmax(agree.sum(1) + 1e-3 * (np.tanh(here) * agree).mean(1)))
        members = agree[seed]
        for _ in range(_ROUNDS):
            better = _agree_with(similar[np.ix_(rest, rest)], members, near, rest, likelihood)
            better[seed] |= not better.any()
            if (better == members).all():
                break
            members = better
        part[rest[members]] = done
        rest, done = rest[~members], done + 1
    return part


def _agree_with(
    similar: Float64Array, members: BoolArray, near: Nearness, rest: Int64Array, likelihood: Likelihood
) -> BoolArray:
    """Return which photos agree with the mean of the members; of a member, with that of the others."""
    count = int(members.sum())
    if count == 1:
        return members
    with_members, among = similar[:, members].sum(1), float(similar[np.ix_(members, members)].sum())
    size = np.where(members, count - 1, count)
    mean = np.where(members, with_members - 1, with_members) / size
    squared = np.where(members, among - 2 * with_members + 1, among) / size**2
    cosine = mean / np.sqrt(np.maximum(squared, 1e-6))
    return np.asarray(_odds(cosine, size, near, rest, rest[members], likelihood) > 0)
