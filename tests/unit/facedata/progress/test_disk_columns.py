"""Columns on disk: the same numbers as an array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedata.errors import StoreError
from facedata.progress import disk_columns
from facedata.progress.disk_columns import DiskColumn, make_column, reorder

ROWS = 400


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_columns, "BLOCK_ROWS", 90)
    monkeypatch.setattr(disk_columns, "_MOST_RUNS", 5)
    monkeypatch.setattr(disk_columns, "_MANY_ROWS", ROWS)


def test_rows_are_those_of_an_array(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    column, array = make_column((ROWS, 3), np.uint64, tmp_path), np.zeros((ROWS, 3), np.uint64)
    assert isinstance(column, DiskColumn)
    assert (column[:] == array).all()
    for count in (1, 7, 60, 350, 0):
        at = rng.choice(ROWS, count, replace=False)
        for rows in (at, np.sort(at), np.arange(count)):
            values = rng.integers(0, 1 << 62, (count, 3)).astype(np.uint64)
            column[rows] = values
            array[rows] = values
            assert (column[rows] == array[rows]).all()
            assert (column[:] == array).all()
    column[np.array([5, 399, 7])] = 0
    array[[5, 399, 7]] = 0
    for span in (slice(0, 0), slice(89, 181), slice(390, 999), slice(3), slice(20, 10)):
        assert (column[span] == array[span]).all()
        assert column[span].shape == array[span].shape
    order = rng.permutation(ROWS)
    assert isinstance(reorder(column, order), DiskColumn)
    assert (reorder(column, order)[:] == reorder(array, order)).all()


def test_few_rows_stay_in_memory_and_no_file_is_left(tmp_path: Path) -> None:
    assert isinstance(make_column((ROWS - 1, 2), np.uint8, tmp_path), np.ndarray)
    assert isinstance(make_column((ROWS, 2), np.uint8, None), np.ndarray)
    column = make_column((ROWS, 2), np.uint8, tmp_path)
    assert isinstance(column, DiskColumn)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write .*missing"):
        make_column((ROWS, 2), np.uint8, tmp_path / "missing")
