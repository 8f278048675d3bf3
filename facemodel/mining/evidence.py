"""From which similarity two photos with different names may well show one person, by the set itself.

An empirical Bayes estimate (Efron 2010, *Large-Scale Inference*): nothing is assumed about the network.

* Of pairs that have one name, some show two people. Strangers' similarities are known from pairs with two
  names, nearly all of which are strangers; how many of the one-name pairs look like them is their share
  (Storey 2002). What is left is how similar one person's photos are.
* Photos under a wrong name are missing under the right one: for each pair of two people with one name there
  is about one pair of one person with two names. So the number of these is known, and how similar they are.
* The pairs with two names that are really so similar are counted. The expected share of one person's among
  them, made to rise with the similarity (isotonic regression), is the probability that a pair is one person.

A network that tells nobody from anybody has no such similarity: then nothing is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

from .matches import COSINE, Matches, SamePerson, Search

LEAST_CHANCE = 0.2
"""From this probability of being one person a pair is no negative. A wrong negative does harm at each step
that draws it; a right one that is refused costs little, as the next nearest is nearly as hard."""

_LEAST_WRONG = 0.005
"""The share of wrong pairs that is expected in a set that looks clean: LFW has about so many."""

_LEAST_PAIRS = 200
"""With fewer pairs that have one name, nothing is known of what one person's photos have in common."""

_BINS = 40
_LEAST_IN_BIN = 10
_QUANTILES = (0.1, 0.25, 0.5, 0.75)
_SAMPLED = 200_000
"""Pairs with one name, and with two, that are measured."""

_COMPLETE = 0.1
"""Where the lists of the nearest are complete for fewer rows than this share, random pairs are counted."""

_SEED = 0x6F776E


@dataclass(frozen=True)
class Evidence:
    """What is known of one person's photos.

    Attributes:
        wrong_share: the share of the pairs with one name that show two people.
        limit: the similarity from which two photos with different names may well show one person; inf where
            there is none.
        own: the median similarity of one person's photos; NaN where it is not known.
    """

    wrong_share: float = 0.0
    limit: float = float("inf")
    own: float = float("nan")


def weigh_samples(own: Float64Array, cross: Float64Array, own_pairs: int, cross_pairs: int) -> Evidence:
    """Estimate from random pairs alone.

    Args:
        own: ``(m,)`` similarities of random pairs with one name.
        cross: ``(k,)`` similarities of random pairs with two names.
        own_pairs: how many pairs with one name the set has.
        cross_pairs: how many pairs with two names the set has.

    >>> chance = np.random.default_rng(0)
    >>> own, cross = chance.normal(0.7, 0.1, 5000), chance.normal(0.0, 0.1, 100_000)
    >>> own[:1000] = chance.normal(0.0, 0.1, 1000)  # a fifth show two people
    >>> evidence = weigh_samples(own, cross, 5000, 100_000)
    >>> bool(abs(evidence.wrong_share - 0.2) < 0.02), bool(0.3 < evidence.limit < 0.5)
    (True, True)
    """
    edges = _bin_edges(own)
    scale = cross_pairs / max(len(cross), 1)
    return _weigh(own, cross, own_pairs, edges, (np.histogram(cross, edges)[0] + 1) * scale)


