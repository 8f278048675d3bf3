"""Groups: photos under one name that agree, and what is known of each group as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

from .likelihood import Nearness
from .reference import Reference, own_length

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of photos; each is of one name.

    Attributes:
        of_photo: ``(n,)`` int64, each photo's group, from 0; -1 for photos that are left out.
        person: ``(k,)`` int64, ascending.
        size: ``(k,)`` int64, photos.
        first: ``(k,)`` int64, one of each group's photos.
        vectors: ``(n, dim)`` float32, the photos, of length one.
        means: ``(m, dim)`` float32, means of the photos of groups with several, in order.
        length: ``(k,)`` float64, squared lengths of the groups' means, less what all photos have in common.
        near: how near the nearest others are to them.
    """

    of_photo: Int64Array
    person: Int64Array
    size: Int64Array
    first: Int64Array
    vectors: Float32Array
    means: Float32Array
    length: Float64Array
    near: Nearness

    def __len__(self) -> int:
        return len(self.size)

    @cached_property
    def _place(self) -> Int64Array:
        return np.cumsum(self.size > 1) - 1

    def mean(self, groups: Int64Array) -> Float32Array:
        """Return the means of some groups' photos, ``(p, dim)`` float32; of a single photo that one."""
        several = self.size[groups] > 1
        found = np.empty((len(groups), self.vectors.shape[1]), np.float32)
        found[several] = self.means[self._place[groups[several]]]
        found[~several] = self.vectors[self.first[groups[~several]]]
        return found

    def similarity(self, left: Int64Array, right: Int64Array, usual: float) -> Float64Array:
        """Return the similarities of pairs of groups, ``(p,)`` float64."""
        products = np.empty(len(left))
        for start in range(0, len(left), _BLOCK):
            rows = slice(start, start + _BLOCK)
            pair = (self.mean(side[rows]).astype(np.float64) for side in (left, right))
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
    numbers, start, size = np.unique(of_photo[order], return_index=True, return_counts=True)
    first = order[start]
    in_several = np.repeat(size > 1, size)
    means = mean_of_runs(vectors, order[in_several], size[size > 1])
    owner = person[first]
    length, near = np.empty(len(size)), Nearness(np.empty(len(size)), np.empty(len(size)))
    at = np.where(of_photo >= 0, np.searchsorted(numbers, of_photo), -1)
    groups = Groups(at, owner, size.astype(np.int64), first, vectors, means, length, near)
    for begin in range(0, len(size), _BLOCK):
        some = np.arange(begin, min(begin + _BLOCK, len(size)))
        mine = groups.mean(some)
        length[some] = own_length(mine, reference.usual)
        near.mean[some], near.deviation[some] = reference.measure(mine, owner[some])
    return groups


def mean_of_runs(vectors: Float32Array, order: Int64Array, size: Int64Array) -> Float32Array:
    """Return the means of photos that follow each other, ``(k, dim)`` float32.

    Args:
        vectors: ``(n, dim)`` float32.
        order: ``(m,)`` int64, their rows, one run after the other.
        size: ``(k,)`` int64, how many each run has, at least one.
    """
    means = np.empty((len(size), vectors.shape[1]), np.float32)
    starts = np.cumsum(size) - size
    begun = np.zeros(vectors.shape[1])  # the sum of a run that the last block has not ended
    for start in range(0, len(order), _BLOCK):
        rows = order[start : start + _BLOCK]
        runs = slice(
            int(np.searchsorted(starts, start, "right")) - 1, int(np.searchsorted(starts, start + len(rows)))
        )
        sums = np.add.reduceat(vectors[rows].astype(np.float64), np.maximum(starts[runs] - start, 0), axis=0)
        if starts[runs.start] < start:
            sums[0] += begun
        means[runs] = sums / size[runs, None]  # the last one may go on, and is then written again
        begun = sums[-1]
    return means
