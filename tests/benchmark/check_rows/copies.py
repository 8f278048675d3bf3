"""Photos saved again, planted within a person, across people and across splits, from photos to findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq

from facedata.photos.image import decode
from facedata.types import UInt8Image
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.sets import LFW, Sets, known_errors
from tests.benchmark.check_rows.whole import link_file, run
from tests.support.saved_again import SAVES

WAYS = ("half the size", "JPEG 50", "cropped", "brighter", "darker", "mirrored")
"""Of those of :data:`tests.support.saved_again.SAVES`."""

PLACES = ("within", "across people", "across splits")
_EACH = 50
_PEOPLE = 2000
_MARK = "~"


def copy_lines(sets: Sets) -> Iterator[Line]:
    """Yield a row for each place that copies are planted in, and one of what is no copy."""
    folder = sets.folder / "copies"
    planted = plant_copies(folder / "photos")
    run(
        "facedata", "prepare", folder / "photos", "--out", folder / "faces", "--template", "arcface112",
        "--face", "center", "--split-from", "^(train|test)/", "--triplets-per-photo", "0",
    )  # fmt: skip
    run("facedata", "check", folder / "faces")
    table = pq.read_table(folder / "faces" / "check" / "findings.parquet").to_pylist()
    crops = pq.read_table(folder / "faces" / "classes.parquet", columns=["photo"]).column("photo").to_pylist()
    found, false = judge_copies(table)
    there = set(crops)
    for place in PLACES:
        copies = [photo for photo, (_, where) in planted.items() if where == place]
        kept = [photo for photo in copies if photo in there]
        severities = ("note",) if place == "within" else ("error",)
        good = [photo for photo in kept if found.get(photo) in severities]
        missed = Counter(planted[photo][0] for photo in kept if photo not in good)
        yield Line(
            f"lfw: copies {place}", f"{len(good) / max(len(kept), 1):.4f}", "≥ .99, as " + severities[0],
            len(good) >= 0.99 * len(kept) > 0,
            counts=f"{len(good)} of {len(kept)}, {len(copies) - len(kept)} have no crop; {len(WAYS)} ways",
            more=tuple(f"copies {place}, missed: {count} {way}" for way, count in missed.items()),
        )  # fmt: skip
    yield Line(
        "lfw: copies that are none", str(len(false)), "0", not false,
        counts=f"of {len(crops):,} crops", more=tuple(false),
    )  # fmt: skip


def plant_copies(folder: Path) -> dict[str, tuple[str, str]]:
    """Link photos of many people into two splits, and save some again.

    Returns:
        The copies, as a source lists them, and of each how it was saved and where it lies.
    """
    people = [home for home in sorted((LFW / "lfw-deepfunneled").iterdir()) if home.is_dir()]
    people = [people[at] for at in np.random.default_rng(0).permutation(len(people))[:_PEOPLE]]
    splits = ("train", "test")
    for number, home in enumerate(people):
        for file in home.glob("*.jpg"):
            link = folder / splits[number % 2] / home.name / file.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link_file(file, link)
    planted = {}
    jobs = [(way, place) for way in WAYS for place in PLACES for _ in range(_EACH)]
    for number, (way, place) in enumerate(jobs):
        # the next but one is in the same split, the next in the other one
        step = {"within": 0, "across people": 2, "across splits": 1}[place]
        to = people[(number + step) % len(people)]
        original = people[number] / f"{people[number].name}_0001.jpg"
        original = original if original.is_file() else min(people[number].glob("*.jpg"))
        name = f"{splits[(number + step) % 2]}/{to.name}/{original.stem}{_MARK}{number}.jpg"
        save_again(original, folder / name, SAVES[way])
        planted[name] = (way, place)
    return planted


def save_again(photo: Path, copy: Path, change: Callable[[UInt8Image], UInt8Image]) -> None:
    """Change a photo and save it."""
    changed = cv2.cvtColor(change(decode(photo.read_bytes())), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(copy), changed, [cv2.IMWRITE_JPEG_QUALITY, 95])


def judge_copies(findings: list[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """Return the copies that findings pair with their original, with the severity; and what is no copy.

    A pair of one published photograph counts as neither.
    """
    known = {frozenset((row["left"], row["right"])) for row in known_errors()}
    found: dict[str, str] = {}
    false: list[str] = []
    for one in findings:
        if one["kind"] in ("same_picture", "same_bytes"):
            photos = (one["left_photo"], one["right_photo"])
            originals = frozenset(Path(photo).stem.split(_MARK)[0] for photo in photos)
            if len(originals) == 1:
                found |= {photo: one["severity"] for photo in photos if _MARK in photo}
            elif originals not in known:
                false.append(f"no copy: {photos[0]}, {photos[1]} ({one['value']:.2f})")
    return found, false
