"""Reduced decoding: where its pixels lie in the whole photo, and what may not be decoded by the quick way."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facedata.errors import UnreadableImageError
from facedata.photos import image
from facedata.photos.image import decode, read_header
from facedata.photos.jpeg import REDUCTIONS, decode_jpeg, is_complete_jpeg
from facedata.photos.opening import open_photo
from facedata.photos.picture import Picture
from facedata.types import Face, UInt8Image


def ramp(width: int, height: int) -> UInt8Image:
    """Red says x and green says y, smoothly."""
    y, x = np.mgrid[:height, :width]
    return np.stack([20 + x * 200 / width, 20 + y * 200 / height, np.full_like(x, 99.0)], axis=2).astype(
        np.uint8
    )


def encoded(image: UInt8Image, kind: str = "JPEG", orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind, quality=95, subsampling=0, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_pixels_lie_where_the_header_says(orientation: int, reduction: int, kind: str) -> None:
    data = encoded(ramp(75, 59), kind, orientation)
    header, whole, small = read_header(data), decode(data), decode(data, reduction=reduction)
    assert whole.shape == (header.height, header.width, 3)
    assert small.shape == (-(-header.height // reduction), -(-header.width // reduction), 3)
    origin = header.origin(reduction)
    rows, columns = np.mgrid[2 : small.shape[0] - 2, 2 : small.shape[1] - 2]
    x, y = columns * reduction + origin[0], rows * reduction + origin[1]
    down, across = np.mgrid[: header.height, : header.width]
    places = np.column_stack([across.ravel(), down.ravel(), np.ones(across.size)])
    for colour in (0, 1):  # the plane through the whole photo says what a pixel at (x, y) must be
        plane, *_ = np.linalg.lstsq(places, whole[..., colour].ravel().astype(np.float64), rcond=None)
        error = small[2:-2, 2:-2, colour] - (plane[0] * x + plane[1] * y + plane[2])
        # half a pixel of the whole photo would be 1.3 or more
        assert abs(error.mean()) < 0.7
        assert np.abs(error).max() < 4


def test_a_quick_decoding_gives_pillows_pixels() -> None:
    data = encoded(ramp(203, 157))
    quick = decode_jpeg(data)
    assert quick is not None
    np.testing.assert_array_equal(quick, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_a_cut_off_jpeg_is_left_to_pillow_and_refused() -> None:
    data = encoded(ramp(203, 157))[:-400]
    assert not is_complete_jpeg(data)
    assert read_header(data).reductions == (1,)
    with pytest.raises(UnreadableImageError):
        decode(data)


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA"])
def test_only_grey_and_colour_jpegs_go_the_quick_way(mode: str) -> None:
    kind = "PNG" if mode == "RGBA" else "JPEG"
    stream = io.BytesIO()
    Image.fromarray(ramp(40, 30)).convert(mode).save(stream, kind)
    assert read_header(stream.getvalue()).reductions == (REDUCTIONS if mode == "L" else (1,))


def test_a_face_comes_back_to_the_whole_photo() -> None:
    picture = Picture(encoded(ramp(200, 160)))
    face = Face(np.array([10, 12, 30, 40], np.float32), 0.9, np.full((5, 2), 15, np.float32))
    whole = picture.full_size(face, 4, corner=(3, 5))
    np.testing.assert_allclose(whole.box, (face.box + np.array([3, 5, 3, 5])) * 4 + 1.5)
    np.testing.assert_allclose(whole.landmarks, (face.landmarks + np.array([3, 5])) * 4 + 1.5)
    matrix = np.array([[0.5, 0.1, 3.0], [-0.1, 0.5, 7.0]])
    point = np.array([8.0, 9.0])
    in_whole = point * 4 + 1.5
    np.testing.assert_allclose(
        picture.reduced_matrix(matrix, 4) @ (*point, 1), matrix @ (*in_whole, 1), atol=1e-12
    )


def test_the_largest_reduction_keeps_a_length() -> None:
    picture = Picture(encoded(ramp(200, 160)))
    assert [picture.largest_reduction(least) for least in (201, 200, 101, 100, 30, 10)] == [1, 1, 1, 2, 4, 8]
    assert picture.largest_reduction(48, longest_px=100.0) == 2
    assert Picture.of_pixels(ramp(2000, 1600)).largest_reduction(10) == 1


@pytest.mark.parametrize(
    ("data", "opened"),
    [
        (encoded(ramp(75, 59)), 1),
        (encoded(ramp(75, 59)[..., 0]), 1),
        (encoded(ramp(75, 59), orientation=6), 3),
        (encoded(ramp(75, 59), "PNG"), 3),
    ],
    ids=["upright", "grey", "turned", "png"],
)
def test_an_upright_jpeg_is_opened_once_and_gives_the_same_pixels(
    data: bytes, opened: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens: list[bytes] = []

    def counted(given: bytes, max_pixels: int) -> Any:
        opens.append(given)
        return open_photo(given, max_pixels)

    monkeypatch.setattr(image, "open_photo", counted)
    picture = Picture(data)
    found = [picture.at(1), picture.at(2)]
    assert len(opens) == opened
    np.testing.assert_array_equal(found[0], decode(data))
    np.testing.assert_array_equal(found[1], decode(data, reduction=2))


def test_a_cut_off_jpeg_is_refused_though_its_header_is_known() -> None:
    data = encoded(ramp(75, 59))
    with pytest.raises(UnreadableImageError):
        decode(data[: len(data) // 2], known=read_header(data))
