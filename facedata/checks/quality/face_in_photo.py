"""What the ledger knows of each crop's face, a face at a time; NaN where it knows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...types import Float64Array, Int64Array


@dataclass(frozen=True, eq=False)
class FaceInPhoto:
    """A crop's face in its photo; numbers that the ledger lacks are NaN.

    Attributes:
        landmarks: ``(5, 2)`` float64, x y of image-left eye, image-right eye, nose, image-left and
            image-right mouth corner, in photo pixels.
        matrix: ``(2, 3)`` float64, photo pixels to crop pixels.
        box: ``(4,)`` float64, x0 y0 x1 y1 in photo pixels; may reach outside the photo.
        width: of the photo, in pixels.
        height: of the photo, in pixels.
        all_boxes: ``(n, 4)`` float64, every face found in the photo, this one among them.
        all_scores: ``(n,)`` float64, their scores, 0 … 1.
        tilt_deg: the eye line's angle in the photo.
    """

    landmarks: Float64Array
    matrix: Float64Array
    box: Float64Array
    width: float
    height: float
    all_boxes: Float64Array
    all_scores: Float64Array
    tilt_deg: float


class FacesInPhotos(Sequence[FaceInPhoto]):
    """The faces of the ledger's rows, in their order; held as arrays, since there may be millions."""

    def __init__(self, ledger_rows: pa.Table) -> None:
        self._landmarks, self._matrix, self._box = (
            _number_rows(_column(ledger_rows, name), size)
            for name, size in (("landmarks", 10), ("matrix", 6), ("box", 4))
        )
        self._single = np.column_stack(
            [_numbers(_column(ledger_rows, name)) for name in ("width", "height", "tilt_deg")]
        )
        boxes, scores = _column(ledger_rows, "all_boxes"), _column(ledger_rows, "all_scores")
        self._box_ends, self._score_ends = _ends(boxes), _ends(scores)
        self._all_boxes = _number_rows(_flattened(boxes), 4)
        self._all_scores = _numbers(_flattened(scores))

    def __len__(self) -> int:
        return len(self._box)

    @overload
    def __getitem__(self, index: int) -> FaceInPhoto: ...

    @overload
    def __getitem__(self, index: slice) -> list[FaceInPhoto]: ...

    def __getitem__(self, index: int | slice) -> FaceInPhoto | list[FaceInPhoto]:
        """Return the face of one row, or of several."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        matrix = self._matrix[at].reshape(2, 3)
        width, height, tilt_deg = self._single[at]
        boxes = self._all_boxes[self._box_ends[at] : self._box_ends[at + 1]]
        scores = self._all_scores[self._score_ends[at] : self._score_ends[at + 1]]
        if len(scores) != len(boxes):
            scores = np.full(len(boxes), np.nan)
        points = self._landmarks[at].reshape(5, 2)
        return FaceInPhoto(
            points, matrix, self._box[at], float(width), float(height), boxes, scores, float(tilt_deg)
        )


def faces_in_photos(ledger_rows: pa.Table) -> FacesInPhotos:
    """Return the face of each ledger row, in the rows' order.

    Args:
        ledger_rows: of kept photos, of any schema version; a column or a value that is not there, or is of
            another type or length than it should be, gives NaN.
    """
    return FacesInPhotos(ledger_rows)


def _column(rows: pa.Table, name: str) -> pa.Array:
    """Return a column as one array, its lists of any length; nulls if there is no such column."""
    if name not in rows.column_names:
        return pa.nulls(rows.num_rows)
    column = rows.column(name).combine_chunks()
    column = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    return _of_any_length(column)


def _of_any_length(column: pa.Array) -> pa.Array:
    # schema version 1 had lists of a fixed size
    if pa.types.is_fixed_size_list(column.type):
        return column.cast(pa.list_(column.type.value_type))
    return column


def _is_list(column: pa.Array) -> bool:
    return bool(pa.types.is_list(column.type) or pa.types.is_large_list(column.type))


def _number_rows(lists: pa.Array, size: int) -> Float64Array:
    """Return lists as rows of an array; NaN for a list that is null or has another length."""
    rows = np.full((len(lists), size), np.nan)
    if not _is_list(lists):
        return rows
    is_whole = pc.equal(pc.list_value_length(lists), size).fill_null(False)
    values = _numbers(pc.list_flatten(lists.filter(is_whole)))
    rows[is_whole.to_numpy(zero_copy_only=False)] = values.reshape(-1, size)
    return rows


def _numbers(column: pa.Array) -> Float64Array:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return np.full(len(column), np.nan)
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _flattened(lists: pa.Array) -> pa.Array:
    return _of_any_length(pc.list_flatten(lists)) if _is_list(lists) else pa.nulls(0)


def _ends(lists: pa.Array) -> Int64Array:
    """Return where each list begins among the flattened values, and where the last one ends."""
    ends = np.zeros(len(lists) + 1, np.int64)
    if _is_list(lists):
        lengths = pc.list_value_length(lists).fill_null(0)
        ends[1:] = np.cumsum(lengths.to_numpy(zero_copy_only=False))
    return ends
