"""Accuracy over folds: each fold is judged at the threshold chosen on the others.

As LFW defines it, any score may be the threshold; as InsightFace computes it, one of four hundred steps.

Huang, Ramesh, Berg, Learned-Miller, Labeled Faces in the Wild, UMass Amherst 07-49, 2007, section 4: ten sets
that share no person; the accuracy is the mean over the sets, its standard error the sets' standard deviation
(with n - 1) over the root of their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ..errors import ScoreError
from .metrics import roc

FOLDS = 10


@dataclass(frozen=True, eq=False)
class Folds:
    """Accuracy over folds.

    Attributes:
        numbers: the folds' numbers.
        pairs: how many pairs each fold has.
        thresholds: each fold's threshold, a likeness chosen on the other folds.
        accuracies: share of each fold's pairs decided correctly.
        accepted: ``(n,)`` bool, which pairs were accepted, each at its fold's threshold.
    """

    numbers: tuple[int, ...]
    pairs: tuple[int, ...]
    thresholds: tuple[float, ...]
    accuracies: tuple[float, ...]
    accepted: BoolArray

    @property
    def mean(self) -> float:
        """Mean accuracy of the folds."""
        return float(np.mean(self.accuracies))

    @property
    def standard_error(self) -> float:
        """Standard error of the mean."""
        return float(np.std(self.accuracies, ddof=1) / np.sqrt(len(self.accuracies)))


def judge_folds(
    likeness: Float64Array,
    same: BoolArray,
    folds: Int64Array,
    people: tuple[Int64Array, Int64Array] | None = None,
) -> Folds:
    """Judge each fold at the threshold that is best for the pairs of all others.

    Args:
        likeness: ``(n,)``.
        same: ``(n,)`` bool.
        folds: ``(n,)`` int64, each pair's fold.
        people: each pair's two people, ``(n,)`` int64 both: pairs with a person who is also in the fold
            do not choose its threshold. None if no two folds share a person anyway.

    Raises:
        ScoreError: there are fewer than two folds, or the folds other than one hold pairs of one kind only.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ScoreError(f"there is {len(numbers)} fold, and no other one that could choose its threshold")
    accepted = np.zeros(len(same), np.bool_)
    thresholds, accuracies = [], []
    for number in numbers.tolist():
        mine = folds == number
        others = ~mine
        if people is not None:
            theirs = np.unique(np.concatenate([side[mine] for side in people]))
            others &= ~(np.isin(people[0], theirs) | np.isin(people[1], theirs))
        if same[others].all() or not same[others].any():
            raise ScoreError(
                f"nothing can choose a threshold for fold {number + 1}: without its people, the other folds "
                "do not have pairs of both kinds"
            )
        thresholds.append(roc(likeness[others], same[others]).best_threshold())
        accepted[mine] = likeness[mine] >= thresholds[-1]
        accuracies.append(float((accepted[mine] == same[mine]).mean()))
    counts = [int((folds == number).sum()) for number in numbers]
    return Folds(tuple(numbers.tolist()), tuple(counts), tuple(thresholds), tuple(accuracies), accepted)


def deal_folds(left: Int64Array, right: Int64Array, seed: int, count: int = FOLDS) -> Int64Array:
    """Deal pairs without folds into folds: each person gets one at random, and a pair goes with its left one.

    Genuine pairs of two folds then share no person; for impostor pairs, give :func:`judge_folds` the people.

    Args:
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        seed: the same people and seed give the same folds.
        count: number of folds, or of people if there are fewer.

    Returns:
        ``(n,)`` int64, 0 … count - 1.
    """
    people = np.unique(np.concatenate([left, right]))
    fold = np.empty(len(people), np.int64)
    fold[np.random.default_rng(seed).permutation(len(people))] = np.arange(len(people)) % count
    return np.asarray(fold[np.searchsorted(people, left)])


@dataclass(frozen=True, eq=False)
class SteppedFolds:
    """Accuracy over folds as InsightFace's verification computes it.

    Attributes:
        thresholds: each fold's squared distance, below which a pair is accepted; chosen on the other folds.
        accuracies: share of each fold's pairs decided correctly.
    """

    thresholds: tuple[float, ...]
    accuracies: tuple[float, ...]

    def figures(self) -> dict[str, float | list[float]]:
        """Return the mean, the standard deviation (of the folds, not of the mean), and the lists."""
        return {
            "accuracy": float(np.mean(self.accuracies)),
            "std": float(np.std(self.accuracies)),
            "accuracies": list(self.accuracies),
            "thresholds": list(self.thresholds),
        }


def judge_as_insightface(cosines: Float64Array, same: BoolArray, folds: Int64Array) -> SteppedFolds | None:
    """Judge ten folds as InsightFace's verification does.

    A pair is accepted if the squared distance of the two embeddings, scaled to length one, is below the
    threshold; that is one of 0, 0.01 … 3.99, the lowest of those that decide most pairs of the other nine
    folds correctly.

    Args:
        cosines: ``(n,)``, the cosine of each pair's embeddings.
        same: ``(n,)`` bool.
        folds: ``(n,)`` int64, each pair's fold.

    Returns:
        None if there are not ten folds.
    """
    numbers, fold = np.unique(folds, return_inverse=True)
    if len(numbers) != FOLDS:
        return None
    steps = np.arange(0, 4, 0.01)
    first = np.searchsorted(steps, 2 - 2 * cosines, side="right")  # the first step that accepts the pair
    right = np.zeros((FOLDS, len(steps)), np.int64)
    for number in range(FOLDS):
        mine = fold == number
        counts = (np.bincount(first[mine & kind], minlength=len(steps) + 1) for kind in (same, ~same))
        accepted, wrongly = (np.cumsum(count[:-1]) for count in counts)
        right[number] = accepted + int((mine & ~same).sum()) - wrongly
    best = (right.sum(axis=0) - right).argmax(axis=1)
    shares = right[np.arange(FOLDS), best] / np.bincount(fold)
    return SteppedFolds(tuple(steps[best].tolist()), tuple(shares.tolist()))
