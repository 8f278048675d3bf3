from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from facedata.crops.codec import encode_crop
from facedata.errors import StoreError
from facedata.pages.sheets import Sheets, make_sheets, make_tile, picture_url
from facedata.types import UInt8Image

TILE = 32


def plain(number: int, side: int = 64) -> bytes:
    """Return a JPEG of one colour, which tells its number."""
    return encode_crop(np.full((side, side, 3), colour(number), np.uint8))


def colour(number: int) -> tuple[int, int, int]:
    return (number * 40 % 256, number * 90 % 256, 255 - number * 25 % 256)


def tiles_of(sheets: Sheets, folder: Path) -> list[UInt8Image]:
    """Return every tile as RGB, cut out as the page's script does."""
    about, tiles = sheets.describe(), []
    for at in range(about["count"]):
        sheet = cv2.imread(str(folder / about["files"][at // about["tiles"]]))
        assert sheet is not None
        row, column = divmod(at % about["tiles"], about["columns"])
        side = about["tile_px"]
        # without the outermost pixels, whose colour a decoder mixes with the neighbours'
        tile = sheet[row * side + 2 : (row + 1) * side - 2, column * side + 2 : (column + 1) * side - 2]
        tiles.append(np.asarray(cv2.cvtColor(tile, cv2.COLOR_BGR2RGB), np.uint8))
    return tiles


@pytest.mark.parametrize("count", [1, 15, 16, 17, 256, 257, 600])
def test_every_picture_is_where_the_page_looks_for_it(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    sheets = make_sheets(count, lambda number: plain(number % 7), TILE, folder, "crops", threads=3)
    assert len(sheets.files) == -(-count // 256)
    assert sorted(sheets.files) == sorted(f"sheets/{file.name}" for file in folder.iterdir())
    for number, tile in enumerate(tiles_of(sheets, tmp_path)):
        assert np.abs(tile.astype(int) - colour(number % 7)).max() < 12, number


def test_a_picture_that_cannot_be_read_is_grey_and_the_others_stay(tmp_path: Path) -> None:
    pictures = [plain(1), None, b"no image", b"", plain(2)]
    folder = tmp_path / "sheets"
    folder.mkdir()
    tiles = tiles_of(make_sheets(5, pictures.__getitem__, TILE, folder), tmp_path)
    for at in (1, 2, 3):
        assert np.abs(tiles[at].astype(int) - 128).max() < 6
    assert np.abs(tiles[4].astype(int) - colour(2)).max() < 12


def test_sheets_within_the_page_are_the_same_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    beside, within = (make_sheets(20, plain, TILE, place) for place in (folder, None))
    kind, _, text = within.files[0].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(text) == (tmp_path / beside.files[0]).read_bytes()


def test_no_pictures_make_no_sheet() -> None:
    assert make_sheets(0, plain, TILE).describe()["files"] == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        make_sheets(1, plain, TILE, tmp_path / "file")


@pytest.mark.parametrize(("width", "height"), [(200, 100), (100, 200), (20, 10), (33, 32)])
def test_a_thumbnail_is_undeformed_in_the_middle(width: int, height: int) -> None:
    picture = encode_crop(np.full((height, width, 3), 255, np.uint8))
    white = np.asarray(make_tile(picture, 64).min(-1) > 200)
    wide, high = white.any(0).sum(), white.any(1).sum()
    assert max(wide, high) == 64
    assert abs(wide / high - width / height) < 0.1
    assert abs(np.flatnonzero(white.any(0)).mean() - 31.5) <= 0.5
    assert abs(np.flatnonzero(white.any(1)).mean() - 31.5) <= 0.5


def test_a_picture_s_url_holds_it_in_rgb() -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 250
    data = base64.b64decode(picture_url(red).partition(",")[2])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image[..., 2].min() > 230
    assert image[..., 0].max() < 30
