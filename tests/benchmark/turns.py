"""Print how many crops come out upright when photos lie on their side or stand on their head, as Markdown.

    make bench-accuracy                          with the other figures of accuracy
    python -m tests.benchmark.turns --photos 20  a first look

Photos of LFW and CelebA, spread evenly, are turned by 0, 90, 180 and 270 degrees and encoded anew. Whether a
crop is upright is judged by the eyes that are found in the photo as it is, moved by the known turn and then
by the crop's matrix: never by what the turned photo's own search says.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facedata.detect.factory import make_factory
from facedata.detect.quarter_turns import turn_image, turn_points
from facedata.photos.image import decode
from facedata.types import Photo, Row
from facedata.work.stage import CropRules, FindAndCrop
from tests.benchmark.accuracy import WEIGHTS
from tests.benchmark.speed import machine, pick
from tests.support.shared_data import SHARED

TURNS_DEG = (0, 90, 180, 270)
OUTCOMES = ("upright", "on its side", "upside down", "another face", "no crop")
_RULES = {"lfw": "center", "celeba": "largest"}
_SIZE_PX = 240


class TurnedReader:
    """Reads photos, turned clockwise by some degrees and encoded anew as JPEG, quality 95.

    Args:
        turned_deg: 0, 90, 180 or 270; with 0 a file's own bytes are read.
    """

    def __init__(self, turned_deg: int) -> None:
        self.turned_deg = turned_deg

    def __call__(self, photo: str) -> bytes:
        """Return a photo's bytes."""
        data = Path(photo).read_bytes()
        if self.turned_deg == 0:
            return data
        image = cv2.cvtColor(turn_image(decode(data), self.turned_deg), cv2.COLOR_RGB2BGR)
        return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def cut_turned(photos: Sequence[Path], turned_deg: int, rules: CropRules, detector: str) -> list[Row]:
    """Return the rows of photos that are turned before anything else sees them."""
    factory = make_factory(
        detector, rules.min_face, "cpu", str(WEIGHTS[detector]) if detector in WEIGHTS else None
    )
    stage = FindAndCrop(rules, TurnedReader(turned_deg), factory)
    return [
        row
        for at in range(0, len(photos), 64)
        for row in stage.run([Photo(str(photo), str(photo), photo.name) for photo in photos[at : at + 64]])
    ]


def judge(unturned: Row, row: Row, turned_deg: int) -> str:
    """Return one of :data:`OUTCOMES` for a photo with a face.

    Args:
        unturned: the row of the photo as it is; its landmarks are the truth.
        row: that of the photo turned.
        turned_deg: by how much it was turned, clockwise.
    """
    if row["status"] != "kept":
        return "no crop"
    points = np.array(unturned["landmarks"], np.float32).reshape(5, 2)
    turned = turn_points(points, turned_deg, (unturned["width"], unturned["height"]))
    matrix: NDArray[np.float64] = np.array(row["matrix"]).reshape(2, 3)
    left, right = turned[:2] @ matrix[:, :2].T + matrix[:, 2]
    middle = (left + right) / 2
    if middle.min() < 0 or middle.max() > _SIZE_PX:
        return "another face"
    tilt_deg = abs(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))
    return "upright" if tilt_deg < 45 else "on its side" if tilt_deg <= 135 else "upside down"


def count_outcomes(
    photos: Sequence[Path], rule: str, detector: str, turns: Iterable[str]
) -> dict[tuple[str, int], Counter[str]]:
    """Return how many photos of each setting of ``--turn`` and each turn came out how.

    Photos in which no face is found as they are do not count.
    """
    truth = cut_turned(photos, 0, CropRules(rule, turn="exif"), detector)
    with_face = [number for number, row in enumerate(truth) if row["status"] == "kept"]
    counts = {}
    for turn in turns:
        for turned_deg in TURNS_DEG:
            rows = cut_turned(
                [photos[number] for number in with_face], turned_deg, CropRules(rule, turn=turn), detector
            )
            judged = zip(with_face, rows, strict=True)
            counts[turn, turned_deg] = Counter(
                judge(truth[number], row, turned_deg) for number, row in judged
            )
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=100, help="of each set (default: 100)")
    parser.add_argument("--detector", default="mtcnn", choices=("mtcnn", "yunet", "retinaface"))
    asked = parser.parse_args(arguments)
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED")
        return 1
    torch.set_num_threads(1)
    found = {
        name: count_outcomes(pick(name, asked.photos), rule, asked.detector, ("exif", "auto"))
        for name, rule in _RULES.items()
    }
    print(f"{asked.detector}, {asked.photos} photos of each set, {machine()}\n")
    print(f"| --turn | turned by | {' | '.join(OUTCOMES)} |\n|---|---|{'---|' * len(OUTCOMES)}")
    good = True
    for turn in ("exif", "auto"):
        for turned_deg in TURNS_DEG:
            counts = sum((counted[turn, turned_deg] for counted in found.values()), Counter[str]())
            print(f"| {turn} | {turned_deg}° | {' | '.join(str(counts[name]) for name in OUTCOMES)} |")
            if turn == "auto":
                good &= counts["upright"] >= 0.98 * counts.total() and not counts["upside down"]
    print(f"\n{'ok' if good else '!!'} wanted with auto: ≥ 98% upright at every turn, none upside down")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
