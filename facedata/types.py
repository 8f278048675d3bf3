"""The nouns: photo, face, crop, status; each number with its unit, sign and axis order.

Coordinates are pixels of the full-size photo, turned upright by its EXIF data; x to the right and y down,
pixel centres at whole numbers (OpenCV's convention): the top-left pixel covers -0.5 … 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

UInt8Image = NDArray[np.uint8]
"""An image, ``(height, width, 3)`` uint8, RGB."""

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]
UInt64Array = NDArray[np.uint64]
BoolArray = NDArray[np.bool_]


class Status(str, Enum):
    """What became of a record; every ledger row has exactly one status."""

    KEPT = "kept"
    NO_FACE = "no_face"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    LOW_SCORE = "low_score"
    TOO_SMALL = "too_small"
    UNSELECTED = "unselected"
    DUPLICATE = "duplicate"
    TOO_FEW = "too_few"
    NO_IDENTITY = "no_identity"
    EXCLUDED = "excluded"
    FAILED = "failed"
    FORGOTTEN = "forgotten"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class CloserLook:
    """What a detector sees of a face beyond its score.

    Attributes:
        doubt: how little it looks like an upright face; see :mod:`facedata.detect.doubt`.
        first_score: the score at first sight, where a second look has lowered it; else None.
    """

    doubt: float
    first_score: float | None = None


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face.

    Attributes:
        box: ``(4,)`` float32, x0 y0 x1 y1 in photo pixels; may reach outside the photo.
        score: the detector's confidence, 0 … 1.
        landmarks: ``(5, 2)`` float32, x y of image-left eye, image-right eye, nose, image-left and
            image-right mouth corner; left and right are those of the face turned upright.
        turned_deg: by how many degrees clockwise the photo has to be turned for the face to be upright: 0,
            90, 180 or 270.
        look: what the detector saw beyond the score, if it looked closer.
    """

    box: Float32Array
    score: float
    landmarks: Float32Array
    turned_deg: int = 0
    look: CloserLook | None = None

    @property
    def tilt_deg(self) -> float:
        """The eye line's angle in degrees, positive when the image-right eye is lower; -180 … 180."""
        (x0, y0), (x1, y1) = self.landmarks[:2].astype(np.float64)
        return float(np.degrees(np.arctan2(y1 - y0, x1 - x0)))


@dataclass(frozen=True, eq=False)
class Crop:
    """One aligned crop.

    Attributes:
        image: ``(size, size, 3)`` uint8 RGB.
        matrix: ``(2, 3)`` float64; ``matrix @ [x, y, 1]`` maps a photo pixel to a crop pixel.
        face: the face it shows, in photo pixels.
    """

    image: UInt8Image
    matrix: Float64Array
    face: Face


@dataclass(frozen=True)
class Photo:
    """One source record as a shard gets it.

    Attributes:
        record: the ledger's key: the photo, or ``photo#n`` when a table lists several faces of one.
        photo: path below the source root, ``/`` between its parts.
        crop_path: the crop's key, ``<identity>/<name>.jpg``.
        given_box: x0 y0 x1 y1 in photo pixels where the source gives one, else None.
        size: size of the file in bytes.
        mtime_ns: when the file was last changed, in nanoseconds since 1970.
    """

    record: str
    photo: str
    crop_path: str
    given_box: tuple[float, float, float, float] | None = None
    size: int = field(default=0, repr=False)  # shards of `crop` are named by the other fields
    mtime_ns: int = field(default=0, repr=False)


Row = dict[str, Any]
"""One ledger row as a shard makes it: column name → value."""
