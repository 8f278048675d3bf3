"""Swapped photos, planted in the labels of real photos that were embedded once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

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
from tests.benchmark.check_rows.sets import Crops, Sets

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

    A photo counts as found if a finding of the kinds wrong person, swapped or stranger is about it. Where
    both people have two photos, nothing can say which two of the four were exchanged. These photos are
    counted on their own, and there one exchange is right if it is either of the two that set the names right.
    """
    near = most_similar(crops.vectors, crops.person) if row.to_similar else None
    before = reported_photos(crops.check(crops.person)[0], len(crops.person))
    found, without, plain, fair, tied = (Counts() for _ in range(5))
    weak = known = 0
    for seed in range(seeds):
        planted = plant_swaps(crops.person, row.share, seed, near, crops.named)
        findings, summary = crops.check(planted.person)
        weak += bool(summary["strength"]["is_weak"])
        reports = [reported_photos(findings, len(crops.person), strangers) for strangers in (True, False)]
        found += Counts.of(reports[0], planted.moved, crops.named)
        without += Counts.of(reports[1], planted.moved, crops.named)
        known += int((reports[0] & before & ~planted.moved & ~crops.named).sum())
        plain += Counts.of(plain_photos(crops.vectors, planted.person), planted.moved, crops.named)
        mates = undecidable(planted, crops)
        fair += Counts.of(reports[0], planted.moved, crops.named | mates)
        tied += count_tied(planted, crops, reports[0])
    text = f"{found}; without strangers {without}"
    if tied.planted:
        text += (
            f"; without swaps of people with two photos each {fair}; of these {tied.found} of {tied.planted} "
            f"set right either way ({tied.planted / found.planted:.0%} of all)"
        )
    good = found.meets(row.recall, row.false_share) and not weak
    return Line(
        f"{where}: {row.what}", text, row.wanted, good and found.mistakes <= plain.mistakes, str(plain),
        f"{seeds} seeds: {found.found:,} of {found.planted:,}, {found.false:,} of {found.clean:,} clean "
        f"({known:,} of them also before anything is planted); mistakes {found.mistakes:,}, "
        f"plain {plain.mistakes:,}",
    )  # fmt: skip


def undecidable(planted: Swaps, crops: Crops) -> BoolArray:
    """Return the photos of people with two photos who have one of each other's."""
    has_two = np.bincount(crops.person) == 2
    pairs = planted.pairs[has_two[crops.person[planted.pairs]].all(1)]
    return np.asarray(np.isin(crops.person, crops.person[pairs]))


def count_tied(planted: Swaps, crops: Crops, reported: BoolArray) -> Counts:
    """Count the photos of undecidable swaps as found where one of the two exchanges is reported."""
    has_two = np.bincount(crops.person) == 2
    found = total = 0
    for one, two in planted.pairs[has_two[crops.person[planted.pairs]].all(1)].tolist():
        four = np.flatnonzero(np.isin(crops.person, crops.person[[one, two]]))
        rest = [row for row in four if row not in (one, two)]
        total += 2
        found += 2 * bool(reported[[one, two]].all() or reported[rest].all())
    return Counts(found, total)
