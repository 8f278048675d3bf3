"""Swapped photos, planted in the labels of real photos that were embedded once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from facedata.checks.findings import Finding
from facedata.types import BoolArray
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.plain import plain_photos
from tests.benchmark.check_rows.planted import (
    Counts,
    Swaps,
    most_similar,
    plant_swaps,
    reported_photos,
)
from tests.benchmark.check_rows.sets import NOT_WHO_THEY_SAY, Crops, Sets

SEEDS = 5


class Swapped(NamedTuple):
    """A row of swapped photos, and what it has to reach; a recall of 0 where only the plain rule counts."""

    what: str
    share: float
    to_similar: bool
    recall: float = 0.0
    false_share: float = 1.0

    @property
    def wanted(self) -> str:
        limits = f"≥ {self.recall:g} at ≤ {self.false_share:g}, " if self.recall else ""
        return f"{limits}no more mistakes than the plain rule"


_RANDOM, _MANY = "5% swapped at random", "20% swapped at random"
_SIMILAR = "5% swapped with the most similar"
_MAJORITY = (
    Swapped(_RANDOM, 0.05, False, 0.99, 0.001),
    Swapped(_MANY, 0.2, False, 0.98, 0.003),
    Swapped(_SIMILAR, 0.05, True, 0.95, 0.003),
)
SWAPS = {
    "lfw, people with ≥ 3 photos": _MAJORITY,
    "celeba": _MAJORITY,
    "lfw, people with ≥ 2 photos": (
        Swapped(_RANDOM, 0.05, False, 0.95, 0.003),
        Swapped(_MANY, 0.2, False),
        Swapped(_SIMILAR, 0.05, True),
    ),
}


def swap_lines(sets: Sets, seeds: int = SEEDS) -> Iterator[Line]:
    """Yield the rows of photos that have each other's names."""
    for where, rows in SWAPS.items():
        crops = sets.celeba if where == "celeba" else sets.lfw.with_photos(int(where[-8]))
        for row in rows:
            yield swap_line(where, crops, row, seeds)


def swap_line(where: str, crops: Crops, row: Swapped, seeds: int) -> Line:
    """Plant and count, several times.

    A photo counts as found if a finding of the kinds wrong person, swapped or stranger is about it.
    """
    near = most_similar(crops.vectors, crops.person) if row.to_similar else None
    tally = Tally(crops, reported_photos(crops.check(crops.person)[0], len(crops.person)))
    weak = 0
    for seed in range(seeds):
        planted = plant_swaps(crops.person, row.share, seed, near, crops.named)
        findings, summary = crops.check(planted.person)
        weak += bool(summary["strength"]["is_weak"])
        tally.add(planted, findings)
    found, plain = tally.found, tally.plain
    good = found.meets(row.recall, row.false_share) and found.mistakes <= plain.mistakes and not weak
    return Line(
        f"{where}: {row.what}", str(found), row.wanted, good, str(plain),
        f"{seeds} seeds: {found.found:,} of {found.planted:,}, {found.false:,} of {found.clean:,} clean; "
        f"mistakes {found.mistakes:,}, plain {plain.mistakes:,}",
        tuple(f"{where}, {row.what}: {text}" for text in tally.parts()),
    )  # fmt: skip


class Tally:
    """Adds up what reports have, and parts of it.

    Args:
        crops: with their own labels.
        before: ``(n,)`` bool, photos that are reported before anything is planted.
    """

    def __init__(self, crops: Crops, before: BoolArray) -> None:
        self.crops, self.before = crops, before
        self.judged = crops.named | np.isin(crops.photos, list(NOT_WHO_THEY_SAY))
        self.found, self.without_strangers, self.by_eye, self.majority = (Counts() for _ in range(4))
        self.plain, self.plain_majority, self.tied = (Counts() for _ in range(3))
        self.known = 0

    def add(self, planted: Swaps, findings: list[Finding]) -> None:
        """Add a report, and the plain rule's."""
        crops, moved = self.crops, planted.moved
        reported = reported_photos(findings, len(moved))
        plain = plain_photos(crops.vectors, planted.person)
        self.found += Counts.of(reported, moved, crops.named)
        self.plain += Counts.of(plain, moved, crops.named)
        wrong_only = reported_photos(findings, len(moved), strangers=False)
        self.without_strangers += Counts.of(wrong_only, moved, crops.named)
        self.by_eye += Counts.of(reported, moved, self.judged)
        lost = crops.named | without_majority(planted, crops)
        self.majority += Counts.of(reported, moved, lost)
        self.plain_majority += Counts.of(plain, moved, lost)
        self.tied += count_tied(planted, crops, reported)
        self.known += int((reported & self.before & ~moved & ~crops.named).sum())

    def parts(self) -> Iterator[str]:
        """Yield parts of the figure, a line each."""
        yield f"without strangers {self.without_strangers}"
        yield (
            f"of people most of whose photos are still theirs {self.majority} ({self.majority.planted:,} of "
            f"{self.found.planted:,} planted), plain rule {self.plain_majority}"
        )
        if self.tied.planted:
            yield (
                f"{self.tied.planted / self.found.planted:.0%} are exchanges between people with two photos "
                f"each, which can be set right in two ways: one of them is reported for "
                f"{self.tied.found:,} of {self.tied.planted:,} photos"
            )
        if self.known:
            yield f"{self.known:,} of {self.found.false:,} false ones are reported before anything is planted"
        if (self.judged != self.crops.named).any():
            yield f"without photos that by eye have a wrong name {self.by_eye}"


def without_majority(planted: Swaps, crops: Crops) -> BoolArray:
    """Return the photos whose person, or label, has as many photos of others as of their own, or more."""
    own = np.bincount(crops.person[~planted.moved], minlength=len(crops.names))
    lost = 2 * own <= np.bincount(crops.person)
    return np.asarray(lost[crops.person] | lost[planted.person])


def count_tied(planted: Swaps, crops: Crops, reported: BoolArray) -> Counts:
    """Count the photos of exchanges between two people with two photos each.

    Nothing can say which two of the four were exchanged. They count as found where either exchange that sets
    the names right is reported.
    """
    has_two = np.bincount(crops.person) == 2
    found = total = 0
    for one, two in planted.pairs[has_two[crops.person[planted.pairs]].all(1)].tolist():
        four = np.flatnonzero(np.isin(crops.person, crops.person[[one, two]]))
        rest = [row for row in four if row not in (one, two)]
        total += 2
        found += 2 * bool(reported[[one, two]].all() or reported[rest].all())
    return Counts(found, total)
