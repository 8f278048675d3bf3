"""Real photos in two folders that share some: the same files, saved again, mirrored, or the same people."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageEnhance, ImageOps

from tests.support.shared_data import SHARED

_EACH = {"bytes": 2, "saved": 3, "mirrored": 2, "faces": 4, "mine": 4, "theirs": 4}
"""How many people the two folders share, and in what way; and how many are in one only."""


class OverlappingSources(NamedTuple):
    """Two folders of LFW's photos, a folder per person, with other names in the second one.

    Attributes:
        mine: the first folder, two photos a person.
        theirs: the second.
        names: by the way of sharing, the first folder's names and what the second one calls them.
        photos: by the way of sharing, the first folder's shared photos and what the second one has of them.
    """

    mine: Path
    theirs: Path
    names: dict[str, dict[str, str]]
    photos: dict[str, dict[str, str]]


def overlapping_sources(folder: Path) -> OverlappingSources:
    """Write the two folders."""
    everybody = [path for path in sorted((SHARED / "data/lfw/lfw-deepfunneled").iterdir()) if path.is_dir()]
    people = iter([path for path in everybody if len(list(path.glob("*.jpg"))) >= 4])
    mine, theirs = folder / "mine", folder / "theirs"
    names: dict[str, dict[str, str]] = {way: {} for way in _EACH}
    photos: dict[str, dict[str, str]] = {way: {} for way in _EACH}
    number = 0
    for way, count in _EACH.items():
        for _ in range(count):
            person = next(people)
            number += 1
            other = f"person {number:02d}"
            files = sorted(person.glob("*.jpg"))
            if way != "theirs":
                _copy(files[:2], mine / person.name)
            if way in ("theirs", "faces"):
                _copy(files[2:4] if way == "faces" else files[:2], theirs / other)
            elif way != "mine":
                copy = theirs / other / "photo.jpg"
                copy.parent.mkdir(parents=True)
                _save_again(files[0], copy, way, number)
                photos[way][f"{person.name}/{files[0].name}"] = f"{other}/photo.jpg"
            names[way][person.name] = other
    return OverlappingSources(mine, theirs, names, photos)


def _copy(files: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, folder / file.name)


def _save_again(photo: Path, copy: Path, way: str, number: int) -> None:
    if way == "bytes":
        shutil.copyfile(photo, copy)
        return
    image = Image.open(photo).convert("RGB")
    if way == "mirrored":
        image = ImageOps.mirror(image)
    elif number % 3 == 0:
        image = image.resize((image.width * 7 // 10, image.height * 7 // 10))
    elif number % 3 == 1:
        image = ImageEnhance.Brightness(image).enhance(1.2)
    image.save(copy, quality=60)
