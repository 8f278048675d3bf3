"""The demo's people are painted as promised, and a real detector finds them where their eyes are."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from facenet_pytorch import MTCNN
from PIL import Image, ImageOps

from facedata.errors import StoreError, UsageError
from facedata.painted import appearance, paint, paint_empty
from facedata.painted.canvas import Canvas, spline
from facedata.painted.portrait import paint_portrait
from facedata.painted.pose import Pose
from facedata.sources.base import PLAN, Source
from facedata.sources.demo import DemoSource
from facedata.types import Float64Array, UInt8Image

DEMO = DemoSource()
read, true_eyes = cache(DEMO.reader), cache(DEMO.true_eyes)
"""A photo's bytes and its faces' eyes: painted once for all tests."""


def upright(data: bytes) -> UInt8Image:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def paths(source: DemoSource) -> list[str]:
    found: list[str] = source.scan().photos.column("photo").to_pylist()
    return found


def test_the_scan_lists_every_photo_of_every_person() -> None:
    source: Source = DemoSource()
    table = source.scan().photos
    assert table.schema.equals(PLAN)
    assert table.num_rows == 96
    assert len(set(table.column("record").to_pylist())) == 96
    people = table.column("identity").to_pylist()
    assert {people.count(person) for person in people} == {8}
    assert len(set(people)) == 12
    assert all(
        photo.startswith(f"{who}/") for photo, who in zip(table["photo"].to_pylist(), people, strict=True)
    )
    assert table.column("status").null_count == 96


def test_more_people_than_names_are_still_told_apart() -> None:
    people = DemoSource(people=25, photos=2).scan().photos.column("identity").to_pylist()
    assert len(set(people)) == 25
    assert people[-1] == "Amara 3"


def test_bytes_are_the_same_in_another_process_and_in_another_order() -> None:
    source = DemoSource(people=3, photos=4, seed=5)
    here = {photo: hashlib.sha256(source.reader(photo)).hexdigest() for photo in reversed(paths(source))}
    code = (
        "import hashlib, pickle, sys\n"
        "reader = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "for photo in reader.paths(): print(photo, hashlib.sha256(reader(photo)).hexdigest())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, pickle.dumps(source.scan().reader).hex()],
        check=True,
        capture_output=True,
        text=True,
    )
    assert dict(line.split() for line in shown.stdout.splitlines()) == here
    assert len(set(here.values())) == 12


def test_another_seed_paints_other_people() -> None:
    assert DemoSource(seed=0).reader("Amara/01.jpg") != DemoSource(seed=1).reader("Amara/01.jpg")
    assert appearance(0, seed=0) != appearance(0, seed=1)


def test_neighbouring_people_differ_in_hair_style_and_skin() -> None:
    people = [appearance(person) for person in range(12)]
    assert len({who.style for who in people}) == 12
    assert all(a.skin != b.skin for a, b in itertools.pairwise(people))


def test_exactly_one_photo_holds_nobody_and_some_hold_two() -> None:
    for source in (DEMO, DemoSource(people=1, photos=2), DemoSource(people=3, photos=5, seed=9)):
        eyes = true_eyes if source is DEMO else source.true_eyes
        faces = [len(eyes(photo)) for photo in paths(source)]
        assert faces.count(0) == 1
        assert set(faces) <= {0, 1, 2}
    assert [len(true_eyes(photo)) for photo in paths(DEMO)].count(2) == 8


def test_the_named_person_is_clearly_the_larger_of_two() -> None:
    pairs = [eyes for eyes in map(true_eyes, paths(DEMO)) if len(eyes) == 2]
    for eyes in pairs:
        named, other = np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1)
        assert named > 1.2 * other


def test_photos_are_stored_in_several_ways() -> None:
    ways: list[tuple[str | None, str, int]] = []
    for photo in paths(DEMO):
        with Image.open(io.BytesIO(read(photo))) as picture:
            assert photo.endswith(".png") == (picture.format == "PNG")
            ways.append((picture.format, picture.mode, picture.getexif().get(0x0112, 1)))
    assert ways.count(("JPEG", "L", 1)) == 1
    assert ways.count(("PNG", "RGBA", 1)) == 1
    assert {turn for _, _, turn in ways} == {1, 3, 6, 8}


def test_a_turned_photo_is_upright_where_its_eyes_are_given() -> None:
    source = DemoSource()
    stored = source.reader("Birgit/04.jpg")
    with Image.open(io.BytesIO(stored)) as picture:
        assert picture.getexif()[0x0112] == 6
        turned_size = picture.size
    painted = source.reader.paint_photo("Birgit/04.jpg").image
    shown = upright(stored)
    assert shown.shape == painted.shape
    assert shown.shape[:2] == turned_size  # width and height change places: (h, w) against (w, h)
    assert np.abs(shown.astype(int) - painted).mean() < 5


@pytest.mark.parametrize(
    "photo",
    ["", "Amara", "Amara/1.jpg", "Amara/09.jpg", "Amara/01.png", "Amara 2/01.jpg", "Zoe/01.jpg", "Amara/²²"],
)
def test_an_unknown_photo_is_not_there(photo: str) -> None:
    with pytest.raises(FileNotFoundError, match="no photo"):
        DemoSource().reader(photo)


@pytest.mark.parametrize(("people", "photos", "seed"), [(0, 8, 0), (12, 1, 0), (12, 8, -1)])
def test_an_impossible_demo_is_refused(people: int, photos: int, seed: int) -> None:
    with pytest.raises(UsageError, match="cannot be painted"):
        DemoSource(people, photos, seed)


def test_saving_writes_a_folder_per_person(tmp_path: Path) -> None:
    source = DemoSource(people=2, photos=2)
    source.save(tmp_path / "demo")
    written = {str(file.relative_to(tmp_path / "demo")): file for file in (tmp_path / "demo").glob("*/*")}
    assert sorted(written) == sorted(paths(source))
    assert all(file.read_bytes() == source.reader(photo) for photo, file in written.items())


def test_saving_where_a_file_stands_in_the_way_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match="Amara"):
        DemoSource(people=1, photos=2).save(tmp_path / "taken")


def test_poses_vary_within_thirty_degrees() -> None:
    tilts = np.array([paint(person, photo).tilt_deg for person in range(12) for photo in range(8)])
    assert np.abs(tilts).max() <= 30.001
    assert np.abs(tilts).max() > 20
    assert np.ptp(np.sign(tilts)) == 2
    assert np.isnan(paint_empty().tilt_deg)


@pytest.mark.parametrize("person", range(12))
def test_the_pupils_are_painted_where_the_eyes_are_said_to_be(person: int) -> None:
    pose = Pose(200, 180, 90, roll_deg=20, yaw_deg=-9, pitch_deg=4)
    canvas = Canvas(400, 400, (255, 255, 255))
    who = dataclasses.replace(appearance(person), glasses="none")  # lenses tint what is behind them
    eyes = paint_portrait(canvas, who, pose, clothes=(255, 255, 255))
    gap = float(np.linalg.norm(eyes[1] - eyes[0]))
    pupil = np.abs(canvas.image.astype(int) - (18, 14, 16)).max(axis=2) <= 2
    ys, xs = np.nonzero(pupil)
    for x, y in eyes:
        near = np.hypot(xs - x, ys - y) < 0.2 * gap
        assert near.sum() > 20
        assert np.hypot(xs[near].mean() - x, ys[near].mean() - y) < 0.03 * gap


def test_a_pose_tilts_the_eye_line_by_its_roll_whatever_else_it_does() -> None:
    for roll, yaw, pitch in itertools.product((-30, 0, 17), (-16, 0, 16), (-7, 0, 7)):
        left, right = Pose(50, 60, 30, roll_deg=roll, yaw_deg=yaw, pitch_deg=pitch).eyes(0.45)
        assert np.degrees(np.arctan2(*(right - left)[::-1])) == pytest.approx(roll, abs=1e-9)


@pytest.mark.parametrize("closed", [True, False])
def test_a_spline_passes_through_its_points(closed: bool) -> None:
    points = np.random.default_rng(3).uniform(0, 100, (6, 2))
    curve = spline(points, closed=closed, steps=5)
    gaps = np.linalg.norm(points[:, None] - curve[None], axis=2).min(axis=1)
    assert gaps.max() < 1e-9
    assert len(curve) == (30 if closed else 26)


def found_by_mtcnn(detector: MTCNN, image: UInt8Image) -> Float64Array:
    """Return the eyes, ``(k, 2, 2)``, of the faces scoring at least 0.9, the largest box first."""
    boxes, scores, points = detector.detect(Image.fromarray(image), landmarks=True)
    if boxes is None:
        return np.zeros((0, 2, 2))
    boxes, scores, points = (np.array(v.tolist(), np.float64) for v in (boxes, scores, points))
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    order = [i for i in np.argsort(-areas) if scores[i] >= 0.9]
    eyes: Float64Array = points[order, :2].reshape(-1, 2, 2)
    return eyes


def test_a_real_detector_finds_the_named_face_and_its_tilt() -> None:
    detector = MTCNN(keep_all=True, min_face_size=40)  # the named faces are larger
    errors, lost = [], []
    for photo in paths(DEMO):
        truth, found = true_eyes(photo), found_by_mtcnn(detector, upright(read(photo)))
        if not len(truth):
            assert not len(found)
            continue
        gap = np.linalg.norm(truth[0, 1] - truth[0, 0])
        if not len(found) or np.linalg.norm(found[0] - truth[0], axis=1).max() > 0.3 * gap:
            lost.append(photo)
            continue
        tilts = [np.degrees(np.arctan2(*(eyes[1] - eyes[0])[::-1])) for eyes in (found[0], truth[0])]
        errors.append(abs(tilts[0] - tilts[1]))
    assert len(lost) <= 0.05 * 95, lost
    assert np.median(errors) <= 1.5
