"""What a face's box and points tell: its size in the photo, and whether the photo's border cuts it."""

from __future__ import annotations

import numpy as np

from ...types import Float64Array
from .patch import EYES_PX, is_within, upright_frame

_WHOLE_PX = 200.0

_HALF_AXES = EYES_PX * np.array([0.95, 1.3])
_RINGS = np.sqrt((np.arange(16) + 0.5) / 16)
_ANGLES = 2 * np.pi * (np.arange(48) + 0.5) / 48
# points of equal area all over the head's oval, from the forehead to the chin; (2, n)
_OVAL: Float64Array = _HALF_AXES[:, None] * np.stack(
    [np.outer(_RINGS, np.cos(_ANGLES)).ravel(), np.outer(_RINGS, np.sin(_ANGLES)).ravel()]
)


def measure_size(box: Float64Array) -> float:
    """Return the mean side of a face's box in photo pixels, as a share of 200 px, at most 1; NaN for NaN.

    The mean is the geometric one, the root of the area. How large the crop is plays no part: a small face in
    a large crop is still small.
    """
    sides = box[2:] - box[:2]
    if not (np.isfinite(sides).all() and (sides > 0).all()):
        return float("nan")
    return min(float(np.sqrt(sides.prod())) / _WHOLE_PX, 1.0)


def measure_uncut(landmarks: Float64Array, width: float, height: float) -> float:
    """Return the share of a face's oval that lies inside the photo.

    The oval is where a head is that has such points: from the forehead to the chin, from ear to ear.

    Args:
        landmarks: ``(5, 2)`` in photo pixels.
        width: of the photo in pixels.
        height: of the photo in pixels.

    Returns:
        0 … 1; NaN if the points or the photo's size are unknown.
    """
    frame = upright_frame(landmarks)
    if frame is None or not np.isfinite([width, height]).all():
        return float("nan")
    return float(is_within(_OVAL, frame, -0.5, (width - 0.5, height - 0.5)).mean())