def weigh_set(
    features: Float32Array, person: Int64Array, metric: str = COSINE, nearest: Matches | None = None
) -> Evidence:
    """Estimate from the embeddings of a set.

    Args:
        features: ``(n, d)`` float32, of length one for cosines.
        person: ``(n,)`` int64, codes from 0.
        metric: ``cosine`` or ``euclidean``.
        nearest: the nearest others of each photo, if they are known: the most similar pairs with two names
            are then counted, not guessed from a sample.
    """
    size = np.bincount(person)
    own_pairs = int((size * (size - 1)).sum()) // 2
    cross_pairs = len(person) * (len(person) - 1) // 2 - own_pairs
    if own_pairs < _LEAST_PAIRS or cross_pairs < _LEAST_PAIRS:
        return Evidence()
    chance = np.random.default_rng(_SEED)
    search = Search(features, features, SamePerson(person, person), 1, metric)
    order, start = np.argsort(person, kind="stable"), np.cumsum(size) - size
    # a pair with one name: a photo, as often as its person has others, and one of these
    place = np.repeat(np.arange(len(order)), size[person[order]] - 1) if own_pairs <= _SAMPLED else None
    if place is None:
        weight = np.cumsum(size[person[order]] - 1)
        place = np.searchsorted(weight, chance.integers(0, weight[-1], _SAMPLED), "right")
    whose = person[order[place]]
    step = chance.integers(1, size[whose])
    mate = order[start[whose] + (place - start[whose] + step) % size[whose]]
    own = search.measure(order[place], mate).astype(np.float64)
    one, other = chance.integers(0, len(person), (2, 2 * _SAMPLED))
    apart = person[one] != person[other]
    cross = search.measure(one[apart], other[apart]).astype(np.float64)
    if nearest is None:
        return weigh_samples(own, cross, own_pairs, cross_pairs)
    edges = _bin_edges(own)
    counts = (np.histogram(cross, edges)[0] + 1) * cross_pairs / len(cross)
    listed = nearest.similarities
    for place_of, low in enumerate(edges[:-1]):
        complete = (listed[:, -1] <= low) & (listed[:, 0] > -np.inf)
        if np.count_nonzero(complete) >= _COMPLETE * len(listed):
            found = np.count_nonzero((listed[complete] >= low) & (listed[complete] < edges[place_of + 1]))
            counts[place_of] = (found + 1) / 2 * len(listed) / np.count_nonzero(complete)
    return _weigh(own, cross, own_pairs, edges, counts)


def _bin_edges(own: Float64Array) -> Float64Array:
    """Return the edges of bins that hold about as many pairs with one name each; the outer ones are open."""
    bins = min(_BINS, max(len(own) // _LEAST_IN_BIN, 1))
    edges = np.unique(np.quantile(own, np.linspace(0, 1, bins + 1))) if len(own) else np.zeros(2)
    return np.asarray(np.r_[-np.inf, edges[1:-1], np.inf])


def _weigh(
    own: Float64Array, cross: Float64Array, own_pairs: int, edges: Float64Array, counts: Float64Array
) -> Evidence:
    """Estimate by bins of similarity.

    Args:
        own: similarities of pairs with one name.
        cross: similarities of random pairs with two names.
        own_pairs: how many pairs with one name the set has.
        edges: of the bins.
        counts: how many pairs with two names the set has in each bin.
    """
    if len(own) < _LEAST_PAIRS or len(cross) < _LEAST_PAIRS:
        return Evidence()
    below = np.array([np.mean(own < at) for at in np.quantile(cross, _QUANTILES)])
    wrong = float(np.clip(np.median(below / _QUANTILES), 0, 1))
    strangers = wrong * len(own) * np.histogram(cross, edges)[0] / len(cross)
    alike = np.maximum(np.histogram(own, edges)[0] - strangers, 0)
    if not alike.any():
        return Evidence(wrong)
    hidden = own_pairs * max(wrong, _LEAST_WRONG) * alike / alike.sum()
    likely = np.flatnonzero(_rising_ratio(hidden, counts) >= LEAST_CHANCE)
    half = int(np.searchsorted(np.cumsum(alike), alike.sum() / 2))
    middle = float(np.median(own[(own >= edges[half]) & (own < edges[half + 1])]))
    return Evidence(wrong, float(edges[likely[0]]) if len(likely) else float("inf"), middle)


def _rising_ratio(above: Float64Array, below: Float64Array) -> Float64Array:
    """Return the ratios of two rows of numbers, bins pooled where they would fall (Ayer et al. 1955)."""
    pools: list[tuple[float, float, int]] = []
    for pool in zip(above.tolist(), below.tolist(), [1] * len(above), strict=True):
        top, base, count = pool
        while pools and pools[-1][0] * base > top * pools[-1][1]:
            before = pools.pop()
            top, base, count = top + before[0], base + before[1], count + before[2]
        pools.append((top, base, count))
    return np.concatenate([np.full(count, top / base) for top, base, count in pools])
