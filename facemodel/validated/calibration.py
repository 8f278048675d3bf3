"""From a score to the probability that two crops show one person; it stays with the model."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from facedata.types import Float64Array

from ..errors import SpecError

PLATT, ISOTONIC = "platt", "isotonic"
EVEN = 0.5
"""The prior of a pair, unless another is named: half of all pairs show one person."""

_MOST_ODDS = 50.0
"""Natural logarithm of the largest odds: beyond them a float64's probability would be 0 or 1."""


@dataclass(frozen=True)
class Calibration:
    """A rising curve from scores to log-odds: straight lines between knots, and beyond them one slope.

    Attributes:
        method: ``isotonic``, or ``platt``, a logistic curve, which has one knot.
        metric: of the scores: ``euclidean`` (a distance) or ``cosine``.
        scores: of the knots, from the least to the most alike.
        log_odds: natural logarithms of the odds that two crops of this score show one person, where half of
            the pairs do; they never fall.
        slope: what a score that is more alike by one adds to them beyond the outermost knots; at least 0.
        genuine: how many comparisons of one person made the curve.
        impostors: how many of two people.
        people: how many people with two photos or more.
    """

    method: str
    metric: str
    scores: tuple[float, ...]
    log_odds: tuple[float, ...]
    slope: float
    genuine: int
    impostors: int
    people: int

    def weigh(self, values: Float64Array) -> Float64Array:
        """Return the log-odds of scores, of any shape: what a pair's score weighs, whatever the prior."""
        sign = -1.0 if self.metric == "euclidean" else 1.0
        alike, knots = sign * np.asarray(values, np.float64), sign * np.array(self.scores)
        inner = np.interp(alike, knots, self.log_odds)
        outside = np.minimum(alike - knots[0], 0.0) + np.maximum(alike - knots[-1], 0.0)
        return np.asarray(np.clip(inner + self.slope * outside, -_MOST_ODDS, _MOST_ODDS))

    def probability(self, values: Float64Array, prior: float = EVEN) -> Float64Array:
        """Return the probabilities that pairs of these scores show one person.

        Args:
            values: distances or similarities, of any shape.
            prior: the share of all pairs that shows one person.

        >>> curve = Calibration("platt", "cosine", (0.4,), (0.0,), 10.0, 300, 3000, 60)
        >>> curve.probability(np.array([0.4, 0.8])).round(3)
        array([0.5  , 0.982])
        >>> curve.probability(np.array([0.4]), prior=0.01).round(3)
        array([0.01])
        """
        return np.asarray(1 / (1 + np.exp(-self.weigh(values) - math.log(prior / (1 - prior)))))

    def describe(self) -> str:
        """Return how it was made, in words.

        >>> Calibration("platt", "cosine", (0.4,), (0.0,), 10.0, 90, 3000, 12).describe()
        'logistic, 90 comparisons of one person and 3,000 of two, of 12 people'
        """
        how = "isotonic" if self.method == ISOTONIC else "logistic"
        counts = f"{self.genuine:,} comparisons of one person and {self.impostors:,} of two"
        return f"{how}, {counts}, of {self.people:,} people"


def make_calibration(values: Mapping[str, Any], where: str) -> Calibration:
    """Make a calibration from a spec's JSON; unknown names are ignored.

    Raises:
        SpecError: a name is missing or a value is impossible; the message begins with ``where``.
    """
    try:
        known = {field.name: values[field.name] for field in dataclasses.fields(Calibration)}
        known |= {name: tuple(float(one) for one in known[name]) for name in ("scores", "log_odds")}
        made = Calibration(**known)
        knots = np.array([made.scores, made.log_odds])
        rising = np.diff(knots[0]) * (-1 if made.metric == "euclidean" else 1)
        fits = made.method in (PLATT, ISOTONIC) and made.metric in ("euclidean", "cosine")
        fits &= knots.size > 0 and bool(np.isfinite(knots).all())
        fits &= bool((rising > 0).all() and (np.diff(knots[1]) >= 0).all())
        fits &= type(made.slope) in (int, float) and math.isfinite(made.slope) and made.slope >= 0
        fits &= all(type(getattr(made, name)) is int for name in ("genuine", "impostors", "people"))
        if not fits:
            raise ValueError("no curve that rises")
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"{where}: the calibration is not what facemodel writes ({error!r})") from error
    return made
