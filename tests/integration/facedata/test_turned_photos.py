"""Photos on their side or upside down, from the command's options to the crops, with the real detectors."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facedata import PreparedSet, crop_set, find_crops, open_set, prepare
from facedata.config import TEMPLATES
from facedata.detect.quarter_turns import turn_box, turn_image, turn_points
from facedata.painted import paint
from facedata.types import UInt8Image
from tests.benchmark.turns import OUTCOMES, count_outcomes
from tests.support.inline_engine import inline
from tests.support.set_bytes import set_bytes
from tests.support.shared_data import SHARED, needs_shared

TURNS_DEG = (0, 90, 180, 270)
SOME: dict[str, Any] = {"splits": "train=0.5,test=0.5", "triplets_per_photo": 1, "workers": 1}


@pytest.fixture(autouse=True)
def _in_this_process() -> Iterator[None]:
    with inline():
        yield


def encode(image: UInt8Image, orientation: int = 1) -> bytes:
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(image).save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def paint_large(person: int) -> tuple[UInt8Image, Any]:
    """A painted portrait of about 1,400 px, searched and cut from a reduced decoding, and its eyes."""
    painted = paint(person, 0, seed=1)
    large = cv2.resize(painted.image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8), (np.asarray(painted.eyes[0], np.float32) + 0.5) * 3 - 0.5


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four painted people, each photographed at every turn: small, and for two of them large."""
    folder = tmp_path_factory.mktemp("lying")
    for person in range(4):
        (folder / f"p{person}").mkdir()
        image = paint(person, 0, seed=1).image if person < 2 else paint_large(person)[0]
        for turned_deg in TURNS_DEG:
            data = encode(turn_image(image, 360 - turned_deg if turned_deg else 0))
            (folder / f"p{person}" / f"{turned_deg}.jpg").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def prepared(lying: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A set of each template."""
    out = tmp_path_factory.mktemp("sets")
    with inline():
        for template in TEMPLATES:
            prepare(lying, out / template, template=template, **SOME)
    return {template: out / template for template in TEMPLATES}


def true_eyes(photo: str) -> Any:
    """Return where the eyes of a photo of `lying` are: image-left and image-right in the upright face."""
    person, turned_deg = int(photo[1]), int(photo[3:-4])
    painted = paint(person, 0, seed=1)
    image, eyes = (painted.image, painted.eyes[0]) if person < 2 else paint_large(person)
    back = 360 - turned_deg if turned_deg else 0
    return turn_points(np.asarray(eyes, np.float32), back, (image.shape[1], image.shape[0]))


@pytest.mark.parametrize("template", TEMPLATES)
def test_painted_people_at_every_turn_come_out_upright(prepared: dict[str, Path], template: str) -> None:
    rows = pd.read_parquet(prepared[template] / "photos.parquet")
    assert set(rows.status) == {"kept"}
    assert rows.turned_deg.tolist() == [int(photo[3:-4]) for photo in rows.photo]
    side = open_set(prepared[template]).size_px
    for row in rows.itertuples():
        matrix = np.asarray(row.matrix).reshape(2, 3)
        (x0, y0), (x1, y1) = true_eyes(str(row.photo)) @ matrix[:, :2].T + matrix[:, 2]
        assert 0 < x0 < x1 < side, row.photo
        assert abs(y1 - y0) < 0.5 * (x1 - x0)
        assert (y0 + y1) / 2 < 0.6 * side
        # the ledger's own points are those of the photo as it lies, in the same order
        found = np.asarray(row.landmarks).reshape(5, 2)[:2]
        assert np.abs(found - true_eyes(str(row.photo))).max() < 0.25 * np.hypot(*(found[1] - found[0]))


@pytest.mark.parametrize("template", TEMPLATES)
def test_turned_faces_cut_again_from_the_ledger_are_the_same_bytes(
    prepared: dict[str, Path], tmp_path: Path, template: str
) -> None:
    start = next(name for name in TEMPLATES if name != template)
    crop_set(prepared[start], tmp_path / "again", template=template, workers=1)
    assert set_bytes(tmp_path / "again") == set_bytes(prepared[template])


def test_find_crops_turns_as_prepare_does(lying: Path, prepared: dict[str, Path]) -> None:
    rows = pd.read_parquet(prepared["square"] / "photos.parquet").set_index("photo")
    for photo in ("p0/180.jpg", "p3/90.jpg"):
        (crop,) = find_crops((lying / photo).read_bytes(), face="largest")
        np.testing.assert_array_equal(crop.matrix.ravel(), rows.loc[photo].matrix)
        assert crop.face.turned_deg == rows.loc[photo].turned_deg
        assert len(find_crops((lying / photo).read_bytes())) == 1
    upright = find_crops((lying / "p0/0.jpg").read_bytes(), face="largest")
    exif = find_crops((lying / "p0/0.jpg").read_bytes(), face="largest", turn="exif")
    np.testing.assert_array_equal(upright[0].image, exif[0].image)


def test_batches_and_their_order_make_no_difference(
    lying: Path, prepared: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facedata.work import shards, stage

    monkeypatch.setattr(shards, "SHARD_PHOTOS", 5)
    monkeypatch.setattr(stage, "_BATCH_PHOTOS", 3)
    prepare(lying, tmp_path / "set", **SOME)
    assert set_bytes(tmp_path / "set") == set_bytes(prepared["square"])


def statuses(out: PreparedSet) -> dict[str, tuple[str, Any, Any]]:
    rows = out.table("photos", ["photo", "status", "turned_deg", "width"]).to_pylist()
    return {row["photo"]: (row["status"], row["turned_deg"], row["width"]) for row in rows}


def test_the_three_settings(tmp_path: Path) -> None:
    image = paint(0, 0, seed=1).image
    height, width = image.shape[:2]
    (tmp_path / "photos/anna").mkdir(parents=True)
    (tmp_path / "photos/ben").mkdir()
    (tmp_path / "photos/anna/tagged.jpg").write_bytes(encode(turn_image(image, 270), 6))
    (tmp_path / "photos/ben/plain.jpg").write_bytes(encode(turn_image(image, 180)))
    found = {
        turn: statuses(prepare(tmp_path / "photos", tmp_path / turn, turn=turn, **SOME))
        for turn in ("auto", "exif")
    }
    assert found["auto"] == {
        "anna/tagged.jpg": ("kept", 0, width), "ben/plain.jpg": ("kept", 180, width)
    }  # fmt: skip
    assert found["exif"]["anna/tagged.jpg"] == ("kept", 0, width)
    assert found["exif"]["ben/plain.jpg"][1] in (0, None)
    never = prepare(tmp_path / "photos", tmp_path / "never", turn="never", min_score=0.0, **SOME)
    assert statuses(never)["anna/tagged.jpg"][2] == height  # as it is stored
    crop_set(tmp_path / "never", tmp_path / "again", template="facenet160", workers=1)
    prepare(
        tmp_path / "photos", tmp_path / "fresh", turn="never", min_score=0.0, template="facenet160", **SOME
    )
    assert set_bytes(tmp_path / "again") == set_bytes(tmp_path / "fresh")


def test_a_table_s_boxes_are_of_the_photo_as_it_lies(tmp_path: Path) -> None:
    """Two people in a photo that stands on its head: each box gets the face that it is about."""
    two = np.concatenate([paint(person, 0, seed=1).image[:400, :400] for person in (0, 1)], axis=1)
    boxes = [find_crops(paint(person, 0, seed=1).image, face="largest")[0].face.box for person in (0, 1)]
    boxes[1] = boxes[1] + np.array([400, 0, 400, 0], np.float32)
    (tmp_path / "two.jpg").write_bytes(encode(turn_image(two, 180)))
    lines = ["path,identity,box"]
    for name, box in zip(("anna", "ben"), boxes, strict=True):
        there = [round(v, 1) for v in turn_box(box, 180, (two.shape[1], two.shape[0])).tolist()]
        lines.append(f'two.jpg,{name},"{there}"')
    (tmp_path / "boxes.csv").write_text("\n".join(lines) + "\n")
    prepared = prepare(tmp_path / "boxes.csv", tmp_path / "set", kind="table", **SOME)
    rows = prepared.table("photos").to_pylist()
    assert [(row["status"], row["turned_deg"]) for row in rows] == [("kept", 180)] * 2
    assert min(row["box_iou"] for row in rows) > 0.7


@needs_shared
@pytest.mark.parametrize(("name", "rule"), [("lfw", "center"), ("celeba", "largest")])
def test_real_people_at_every_turn_come_out_upright(name: str, rule: str) -> None:
    """The figures of `make bench-accuracy` on a part of its photos."""
    photos = sorted((SHARED / "data" / name).rglob("*.jpg"))
    some = photos[:: len(photos) // 16][:16]
    for counts in count_outcomes(some, rule, "mtcnn", ["auto"]).values():
        assert set(counts) <= set(OUTCOMES)
        assert counts["upright"] >= 0.93 * counts.total()
        assert counts["upside down"] == 0


@needs_shared
@pytest.mark.parametrize("detector", ["yunet", "retinaface"])
def test_one_shot_detectors_turn_too(detector: str) -> None:
    photos = sorted((SHARED / "data/lfw").rglob("*.jpg"))[::600]
    for counts in count_outcomes(photos, "center", detector, ["auto"]).values():
        assert counts["upright"] == counts.total() == len(photos)


@needs_shared
def test_people_who_lie_are_found_and_upright(tmp_path: Path) -> None:
    """Three photos of CelebA in which nobody was found before."""
    photos = [SHARED / f"data/celeba/img_celeba/{number}.jpg" for number in ("183341", "187576", "187760")]
    for photo, turned_deg in zip(photos, (90, 270, 270), strict=True):
        assert find_crops(photo.read_bytes(), face="largest", turn="exif") == []
        (crop,) = find_crops(photo.read_bytes(), face="largest")
        assert crop.face.turned_deg == turned_deg
