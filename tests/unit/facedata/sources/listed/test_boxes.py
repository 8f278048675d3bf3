"""The columns that hold boxes, under the names that people give them, and their numbers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from facedata.errors import SourceError
from facedata.sources.listed.boxes import find_box_columns, parse_numbers, read_numbers
from facedata.sources.table_file import Cells


def cells_of(*names: str, rows: int = 1, **values: str) -> Cells:
    columns = {name: pa.array([values.get(name, "1")] * rows, pa.string()) for name in names}
    return Cells(Path("t.csv"), pa.table(columns), range(2, rows + 2), "line")


@pytest.mark.parametrize(
    ("names", "form"),
    [
        ("x1 y1 x2 y2", "xyxy"),
        ("x0 y0 x1 y1", "xyxy"),
        ("xmin ymin xmax ymax", "xyxy"),
        ("x_min y_min x_max y_max", "xyxy"),
        ("left top right bottom", "xyxy"),
        ("bbox_x1 bbox_y1 bbox_x2 bbox_y2", "xyxy"),
        ("face.left face.top face.right face.bottom", "xyxy"),
        ("x_left y_top x_right y_bottom", "xyxy"),
        ("left_x top_y right_x bottom_y", "xyxy"),
        ("tl_x tl_y br_x br_y", "xyxy"),
        ("x_start y_start x_end y_end", "xyxy"),
        ("x y w h", "xywh"),
        ("X Y W H", "xywh"),
        ("x y width height", "xywh"),
        ("bbox_x bbox_y bbox_width bbox_height", "xywh"),
        ("left top width height", "xywh"),
        ("x_1 y_1 width height", "xywh"),
        ("BoxX BoxY BoxW BoxH", "xywh"),
        ("bbox_0 bbox_1 bbox_2 bbox_3", None),
    ],
)
def test_four_columns_are_a_box(names: str, form: str | None) -> None:
    four = names.split()
    found = find_box_columns(cells_of("path", "identity", *reversed(four)), ("path", "identity"))
    assert (found.names, found.form, found.unused) == (tuple(four), form, ())


@pytest.mark.parametrize("name", ["box", "bbox", "BBox", "bounding_box", "face_box", "facial_area", "Rect"])
def test_one_column_is_a_box(name: str) -> None:
    assert find_box_columns(cells_of("path", name)).names == (name,)


def test_corners_are_taken_where_sizes_are_there_too() -> None:
    found = find_box_columns(cells_of("x1", "y1", "x2", "y2", "width", "height"))
    assert (found.names, found.form, found.unused) == (("x1", "y1", "x2", "y2"), "xyxy", ())


def test_an_empty_column_gives_way_to_four_filled_ones() -> None:
    found = find_box_columns(cells_of("path", "box", "x1", "y1", "x2", "y2", box=" "))
    assert (found.names, found.unused) == (("x1", "y1", "x2", "y2"), ())


def test_an_own_column_wins_and_the_others_are_named() -> None:
    found = find_box_columns(cells_of("path", "box", "x1", "y1", "x2", "y2"))
    assert found.names == ("box",)
    assert found.unused == ("x1", "y1", "x2", "y2")


@pytest.mark.parametrize(
    "names", ["my_box_text", "face_location", "x y x2", "cx cy w h", "x_center y_center width height"]
)
def test_what_only_looks_like_a_box_is_named(names: str) -> None:
    found = find_box_columns(cells_of("path", *names.split()))
    assert found.names == ()
    assert found.unused == tuple(names.split())


@pytest.mark.parametrize("names", ["width height", "x y", "age", "left right", "h w"])
def test_other_columns_are_no_boxes(names: str) -> None:
    assert find_box_columns(cells_of("path", *names.split())) == ((), None, ())


@pytest.mark.parametrize(
    "value",
    [
        "[1,2,3.5,4]", "(1, 2, 3.5, 4)", "1 2 3.5 4", "1;2;3.5;4", "1; 2; 3,5; 4", "1 2 3,5 4",
        "1\t2\t3.5\t4",
        [1, 2, 3.5, 4], (1, 2, 3.5, 4), '{"x1": 1, "y1": 2, "x2": 3.5, "y2": 4}',
        "{'x': 1, 'y': 2, 'w': 2.5, 'h': 2}", {"left": 1, "top": 2, "width": 2.5, "height": 2},
    ],
)  # fmt: skip
def test_numbers_are_read_however_they_are_divided(value: object) -> None:
    assert parse_numbers(value) == (1, 2, 3.5, 4)


@pytest.mark.parametrize(
    "value",
    [
        "0 0 0 0", [0, 0, 0, 0], "", None, "[]", "-1,-1,-1,-1", "nan", "None", [float("nan")] * 4,
        "NA NA NA NA", {"x": None, "y": None, "w": None, "h": None},
    ],
)  # fmt: skip
def test_what_people_write_for_no_box(value: object) -> None:
    assert parse_numbers(value) is None


@pytest.mark.parametrize("value", ["1 2 3 nan", '{"a": 1}', "{[1]: 2}", "{1, 2, 3, 4}", [1, 2, None, 4]])
def test_what_is_only_half_a_box_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^is not four (finite )?numbers"):
        parse_numbers(value)


def test_pairs_of_numbers_without_blanks_stay_pairs() -> None:
    assert parse_numbers("10,20 30,40") == (10, 20, 30, 40)


def test_decimal_commas_in_four_columns(tmp_path: Path) -> None:
    cells = cells_of("x", "y", "w", "h", x="1,5", y="2", w="30,25", h="40")
    assert list(read_numbers(cells, find_box_columns(cells))) == [(1.5, 2, 30.25, 40)]


def test_a_box_of_which_a_part_is_missing_is_named_by_its_line() -> None:
    cells = cells_of("x", "y", "w", "h", y=" ")
    with pytest.raises(SourceError, match=r"^t\.csv, line 2: the box '1   1 1' is not four numbers"):
        read_numbers(cells, find_box_columns(cells))
    none = cells_of("x", "y", "w", "h", x="", y="", w="", h="")
    assert list(read_numbers(none, find_box_columns(none))) == [None]
