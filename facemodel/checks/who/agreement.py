"""Which photos under one name agree: all people with as many photos at once, in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from .likelihood import Likelihood, Nearness

_COMPARED = 512
"""The most photos of one name that are compared each with each; of more, these many at a time."""

_ROUNDS = 8
_PAIRS = 1 << 19
_NUMBERS = 1 << 22
"""Pairs of photos, and numbers of vectors, that are held at a time: 4 and 32 MB."""

_TRIED = 64
"""Of many groups under one name, a photo may join one of those that are most similar to it."""


@dataclass(frozen=True, eq=False)
class Photos:
    """The photos of a set.

    Attributes:
        vectors: ``(n, dim)`` float32 of length one; may be memory-mapped.
        near: how near their nearest others are.
        likelihood: what agreement is here.
    """

    vectors: Float32Array
    near: Nearness
    likelihood: Likelihood


def split_people(photos: Photos, person: Int64Array) -> Int64Array:
    """Split each person's photos into groups that agree; numbers follow the people, large groups first.

    Args:
        photos: the photos.
        person: ``(n,)`` int64.

    Returns:
        ``(n,)`` int64, each photo's group.
    """
    order = np.argsort(person, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(person[order]) != 0])
    sizes = np.diff(np.r_[starts, len(order)])
    part = np.zeros(len(order), np.int64)
    for size in np.unique(sizes[sizes > 1]).tolist():
        firsts = starts[sizes == size]
        pairs, numbers = _PAIRS // size**2, _NUMBERS // (size * photos.vectors.shape[1])
        step = max(1, min(pairs, numbers))
        for start in range(0, len(firsts), step):
            places = firsts[start : start + step, None] + np.arange(size)
            split = _split_many if size > _COMPARED else _split_alike
            part[places] = _largest_first(split(photos, order[places]))
    count = np.maximum.reduceat(part, starts) + 1
    of_photo = np.empty(len(person), np.int64)
    of_photo[order] = part + np.repeat(np.cumsum(count) - count, sizes)
    return of_photo


def _largest_first(part: Int64Array) -> Int64Array:
    """Number each row's groups anew, by their size."""
    key = part + part.shape[1] * np.arange(len(part))[:, None]
    sizes = np.bincount(key.ravel(), minlength=part.size).reshape(part.shape)
    rank = np.empty_like(part)
    order = np.argsort(-sizes, axis=1, kind="stable")
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(part.shape[1]), part.shape), 1)
    return np.take_along_axis(rank, part, 1)


