"""Reports to open in a browser: of painted people with something to find, hostile names, and a crowd."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import facedata
from facedata.config import PrepareConfig
from facedata.painted import paint, paint_empty
from facedata.sets.prepared import write_dataset
from facedata.sources.open import SourceLike
from facedata.testing import FakeDetector, MarkedFace, marked_image
from facedata.types import UInt8Image
from tests.support.inline_engine import inline
from tests.support.small_set import make_set

PEOPLE = ("Amara", "Björn Åkesson", "Émile_Zola", "Farah", "José", "Zoë")
PHOTOS = 5

HOSTILE = (
    "<script>document.title='Ran'</script>",
    "\"><img src=x onerror=document.title='Ran'>",
    "'single' \"double\" `back` &amp; &lt; \\ %2F %00",
    "{{ 7 * 7 }} {% raw %} ${7 * 7}",
    "\u202eמשה כהן",
    "مريم العلي",
    "🙂👩\u200d👩\u200d👧 #person=?&x=1",
    "bell \x07 and\ttab",
    "x" * 200,
    "ü" * 100,
)

CROWD = 400
CROWD_PHOTOS = 3
MANY_PHOTOS = 700
"""Of the first of the crowd, who is called Ada."""


def painted_report(folder: Path) -> Path:
    """Make a set of painted people, check it, and return its report.

    One photo is in two people's folders, one is dark, one shows two people, one nobody, one is no image.
    """
    photos = folder / "photos"
    for person, name in enumerate(PEOPLE):
        (photos / name).mkdir(parents=True)
        for photo in range(PHOTOS):
            image = mark_faces(person, photo, beside=person + 1 if photo == 2 else None)
            if (name, photo) == ("José", 4):
                row = image[:1].copy()
                image = (image // 12).astype(np.uint8)
                image[:1] = row
            Image.fromarray(image).save(photos / name / f"{photo}.png", compress_level=1)
    shutil.copyfile(photos / "Amara/0.png", photos / "Farah/copy.png")
    Image.fromarray(paint_empty(0).image).save(photos / "Zoë/nobody.png", compress_level=1)
    (photos / "Zoë/torn.jpg").write_bytes(b"\xff\xd8\xff torn")
    prepare(photos, folder / "painted")
    facedata.check(folder / "painted", workers=1)
    return facedata.report_set(folder / "painted")


def hostile_report(folder: Path) -> Path:
    """Make a set whose people, photos, consent and folder have names that would harm a careless page."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    rows = []
    for number, name in enumerate(HOSTILE):
        for photo in range(2):
            file = f"{number} {name.replace('/', '_').encode()[:180].decode(errors='ignore')} {photo}.png"
            Image.fromarray(mark_faces(number, photo)).save(photos / file, compress_level=1)
            rows.append((file, name, name))
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "identity", "consent"), *rows])
    out = folder / "\"><img src=x onerror=document.title='Ran'>"
    prepare([folder / "people.csv", photos], out, kind="table")
    facedata.check(out, workers=1)
    return facedata.report_set(out)


def crowd_report(folder: Path) -> Path:
    """Make a set of many people, one of them with many photos, and return its report."""
    names = {f"Person {number:03d}": CROWD_PHOTOS for number in range(1, CROWD)}
    made = make_set(folder / "crowd", {"Ada": MANY_PHOTOS, **names})
    # what `prepare` records, where a small set has but what the tests of tables need
    made.info["settings"] = {**PrepareConfig().settings(), **made.info["settings"]}
    write_dataset(folder / "crowd", made.info)
    return facedata.report_set(folder / "crowd")


def prepare(source: SourceLike, out: Path, **options: Any) -> None:
    """Prepare a set of marked photos in this process."""
    with inline():
        facedata.prepare(
            source, out, detector=FakeDetector, workers=1, splits="train=0.5,test=0.5", **options
        )  # fmt: skip


def mark_faces(person: int, photo: int, beside: int | None = None) -> UInt8Image:
    """Return a painted photo whose first row of pixels says where the faces are."""
    painted = paint(person, photo, beside=beside)
    height, width = painted.image.shape[:2]
    faces = []
    for left, right in painted.eyes:
        across, down = right - left
        wide = 2.5 * float(np.hypot(across, down))
        x, y = (left + right) / 2
        box = (x - wide / 2, y - 0.52 * wide, x + wide / 2, y + 0.78 * wide)
        faces.append(MarkedFace(box, float(np.degrees(np.arctan2(down, across)))))
    image: UInt8Image = painted.image.copy()
    image[:1] = marked_image(width, height, faces)[:1]
    return image
