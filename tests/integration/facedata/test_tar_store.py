"""Whole runs with ``--store tar``: the same set as in folders; killed while packing; grown; split again."""

from __future__ import annotations

import shutil
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from facedata import ClassManifest, TripletManifest, open_set
from facedata.store import tars
from facedata.testing import MarkedFace, marked_image
from tests.support.facedata_command import SMALL, done, here, run, start
from tests.support.inline_engine import STATEMENT, inline
from tests.support.set_bytes import set_bytes

TAR = (*SMALL, "--store", "tar")
_FEW = "import facedata.store.tars as tars; tars.TAR_CROPS = 3\n"
_QUICK = _FEW + STATEMENT
_KILL = (
    _QUICK
    + """
import os, signal
def dying(name, data, whole=tars._member, count=[0]):
    count[0] += 1
    if count[0] == {members}:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(name, data)
tars._member = dying
"""
)
"""A program that dies when it packs so many members; with three crops a tar, six belong to each."""


@pytest.fixture(autouse=True)
def _three_crops_a_tar(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tars, "TAR_CROPS", 3)
    with inline():
        yield


@pytest.fixture
def packed(photos: Path, tmp_path: Path) -> Path:
    """A set of the photos, never disturbed."""
    done("prepare", "folder", photos, "--out", tmp_path / "packed", *TAR)
    return tmp_path / "packed"


def test_the_same_set_as_in_folders(photos: Path, packed: Path, tmp_path: Path) -> None:
    done("prepare", "folder", photos, "--out", tmp_path / "folders", *SMALL)
    for kind in ("photos", "classes", "pairs", "triplets"):
        one, other = (pq.read_table(folder / f"{kind}.parquet") for folder in (packed, tmp_path / "folders"))
        if kind == "classes":
            one, other = (table.drop_columns(["file", "offset"]) for table in (one, other))
        assert one.equals(other), kind
    crops = [ClassManifest.open(folder) for folder in (packed, tmp_path / "folders")]
    assert len(crops[0]) == 16
    for left, right in zip(*crops, strict=True):
        assert left.bytes() == right.bytes()
        assert left.image().shape == (64, 64, 3)
    assert sorted(path.name for path in (packed / "crops").iterdir()) == [f"{n:05d}.tar" for n in range(6)]
    assert not (packed / ".work").exists()


def test_rejected_and_duplicate_photos_are_in_no_tar(photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "person-00/00.png", photos / "person-00/twin.png")
    (photos / "person-01/broken.jpg").write_bytes(b"\xff\xd8\xff")
    done("prepare", "folder", photos, "--out", tmp_path / "set", *TAR)
    assert open_set(tmp_path / "set").info["counts"]["status"] == {
        "kept": 16,
        "unreadable": 1,
        "duplicate": 1,
    }
    names = []
    for file in sorted((tmp_path / "set/crops").iterdir()):
        with tarfile.open(file) as tar:
            names += tar.getnames()
    assert names == [f"{n:09d}.{ending}" for n in range(16) for ending in ("jpg", "json")]


def test_nothing_to_do(photos: Path, packed: Path) -> None:
    before = set_bytes(packed)
    assert "nothing to do" in done("prepare", "folder", photos, "--out", packed, *TAR).stderr
    assert set_bytes(packed) == before


def test_another_store_is_another_setting(photos: Path, packed: Path) -> None:
    refused = here("prepare", "folder", photos, "--out", packed, *SMALL)
    assert refused.status == 1
    assert "store: 'tar' before, 'folders' now" in refused.error


@pytest.mark.parametrize("members", [3, 32])
def test_killed_while_packing(members: int, photos: Path, packed: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    command = ("prepare", "folder", photos, "--out", out, *TAR)
    assert run(*command, before=_KILL.format(members=members)).status == -signal.SIGKILL
    assert (out / ".work").is_dir()
    assert not (out / "dataset.json").exists()
    done(*command)
    assert set_bytes(out) == set_bytes(packed)


def grow(photos: Path) -> None:
    """Add a photo in the middle of the order, change one, take one away: every later id moves."""
    for name, seed in (("person-01/01b.png", 90), ("person-02/03.png", 91)):
        face = MarkedFace((20, 15, 70, 75), 4.0)
        Image.fromarray(marked_image(120, 110, [face], seed)).save(photos / name)
    (photos / "person-03/00.png").unlink()


def test_a_grown_set_equals_a_fresh_one(photos: Path, packed: Path, tmp_path: Path) -> None:
    grow(photos)
    done("prepare", "folder", photos, "--out", packed, *TAR)
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *TAR)
    assert set_bytes(packed) == set_bytes(tmp_path / "fresh")