def _split_many(photos: Photos, rows: Int64Array) -> Int64Array:
    """Split one person's many photos, ``(1, m)``: some hundreds, then others join a group of them."""
    mine, part = rows[0], np.full(rows.shape[1], -1, np.int64)
    left, done = np.arange(len(mine)), 0
    while len(left):
        some = left[:: -(-len(left) // _COMPARED)]
        found = _split_alike(photos, mine[None, some])[0]
        part[some] = done + found
        rest = left[part[left] < 0]
        joined = _join(photos, mine[rest], mine[some], found)
        part[rest] = np.where(joined >= 0, done + joined, -1)
        done += int(found.max()) + 1
        left = rest[joined < 0]
    return part[None]


def _join(photos: Photos, rows: Int64Array, members: Int64Array, found: Int64Array) -> Int64Array:
    """Return for each photo which group of the members it agrees with most; -1 if with none.

    Args:
        photos: all photos.
        rows: ``(r,)`` int64, those that may join.
        members: ``(m,)`` int64, photos of the same name.
        found: ``(m,)`` int64, their groups.
    """
    likelihood, joined = photos.likelihood, np.full(len(rows), -1, np.int64)
    size = np.bincount(found)
    shares = (found == np.arange(len(size))[:, None]) / size[:, None]
    means = shares @ np.asarray(photos.vectors[members], np.float64)
    centres = Nearness(shares @ photos.near.mean[members], shares @ photos.near.deviation[members])
    squared = np.maximum(np.einsum("ij,ij->i", means, means) - likelihood.usual, 1e-6)
    length = np.sqrt(squared * (1 - likelihood.usual))
    for start in range(0, len(rows), 2048):
        some = rows[start : start + 2048]
        similar = (np.asarray(photos.vectors[some], np.float64) @ means.T - likelihood.usual) / length
        at = np.broadcast_to(np.arange(len(size)), similar.shape)
        if len(size) > _TRIED:
            at = np.sort(np.argpartition(similar, -_TRIED, axis=1)[:, -_TRIED:], axis=1)
            similar = np.take_along_axis(similar, at, 1)
        own = Nearness(photos.near.mean[some, None], photos.near.deviation[some, None])
        same = likelihood.log_same(similar, 1, size[at])
        odds = same - likelihood.log_other(similar, own, Nearness(centres.mean[at], centres.deviation[at]))
        best = odds.argmax(1)[:, None]
        chosen, agrees = np.take_along_axis(at, best, 1), np.take_along_axis(odds, best, 1) > 0
        joined[start : start + 2048] = np.where(agrees, chosen, -1)[:, 0]
    return joined


def _split_alike(photos: Photos, rows: Int64Array) -> Int64Array:
    """Split the photos of people with as many: around the photo that agrees with most, until nothing changes.

    Args:
        photos: all photos.
        rows: ``(people, m)`` int64.

    Returns:
        ``(people, m)`` int64, each photo's group among those of its person.
    """
    likelihood, near = photos.likelihood, photos.near
    wide = photos.vectors[rows].astype(np.float64)
    similar = (wide @ wide.swapaxes(1, 2) - likelihood.usual) / (1 - likelihood.usual)
    own = Nearness(near.mean[rows], near.deviation[rows])
    sides = [Nearness(own.mean[at], own.deviation[at]) for at in (np.s_[..., None], np.s_[:, None])]
    odds = likelihood.log_same(similar, 1, 1) - likelihood.log_other(similar, *sides)
    each = np.arange(rows.shape[1])
    odds[:, each, each] = 5.0
    agree, liking = odds > 0, np.tanh(odds)
    part, done = np.full(rows.shape, -1, np.int64), np.zeros(len(rows), np.int64)
    left = np.arange(len(rows))
    while len(left):
        rest = part[left] < 0
        both = agree[left] & rest[:, None] & rest[:, :, None]
        count = both.sum(2)
        alone = count.max(1) == 1  # no two of the rest agree
        singles = done[left[alone], None] + np.cumsum(rest[alone], axis=1) - 1
        part[left[alone]] = np.where(rest[alone], singles, part[left[alone]])
        left, rest, both, count = left[~alone], rest[~alone], both[~alone], count[~alone]
        score = count + 1e-3 * (liking[left] * both).sum(2) / rest.sum(1)[:, None]
        seed = np.argmax(np.where(rest, score, -1.0), 1)
        people = _People(similar[left], Nearness(own.mean[left], own.deviation[left]), rest, likelihood)
        members = people.settle(both[np.arange(len(left)), seed], seed)
        part[left] = np.where(members, done[left, None], part[left])
        done[left] += 1
        left = left[(part[left] < 0).any(1)]
    return part


@dataclass(frozen=True, eq=False)
class _People:
    """People with as many photos: similarities of each with each, and the photos that have no group yet."""

    similar: Float64Array
    near: Nearness
    rest: BoolArray
    likelihood: Likelihood

    def settle(self, members: BoolArray, seed: Int64Array) -> BoolArray:
        """Return the members of each one's group, from those that agree with its seed."""
        for _ in range(_ROUNDS):
            better = self._agree_with(members)
            alone = np.flatnonzero(~better.any(1))
            better[alone, seed[alone]] = True
            if (better == members).all():
                break
            members = better
        return members

    def _agree_with(self, members: BoolArray) -> BoolArray:
        """Return which photos agree with the mean of the members; of a member, with that of the others."""
        weight = members.astype(np.float64)
        count = members.sum(1)[:, None]
        with_members = (self.similar @ weight[..., None])[..., 0]
        among = (with_members * weight).sum(1)[:, None]
        size = np.maximum(np.where(members, count - 1, count), 1)
        mean = np.where(members, with_members - 1, with_members) / size
        squared = np.where(members, among - 2 * with_members + 1, among) / size**2
        similar = mean / np.sqrt(np.maximum(squared, 1e-6))
        centre = (
            (values * weight).sum(1)[:, None] / count for values in (self.near.mean, self.near.deviation)
        )
        odds = self.likelihood.log_same(similar, 1, size)
        odds -= self.likelihood.log_other(similar, self.near, Nearness(*centre))
        return np.where(count == 1, members, (odds > 0) & self.rest)
