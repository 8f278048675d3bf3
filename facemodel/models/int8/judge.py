"""What an int8 file loses against the float model, on pairs of people whom it took no ranges from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facedata.types import Float32Array

from ...scoring.distances import compare, compare_all, likeness
from ...scoring.metrics import FEWEST_FALSE_ACCEPTS, roc
from ..formats import Run
from .crops import Int8Crops

FAR = 1e-3
"""The false accept rate at which the loss is stated."""

LEAST_MEAN_COSINE, LEAST_COSINE = 0.99, 0.95
"""What the cosines of a file and its model must reach where there are too few pairs for a rate."""

SAME_MODEL_COSINE = 0.98
"""What their mean must reach in any case, or the file is another model, and its threshold another's."""

_BATCH = 32


@dataclass(frozen=True)
class Int8Figures:
    """How an int8 file does beside the float model.

    Attributes:
        crops: that were embedded by both.
        people: whom they show.
        mean_cosine: of both embeddings of a crop, over the crops and the outputs.
        least_cosine: the lowest.
        largest_difference: of any number of any output.
        genuine: pairs of one person.
        impostors: pairs of two people.
        far: the false accept rate of ``tar_before`` and ``tar_after``.
        tar_before: the share of the genuine pairs that the float model accepts at that rate; None if there
            are too few pairs to tell.
        tar_after: the same of the int8 file.
        most_loss: the loss that is allowed, in percentage points.
    """

    crops: int
    people: int
    mean_cosine: float
    least_cosine: float
    largest_difference: float
    genuine: int
    impostors: int
    far: float
    tar_before: float | None
    tar_after: float | None
    most_loss: float

    @property
    def loss(self) -> float | None:
        """The loss of the true accept rate, in percentage points; None if there are too few pairs."""
        if self.tar_before is None or self.tar_after is None:
            return None
        return 100 * (self.tar_before - self.tar_after)

    @property
    def is_good(self) -> bool:
        """Whether the file may be kept."""
        if not self.mean_cosine >= SAME_MODEL_COSINE:  # so that NaN is refused
            return False
        if self.loss is not None:
            return self.loss <= self.most_loss + 1e-9
        return self.mean_cosine >= LEAST_MEAN_COSINE and self.least_cosine >= LEAST_COSINE

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values, with ``judged_by``: ``tar`` or ``cosine``."""
        return {**asdict(self), "judged_by": "cosine" if self.loss is None else "tar"}

    def describe(self) -> str:
        """Return the figures that decide, in words."""
        cosines = f"cosine {self.mean_cosine:.4f} on average and {self.least_cosine:.4f} at the worst"
        if self.tar_before is None or self.tar_after is None:
            return (
                f"{cosines} of {self.crops:,} crops (at least {LEAST_MEAN_COSINE:g} and {LEAST_COSINE:g} are "
                f"required where {self.genuine:,} pairs of one person and {self.impostors:,} of two are too "
                f"few for TAR at FAR {FAR:g})"
            )
        rates = f"{100 * self.tar_before:.2f}% before and {100 * self.tar_after:.2f}% after"
        return (
            f"TAR at FAR {self.far:g} {rates}, on {self.genuine:,} pairs of one person and "
            f"{self.impostors:,} of two; cosine {self.mean_cosine:.4f} on average"
        )


class Judge:
    """Judges files against a model.

    Args:
        crops: of the set; those that judge are of people whom no range was taken from.
        metric: how embeddings are compared.
        model: the float model.
        most_loss: how many percentage points of the true accept rate may be lost.
    """

    def __init__(self, crops: Int8Crops, metric: str, model: Run, most_loss: float) -> None:
        self._crops, self._to_input, self._metric, self._most = crops.judge, crops.to_input, metric, most_loss
        left, right = np.triu_indices(len(crops.judge), 1)
        self._pairs, self._same = (left, right), crops.people[left] == crops.people[right]
        self._people = len(np.unique(crops.people))
        self._expected = self._run(model)

    def judge(self, run: Run) -> Int8Figures:
        """Embed the crops by a file, and compare."""
        found = self._run(run)
        rows, cosines, largest = np.arange(len(self._crops)), [], 0.0
        for ours, theirs in zip(self._expected, found, strict=True):
            both = np.concatenate([ours, theirs])
            if np.isfinite(both).all():
                cosines.append(compare(both, rows, len(rows) + rows, "cosine"))
                largest = max(largest, float(np.abs(ours.astype(np.float64) - theirs).max()))
            else:
                cosines.append(np.full(len(rows), np.nan))
                largest = np.nan
        every = np.concatenate(cosines)
        genuine, impostors = int(self._same.sum()), int((~self._same).sum())
        # the rates need ten false accepts, and one pair must weigh no more than the loss that is allowed
        enough = round(impostors * FAR, 9) >= FEWEST_FALSE_ACCEPTS and genuine * self._most >= 100
        rates: list[float | None] = [None, None]
        if enough and np.isfinite(every).all():
            rates = [self._tar(self._expected[0]), self._tar(found[0])]
        return Int8Figures(
            len(rows), self._people, float(every.mean()), float(every.min()), largest, genuine, impostors,
            FAR, rates[0], rates[1], self._most,
        )  # fmt: skip

    def _tar(self, embeddings: Float32Array) -> float | None:
        values = compare_all(embeddings, embeddings, self._metric)[self._pairs]
        return roc(likeness(values, self._metric), self._same).tar_at_far(FAR).tar

    def _run(self, run: Run) -> list[Float32Array]:
        starts = range(0, len(self._crops), _BATCH)
        parts = [run(self._to_input(self._crops[at : at + _BATCH]).numpy()) for at in starts]
        return [np.concatenate(some) for some in zip(*parts, strict=True)]