@pytest.mark.parametrize("members", [1, 14])
def test_killed_while_a_grown_set_is_packed(members: int, photos: Path, packed: Path, tmp_path: Path) -> None:
    grow(photos)
    command = ("prepare", "folder", photos, "--out", packed, *TAR)
    assert run(*command, before=_KILL.format(members=members)).status == -signal.SIGKILL
    done(*command)
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *TAR)
    assert set_bytes(packed) == set_bytes(tmp_path / "fresh")


def test_a_killed_update_whose_photos_go_back_is_the_old_set(
    photos: Path, packed: Path, tmp_path: Path
) -> None:
    before = set_bytes(packed)
    shutil.copytree(photos, tmp_path / "kept")
    grow(photos)
    command = ("prepare", "folder", photos, "--out", packed, *TAR)
    assert run(*command, before=_KILL.format(members=14)).status == -signal.SIGKILL
    shutil.rmtree(photos)
    shutil.copytree(tmp_path / "kept", photos)
    done(*command)
    assert set_bytes(packed) == before


def test_lost_and_damaged_tars_are_made_anew(photos: Path, packed: Path) -> None:
    before = set_bytes(packed)
    (packed / "crops/00001.tar").unlink()
    cut = (packed / "crops/00003.tar").read_bytes()[:3000]
    (packed / "crops/00003.tar").write_bytes(cut)
    done("prepare", "folder", photos, "--out", packed, *TAR)
    assert set_bytes(packed) == before


def test_commands_divide_and_draw_without_touching_a_tar(packed: Path) -> None:
    before = {name: data for name, data in set_bytes(packed).items() if name.endswith(".tar")}
    done("split", packed, "--splits", "train=0.75,test=0.25", "--seed", "3")
    done("pairs", packed, "--count", "20", "--seed", "1")
    done("triplets", packed, "--per-photo", "3")
    after = set_bytes(packed)
    assert {name: data for name, data in after.items() if name.endswith(".tar")} == before
    assert TripletManifest.open(packed)[0].anchor.image().shape == (64, 64, 3)
    assert "train" in done("info", packed).stdout


def test_killed_while_photos_are_read(photos: Path, packed: Path, tmp_path: Path) -> None:
    for number in range(70):  # more than one shard
        shutil.copy(photos / "person-00/00.png", photos / f"person-01/copy-{number:02d}.png")
    out = tmp_path / "killed"
    command = ("prepare", "folder", photos, "--out", out, *TAR)
    process = start(*command, before=_FEW)
    while process.poll() is None and not list(out.glob(".work/parts/[!.]*")):
        pass
    process.kill()
    process.communicate()
    assert not (out / "dataset.json").exists()
    assert list(out.glob(".work/parts/[!.]*"))
    done(*command)
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *TAR)
    assert set_bytes(out) == set_bytes(tmp_path / "fresh")


def test_a_set_that_loses_all_its_faces_loses_its_tars(photos: Path, packed: Path) -> None:
    for number, file in enumerate(photos.rglob("*.png")):
        Image.fromarray(marked_image(120, 110, (), number)).save(file)
    emptied = here("prepare", "folder", photos, "--out", packed, *TAR)
    assert emptied.status == 1
    assert "no photo was kept (no_face 16)" in emptied.error
    assert not list(packed.glob("crops/*"))
    assert open_set(packed).info["tables"]["classes"]["rows"] == 0


def test_overwrite_starts_afresh(photos: Path, packed: Path, tmp_path: Path) -> None:
    done("prepare", "folder", photos, "--out", packed, *SMALL, "--overwrite")
    done("prepare", "folder", photos, "--out", packed, *TAR, "--overwrite")
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *TAR)
    assert set_bytes(packed) == set_bytes(tmp_path / "fresh")
