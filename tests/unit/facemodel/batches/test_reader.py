"""Crops as arrays: in order, decoded once, and never another one in the place of one that is gone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from facedata import ClassManifest, PreparedSet, prepare
from facedata.testing import painted_folder
from facemodel.batches import crop_files
from facemodel.batches.crop_files import CropFiles
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader, read_batches
from facemodel.errors import DataError
from tests.support.small_set import make_set

PEOPLE = {"Émile": 3, "Zoe": 2, "amy": 4, "Bo": 1}


@pytest.fixture
def small(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", PEOPLE, reference=["amy/1.jpg"], skip_ids=2)


@pytest.fixture(scope="module")
def in_tars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("tars")
    painted_folder(home / "photos", people=3, photos=3)
    prepare(home / "photos", home / "faces", store="tar", size=64, workers=1)
    return home / "faces"


def test_people_are_numbered_in_byte_order_of_identity(small: PreparedSet) -> None:
    training = TrainingPeople.of(ClassManifest.open(small.path))
    assert training.names == ("Bo", "Zoe", "amy", "Émile")
    table = training.classes.table
    assert [training.names[code] for code in training.person] == table.column("identity").to_pylist()
    assert training.counts.tolist() == [1, 2, 4, 3]
    assert len(training) == 10
    assert training.reference.tolist() == [path == "amy/1.jpg" for path in table.column("path").to_pylist()]
    assert training.codes_of(["amy", "nobody", "Bo"]).tolist() == [2, -1, 0]


def test_ids_are_found_and_strange_ones_are_not(small: PreparedSet) -> None:
    training = TrainingPeople.of(ClassManifest.open(small.path))
    ids = np.array([[training.ids[3], training.ids[0]], [training.ids[-1] + 5, 1]])
    rows, here = training.rows_of(ids)
    assert here.tolist() == [[True, True], [False, False]]
    assert rows[0].tolist() == [3, 0]


@pytest.mark.parametrize("workers", [1, 3])
def test_crops_come_in_the_order_of_the_rows(small: PreparedSet, workers: int) -> None:
    classes = ClassManifest.open(small.path)
    wanted = np.array([7, 0, 7, 3, 9, 0, 0])
    with CropReader(classes, workers) as reader:
        assert reader.size_px == 24
        found = reader.read(wanted)
    slow = np.stack([classes[int(row)].image() for row in wanted])
    assert found.dtype == np.uint8
    assert np.array_equal(found, slow)


def test_crops_come_out_of_tars(in_tars: Path) -> None:
    classes = ClassManifest.open(in_tars)
    assert classes[0].file.endswith(".tar")
    with CropReader(classes, 2) as reader:
        found = reader.read(np.arange(len(classes))[::-1])
        reader.check(hashes=True)
    assert np.array_equal(found, np.stack([row.image() for row in classes])[::-1])


def test_crops_come_from_a_url(small: PreparedSet) -> None:
    classes = ClassManifest.open(small.path.as_uri() if isinstance(small.path, Path) else small.path)
    with CropReader(classes, 2) as reader:
        found = reader.read(np.array([4, 2]))
    assert np.array_equal(found, np.stack([classes[4].image(), classes[2].image()]))


def test_no_rows_give_no_crops(small: PreparedSet) -> None:
    with CropReader(ClassManifest.open(small.path), 2) as reader:
        assert reader.read(np.empty(0, np.int64)).shape == (0, 24, 24, 3)


def test_rows_that_are_none_are_refused(small: PreparedSet) -> None:
    with CropReader(ClassManifest.open(small.path), 2) as reader, pytest.raises(IndexError, match="10 crops"):
        reader.read(np.array([-1]))


def test_batches_come_in_order_with_their_rows(small: PreparedSet) -> None:
    classes = ClassManifest.open(small.path)
    asked = [np.array([number % 10, (number * 3) % 10]) for number in range(9)]
    with CropReader(classes, 3) as reader:
        found = list(read_batches(reader, asked, ahead=2))
        assert [rows.tolist() for rows, _ in found] == [rows.tolist() for rows in asked]
        for rows, crops in found:
            assert np.array_equal(crops, reader.read(rows))


def test_a_batch_is_read_ahead_but_not_the_whole_epoch(small: PreparedSet) -> None:
    taken = []
    rows = (taken.append(number) or np.array([number]) for number in range(8))  # type: ignore[func-returns-value]
    with CropReader(ClassManifest.open(small.path), 1) as reader:
        next(read_batches(reader, rows, ahead=2))
    assert taken == [0, 1, 2]


def _damage(small: PreparedSet, how: str) -> str:
    row = ClassManifest.open(small.path)[5]
    file = Path(str(row.root)) / row.file
    data = file.read_bytes()
    if how == "gone":
        file.unlink()
    elif how == "short":
        file.write_bytes(data[:-5])
    else:
        file.write_bytes(bytes(len(data)))
    return row.path


@pytest.mark.parametrize("how", ["gone", "short", "rubbish"])
def test_an_unreadable_crop_is_named_and_none_takes_its_place(small: PreparedSet, how: str) -> None:
    """System A's loader went on with the next photo, so that every feature after it belonged to another."""
    path = _damage(small, how)
    with CropReader(ClassManifest.open(small.path), 2) as reader:
        with pytest.raises(DataError, match=path):
            reader.read(np.arange(10))
        assert len(reader.read(np.array([0, 9]))) == 2  # the reader is none the worse


