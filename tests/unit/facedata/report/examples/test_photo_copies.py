from __future__ import annotations

import base64
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facedata.errors import TooLargeImageError, UnreadableImageError
from facedata.report.examples.photo_copies import CopyScale, copy_key, copy_photo, read_earlier_copies
from facedata.types import UInt8Image

_SHA256 = "ab" * 32


def _png(image: UInt8Image) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


def _decode(data: bytes) -> UInt8Image:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _copy(data: bytes, turned_deg: int = 0) -> bytes:
    return copy_photo(data, _SHA256, turned_deg, 10_000_000, True)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(640, 480, (320, 240)), (480, 640, (240, 320)), (200, 100, (200, 100)), (3000, 2, (320, 1))],
)
def test_the_longer_side_has_320_px_at_most(width: int, height: int, expected: tuple[int, int]) -> None:
    copy = _decode(_copy(_png(np.full((height, width, 3), 90, np.uint8))))
    assert (copy.shape[1], copy.shape[0]) == expected


@pytest.mark.parametrize("turned_deg", [0, 90, 180, 270])
@pytest.mark.parametrize(("width", "height"), [(640, 480), (300, 200)])
def test_points_of_the_photo_are_found_on_its_turned_copy(width: int, height: int, turned_deg: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    dots = np.array([(40, 60), (width - 40, 60), (100, height - 20)], np.float64)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    for (x, y), colour in zip(dots.astype(int).tolist(), colours, strict=True):
        cv2.circle(image, (x, y), 9, colour, -1)
    copy = _decode(_copy(_png(image), turned_deg))
    scale = CopyScale((width, height), copy.shape[1], turned_deg)
    for (x, y), colour in zip(scale.points(dots), colours, strict=True):
        seen = copy[int(y), int(x)].astype(int)
        assert int(np.argmax(seen)) == int(np.argmax(colour))
        assert seen.max() > 150
        # its centre, by the dot's pixels on the copy, whose centres are half a pixel in
        mine = np.argwhere(copy[..., int(np.argmax(colour))] > 128).mean(axis=0)[::-1] + 0.5
        assert np.abs(mine - (x, y)).max() < 0.6


@pytest.mark.parametrize(
    ("turned_deg", "box"),
    [(0, [10, 20, 30, 60]), (90, [140, 10, 180, 30]), (180, [270, 140, 290, 180]), (270, [20, 270, 60, 290])],
)
def test_a_turned_box_has_its_corners_in_order(turned_deg: int, box: list[float]) -> None:
    # pixels 10 … 29 and 20 … 59 of a photo of 300 x 200: its edges are 9.5 and 29.5, 19.5 and 59.5
    scale = CopyScale((300, 200), 300 if turned_deg % 180 == 0 else 200, turned_deg)
    assert scale.box([9.5, 19.5, 29.5, 59.5]) == box


def test_exif_turns_the_copy_unless_the_set_was_not_turned() -> None:
    image, exif = Image.new("RGB", (64, 32)), Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    assert _decode(copy_photo(buffer.getvalue(), _SHA256, 0, 10_000, True)).shape[:2] == (64, 32)
    assert _decode(copy_photo(buffer.getvalue(), _SHA256, 0, 10_000, False)).shape[:2] == (32, 64)


def test_what_cannot_be_decoded_or_is_too_large_raises() -> None:
    with pytest.raises(UnreadableImageError):
        _copy(b"nothing")
    with pytest.raises(TooLargeImageError):
        copy_photo(_png(np.zeros((20, 20, 3), np.uint8)), _SHA256, 0, 399, True)


def test_a_copy_is_found_in_the_page_and_beside_it(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    in_page = copy_photo(_png(image), "01" * 32, 90, 10_000, True)
    beside = copy_photo(_png(image), "23" * 32, 0, 10_000, True)
    plain = bytes(cv2.imencode(".jpg", image)[1])
    page = tmp_path / "index.html"
    addresses = ["data:image/jpeg;base64," + base64.b64encode(one).decode() for one in (plain, in_page)]
    page.write_text("".join(f'<img src="{one}">' for one in addresses))
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/photo-000.jpg").write_bytes(beside)
    (tmp_path / "pictures/crop-000.jpg").write_bytes(plain)
    assert read_earlier_copies(page, tmp_path / "pictures") == {
        copy_key("01" * 32, 90): in_page,
        copy_key("23" * 32, 0): beside,
    }


def test_without_an_earlier_report_there_are_no_copies(tmp_path: Path) -> None:
    assert read_earlier_copies(tmp_path / "index.html", tmp_path / "pictures") == {}
    (tmp_path / "index.html").write_bytes(b"\xff data:image/jpeg;base64,A data:image/jpeg;base64,")
    assert read_earlier_copies(tmp_path / "index.html", tmp_path / "pictures") == {}
