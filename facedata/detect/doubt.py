"""How little a face looks like an upright one: a number, low where a detector sees the same in many ways.

An upright face and its mirror image get nearly the same score and points, and so does the face when the
square that is looked at moves a little; after a turn it hardly looks like a face any more. One that stands on
its head, or a patch of leaves, may get a high score, but seldom all of this. The weights are linear
discriminants between 5,736 upright faces of LFW, CelebA and keypoints and 719 that were found in such photos
when they lay on their side or upside down (docs/benchmarks.md). Upright faces have a median of -9.
"""

from __future__ import annotations

import numpy as np

from ..types import Float32Array

DOUBTFUL = -4.2
"""At first sight one in two hundred of LFW's upright faces is above it, one in twenty of CelebA's, and all
but one of those that are not upright. They get a second look."""
MAY_BE_TURNED = 0.75
"""After the second look every face that is not upright is above it, and one in 5,736 that are."""
_TILTED_DEG = 20.0
_SUREST = 1e-4, 1e-5
"""Scores nearer to 1 than this, at first sight and in the mirror, mean no more."""


def measure_doubt(
    scores: Float32Array, mirrored_scores: Float32Array, differences: Float32Array, boxes: Float32Array
) -> Float32Array:
    """Return how little faces look like upright ones at first sight.

    Args:
        scores: ``(n,)``, 0 … 1.
        mirrored_scores: ``(n,)``, those of their mirror images.
        differences: ``(n,)``, the largest difference in x or y between a face's points and those of its
            mirror image, as a share of the side of the square that was looked at.
        boxes: ``(n, 4)``.

    Returns:
        ``(n,)`` float32.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    low, mirrored_low = (
        np.log10(np.maximum(1 - each, least))
        for each, least in zip((scores, mirrored_scores), _SUREST, strict=True)
    )
    apart = np.log10(np.maximum(differences, 1e-4))
    doubts = low + mirrored_low + 5 * apart + 10 * sides[:, 0] / np.maximum(sides[:, 1], 1e-4)
    return np.asarray(doubts, np.float32)


def add_second_look(doubt: float, nearby_score: float, turned_score: float, tilt_deg: float) -> float:
    """Return a face's doubt after a second look.

    Args:
        doubt: at first sight.
        nearby_score: the mean score of squares nearby.
        turned_score: the highest score after a turn.
        tilt_deg: of the face; one that is tilted far is more doubtful in any case.
    """
    tilted = max(abs(tilt_deg) - _TILTED_DEG, 0.0) / 25
    return doubt + _log_odds(turned_score) - 2 * (_log_odds(nearby_score) - 2) - tilted


def _log_odds(score: float) -> float:
    return float(np.log10(max(score, 1e-6) / max(1 - score, 1e-6)))