def test_a_crop_of_another_size_is_named(small: PreparedSet) -> None:
    row = ClassManifest.open(small.path)[5]
    other = bytes(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1])
    (Path(str(row.root)) / row.file).write_bytes(other + bytes(row.length - len(other)))
    with (
        CropReader(ClassManifest.open(small.path), 2) as reader,
        pytest.raises(DataError, match=f"{row.path} is 9x9 px"),
    ):
        reader.read(np.array([5]))


def test_gone_and_changed_crops_are_counted(small: PreparedSet) -> None:
    classes = ClassManifest.open(small.path)
    files = [Path(str(row.root)) / row.file for row in classes]
    files[1].unlink()
    files[4].unlink()
    files[6].write_bytes(files[6].read_bytes() + b"x")
    files[8].write_bytes(files[8].read_bytes()[:-1] + b"x")  # as long as before: only its hash tells
    with CropReader(classes, 2) as reader:
        with pytest.raises(DataError, match="of 10 crops 2 are gone and 1 changed"):
            reader.check()
        with pytest.raises(DataError, match=f"2 are gone and 2 changed .*{classes[1].path}"):
            reader.check(hashes=True)
        reader.check(np.array([0, 8, 9]))
        with pytest.raises(DataError, match="of 1 crops 0 are gone and 1 changed"):
            reader.check(np.array([8]), hashes=True)


def test_a_tar_that_was_cut_short_is_seen(in_tars: Path, tmp_path: Path) -> None:
    classes = ClassManifest.open(in_tars)
    tar = in_tars / classes[0].file
    whole = tar.read_bytes()
    last = classes[len(classes) - 1]
    try:
        tar.write_bytes(whole[: last.offset + 10])
        with CropReader(classes, 1) as reader:
            with pytest.raises(DataError, match="of 9 crops 0 are gone and 1 changed"):
                reader.check()
            with pytest.raises(DataError, match=last.path):
                reader.read(np.array([len(classes) - 1]))
    finally:
        tar.write_bytes(whole)


def test_open_tars_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_files, "_MOST_OPEN", 3)
    for number in range(8):
        (tmp_path / f"{number}.tar").write_bytes(bytes([number]) * 20)
    files = CropFiles(tmp_path)
    for _ in range(2):
        for number in range(8):
            assert files.read(f"{number}.tar", 5, 10) == bytes([number]) * 10
    assert [len(opened._files) for opened in files._all] == [3]
    files.close()


def test_open_tars_are_bounded_for_all_threads_together(tmp_path: Path) -> None:
    """64 threads, each of which kept 48 tars open, had three times as many as a process may have."""
    for number in range(60):
        (tmp_path / f"{number}.tar").write_bytes(bytes([number]) * 20)
    files = CropFiles(tmp_path, threads=64)

    def read_all(_: int) -> bool:
        return all(files.read(f"{number}.tar", 5, 10) == bytes([number]) * 10 for number in range(60))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read_all, range(16)))
    assert max(len(opened._files) for opened in files._all) * 64 <= 384
    files.close()


def test_batches_that_are_kept_are_not_written_over(small: PreparedSet) -> None:
    classes = ClassManifest.open(small.path)
    asked = [np.array([number % 10, (number * 7) % 10]) for number in range(40)]
    with CropReader(classes, 2) as reader:
        kept = [crops[1] for _, crops in read_batches(reader, asked)]
        for rows, crop in zip(asked, kept, strict=True):
            assert np.array_equal(crop, classes[int(rows[1])].image())
