"""What validation showed: whom each threshold lets in. It stays with the model, in its input spec."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SpecError
from .calibration import Calibration, make_calibration

FEWEST_PEOPLE = 10
"""With fewer people there is no interval over people: one unusual person would decide it."""

LEAST_KNOWN = 0.1
"""A threshold gives names only if it surely accepts this share of the photos of known people."""

_Z = 1.959964
"""Of the normal distribution, for 95% intervals."""


def share_interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95% interval of a share of ``count`` people or photos, by Wilson's score.

    It never has zero width, and is conservative for a mean of shares. Wilson, Probable inference, the law of
    succession, and statistical inference, JASA 22, 1927.

    >>> low, high = share_interval(1.0, 10)
    >>> round(low, 3), round(high, 3)
    (0.722, 1.0)
    """
    middle, square = share + _Z**2 / (2 * count), _Z**2 / count
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))


@dataclass(frozen=True)
class AcceptRate:
    """What a threshold does.

    Attributes:
        far: share of the comparisons of two people that it accepts.
        threshold: the largest distance, or the smallest similarity, accepted.
        tar: share of the photos that it accepts as the person they show, when they are compared with the mean
            of that person's other photos; the mean over people.
        counted: ``far`` was counted; else there were too few comparisons, and the threshold was extrapolated.
    """

    far: float
    threshold: float
    tar: float
    counted: bool


@dataclass(frozen=True)
class ValidationSummary:
    """What comparing all validation photos with each other showed.

    Attributes:
        people: how many people have two photos or more.
        photos: how many photos were compared.
        impostors: how many comparisons were of two people.
        unseen: the network was not trained on these people. If it was (a closed set), strangers are accepted
            more often than the rates say.
        auc: of all comparisons.
        rates: by falling ``far``; empty if there were too few comparisons.
        class_photos: of a classifier: how many photos it named.
        class_right: how many of them correctly, with at least the class threshold.
        calibration: which score means which probability; None if too few people validated, or an earlier
            version made the summary.
    """

    people: int
    photos: int
    impostors: int
    unseen: bool
    auc: float
    rates: tuple[AcceptRate, ...] = ()
    class_photos: int = 0
    class_right: int = 0
    calibration: Calibration | None = None

    def at_far(self, far: float) -> AcceptRate:
        """Return what is known at a false accept rate; there must be rates.

        Between two rates it is interpolated by the rate's logarithm; beyond the first and the last one, that
        one is returned, with its own rate.
        """
        far = min(max(far, self.rates[-1].far), self.rates[0].far)
        at = np.log([one.far for one in self.rates[::-1]])
        threshold, tar = (
            float(np.interp(math.log(far), at, [getattr(one, name) for one in self.rates[::-1]]))
            for name in ("threshold", "tar")
        )
        counted = [one.far for one in self.rates if one.counted]
        return AcceptRate(far, threshold, tar, bool(counted) and far >= min(counted))


def far_per_comparison(stranger_rate: float, people: int) -> float:
    """Return the false accept rate of a comparison at which a gallery names this share of strangers.

    A stranger is compared with everybody: with G people, 1 - (1 - FAR)^G get a name. If some strangers look
    like more people than others do, it is fewer.

    >>> round(far_per_comparison(0.01, 100), 7)
    0.0001005
    """
    return -math.expm1(math.log1p(-stranger_rate) / people)


def make_summary(values: Mapping[str, Any], where: str) -> ValidationSummary:
    """Make a summary from a spec's JSON; unknown names are ignored.

    Raises:
        SpecError: a name is missing or a value is impossible; the message begins with ``where``.
    """
    try:
        kinds = ValidationSummary, AcceptRate
        known, rate_names = ({field.name for field in dataclasses.fields(kind)} for kind in kinds)
        rates = [
            AcceptRate(**{name: value for name, value in one.items() if name in rate_names})
            for one in values["rates"]
        ]
        curve = values.get("calibration")
        parts = {"rates": tuple(rates), "calibration": curve and make_calibration(curve, where)}
        summary = ValidationSummary(**{name: values[name] for name in known & values.keys()} | parts)
        takes = {"bool": (bool,), "int": (int,), "float": (int, float)}
        for kind, made in ((ValidationSummary, [summary]), (AcceptRate, rates)):
            for field, one in itertools.product(dataclasses.fields(kind), made):
                value, types = getattr(one, field.name), takes.get(str(field.type))
                if types and (type(value) not in types or not math.isfinite(value)):
                    raise ValueError(f"{field.name} is {value!r}")
        fars = [one.far for one in rates]
        if any(not 0 < far < 1 for far in fars) or sorted(set(fars), reverse=True) != fars:
            raise ValueError("the rates are not falling numbers between 0 and 1")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SpecError(
            f"{where}: the values under validation are not what facemodel writes ({error})"
        ) from error
    return summary
