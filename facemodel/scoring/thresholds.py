"""The threshold for the figures, and where it comes from: never from the pairs that it then decides."""

from __future__ import annotations

import math
from dataclasses import dataclass

from facedata.types import BoolArray, Float64Array

from ..spec import InputSpec
from .distances import likeness
from .metrics import roc

CHOOSING_SPLITS = ("val", "train")
"""The splits whose pairs choose a threshold if the model has none, best first."""

MOST_CHOOSING_PAIRS = 20_000
"""More do not improve a threshold, and all their crops have to be embedded."""

MODEL = "model"
HEAD = "head"
"""The metric's name if a network's own pair head compares; also the source of its threshold."""

HEAD_THRESHOLD = 0.5
"""A pair head gives the probability that a pair is of one person; it was trained to decide at this value."""


@dataclass(frozen=True)
class Threshold:
    """A threshold, and where it comes from.

    Attributes:
        value: the largest distance, or the smallest similarity, that is accepted; None for none.
        source: ``model`` (its own, chosen on its validation), ``head`` (0.5, for a pair head),
            ``val pairs``, ``train pairs``, or ``none``.
        pairs: how many pairs chose it; 0 for the model's own.
        basis: of the model's own, what it stands for, where its input spec says so; else None.
    """

    value: float | None
    source: str
    pairs: int = 0
    basis: str | None = None

    def sentence(self) -> str:
        """Return where it comes from, in words; scores.json holds them."""
        if self.source == MODEL:
            return f"the model's own, {self.basis or 'chosen on its validation'}"
        if self.source == HEAD:
            return "the probability at which the pair head was trained to decide"
        if self.value is None:
            return "none: the model has none, and the set has no val or train pairs to choose one on"
        return f"best for {self.pairs:,} {self.source} of the set"


def own_threshold(spec: InputSpec, metric: str) -> float | None:
    """Return the model's own threshold, converted to a metric; None if it has none.

    Between embeddings of length one the distance is √(2 - 2 · similarity), so each gives the other.

    >>> spec = InputSpec(112, "arcface112", 8, normalised=True, threshold=0.5, metric="cosine")
    >>> own_threshold(spec, "euclidean")
    1.0
    """
    if spec.threshold is None or metric == spec.metric:
        return spec.threshold
    if not spec.normalised or metric not in ("euclidean", "cosine"):
        return None
    if metric == "cosine":
        return 1 - spec.threshold**2 / 2
    return math.sqrt(max(0.0, 2 - 2 * spec.threshold))


def has_seen(spec: InputSpec, set_fingerprint: str, split: str) -> bool:
    """Tell whether the model's own threshold may have been chosen on this split of this set."""
    return spec.set_fingerprint == set_fingerprint and split in CHOOSING_SPLITS


def choose_threshold(values: Float64Array, same: BoolArray, metric: str, source: str) -> Threshold:
    """Choose the threshold that decides most pairs correctly.

    Raises:
        ScoreError: the pairs are of one kind.
    """
    best = roc(likeness(values, metric), same).best_threshold()
    return Threshold(likeness(best, metric), source, len(same))
