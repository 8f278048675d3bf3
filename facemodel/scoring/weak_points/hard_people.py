"""The people that a model errs most about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..distances import is_same
from ..pair_figures import ScoredPairs

FEWEST_PAIRS = 3
"""A person with fewer pairs is no person to speak of: one odd photo would decide."""


@dataclass(frozen=True)
class HardPerson:
    """What happens to one person's pairs.

    Attributes:
        person: the code.
        genuine: how many pairs show this person twice.
        false_rejects: how many of them are rejected; None without a threshold.
        impostors: how many pairs show this person and another one.
        false_accepts: how many of them are accepted; None without a threshold.
        mean_score: of the genuine pairs; None if there are none.
    """

    person: int
    genuine: int
    false_rejects: int | None
    impostors: int
    false_accepts: int | None
    mean_score: float | None

    @property
    def errors(self) -> int:
        """How many of the pairs are decided wrongly."""
        return (self.false_rejects or 0) + (self.false_accepts or 0)

    @property
    def share(self) -> float | None:
        """Their share; None without a threshold."""
        return None if self.false_rejects is None else self.errors / (self.genuine + self.impostors)


def find_hard_people(
    pairs: ScoredPairs, threshold: float | None, names: Sequence[str], most: int = 20
) -> list[HardPerson]:
    """Return the people with the largest share of errors, then with the least alike photos.

    With a threshold only people with an error are listed; without one, people with a genuine pair, those with
    the least alike photos first. People with fewer than three pairs are left out.

    Args:
        pairs: the pairs; their people are codes.
        threshold: what is accepted; None if nothing decides.
        names: of the codes; they order people who are alike in everything else.
        most: how many.
    """
    same, codes = pairs.same, len(names)
    genuine = np.bincount(pairs.left[same], minlength=codes)
    others = np.concatenate([pairs.left[~same], pairs.right[~same]])
    impostors = np.bincount(others, minlength=codes)
    sums = np.bincount(pairs.left[same], pairs.values[same], minlength=codes)
    rejects = accepts = None
    if threshold is not None:
        accepted = is_same(pairs.values, threshold, pairs.metric)
        rejects = np.bincount(pairs.left[same & ~accepted], minlength=codes)
        wrong = np.tile(accepted[~same], 2)
        accepts = np.bincount(others[wrong], minlength=codes)
    people = [
        HardPerson(
            one, int(genuine[one]), None if rejects is None else int(rejects[one]),
            int(impostors[one]), None if accepts is None else int(accepts[one]),
            float(sums[one] / genuine[one]) if genuine[one] else None,
        )
        for one in np.flatnonzero(genuine + impostors >= FEWEST_PAIRS).tolist()
    ]  # fmt: skip
    people = [one for one in people if (one.errors if threshold is not None else one.genuine)]
    sign = 1.0 if pairs.metric == "euclidean" else -1.0  # of how unlike a person's photos are

    def hardness(one: HardPerson) -> tuple[float, float, str]:
        unlike = -np.inf if one.mean_score is None else sign * one.mean_score
        return -(one.share or 0.0), -float(unlike), names[one.person]

    return sorted(people, key=hardness)[:most]
