"""A crop's row of ``check/quality.parquet``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from ...types import Float32Array, Float64Array, UInt8Image
from .face_in_photo import FaceInPhoto
from .patch import cut_patch
from .pixels import measure_light, measure_sharpness
from .place import measure_size, measure_uncut
from .points import measure_pose
from .straddling import measure_unshared

_UNITS = {
    "sharpness": "1 / (2 sigma), sigma the blur of edges in pixels of a face whose eyes are 32 px apart",
    "light": "the lesser of not_dark and not_bright",
    "not_dark": "the grey value that the brightest tenth of the inner face reaches / 96",
    "not_bright": "(255 - the inner face's median grey value) / 127",
    "contrast": "(b - a) / (b + a + 16), the middle 90% of the inner face's grey values lie between a and b",
    "size": "the root of the box's area in photo pixels / 200",
    "pose": "squared cosine of the angle between the directions of face and camera",
    "uncut": "share of the face's oval that lies inside the photo",
    "unshared": "distance of an eye and a corner of the mouth from those of another face, in units of 48% of "
    "the width and 28% of the height of its box",
}

QUALITY = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        *(pa.field(name, pa.float32(), metadata={"unit": unit}) for name, unit in _UNITS.items()),
    ]
)
"""check/quality.parquet: one row per crop, in the order of the classes table; each number from 0 at worst to
1 at best, NaN where it cannot be told."""


def measure_crop(image: UInt8Image, face: FaceInPhoto, points: Float64Array | None = None) -> Float32Array:
    """Measure one crop.

    Args:
        image: the crop, ``(size, size, 3)`` uint8 RGB, of any template and size.
        face: what the ledger knows of its face.
        points: ``(5, 2)``, of a finished crop, where its template puts the face; its pixels can be measured.

    Returns:
        ``(len(QUALITY) - 1,)`` float32 in the order of :data:`QUALITY`, 0 … 1; NaN where the ledger lacks
        what is needed, or the crop shows less than half of the inner face.
    """
    row, shown = dict.fromkeys(_UNITS, float("nan")), face
    if points is not None:  # as if the crop were a photo of which only they are known
        none = float("nan")
        shown = replace(
            face, landmarks=points, matrix=np.eye(2, 3), box=np.full(4, none), width=none, height=none
        )
    with np.errstate(all="ignore"):  # a damaged ledger may hold any numbers
        patch = cut_patch(image, shown)
        if patch is not None:
            light = measure_light(patch)
            row["sharpness"], row["contrast"] = measure_sharpness(patch), light.contrast
            row["not_dark"], row["not_bright"] = light.not_dark, light.not_bright
            row["light"] = min(light.not_dark, light.not_bright)
        row["size"], row["pose"] = measure_size(face.box), measure_pose(face.landmarks)
        row["uncut"] = measure_uncut(face.landmarks, face.width, face.height)
        row["unshared"] = measure_unshared(face)
    return np.fromiter(row.values(), np.float32, len(row))
