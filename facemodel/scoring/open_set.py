"""How well strangers are told from the people of a gallery; pure functions on arrays.

After NIST's 1:N tests (Grother, Ngan, Hanaoka: Face Recognition Vendor Test part 2, NISTIR 8271) and
Phillips, Grother, Micheals: Evaluation methods in face recognition, 2011. *Known* photos show somebody who is
enrolled, *strangers* nobody who is. At a threshold, a known photo counts when the nearest person is the right
one *and* is near enough (detection and identification rate, DIR, or TPIR); a stranger is *let in* when
anybody is near enough (false positive identification rate, FPIR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array

from ..errors import ScoreError

RATES = (0.3, 0.1, 0.03, 0.01, 0.001)


@dataclass(frozen=True, eq=False)
class Probes:
    """Photos with the distance of the nearest person each; small is near.

    Attributes:
        near: ``(n,)`` float64, of photos of people who are enrolled; infinite where no face was found.
        right: ``(n,)`` bool, the nearest person is the right one.
        strangers: ``(m,)`` float64, of photos of people who are not; infinite likewise.
    """

    near: Float64Array
    right: BoolArray
    strangers: Float64Array

    def __post_init__(self) -> None:
        """Refuse what cannot be counted.

        Raises:
            ScoreError: NaN among the distances, or arrays that do not fit.
        """
        if len(self.near) != len(self.right):
            raise ScoreError(f"{len(self.near)} distances, and {len(self.right)} answers whether they fit")
        if np.isnan(self.near).any() or np.isnan(self.strangers).any():
            raise ScoreError("a distance is NaN: the model gives no usable embedding for a photo")


@dataclass(frozen=True)
class OpenSetRate:
    """The rate of correct acceptance at a rate of false acceptance.

    Attributes:
        rate: most strangers to let in, as a share.
        strangers: how many photos of strangers there are.
        let_in: how many of them the threshold lets in; at most ``rate`` of them.
        threshold: as near as this or nearer is accepted; None where ``dir`` is.
        dir: share of the known photos that are accepted and named rightly; None where there are too few
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
    strangers = np.sort(probes.strangers)
    return [_at_rate(probes, strangers, rate) for rate in rates]


def _at_rate(probes: Probes, strangers: Float64Array, rate: float) -> OpenSetRate:
    allowed = int(np.floor(rate * len(strangers) + 1e-9))
    if allowed < 1 or not len(probes.near):
        return OpenSetRate(rate, len(strangers), 0, None, None)
    # nearer than the first stranger who must stay out; a photo without a face (infinitely far) never comes in
    out = strangers[allowed] if allowed < len(strangers) else np.inf
    if not np.isfinite(out):  # all strangers with a face may come in: the farthest face is far enough
        faces = np.concatenate([probes.near, strangers])
        faces = faces[np.isfinite(faces)]
        limit = float(faces.max()) if len(faces) else 0.0
    else:
        limit = float(np.nextafter(out, -np.inf))
    known = float((probes.right & (probes.near <= limit)).mean())
    return OpenSetRate(rate, len(strangers), int((strangers <= limit).sum()), limit, known)


def at_threshold(probes: Probes, threshold: float) -> dict[str, Any]:
    """Return what one threshold does: shares of known photos named rightly, wrongly, not at all.

    Args:
        probes: the photos.
        threshold: a person is near enough at this distance or less.

    Returns:
        ``known``, ``strangers`` (counts), ``rank1`` (the nearest is the right one, whatever the threshold),
        ``right``, ``wrong``, ``unknown`` (shares of known), ``let_in`` (count), ``let_in_rate``; a share of
        nothing is None.
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
    """Return all figures as plain values; thresholds of ``cosine`` as similarities.

    Args:
        probes: distances; of ``cosine``, negated similarities.
        threshold: the gallery's own, in the metric's own terms; None for none.
        metric: ``euclidean`` or ``cosine``.
    """
    sign = -1.0 if metric == "cosine" else 1.0
    rates = [asdict(one) for one in open_set_rates(probes)]
    for one in rates:
        one["threshold"] = None if one["threshold"] is None else sign * one["threshold"]
    limit = np.inf if threshold is None else sign * threshold
    return {"metric": metric, "threshold": threshold, **at_threshold(probes, limit), "rates": rates}


def _share(which: BoolArray) -> float | None:
    return float(which.mean()) if len(which) else None
