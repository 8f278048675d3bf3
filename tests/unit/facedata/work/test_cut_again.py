"""Cutting a ledger's faces again: matrices, shards, lost photos, parts of a stopped run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.crops.codec import encode_crop
from facedata.crops.cut import CropShape, cut_crop, make_shape
from facedata.files.atomic import file_sha256
from facedata.photos.picture import Picture
from facedata.progress.folder import ProgressFolder
from facedata.store.folders import FolderStore
from facedata.tables import schema
from facedata.testing import landmarks_in, marked_image
from facedata.types import Face, Photo
from facedata.work.cut_again import (
    FACE_COLUMNS,
    CutAgain,
    FoundPhoto,
    make_face_shards,
    read_parts,
    remove_stale_parts,
    replace_matrices,
)
from facedata.work.stage import SHARD_PHOTOS
from facedata.work.task import ShardTask, run_shard

BOX = (20.25, 10.5, 80.125, 95.0)
SHAPE = make_shape("arcface112", 112)
PHOTO = encode_crop(marked_image(120, 110, seed=4))


def reader(photo: str) -> bytes:
    if photo.startswith("gone"):
        raise FileNotFoundError(2, "No such file or directory", photo)
    if photo.startswith("locked"):
        raise PermissionError(13, "Permission denied", photo)
    return PHOTO + (b"!" if photo.startswith("changed") else b"")


def found(photo: str, **values: object) -> FoundPhoto:
    points = tuple(landmarks_in(BOX, 8.0).ravel().tolist())
    digest = hashlib.sha256(PHOTO).hexdigest()
    return FoundPhoto(
        photo, photo, f"{photo}.jpg", box=BOX, landmarks=points, sha256=str(values.get("sha256", digest))
    )


def test_a_known_face_is_cut_as_it_was_when_it_was_found() -> None:
    (row,) = CutAgain(SHAPE, reader, 10**8).run([found("a/1")])
    face = Face(np.array(BOX, np.float32), 0.7, landmarks_in(BOX, 8.0))
    wanted = encode_crop(cut_crop(Picture(PHOTO), face, SHAPE).image)
    assert row["crop"] == wanted
    assert (row["status"], row["path"], row["crop_length"]) == ("kept", "a/1.jpg", len(wanted))
    assert row["crop_sha256"] == hashlib.sha256(wanted).hexdigest()


@pytest.mark.parametrize("turned_deg", [90, 180, 270])
def test_a_turned_face_is_cut_and_its_matrix_made_as_when_it_was_found(turned_deg: int) -> None:
    one = replace(found("a/1"), turned_deg=turned_deg)
    (row,) = CutAgain(SHAPE, reader, 10**8).run([one])
    face = Face(np.array(BOX, np.float32), 0.7, landmarks_in(BOX, 8.0), turned_deg)
    wanted = cut_crop(Picture(PHOTO), face, SHAPE)
    assert row["crop"] == encode_crop(wanted.image)
    after = replace_matrices(ledger_of([found("b"), one]), SHAPE).column("matrix").to_pylist()
    assert after == [SHAPE.place(found("b").face).matrix.ravel().tolist(), wanted.matrix.ravel().tolist()]


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        ("gone", "gone"),
        ("changed", "changed"),
        ("locked", "unreadable: Permission denied"),
    ],
)
def test_a_photo_that_is_not_as_it_was_says_why(photo: str, reason: str) -> None:
    rows = CutAgain(SHAPE, reader, 10**8).run([found("a"), found(photo), found("b")])
    assert [row["status"] for row in rows] == ["kept", "unreadable", "kept"]
    assert rows[1]["reason"] == reason
    assert "crop" not in rows[1]


def test_bytes_that_are_no_photo_any_more_say_why() -> None:
    nothing = found("a", sha256=hashlib.sha256(b"nothing").hexdigest())
    (row,) = CutAgain(SHAPE, lambda photo: b"nothing", 10**8).run([nothing])
    assert (row["status"], row["reason"]) == ("unreadable", "unreadable: not an image")
    (row,) = CutAgain(SHAPE, reader, 100).run([found("a")])
    assert row["reason"] == "unreadable: 120x110 is more than 100 pixels"


def test_a_photo_without_a_known_face_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="a/1"):
        CutAgain(SHAPE, reader, 10**8).run([Photo("a/1", "a/1", "a/1.jpg")])


def ledger_of(photos: list[FoundPhoto | None]) -> pa.Table:
    """Return a ledger; where there is no photo the row is of one in which nobody was found."""
    rows = [
        {"record": f"x{number:03d}", "photo": "x", "status": "no_face"}
        if photo is None
        else {
            "record": photo.record, "photo": photo.photo, "identity": "p", "status": "kept",
            "box": photo.box, "landmarks": photo.landmarks, "sha256": photo.sha256, "path": photo.crop_path,
            "turned_deg": photo.turned_deg or None,  # sets of version 1 do not say
            "matrix": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        }
        for number, photo in enumerate(photos)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema.PHOTOS)


@pytest.mark.parametrize("shape", [make_shape("square", 64, 0.2), SHAPE, make_shape("facenet160")])
def test_matrices_are_the_templates_and_null_where_they_were(shape: CropShape) -> None:
    photos = [None, found("a"), None, found("b"), found("c"), None]
    before = ledger_of(photos)
    after = replace_matrices(before, shape)
    face = found("a").face
    wanted = shape.place(face).matrix.ravel().tolist()
    assert after.column("matrix").to_pylist() == [photo and wanted for photo in photos]
    assert after.drop_columns(["matrix"]).equals(before.drop_columns(["matrix"]))
    assert after.schema == before.schema
    for some in (ledger_of([None, None]), before.slice(0, 0)):
        assert replace_matrices(some, shape).equals(some)


def tasks_over(photos: list[FoundPhoto], out: Path) -> list[ShardTask]:
    for name in ("parts", "started"):
        (out / ".work" / name).mkdir(parents=True, exist_ok=True)
    kept = pa.table({"path": pa.array([photo.crop_path for photo in photos], pa.string())})
    ledger = ledger_of([None, *reversed(photos)]).select(FACE_COLUMNS)
    progress = ProgressFolder(out, FolderStore(out))
    return make_face_shards(kept, ledger, CutAgain(SHAPE, reader, 10**8), progress)


def test_shards_hold_every_photo_in_order_of_ids(tmp_path: Path) -> None:
    photos = [found(f"{number:03d}") for number in range(2 * SHARD_PHOTOS + 3)]
    tasks = tasks_over(photos, tmp_path)
    assert [len(task.photos) for task in tasks] == [SHARD_PHOTOS, SHARD_PHOTOS, 3]
    assert [photo for task in tasks for photo in task.photos] == photos
    assert len({task.name for task in tasks}) == 3
    assert [task.name for task in tasks[1:]] == [tasks[1].name, tasks[2].name]
    assert len(tasks_over([], tmp_path)) == 0


def test_finished_shards_are_read_in_order_with_what_was_lost(tmp_path: Path) -> None:
    photos = [found(f"{number:03d}") for number in range(SHARD_PHOTOS)]
    tasks = tasks_over([*photos, found("gone-1"), found("k"), found("changed-2")], tmp_path)
    for task in reversed(tasks):
        run_shard(task)
    crops = read_parts(tasks)
    assert crops.lost == [("gone-1", "gone"), ("changed-2", "changed")]
    files = [tmp_path / "crops" / photo.crop_path for photo in photos]
    assert crops.digests.to_pylist()[: len(photos)] == [file_sha256(file) for file in files]
    assert crops.lengths.to_pylist()[: len(photos)] == [file.stat().st_size for file in files]
    empty = read_parts(tasks_over([], tmp_path))
    assert (len(empty.digests), len(empty.lengths), empty.lost) == (0, 0, [])


def test_parts_of_a_stopped_run_hold_only_with_all_their_crops(tmp_path: Path) -> None:
    photos = [found(f"{number:03d}") for number in range(3 * SHARD_PHOTOS)]
    tasks = tasks_over([*photos, found("gone")], tmp_path)
    assert remove_stale_parts(tasks) == 0
    for task in (tasks[0], tasks[1], tasks[3]):
        run_shard(task)
    (tmp_path / "crops" / photos[70].crop_path).write_bytes(b"cut off")
    assert remove_stale_parts(tasks) == SHARD_PHOTOS
    assert [task.part.is_file() for task in tasks] == [True, False, False, False]
