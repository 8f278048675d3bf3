"""Wrong names planted among right ones, and how many of them a report has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from facedata.checks.findings import Finding, Kind
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

NAMED = (Kind.WRONG_PERSON, Kind.SWAPPED, Kind.STRANGER)
"""The kinds of findings that say that a photo has a wrong name."""


@dataclass(frozen=True, eq=False)
class Swaps:
    """Labels of which some were exchanged.

    Attributes:
        person: ``(n,)`` int64, the labels after that.
        pairs: ``(k, 2)`` int64, rows of the photos that were exchanged.
    """

    person: Int64Array
    pairs: Int64Array

    @property
    def moved(self) -> BoolArray:
        """``(n,)`` bool, the photos that have another label than before."""
        moved = np.zeros(len(self.person), np.bool_)
        moved[self.pairs] = True
        return moved


def plant_swaps(
    person: Int64Array, share: float, seed: int, near: Int64Array | None = None, but: BoolArray | None = None
) -> Swaps:
    """Exchange the labels of pairs of photos of different people, each photo once at most.

    Args:
        person: ``(n,)`` int64, the people.
        share: of all photos, to be exchanged.
        seed: other photos.
        near: ``(people,)`` int64, whom each person's photos are exchanged with; None for anybody.
        but: ``(n,)`` bool, photos to leave as they are.
    """
    rng = np.random.default_rng(seed)
    left = np.ones(len(person), np.bool_) if but is None else ~but
    pairs: list[tuple[int, int]] = []
    for one in rng.permutation(np.flatnonzero(left)).tolist():
        if 2 * len(pairs) + 2 > round(share * len(person)):
            break
        if not left[one]:
            continue
        theirs = person != person[one] if near is None else person == near[person[one]]
        others = np.flatnonzero(theirs & left)
        if len(others):
            other = int(rng.choice(others))
            left[[one, other]] = False
            pairs.append((one, other))
    at = np.array(pairs, np.int64).reshape(-1, 2)
    labels = person.copy()
    labels[at] = person[at[:, ::-1]]
    return Swaps(labels, at)


def plant_double_names(
    person: Int64Array, least: int, seed: int, most: int | None = None
) -> tuple[Int64Array, dict[int, int]]:
    """Give half of the photos of people with ``least`` photos a new label.

    Args:
        person: ``(n,)`` int64, codes from 0 without gaps.
        least: photos that a person must have.
        seed: other halves, other people.
        most: of how many people; None for all.

    Returns:
        The labels, and for each new one the person whose it is.
    """
    rng = np.random.default_rng(seed)
    labels, owner = person.copy(), dict[int, int]()
    chosen = rng.permutation(np.flatnonzero(np.bincount(person) >= least))[:most]
    for new, one in enumerate(chosen.tolist(), start=int(person.max()) + 1):
        rows = rng.permutation(np.flatnonzero(person == one))
        labels[rows[: len(rows) // 2]] = new
        owner[new] = one
    return labels, owner


def most_similar(vectors: Float32Array, person: Int64Array) -> Int64Array:
    """Return for each person the one whose mean is most like theirs, ``(people,)`` int64."""
    alike = unit_means(vectors, person)
    similar = alike @ alike.T
    np.fill_diagonal(similar, -np.inf)
    return np.asarray(similar.argmax(1))


def unit_means(vectors: Float32Array, person: Int64Array) -> Float64Array:
    """Return each person's mean at length one, ``(people, dim)`` float64."""
    sums = np.zeros((int(person.max()) + 1, vectors.shape[1]))
    np.add.at(sums, person, vectors)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))


def reported_photos(findings: Iterable[Finding], count: int, strangers: bool = True) -> BoolArray:
    """Return the photos that findings say have a wrong name, ``(count,)`` bool; crops' ids are their rows."""
    reported = np.zeros(count, np.bool_)
    for one in findings:
        if one.kind in NAMED and (strangers or one.kind is not Kind.STRANGER):
            sides = (one.left, one.right) if one.kind is Kind.SWAPPED else (one.left,)
            reported[[side for side in sides if side is not None]] = True
    return reported


@dataclass(frozen=True)
class Counts:
    """What a report has of what was planted, and of what is right."""

    found: int = 0
    planted: int = 0
    false: int = 0
    clean: int = 0

    @classmethod
    def of(cls, reported: BoolArray, planted: BoolArray, but: BoolArray | None = None) -> Counts:
        """Count a report.

        Args:
            reported: ``(n,)`` bool, what it has.
            planted: ``(n,)`` bool, what it should have.
            but: ``(n,)`` bool, what does not count, either way.
        """
        counted = np.ones(len(planted), np.bool_) if but is None else ~but
        numbers = (reported & planted, planted, reported & ~planted, ~planted)
        return cls(*(int((one & counted).sum()) for one in numbers))

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.found + other.found, self.planted + other.planted,
            self.false + other.false, self.clean + other.clean,
        )  # fmt: skip

    @property
    def recall(self) -> float:
        return self.found / self.planted if self.planted else 1.0

    @property
    def false_share(self) -> float:
        return self.false / self.clean if self.clean else 0.0

    @property
    def mistakes(self) -> int:
        """Planted ones that are missed, and right ones that are reported."""
        return self.planted - self.found + self.false

    def __str__(self) -> str:
        return f"{self.recall:.4f} at {self.false_share:.5f}"

    def meets(self, recall: float, false_share: float) -> bool:
        """Return whether both are reached."""
        return self.recall >= recall and self.false_share <= false_share
