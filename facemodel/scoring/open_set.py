"""How well a gallery tells its people from strangers; pure functions on arrays.

After NIST's 1:N tests (Grother, Ngan, Hanaoka: Face Recognition Vendor Test part 2, NISTIR 8271) and
Phillips, Grother, Micheals: Evaluation methods in face recognition, 2011. *Known* photos show a person who is
enrolled, photos of *strangers* one who is not. At a threshold, a known photo counts if the nearest person is
the right one *and* near enough (detection and identification rate, DIR, or TPIR); a stranger is *let in* if
any person is near enough (false positive identification rate, FPIR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array

from ..errors import ScoreError
from .distances import likeness

RATES = (0.3, 0.1, 0.03, 0.01, 0.001)


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
