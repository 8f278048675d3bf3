"""``python -m facedata.painted DIR`` writes photos of the demo's people, to try enroll and identify with.

``DIR/people/<name>/*.jpg`` are photos from the demo set; ``DIR/unseen/<name>/*.jpg`` are other photos, of the
same people and of strangers, one folder per person. ``DIR/group.jpg`` shows four of them and two strangers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..types import UInt8Image
from .person import NAMES
from .photo import paint

_PHOTOS, _UNSEEN = 4, 2
_IN_GROUP = (0, 3, 6, 9)
_STRANGERS = (3, 10)
_TILE_PX = 360


def main() -> int:
    """Write the photos."""
    parser = argparse.ArgumentParser(
        prog="python -m facedata.painted", description="Write the demo's people as photos."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="created if missing")
    write_people(parser.parse_args().folder)
    return 0


def write_people(folder: Path) -> None:
    """Write ``people/``, ``unseen/`` and ``group.jpg``; the same bytes each time."""
    for person, name in enumerate(NAMES):
        for photo in range(_PHOTOS):
            _save(paint(person, photo).image, folder / "people" / name / f"{photo + 1:02d}.jpg")
        for photo in range(_UNSEEN):
            _save(paint(person, 60 + photo).image, folder / "unseen" / name / f"{photo + 1:02d}.jpg")
        stranger = folder / "unseen" / f"stranger {person + 1:02d}" / "01.jpg"
        _save(paint(person, 60, seed=1).image, stranger)
    # photo numbers that are used nowhere else: none of these was enrolled or trained on
    friends = [_tile(paint(person, 40 + person).image) for person in _IN_GROUP]
    strangers = [_tile(paint(person, 40 + person, seed=1).image) for person in _STRANGERS]
    upper, lower = [friends[0], strangers[0], friends[1]], [friends[2], friends[3], strangers[1]]
    _save(np.vstack([np.hstack(upper), np.hstack(lower)]), folder / "group.jpg")


def _tile(image: UInt8Image) -> UInt8Image:
    """Return the photo's middle as a square."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _save(image: UInt8Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, quality=92)


if __name__ == "__main__":
    raise SystemExit(main())
