"""How well a gallery tells its people from strangers; pure functions on arrays.

After NIST's 1:N tests (Grother, Ngan, Hanaoka: Face Recognition Vendor Test part 2, NISTIR 8271) and
Phillips, Grother, Micheals: Evaluation methods in face recognition, 2011. *Known* photos show a person who is
enrolled, photos of *strangers* one who is not. At a threshold, a known photo counts if the nearest person is
the right one *and* near enough (detection and identification rate, DIR, or TPIR); a stranger is *let in* if
any person is near enough (false positive identification rate, FPIR).

How often a threshold lets strangers in can also be told before there is a gallery, from validation: all its
photos are compared with each other. A fixed list of pairs is too short for that: of 1,000 pairs of two people
none may be as alike as the one in 10,000 that names a stranger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..errors import ScoreError
from ..validated.summary import AcceptRate, ValidationSummary
from .calibrated.fit import fit_calibration
from .distances import likeness, unit_length
from .metrics import FEWEST_FALSE_ACCEPTS

RATES = (0.3, 0.1, 0.03, 0.01, 0.001)

_FARS = (0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8)
_MOST_PHOTOS = 2000
"""Photos compared; more are drawn from. They make two million comparisons, 32 MB."""

_TRIFLE = 1e-9
_MOST = {"cosine": 1.0, "euclidean": 0.0}
"""The most alike that two photos can be, as a likeness; no threshold is stricter."""


@dataclass(frozen=True, eq=False)
class Probes:
    """Photos with the distance of the nearest person each; small is near.

    Attributes:
        near: ``(n,)`` float64, of photos of enrolled people; infinite if no face was found.
        right: ``(n,)`` bool, whether the nearest person is the right one.
        strangers: ``(m,)`` float64, of photos of people who are not enrolled; infinite if no face was found.
    """

    near: Float64Array
    right: BoolArray
    strangers: Float64Array

    def __post_init__(self) -> None:
        """Check the arrays.

        Raises:
            ScoreError: a distance is NaN, or the lengths differ.
        """
        if len(self.near) != len(self.right):
            raise ScoreError(
                f"{len(self.near)} distances, and {len(self.right)} answers whether they are right"
            )
        if np.isnan(self.near).any() or np.isnan(self.strangers).any():
            raise ScoreError("a distance is NaN: the model gives no usable embedding for a photo")


@dataclass(frozen=True)
class OpenSetRate:
    """The rate of correct acceptance at a rate of false acceptance.

    Attributes:
        rate: the largest share of strangers to let in.
        strangers: number of photos of strangers.
        let_in: how many of them the threshold lets in; at most ``rate`` of them.
        threshold: a person at this distance or nearer is accepted; None if ``dir`` is.
        dir: share of the known photos that are accepted and named correctly; None if there are too few
            strangers for that rate (fewer than 1 / rate), or no known photo.
    """

    rate: float
    strangers: int
    let_in: int
    threshold: float | None
    dir: float | None


def open_set_rates(probes: Probes, rates: Sequence[float] = RATES) -> list[OpenSetRate]:
    """Return the best rate of correct acceptance at each rate of false acceptance.

    >>> probes = Probes(np.array([0.1, 0.4]), np.array([True, True]), np.arange(0.3, 1.3, 0.1))
    >>> [(one.let_in, one.dir) for one in open_set_rates(probes, [0.1, 0.2, 0.01])]
    [(1, 0.5), (2, 1.0), (0, None)]
    """
    strangers, results = np.sort(probes.strangers), []
    for rate in rates:
        allowed = int(np.floor(rate * len(strangers) + 1e-9))
        if allowed < 1 or not len(probes.near):
            results.append(OpenSetRate(rate, len(strangers), 0, None, None))
            continue
        # nearer than the first stranger to keep out; a photo without a face (infinitely far) never comes in
        out = strangers[allowed] if allowed < len(strangers) else np.inf
        if np.isfinite(out):
            limit = float(np.nextafter(out, -np.inf))
        else:  # all strangers with a face may come in: the farthest face is far enough
            faces = np.concatenate([probes.near, strangers])
            faces = faces[np.isfinite(faces)]
            limit = float(faces.max()) if len(faces) else 0.0
        known = float((probes.right & (probes.near <= limit)).mean())
        let_in = int((strangers <= limit).sum())
        results.append(OpenSetRate(rate, len(strangers), let_in, limit, known))
    return results


def at_threshold(probes: Probes, threshold: float) -> dict[str, Any]:
    """Return what one threshold does: the shares of known photos named correctly, wrongly and not at all.

    Args:
        probes: the photos.
        threshold: the largest distance of a person who is near enough.

    Returns:
        ``known``, ``strangers`` (counts), ``rank1`` (the nearest is the right one, whatever the threshold),
        ``right``, ``wrong``, ``unknown`` (shares of known), ``let_in`` (count), ``let_in_rate``; a share of
        no photos is None.
    """
    inside = np.isfinite(probes.near) & (probes.near <= threshold)
    let_in = int((np.isfinite(probes.strangers) & (probes.strangers <= threshold)).sum())
    return {
        "known": len(probes.near),
        "strangers": len(probes.strangers),
        "rank1": _share(probes.right & np.isfinite(probes.near)),
        "right": _share(inside & probes.right),
        "wrong": _share(inside & ~probes.right),
        "unknown": _share(~inside),
        "let_in": let_in,
        "let_in_rate": let_in / len(probes.strangers) if len(probes.strangers) else None,
    }


def open_set_figures(probes: Probes, threshold: float | None, metric: str) -> dict[str, Any]:
    """Return all figures as plain values, thresholds in the metric's own terms.

    Args:
        probes: distances; of other metrics than ``euclidean``, negated likenesses.
        threshold: the gallery's own, in the metric's own terms; None for none.
        metric: ``euclidean``, or one whose values are higher the more alike, such as ``cosine``.
    """
    rates = [asdict(one) for one in open_set_rates(probes)]
    for one in rates:
        one["threshold"] = None if one["threshold"] is None else -likeness(one["threshold"], metric)
    limit = np.inf if threshold is None else -likeness(threshold, metric)
    return {"metric": metric, "threshold": threshold, **at_threshold(probes, limit), "rates": rates}


def _share(which: BoolArray) -> float | None:
    return float(which.mean()) if len(which) else None


def summarise_validation(
    embeddings: Float32Array, person: Int64Array, metric: str, *, unseen: bool, seed: int = 0
) -> ValidationSummary:
    """Compare all photos with each other, and return which threshold accepts how many of two people.

    The same comparisons make the calibration: which score means which probability.

    Each rate's threshold is counted if at least ten comparisons of two people are above it. Beyond that it is
    extrapolated as if the most alike comparisons were the upper end of a normal distribution, with the
    steeper of two slopes: over all counted rates, and over the last two.

    Args:
        embeddings: ``(n, dim)`` float32, finite.
        person: ``(n,)`` int64, the person on each photo.
        metric: ``euclidean`` or ``cosine``.
        unseen: the network was not trained on these people.
        seed: of the draw, if there are more than 2,000 photos.
    """
    if len(person) > _MOST_PHOTOS:
        drawn = np.sort(np.random.default_rng(seed).choice(len(person), _MOST_PHOTOS, replace=False))
        embeddings, person = embeddings[drawn], person[drawn]
    wide = embeddings.astype(np.float64)
    rows = unit_length(wide) if metric == "cosine" else wide
    alike, same = _compare(rows, rows, metric), person[:, None] == person[None]
    upper = np.triu(np.ones(same.shape, np.bool_), 1)
    impostors, twice = np.sort(alike[upper & ~same]), upper & same
    genuine, whose = alike[twice], person[np.nonzero(twice)[0]]
    np.fill_diagonal(same, False)
    if not len(impostors) or not same.any():
        return ValidationSummary(0, len(person), len(impostors), unseen, 0.5)
    some = same.any(axis=1)
    people, codes = np.unique(person[some], return_inverse=True)
    counts = np.bincount(codes)
    sums = np.zeros((len(people), rows.shape[1]))
    np.add.at(sums, codes, rows[some])
    means = unit_length(sums) if metric == "cosine" else sums / counts[:, None]
    limits, counted = _thresholds(impostors)
    # a gallery holds means: strangers are a little nearer to them than to single photos
    to_means = _thresholds(np.sort(_compare(rows, means, metric)[person[:, None] != people[None]]))[0]
    if limits and to_means:
        limits = [max(both) for both in zip(limits, to_means, strict=True)]
    # a photo of somebody known is compared with the mean of that person's other photos
    others = sums[codes] - rows[some]
    if metric == "cosine":
        known = np.einsum("ij,ij->i", rows[some], unit_length(others))
    else:
        known = -np.linalg.norm(rows[some] - others / (counts[codes, None] - 1), axis=1)
    tar = [float((np.bincount(codes, weights=known >= limit) / counts).mean()) for limit in limits]
    below = np.searchsorted(impostors, alike[same]) + np.searchsorted(impostors, alike[same], side="right")
    rates = [
        AcceptRate(rate, float(likeness(min(limit, _MOST[metric]), metric)), share, rate in counted)
        for rate, limit, share in zip(_FARS, limits, tar, strict=False)
    ]
    auc = float(below.mean() / 2 / len(impostors))
    curve = fit_calibration(genuine, whose, impostors, metric)
    return ValidationSummary(
        len(people), len(person), len(impostors), unseen, auc, tuple(rates), calibration=curve
    )


def _compare(rows: Float64Array, others: Float64Array, metric: str) -> Float64Array:
    """Return the likeness of every row to every other, ``(n, m)``; for ``cosine`` they have length one."""
    products = rows @ others.T
    if metric == "cosine":
        return np.asarray(products)
    squares = [np.einsum("ij,ij->i", some, some) for some in (rows, others)]
    return np.asarray(-np.sqrt(np.maximum(squares[0][:, None] + squares[1][None] - 2 * products, 0.0)))


def _thresholds(impostors: Float64Array) -> tuple[list[float], list[float]]:
    """Return each rate's lowest accepted likeness, and the rates that were counted; none if two cannot be."""
    counted = [rate for rate in _FARS if rate * len(impostors) >= FEWEST_FALSE_ACCEPTS]
    if len(counted) < 2:
        return [], []
    ranks = [len(impostors) - int(rate * len(impostors)) - 1 for rate in counted]
    # above the first impostor that must stay out, by more than rounding: a network may have collapsed
    limits = [float(impostors[rank] + _TRIFLE * max(1.0, abs(impostors[rank]))) for rank in ranks]
    at = np.array([-NormalDist().inv_cdf(rate) for rate in _FARS])
    ends = at[: len(counted)]
    slope = max(np.polyfit(ends, limits, 1)[0], (limits[-1] - limits[-2]) / (ends[-1] - ends[-2]))
    return limits + [limits[-1] + slope * (one - ends[-1]) for one in at[len(counted) :].tolist()], counted
