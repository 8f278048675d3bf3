"""One place decides who turns: every format that can say how it lies, under all eight orientations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from facedata.photos.image import decode, read_header
from facedata.photos.picture import Picture
from facedata.types import UInt8Image
from tests.support.turned_photos import (
    EXTRAS,
    KINDS,
    STORED,
    TURNED_BY_THEIR_FORMAT,
    WITHOUT_TAG,
    encode,
    ramp,
    turned,
)

UPRIGHT = ramp(162, 118)


def assert_same(found: UInt8Image, wanted: UInt8Image, kind: str) -> None:
    assert found.shape == wanted.shape
    if kind == "DNG":
        for colour in (0, 1):
            assert np.corrcoef(found[..., colour].ravel(), wanted[..., colour].ravel())[0, 1] > 0.99
    else:
        assert np.abs(found.astype(int) - wanted).mean() < 2.5


def photo(kind: str, orientation: int, folder: Path) -> bytes:
    if kind in EXTRAS:
        pytest.importorskip(EXTRAS[kind])
    if kind == "AVIF" and "avif" not in features.get_supported():
        pytest.skip("this Pillow has no AVIF")
    return turned(UPRIGHT, kind, orientation, folder)


each = pytest.mark.parametrize("orientation", range(1, 9))


@each
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_turned_upright_once(kind: str, orientation: int, tmp_path: Path) -> None:
    data = photo(kind, orientation, tmp_path)
    header, found = read_header(data), decode(data)
    assert (header.width, header.height) == (162, 118)
    assert_same(found, UPRIGHT, kind)


@each
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_a_reduced_photo_is_turned_alike(kind: str, orientation: int, reduction: int, tmp_path: Path) -> None:
    data = photo(kind, orientation, tmp_path)
    header, found, whole = read_header(data), decode(data, reduction=reduction), decode(data)
    assert found.shape[:2] == (-(-118 // reduction), -(-162 // reduction))
    x, y = header.origin(reduction)
    rows, columns = np.mgrid[1 : found.shape[0] - 1, 1 : found.shape[1] - 1]
    wanted = whole[np.rint(rows * reduction + y).astype(int), np.rint(columns * reduction + x).astype(int)]
    error = found[1:-1, 1:-1].astype(int) - wanted
    assert np.abs(error).mean() < 2.5


@each
@pytest.mark.parametrize("kind", KINDS)
def test_without_the_turn_a_photo_is_as_it_is_stored(kind: str, orientation: int, tmp_path: Path) -> None:
    data = photo(kind, orientation, tmp_path)
    wanted = UPRIGHT if kind in TURNED_BY_THEIR_FORMAT else STORED[orientation](UPRIGHT)
    header, found = read_header(data, turn_exif=False), decode(data, turn_exif=False)
    assert (header.height, header.width) == wanted.shape[:2]
    assert_same(found, wanted, kind)
    picture = Picture(data, turn_exif=False)
    assert picture.size == (header.width, header.height)
    np.testing.assert_array_equal(picture.at(), found)
    half = picture.at(2)
    assert half.shape[:2] == (-(-header.height // 2), -(-header.width // 2))


@pytest.mark.parametrize("kind", WITHOUT_TAG)
def test_what_cannot_say_how_it_lies_stays_as_it_is(kind: str) -> None:
    found = decode(encode(Image.fromarray(UPRIGHT), kind))
    assert np.abs(found.astype(int) - UPRIGHT).mean() < 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
@pytest.mark.parametrize("orientation", [3, 5, 6, 8])
def test_a_tiff_of_any_mode_is_turned_once(mode: str, orientation: int, tmp_path: Path) -> None:
    grey = mode in ("1", "L", "LA", "I;16", "F")
    upright = Image.fromarray(UPRIGHT).convert("L" if grey else "RGB")
    image = upright.convert("I").convert("I;16") if mode == "I;16" else upright.convert(mode)
    method = {
        3: Image.Transpose.ROTATE_180, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(
        decode(encode(image.transpose(method), "TIFF", exif=exif)), decode(encode(image, "TIFF"))
    )
