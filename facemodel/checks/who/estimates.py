"""What one person's photos have in common and how near others are, estimated from the set itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from .groups import Groups
from .likelihood import Likelihood, Nearness, fisher_z, fit_best, normalise
from .nearest_groups import Nearest
from .reference import Reference, own_length, similarity_of_rows

_MEASURED = 40
"""The most photos of one person that are compared with their mean."""

_BLOCK = 4096
_OWN_NORMAL = 2.5
"""In the first round, photos under one name that are so near show one person, as few others do."""

_LEAST_FITTED = 30
_TAIL_FROM = -2.5


def first_guess(
    vectors: Float32Array, person: Int64Array, reference: Reference, near: Nearness
) -> Likelihood:
    """Estimate the distributions before anything is known of wrong names.

    Args:
        vectors: ``(n, dim)`` float32 of length one.
        person: ``(n,)`` int64; some have several photos.
        reference: the photos to compare with.
        near: how near the photos' nearest others are.
    """
    usual = reference.usual
    similar = (similarity_of_rows(vectors, reference.pairs) - usual) / (1 - usual)
    normal = normalise(similar, *(near.take(reference.pairs[:, side]) for side in (0, 1)))
    middle = float(np.median(normal))
    pairs = own_pairs(person, np.ones(len(person), np.bool_))
    own = (similarity_of_rows(vectors, pairs) - usual) / (1 - usual)
    sure = own[normalise(own, *(near.take(pairs[:, side]) for side in (0, 1))) > _OWN_NORMAL]
    sure = sure if len(sure) else own
    agreement = float(np.clip(np.median(sure), 0.05, 0.99))
    deviation = float(np.median(np.abs(fisher_z(sure) - fisher_z(np.array(agreement)))))
    return Likelihood(
        usual=usual,
        agreement=agreement,
        spread=max(1.4826 * deviation, 0.02),
        other_mean=middle,
        other_deviation=max(1.4826 * float(np.median(np.abs(normal - middle))), 1e-3),
    )


def estimate_own(
    likelihood: Likelihood, vectors: Float32Array, person: Int64Array, good: BoolArray
) -> Likelihood:
    """Estimate anew what one person's photos have in common.

    Args:
        likelihood: the distributions so far.
        vectors: ``(n, dim)`` float32 of length one.
        person: ``(n,)`` int64.
        good: ``(n,)`` bool, the photos that count.
    """
    pairs = own_pairs(person, good)
    if not len(pairs):
        return likelihood
    own = (similarity_of_rows(vectors, pairs) - likelihood.usual) / (1 - likelihood.usual)
    likelihood = replace(likelihood, agreement=float(np.clip(np.median(own), 0.05, 0.99)))
    similar, others = compare_with_rest(vectors, person, good, likelihood.usual)
    apart = fisher_z(similar) - fisher_z(likelihood.expected(1, others))
    spread = max(1.4826 * float(np.median(np.abs(apart - np.median(apart)))), 0.02)
    tail = float(np.clip((apart < _TAIL_FROM * spread).mean() * 1.5, 0.02, 0.3))
    return replace(likelihood, spread=spread, tail=tail)


def estimate_best(likelihood: Likelihood, groups: Groups, nearest: Nearest, is_main: BoolArray) -> Likelihood:
    """Estimate how similar the most similar other people are, from main groups of several photos, if many.

    Args:
        likelihood: the distributions so far.
        groups: groups of photos.
        nearest: the nearest ones of each.
        is_main: ``(k,)`` bool, which have their name; one of each name.
    """
    if nearest.groups.shape[1] < 2:
        return likelihood
    normal = np.where(is_main[nearest.groups] & (nearest.groups >= 0), nearest.normal, -np.inf)
    rows = np.flatnonzero(is_main & (groups.size > 1))
    rows = rows if len(rows) >= _LEAST_FITTED else np.flatnonzero(is_main)
    second = -np.sort(-normal[rows], axis=1)[:, 1]
    second = second[np.isfinite(second)]
    if len(second) < 2:
        return likelihood
    at, scale = fit_best(second)
    return replace(likelihood, best_at=at, best_scale=scale)


def compare_with_rest(
    vectors: Float32Array, person: Int64Array, counted: BoolArray, usual: float
) -> tuple[Float64Array, Int64Array]:
    """Compare photos with the mean of their people's other photos, at most 40 of a person.

    Returns:
        Similarities, ``(m,)`` float64, and how many others each was compared with, ``(m,)`` int64.
    """
    rows = np.flatnonzero(counted)
    order = rows[np.argsort(person[rows], kind="stable")]
    first = np.r_[True, np.diff(person[order]) != 0][: len(order)]
    turn = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    order, first = order[turn < _MEASURED], first[turn < _MEASURED]
    size = np.diff(np.r_[np.flatnonzero(first), len(order)])
    several = np.repeat(size > 1, size)
    order, size = order[several], size[size > 1]
    others = np.repeat(size - 1, size)
    similar = np.empty(len(order))
    people = np.repeat(np.arange(len(size)), size)
    ends = np.cumsum(size)
    start = 0
    while start < len(size):
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] - size[start] + _BLOCK, "right")))
        places = slice(int(ends[start] - size[start]), int(ends[stop - 1]))
        mine = vectors[order[places]].astype(np.float64)
        sums = np.add.reduceat(mine, ends[start:stop] - size[start:stop] - places.start, axis=0)
        rest = (sums[people[places] - start] - mine) / others[places, None]
        scale = np.sqrt(own_length(rest, usual) * (1 - usual))
        similar[places] = (np.einsum("ij,ij->i", mine, rest) - usual) / scale
        start = stop
    return similar, others


def own_pairs(person: Int64Array, counted: BoolArray) -> Int64Array:
    """Return pairs of photos under one name, ``(p, 2)``: each photo with the next ones of its name.

    All pairs of people with up to eleven photos; of others each photo's pairs with ten.
    """
    rows = np.flatnonzero(counted)
    order = rows[np.argsort(person[rows], kind="stable")]
    pairs = []
    for step in range(1, 11):
        same = person[order[step:]] == person[order[:-step]]
        pairs.append(np.stack([order[:-step][same], order[step:][same]], 1))
    return np.concatenate(pairs)
