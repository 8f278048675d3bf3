"""Corners or sizes, pixels or fractions: what the numbers of a table say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facedata.errors import SourceError
from facedata.sources.listed.box_formats import find_format, parse_box, read_size
from facedata.sources.listed.boxes import BoxColumns, Numbers
from facedata.sources.table_file import Cells

PHOTO = (400, 300)


def format_of(
    boxes: list[Numbers | None], form: str | None = None, size: tuple[int, int] | None = PHOTO
) -> str:
    cells = Cells(
        Path("t.csv"), pa.table({"b": [str(box) for box in boxes]}), range(2, len(boxes) + 2), "line"
    )
    return find_format(cells, BoxColumns(("b",), form), boxes, lambda row: size)


def faces(count: int, seed: int = 0) -> list[tuple[float, float, float, float]]:
    """Corners of faces anywhere in the photo."""
    draw = np.random.default_rng(seed)
    boxes = []
    for _ in range(count):
        w, h = draw.integers(40, 120, 2)
        x, y = draw.integers(0, PHOTO[0] - w), draw.integers(0, PHOTO[1] - h)
        boxes.append((float(x), float(y), float(x + w), float(y + h)))
    return boxes


def as_sizes(box: Numbers) -> Numbers:
    return (box[0], box[1], box[2] - box[0], box[3] - box[1])


def as_fractions(box: Numbers) -> Numbers:
    return (box[0] / PHOTO[0], box[1] / PHOTO[1], box[2] / PHOTO[0], box[3] / PHOTO[1])


@given(st.integers(30, 80), st.integers(0, 2**32))
def test_many_boxes_say_how_they_are_written(count: int, seed: int) -> None:
    boxes = faces(count, seed)
    assert format_of([*boxes]) == "xyxy"
    assert format_of([as_sizes(box) for box in boxes]) == "xywh"
    fractions = [as_fractions(box) for box in boxes]
    assert format_of([*fractions]) == "relative"
    assert format_of([as_sizes(box) for box in fractions]) == "relative-xywh"


def test_one_slip_among_many_boxes_is_named_by_its_line() -> None:
    boxes: list[Numbers | None] = [*faces(40)]
    boxes[7] = (200, 50, 100, 150)
    with pytest.raises(SourceError, match=r"line 9: the box .* has no width or no height"):
        format_of(boxes)


def test_what_can_be_both_is_refused_with_both_readings() -> None:
    boxes: list[Numbers | None] = [(10, 20, 110, 140), None, (30, 10, 150, 130)]
    with pytest.raises(SourceError) as raised:
        format_of(boxes)
    text = str(raised.value)
    assert "line 2: '(10, 20, 110, 140)' is 100 x 120 or 110 x 140" in text
    assert "line 4: '(30, 10, 150, 130)' is 120 x 120 or 150 x 130" in text
    assert text.endswith("add --box-format xyxy or --box-format xywh")
    with pytest.raises(SourceError, match=r"--box-format relative or --box-format relative-xywh$"):
        format_of([(0.1, 0.1, 0.4, 0.5)])


def test_without_the_photos_sizes_boxes_are_as_our_own_column_has_them() -> None:
    assert format_of([(10, 20, 110, 140)], size=None) == "xyxy"
    with pytest.raises(SourceError, match=r"line 2: .* add --box-format xywh$"):
        format_of([(90, 80, 50, 60)], size=None)
    assert format_of([(90, 80, 50, 60)]) == "xywh"


@pytest.mark.parametrize(("form", "found"), [("xyxy", ""), ("xywh", "-xywh")])
def test_the_columns_names_decide(form: str, found: str) -> None:
    assert format_of([(10, 20, 110, 140)], form) == form
    assert format_of([(0.1, 0.2, 0.3, 0.4)], form) == "relative" + found


@given(st.integers(0, 2**32))
def test_every_format_gives_the_same_pixels(seed: int) -> None:
    for box in faces(5, seed):
        fractions = as_fractions(box)
        read = [
            parse_box(box),
            parse_box(as_sizes(box), "xywh"),
            parse_box(fractions, "relative", PHOTO),
            parse_box(as_sizes(fractions), "relative-xywh", PHOTO),
        ]
        np.testing.assert_allclose(np.array(read, float), np.array([box] * 4, float), atol=1e-3)


def test_a_relative_box_of_a_photo_that_cannot_be_read_is_none() -> None:
    assert parse_box((0.1, 0.1, 0.4, 0.5), "relative", None) is None
    with pytest.raises(ValueError, match=r"^has no width or no height$"):
        parse_box((5, 5, 0, 9), "xywh")


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_s_size_is_that_of_the_upright_one(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (60, 40)).save(tmp_path / name, exif=exif)
    assert read_size(tmp_path / name) == ((40, 60) if orientation == 6 else (60, 40))
    assert read_size(tmp_path / name, turn_exif=False) == (60, 40)


def test_the_size_behind_a_long_header_is_read_and_of_no_photo_there_is_none(tmp_path: Path) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg", icc_profile=bytes(200_000))
    assert read_size(tmp_path / "a.jpg") == (60, 40)
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff")
    assert read_size(tmp_path / "b.jpg") is read_size(tmp_path / "gone.jpg") is None
