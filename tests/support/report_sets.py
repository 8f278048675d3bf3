"""Sets whose report has something of everything: statuses, several faces, qualities and findings."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facedata import PreparedSet
from facedata.checks.check_folder import open_check_folder
from facedata.checks.close_check import close_check
from facedata.checks.findings import Finding
from facedata.checks.quality.measure import QUALITY
from facedata.checks.run_checks import Checked
from facedata.testing import MarkedFace
from facedata.types import UInt8Image
from tests.support.marked_photos import prepare_marked, write_marked
from tests.support.packed_pages import read_data

PEOPLE = ("Amara", "Birgit", "Chidi", "Dolores")
TWO_FACES = (MarkedFace((10, 10, 40, 50), 0.0, 0.95), MarkedFace((50, 30, 110, 110), -12.5, 0.99))


def write_photos(folder: Path) -> None:
    """Write four people with three photos each, and one photo for each of some other statuses."""
    for person, name in enumerate(PEOPLE):
        for photo in range(3):
            faces = TWO_FACES if photo == 2 else (MarkedFace((30, 20, 90, 100), 7.0 * person, 0.99),)
            write_marked(folder / name / f"{photo}.png", seed=10 * person + photo, faces=faces)
    shutil.copy(folder / "Amara/0.png", folder / "Amara/same.png")
    write_marked(folder / "Birgit/landscape.png", seed=90, faces=())
    write_marked(folder / "Birgit/weak.png", seed=91, faces=(MarkedFace((30, 20, 90, 100), 0.0, 0.5),))
    write_marked(folder / "Birgit/weaker.png", seed=92, faces=(MarkedFace((30, 20, 90, 100), 0.0, 0.4),))
    (folder / "Chidi/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more of it")


def prepare_photos(home: Path, **options: Any) -> PreparedSet:
    """Write photos to ``home/photos`` and prepare them at ``home/faces``; without a report unless asked."""
    write_photos(home / "photos")
    splits = {"splits": "train=0.5,test=0.5", "size": 48, "report": False}
    return prepare_marked(home / "photos", home / "faces", **{**splits, **options})


def write_check(
    prepared: PreparedSet, findings: Sequence[Finding], quality: Sequence[Sequence[float]]
) -> None:
    """Write what a check of a set would write that found this.

    Args:
        prepared: the set.
        findings: the findings.
        quality: of each crop the values of all qualities, NaN for those that cannot be told.
    """
    classes = prepared.table("classes")
    values = np.array(quality, np.float32).reshape(len(classes), -1)
    columns = {"id": classes.column("id"), **dict(zip(QUALITY.names[1:], values.T, strict=True))}
    rows = QUALITY.empty_table().from_pydict(columns, schema=QUALITY)
    readable = np.ones(len(classes), np.bool_)
    summary = {"settings": {"blurred": 0.28}}
    checked = Checked(
        prepared.path, prepared, prepared.fingerprint, classes, readable, list(findings), rows, {}, summary
    )
    with open_check_folder(prepared.path) as folder:
        close_check(folder, checked)


def page_data(folder: Path) -> Any:
    """Return the data of a report's page."""
    return read_data((folder / "index.html").read_bytes())


def read_picture(address: str, page: Path) -> UInt8Image:
    """Return the pixels of a page's picture, ``(height, width, 3)`` uint8 BGR."""
    if address.startswith("data:image/jpeg;base64,"):
        data = base64.b64decode(address.partition(",")[2])
    else:
        data = (page.parent / address).read_bytes()
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def read_tiles(sheets: Any, page: Path) -> list[UInt8Image]:
    """Return all thumbnails of a page, in its order."""
    side, tiles = sheets["tile_px"], []
    for at in range(sheets["count"]):
        sheet = read_picture(sheets["files"][at // sheets["tiles"]], page)
        top, left = divmod(at % sheets["tiles"], sheets["columns"])
        tiles.append(sheet[top * side : (top + 1) * side, left * side : (left + 1) * side])
    return tiles
