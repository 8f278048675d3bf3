"""Boxes between two real faces are told from faces that stand close, in real and in pasted photos."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from facedata import check, prepare
from facedata.checks.quality.straddling import measure_unshared
from facedata.config import CheckConfig
from facedata.photos.image import decode
from facedata.types import Face, Float32Array, Float64Array
from tests.support.measured_faces import CutFace, face_in_photo, find_all, find_one, paste_beside
from tests.support.shared_data import SHARED, needs_shared

pytestmark = needs_shared

_THRESHOLD = CheckConfig().straddling
_LFW = SHARED / "data" / "lfw" / "lfw-deepfunneled"

# the photos of LFW whose faces come nearest to sharing an eye with a neighbour
_CLOSE = (
    "Gary_Bald_0001", "Amanda_Marsh_0001", "Christine_Todd_Whitman_0005", "Chris_Byrd_0002",
    "Charles_Grassley_0001", "Franko_Simatovic_0001", "Robbie_Naish_0001", "Michael_Chiklis_0004",
    "Tono_Suratman_0001", "Nia_Vardalos_0004", "Charles_Schumer_0002", "Trent_Lott_0008",
)  # fmt: skip

# pasted side by side, the real detector finds a face between them; with the overlap of their boxes
_PASTED = (
    ("Noah_Wyle_0001", "Shi_Guangsheng_0001", 0.4),
    ("Gloria_Trevi_0004", "Ernest_Hollings_0001", 0.4),
    ("Nicanor_Duarte_Frutos_0008", "Leonid_Kuchma_0005", 0.4),
    ("Lee_Soo-hyuck_0003", "Colin_Campbell_0001", 0.4),
    ("Steven_Spielberg_0001", "Steve_Blankenship_0001", 0.4),
)


def _path(name: str) -> Path:
    return _LFW / name[:-5] / f"{name}.jpg"


@pytest.mark.parametrize("name", _CLOSE)
def test_close_neighbours_are_no_straddling(name: str) -> None:
    found = find_all(decode(_path(name).read_bytes()))
    assert len(found) >= 2
    assert min(measure_unshared(face.in_photo) for face in found) > _THRESHOLD


def test_nor_are_groups() -> None:
    photos = sorted((SHARED / "data" / "group_photos").glob("*.jpg"))
    faces = [face for photo in photos for face in find_all(decode(photo.read_bytes()))]
    assert len(faces) > 40
    assert min(measure_unshared(face.in_photo) for face in faces) > _THRESHOLD


@pytest.mark.parametrize(("left", "right", "overlap"), _PASTED)
def test_what_the_detector_sees_between_two_faces_is_straddling(
    left: str, right: str, overlap: float
) -> None:
    here, there = find_one([_path(left), _path(right)])
    seam = 0.5 * (here.face.box[2] - overlap / 2 * (here.face.box[2] - here.face.box[0]))
    faces = find_all(paste_beside(here, there, overlap, 0.5))
    values = {_place(face.face, seam): measure_unshared(face.in_photo) for face in faces}
    assert values["between"] < _THRESHOLD
    assert all(value > _THRESHOLD for place, value in values.items() if place != "between")


def _place(face: Face, seam: float) -> str:
    """Say on which side of the seam a face is; between if the seam is in its middle third."""
    share = (seam - face.box[0]) / (face.box[2] - face.box[0])
    return "between" if 1 / 3 < share < 2 / 3 else "right" if share < 1 / 2 else "left"


@pytest.fixture(scope="module")
def people() -> list[CutFace]:
    photos = sorted(_LFW.rglob("*.jpg"))
    return find_one(photos[:: len(photos) // 25][:25])


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("overlap", [-0.1, 0.0, 0.1])
def test_a_box_between_any_two_people_is_straddling_and_they_are_not(
    people: list[CutFace], overlap: float, scale: float
) -> None:
    """By their true boxes and points, put side by side: the face between has an eye and a corner of each."""
    between, themselves = [], []
    for left, right in permutations(people, 2):
        here, there = _put_beside(left.face, right.face, overlap, scale)
        middle = np.asarray((here.box + there.box) / 2, np.float32)
        shared = np.array([here.landmarks[1], there.landmarks[0], here.landmarks[4], there.landmarks[3]])
        points = np.insert(shared, 2, shared.mean(axis=0), axis=0)
        false = Face(middle, 0.966, points.astype(np.float32))
        between.append(_unshared(false, [here, there]))
        themselves += [_unshared(here, [there, false]), _unshared(there, [here, false])]
    assert len(between) >= 500
    assert np.mean(np.array(between) < _THRESHOLD) >= 0.95
    assert min(themselves) > _THRESHOLD


def _unshared(face: Face, others: list[Face]) -> float:
    return measure_unshared(face_in_photo(face, np.full((2, 3), np.nan), (4000, 4000), others))


def _put_beside(left: Face, right: Face, overlap: float, scale: float) -> tuple[Face, Face]:
    """Return both faces cheek to cheek, of one height, equally sure."""
    factor = (left.box[3] - left.box[1]) / (right.box[3] - right.box[1])
    width = left.box[2] - left.box[0]
    to = np.array([left.box[2] - overlap * width, left.box[1]]) - right.box[:2] * factor

    def moved(points: Float32Array, factor: float, shift: Float64Array) -> Float64Array:
        return np.asarray((points * factor + shift) * scale, np.float64)

    here, there = (
        Face(
            np.concatenate([moved(face.box[:2], *how), moved(face.box[2:], *how)]).astype(np.float32),
            0.999,
            moved(face.landmarks, *how).astype(np.float32),
        )
        for face, how in ((left, (1.0, np.zeros(2))), (right, (float(factor), to)))
    )
    return here, there


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "most"),
    [
        ("lfw", {"turned_away": 12, "blurred": 3, "flat": 3}),
        ("celeba", {"small": 4, "bright": 2, "turned_away": 3}),
    ],
)
def test_no_real_photo_straddles_and_few_are_poor(source: str, most: dict[str, int], tmp_path: Path) -> None:
    prepare(SHARED / "data" / source, tmp_path / "faces", kind=source, workers=2, triplets_per_photo=1)
    found = check(tmp_path / "faces")
    kinds = Counter(found.table.column("kind").to_pylist())
    assert not kinds["straddling"]
    poor = ("blurred", "dark", "bright", "flat", "small", "turned_away", "cut_off")
    assert {kind: count for kind, count in kinds.items() if kind in poor and count > most.get(kind, 0)} == {}
