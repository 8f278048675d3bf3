from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedata.checks.crop_bytes import CropPlace
from facedata.report import thumbnails
from facedata.report.choice import choose_crops
from facedata.report.crop_columns import read_crop_columns
from facedata.report.thumbnails import make_thumbnails, read_shown_crops
from facedata.sets.prepared import PreparedSet
from tests.support.report_sets import read_tiles
from tests.support.small_set import crop_image, make_set


def _shown(prepared: PreparedSet, most: int = 1000) -> tuple[list[CropPlace], list[str]]:
    crops = read_crop_columns(prepared)
    choice = choose_crops(crops, np.zeros(len(crops.people), np.int64), np.empty(0, np.int64), most)
    places, names = read_shown_crops(prepared, choice)
    assert names.column("photo").to_pylist() == [
        f"photos/{path}" for path in names.column("path").to_pylist()
    ]
    return places, names.column("path").to_pylist()


def test_crops_are_in_the_order_of_the_page(tmp_path: Path) -> None:
    places, paths = _shown(make_set(tmp_path, {"zoe": 2, "anna": 3, "Ben": 1}))
    assert paths == ["Ben/0.jpg", "anna/0.jpg", "anna/1.jpg", "anna/2.jpg", "zoe/0.jpg", "zoe/1.jpg"]
    assert [place.file for place in places] == [f"crops/{path}" for path in paths]


def test_some_of_the_crops_are_in_that_order_too(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {f"p{number}": 2 for number in range(20)})
    places, paths = _shown(prepared, most=11)
    assert len(places) == 11
    assert paths == sorted(paths)


def test_each_thumbnail_is_its_crop_s_and_grey_where_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "_AT_ONCE", 7)
    prepared = make_set(tmp_path / "faces", {"zoe": 140, "anna": 160})
    assert isinstance(prepared.path, Path)
    places, paths = _shown(prepared)
    (prepared.path / places[5].file).unlink()
    (prepared.path / places[280].file).write_bytes(b"torn")
    (tmp_path / "sheets").mkdir()
    done: list[tuple[int, int]] = []
    sheets = make_thumbnails(
        prepared.path, places, tmp_path / "sheets", 2, lambda *counts: done.append(counts)
    )
    assert (sheets.tile_px, sheets.files) == (96, ("sheets/sheet-00000.jpg", "sheets/sheet-00001.jpg"))
    tiles = read_tiles(sheets.describe(), tmp_path / "index.html")
    numbers = {path: at for at, path in enumerate(prepared.table("classes").column("path").to_pylist())}
    for at, tile in enumerate(tiles):
        expected = (128, 128, 128) if at in (5, 280) else crop_image(numbers[paths[at]])[0, 0][::-1]
        assert np.abs(tile[48, 48].astype(int) - np.array(expected, int)).max() < 12, at
    # some are read by two threads, where a sheet ends within those that are read together
    assert done[-1][1] == 300
    assert done[-1][0] >= 300


@pytest.mark.parametrize(("count", "tile_px"), [(6, 96), (7, 64)])
def test_of_many_crops_thumbnails_are_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, tile_px: int
) -> None:
    monkeypatch.setattr(thumbnails, "_MANY_CROPS", 6)
    prepared = make_set(tmp_path, {"anna": count})
    assert make_thumbnails(prepared.path, _shown(prepared)[0], None, 1).tile_px == tile_px


def test_no_crops_make_no_sheet(tmp_path: Path) -> None:
    assert make_thumbnails(tmp_path, [], None, 2).files == ()
