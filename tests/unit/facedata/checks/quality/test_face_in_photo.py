"""What the ledger knows of faces, compared with reading its rows one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedata.checks.quality.face_in_photo import FaceInPhoto, faces_in_photos
from facedata.tables.schema import PHOTOS
from facedata.types import Float64Array

_NAMES = ("landmarks", "matrix", "box", "width", "height", "all_boxes", "all_scores", "tilt_deg")

_number = st.floats(-500, 500, width=32)


def _list_of(size: int) -> st.SearchStrategy[list[float] | None]:
    return st.none() | st.lists(_number, min_size=size, max_size=size)


@st.composite
def _row(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(0, 3))
    faces: dict[str, Any] = {
        "all_boxes": [draw(st.lists(_number, min_size=4, max_size=4)) for _ in range(count)],
        "all_scores": draw(st.lists(_number, min_size=count, max_size=count)),
    }
    if draw(st.booleans()):
        faces = dict.fromkeys(faces)
    sizes = {name: draw(st.none() | st.integers(1, 9000)) for name in ("width", "height")}
    lists = {name: draw(_list_of(size)) for name, size in (("landmarks", 10), ("matrix", 6), ("box", 4))}
    return {**faces, **sizes, **lists, "tilt_deg": draw(st.none() | _number)}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema([PHOTOS.field(name) for name in _NAMES]))


def _array(value: list[Any] | None, *shape: int) -> Float64Array:
    return np.full(shape, np.nan) if value is None else np.array(value, np.float64).reshape(shape)


def _check(face: FaceInPhoto, row: dict[str, Any]) -> None:
    count = len(row["all_boxes"] or [])
    np.testing.assert_array_equal(face.landmarks, _array(row["landmarks"], 5, 2))
    np.testing.assert_array_equal(face.matrix, _array(row["matrix"], 2, 3))
    np.testing.assert_array_equal(face.box, _array(row["box"], 4))
    np.testing.assert_array_equal(face.all_boxes, _array(row["all_boxes"] or [], count, 4))
    np.testing.assert_array_equal(face.all_scores, _array(row["all_scores"] or [], count))
    single = [np.nan if row[name] is None else row[name] for name in ("width", "height", "tilt_deg")]
    np.testing.assert_array_equal([face.width, face.height, face.tilt_deg], single)


@settings(max_examples=25)
@given(st.lists(_row(), max_size=6))
def test_every_row_is_as_read_alone(rows: list[dict[str, Any]]) -> None:
    faces = faces_in_photos(_table(rows))
    assert len(faces) == len(rows)
    for face, row in zip(faces, rows, strict=True):
        _check(face, row)


@settings(max_examples=25)
@given(st.lists(_row(), min_size=2, max_size=6))
def test_the_table_may_come_in_pieces(rows: list[dict[str, Any]]) -> None:
    faces = faces_in_photos(pa.concat_tables([_table(rows[:1]), _table(rows[1:]), _table([])]))
    for face, row in zip(faces[0:], rows, strict=True):
        _check(face, row)
    _check(faces[-1], rows[-1])
    with pytest.raises(IndexError):
        faces[len(rows)]


def test_lists_of_a_fixed_size_as_in_version_1() -> None:
    four = pa.list_(pa.float32(), 4)
    box = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2, 3, 4] * 2, pa.float32()), 4)
    boxes = pa.ListArray.from_arrays([0, 2, 2], box)
    assert box.type == four
    rows = pa.table({"box": box, "all_boxes": boxes, "all_scores": [[0.5, 0.9], []]})
    first, second = faces_in_photos(rows)
    np.testing.assert_array_equal(first.box, [1, 2, 3, 4])
    np.testing.assert_array_equal(first.all_boxes, [[1, 2, 3, 4], [1, 2, 3, 4]])
    assert second.all_boxes.shape == (0, 4)


def test_what_is_not_there_or_of_another_form_is_unknown() -> None:
    rows = pa.table(
        {
            "landmarks": [[1.0, 2.0, 3.0]],  # too short
            "box": ["10 20 30 40"],  # text
            "width": ["100"],
            "all_boxes": [[[1.0, 2.0, 3.0, 4.0], [1.0]]],
            "all_scores": [[0.5]],  # one too few
        }
    )
    (face,) = faces_in_photos(rows)
    for value in (face.landmarks, face.matrix, face.box, face.all_scores):
        assert np.isnan(value).all()
    assert np.isnan([face.width, face.height, face.tilt_deg]).all()
    np.testing.assert_array_equal(face.all_boxes, [[1, 2, 3, 4], [np.nan] * 4])
