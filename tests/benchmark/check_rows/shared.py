"""People whom two sets share: other photos of theirs, under other names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from facedata.types import Int64Array
from facemodel.checks.overlap.same_people import SetDirections, find_shared_people
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.plain import ONE_PERSON
from tests.benchmark.check_rows.planted import Counts, unit_means
from tests.benchmark.check_rows.sets import LFW, Crops, Sets, published_pairs
from tests.benchmark.check_rows.whole import link_file, run

SEEDS = 10
_SHARED, _LEAST_PHOTOS = 50, 4
_PEOPLE = (1500, 300)
_WHOLE_PEOPLE, _WHOLE_SEED = 300, 100


class Halves(NamedTuple):
    """Rows of crops for two sets, and whose they are, by codes of the crops' people."""

    mine: Int64Array
    theirs: Int64Array


def shared_lines(sets: Sets) -> Iterator[Line]:
    """Yield rows of two sets of as many people, and one by the commands."""
    for people in _PEOPLE:
        yield shared_line(sets.lfw, people)
    yield whole_line(sets)


def deal(crops: Crops, people: int, seed: int) -> Halves:
    """Deal the photos of some people into both sets, and those of others into one of them."""
    rng = np.random.default_rng(seed)
    photos = np.bincount(crops.person)
    both = rng.permutation(np.flatnonzero(photos >= _LEAST_PHOTOS))[:_SHARED]
    others = rng.permutation(np.setdiff1d(np.arange(len(photos)), both))[: 2 * (people - _SHARED)]
    sides: tuple[list[Int64Array], list[Int64Array]] = ([], [])
    for one in both:
        rows = rng.permutation(np.flatnonzero(crops.person == one))
        sides[0].append(rows[: len(rows) // 2])
        sides[1].append(rows[len(rows) // 2 :])
    for number, one in enumerate(others):
        sides[number % 2].append(np.flatnonzero(crops.person == one))
    return Halves(*(np.concatenate(side) for side in sides))


def shared_line(crops: Crops, people: int) -> Line:
    """Deal and compare, several times. False are pairs of two people, of the people of one set."""
    found, plain, missed = Counts(), Counts(), list[float]()
    false: dict[str, int] = {}
    for seed in range(SEEDS):
        halves = deal(crops, people, seed)
        sides = [SetDirections(crops.vectors[rows], crops.person[rows]) for rows in halves]
        shared, _ = find_shared_people(sides[0], sides[1])
        missed.append(shared.figures["missed"])
        found += judge_pairs(
            zip(shared.mine.tolist(), shared.theirs.tolist(), strict=True), crops, people, false
        )
        means = [unit_means(side.directions, side.person) for side in sides]
        alike = np.argwhere(means[0] @ means[1].T >= ONE_PERSON).tolist()
        plain += judge_pairs(((one, two) for one, two in alike), crops, people, {})
    return Line(
        f"lfw: two sets of {people:,} people, {_SHARED} in both by other photos", str(found),
        "≥ .99 at ≤ .001, no more mistakes",
        found.meets(0.99, 0.001) and found.mistakes <= plain.mistakes, str(plain),
        f"{SEEDS} seeds: {found.found} of {found.planted}, {found.false} false; said to be missed "
        f"{np.mean(missed):.3f}; mistakes {found.mistakes}, plain {plain.mistakes}",
        tuple(f"two sets of {people:,}, {count} times as one: {text}" for text, count in false.items()),
    )  # fmt: skip


def judge_pairs(pairs: Iterator[tuple[int, int]], crops: Crops, people: int, false: dict[str, int]) -> Counts:
    """Count pairs of people's codes; two names of one published person are neither found nor false."""
    published = published_pairs()
    right = wrong = 0
    for one, two in pairs:
        names = frozenset(crops.names[code] for code in (one, two))
        if one == two:
            right += 1
        elif names not in published:
            wrong += 1
            text = " and ".join(sorted(names))
            false[text] = false.get(text, 0) + 1
    return Counts(right, _SHARED, wrong, people)


def whole_line(sets: Sets) -> Line:
    """Prepare two folders and compare them by the commands; the other set's people have other names."""
    crops, folder = sets.lfw, sets.folder / "shared"
    halves = deal(crops, _WHOLE_PEOPLE, _WHOLE_SEED)
    for name, rows in zip(("mine", "theirs"), halves, strict=True):
        link_rows(crops, rows, folder / f"{name}-photos", is_named=name == "mine")
        run(
            "facedata", "prepare", folder / f"{name}-photos", "--out", folder / name,
            "--template", "arcface112", "--face", "center", "--triplets-per-photo", "0",
        )  # fmt: skip
    run("facemodel", "check", sets.model, folder / "mine", "--against", folder / "theirs")
    certificate = json.loads((folder / "mine" / "check" / "overlap.json").read_text())
    code = {name: number for number, name in enumerate(crops.names)}
    pairs = [(code[row["identity"]], int(row["other"][1:])) for row in certificate["people"]]
    false: dict[str, int] = {}
    counts = judge_pairs(iter(pairs), crops, _WHOLE_PEOPLE, false)
    return Line(
        f"lfw: two sets of {_WHOLE_PEOPLE} people by `facedata prepare` and `facemodel check --against`",
        str(counts), "≥ .99 at ≤ .001", counts.meets(0.99, 0.001),
        counts=f"{counts.found} of {counts.planted}, {counts.false} false",
        more=tuple(f"by the commands, not one person: {text}" for text in false),
    )  # fmt: skip


def link_rows(crops: Crops, rows: Int64Array, folder: Path, is_named: bool) -> None:
    """Link crops' photos into folders by person, named or numbered."""
    for row in rows.tolist():
        name = crops.names[crops.person[row]]
        link = folder / (name if is_named else f"p{crops.person[row]:06d}") / f"{crops.photos[row]}.jpg"
        link.parent.mkdir(parents=True, exist_ok=True)
        link_file(LFW / "lfw-deepfunneled" / name / link.name, link)
