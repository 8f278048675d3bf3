"""The fast path for most photos: complete JPEGs straight to RGB, at full or reduced size.

OpenCV and Pillow decode with the same library to the same pixels, but through Pillow it takes three times as
long. OpenCV silently accepts truncated files, so those are left to Pillow.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..types import UInt8Image

REDUCTIONS = (1, 2, 4, 8)
"""The factors a JPEG decoder can divide each side by, by skipping high frequencies of its 8 x 8 blocks."""

_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def is_complete_jpeg(data: bytes) -> bool:
    """Return whether the bytes begin and end as a JPEG's do; those of a truncated one do not."""
    return data[:3] == b"\xff\xd8\xff" and data[-2:] == b"\xff\xd9"


def decode_jpeg(data: bytes, reduction: int = 1) -> UInt8Image | None:
    """Decode a complete JPEG as it is stored, ignoring its EXIF orientation.

    Args:
        data: its bytes.
        reduction: 1, 2, 4 or 8; each side is divided by it and rounded up.

    Returns:
        ``(height, width, 3)`` uint8 RGB, or None when OpenCV cannot decode it.
    """
    flags = _FLAGS[reduction] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # larger than OpenCV's own limit
        return None
    return None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image), np.uint8)
