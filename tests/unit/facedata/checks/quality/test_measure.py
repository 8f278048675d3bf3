"""A crop's row: every column in its place, 0 to 1, whatever the ledger holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facedata.checks.quality.face_in_photo import FaceInPhoto, faces_in_photos
from facedata.checks.quality.measure import QUALITY, measure_crop
from facedata.types import Face, UInt8Image
from tests.support.measured_faces import cut_face, head_points, measure

_ANY = st.floats(width=64) | st.floats(-1000, 1000)


def _photo() -> UInt8Image:
    return np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)


def _face() -> Face:
    return Face(np.array([150, 110, 250, 240], np.float32), 0.99, head_points().astype(np.float32))


def test_the_columns_have_units() -> None:
    assert QUALITY.field("id").type == pa.int64()
    for field in list(QUALITY)[1:]:
        assert field.type == pa.float32()
        assert field.metadata[b"unit"]


def test_a_whole_row() -> None:
    row = measure(cut_face(_photo(), _face()))
    assert list(row) == QUALITY.names[1:]
    assert all(0 <= value <= 1 for value in row.values())
    assert row["light"] == min(row["not_dark"], row["not_bright"])
    assert row["pose"] > 0.99
    assert row["uncut"] == row["unshared"] == 1
    assert row["size"] == np.float32(np.sqrt(100 * 130) / 200)


def test_an_empty_ledger_row_is_unknown_throughout() -> None:
    (face,) = faces_in_photos(pa.table({"path": ["a/b.jpg"]}))
    assert np.isnan(measure_crop(np.zeros((240, 240, 3), np.uint8), face)).all()


def test_the_smallest_and_the_largest_crops() -> None:
    face = _face()
    for size_px in (16, 17, 1024):
        row = measure(cut_face(_photo(), face, "square", size_px))
        assert all(0 <= value <= 1 for value in row.values())


def test_a_crop_that_is_not_square_is_no_error() -> None:
    cut = cut_face(_photo(), _face())
    values = measure_crop(cut.crop[:100, :60], cut.in_photo)
    assert values.shape == (len(QUALITY) - 1,)


@given(
    st.lists(_ANY, min_size=10, max_size=10), st.lists(_ANY, min_size=6, max_size=6),
    st.lists(_ANY, min_size=4, max_size=4), _ANY, _ANY, st.integers(0, 3), st.data(),
)  # fmt: skip
def test_any_numbers_give_qualities_or_nothing(
    landmarks: list[float], matrix: list[float], box: list[float], width: float, height: float, count: int,
    data: st.DataObject,
) -> None:  # fmt: skip
    boxes = [data.draw(st.lists(_ANY, min_size=4, max_size=4)) for _ in range(count)]
    face = FaceInPhoto(
        np.array(landmarks).reshape(5, 2), np.array(matrix).reshape(2, 3), np.array(box), width, height,
        np.array([*boxes, box]).reshape(-1, 4), np.linspace(1, 0.5, count + 1), 0.0,
    )  # fmt: skip
    values = measure_crop(np.full((24, 24, 3), 90, np.uint8), face)
    known = values[~np.isnan(values)]
    assert ((known >= 0) & (known <= 1)).all()
