"""An export's crops: their bytes checked, in pieces that bound the memory."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from facedata.errors import StoreError
from facedata.exports import crops as crops_module
from facedata.exports.crops import read_crops
from facedata.sets.prepared import PreparedSet
from tests.support.small_set import make_set


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return make_set(tmp_path_factory.mktemp("set") / "faces", {"anna": 9, "ben": 8, "cleo": 7})


@pytest.fixture
def faces(made_once: PreparedSet, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once.path, tmp_path / "faces"))  # type: ignore[arg-type]


def _read(folder: Path, faces: PreparedSet) -> tuple[list[int], list[bytes]]:
    seen: list[int] = []
    read = list(read_crops(folder, "faces", faces.blocks("classes"), 3, seen.append))
    assert seen == [piece.rows.num_rows for piece in read]
    return seen, [crop for piece in read for crop in piece.crops]


@pytest.mark.parametrize(
    ("at_once", "bytes_at_once", "pieces"),
    [(256, 1 << 22, [24]), (10, 1 << 22, [10, 10, 4]), (256, 1, [1] * 24)],
)
def test_every_crop_once_in_order_in_pieces_of_bounded_size(
    at_once: int,
    bytes_at_once: int,
    pieces: list[int],
    made_once: PreparedSet,
    faces: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crops_module, "_AT_ONCE", at_once)
    monkeypatch.setattr(crops_module, "_AT_ONCE_BYTES", bytes_at_once)
    sizes, read = _read(faces, made_once)
    assert sizes == pieces
    digests = made_once.table("classes").column("crop_sha256").to_pylist()
    assert [hashlib.sha256(crop).hexdigest() for crop in read] == digests


def test_a_piece_ends_with_the_crop_that_fills_it(
    made_once: PreparedSet, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = made_once.table("classes").column("length").to_pylist()
    monkeypatch.setattr(crops_module, "_AT_ONCE_BYTES", sum(lengths[:5]))
    sizes, _ = _read(faces, made_once)
    assert sizes[0] == 5
    assert sum(sizes) == 24


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "longer", "link to nothing", "folder"])
def test_a_crop_that_is_not_what_it_was_is_named(damage: str, made_once: PreparedSet, faces: Path) -> None:
    file = faces / "crops" / "ben" / "3.jpg"
    data = file.read_bytes()
    file.unlink()
    if damage == "cut":
        file.write_bytes(data[:-1])
    elif damage == "other":
        file.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    elif damage == "longer":
        file.write_bytes(data + b"\0")
    elif damage == "link to nothing":
        file.symlink_to("nothing")
    elif damage == "folder":
        file.mkdir()
    with pytest.raises(StoreError, match=r"the crop ben/3\.jpg of faces is (gone|not what it was): run"):
        _read(faces, made_once)
