"""How probable it is that a face is a person's, among all people of a gallery and the strangers outside."""

from __future__ import annotations

import numpy as np

from facedata.types import Float64Array

from ..validated.calibration import Calibration
from ..validated.summary import ValidationSummary


def person_probabilities(log_odds: Float64Array, prior: float) -> Float64Array:
    """Return the probability that a face is each person's of a gallery.

    A pair's probability answers another question: is this one pair of one person? A face is compared with all
    G people, and is one of them at most. With the likelihood ratio L of each comparison (the odds of a pair
    where half of all pairs show one person), and each person as likely as the others, Bayes' rule gives L /
    (sum of all L + G (1 - prior) / prior); what is left is the probability of a stranger. It takes the
    comparisons of a face with people whom it does not show to be independent.

    Args:
        log_odds: ``(n, G)``, natural logarithms of L, of each face and person.
        prior: the share of faces that show somebody in the gallery, above 0 and below 1.

    Returns:
        ``(n, G)``; each row adds up to less than one.

    >>> person_probabilities(np.log([[9.0]]), 0.5).round(3)
    array([[0.9]])
    >>> person_probabilities(np.log([[9.0] + [0.1] * 9]), 0.5).round(3)[0, 0]
    np.float64(0.452)
    """
    stranger = np.log(log_odds.shape[1] * (1 - prior) / prior)
    most = np.maximum(log_odds.max(axis=1, keepdims=True), stranger)
    weights = np.exp(log_odds - most)
    return np.asarray(weights / (weights.sum(axis=1, keepdims=True) + np.exp(stranger - most)))


def find_calibration(known: ValidationSummary | None, metric: str) -> Calibration | None:
    """Return the calibration of a model's validation, if it has one for this metric."""
    curve = None if known is None else known.calibration
    return curve if curve is not None and curve.metric == metric else None


def describe_probability(known: ValidationSummary, people: int, prior: float) -> str:
    """Say what the probabilities stand for, in a sentence; the summary has a calibration."""
    who = f"one of the {people:,} people" if people > 1 else "the one person"
    said = f"that the face is this person's, if {100 * prior:.3g}% of faces show {who}"
    curve = known.calibration
    said += "" if curve is None else f"; {curve.describe()}"
    if not known.unseen:
        said += "; but validation shows only people it was trained on, so they are too sure"
    return said


def probability_text(probability: float) -> str:
    """Return a probability as two digits; never as 0 or 1.

    >>> probability_text(0.966), probability_text(0.9991), probability_text(0.0004)
    ('.97', '>.99', '<.01')
    """
    if not 0.005 <= probability < 0.995:
        return ">.99" if probability > 0.5 else "<.01"
    return f"{probability:.2f}"[1:]
