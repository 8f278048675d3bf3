"""A crop's bytes decoded straight into its place in a batch.

OpenCV decodes into memory of its own, from which a crop is copied. simplejpeg, where it is installed (the
extra ``fast``), writes the same pixels where they belong: both contain libjpeg-turbo. It is asked only for
JPEGs of the batch's size in usual colours, and only if it gives OpenCV's pixels for a trial crop.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np

from facedata.crops.codec import decode_crop, encode_crop
from facedata.types import UInt8Image

_JPEG = b"\xff\xd8"
_TRIAL_PX = 72


def decode_into(data: bytes, image: UInt8Image) -> tuple[int, ...]:
    """Decode a crop's bytes into an array.

    Args:
        data: the bytes of an image file.
        image: ``(s, s, 3)`` uint8, contiguous; it gets the crop as RGB if the crop has this shape.

    Returns:
        The shape of the crop.

    Raises:
        StoreError: the bytes are not an image.

    >>> crop = np.full((16, 16, 3), 99, np.uint8)
    >>> place = np.zeros_like(crop)
    >>> decode_into(encode_crop(crop), place), bool((place == crop).all())
    ((16, 16, 3), True)
    """
    library = find_library() if data[:2] == _JPEG else None
    if library is not None and _decode_in_place(library, data, image):
        return image.shape
    crop = decode_crop(data)
    if crop.shape == image.shape:
        image[...] = crop
    return crop.shape


def _decode_in_place(library: Any, data: bytes, image: UInt8Image) -> bool:
    """Return whether the array now has the crop; what is odd about a crop is OpenCV's business."""
    try:
        height, width, colours, _ = library.decode_jpeg_header(data)
        if (height, width) != image.shape[:2] or colours != "YCbCr":
            return False
        library.decode_jpeg(data, "RGB", buffer=image)
    except ValueError:  # the bytes are damaged
        return False
    return True


@cache
def find_library() -> Any:
    """Return simplejpeg; None if it is not installed, or does not give OpenCV's pixels here."""
    try:
        library = importlib.import_module("simplejpeg")
    except ImportError:
        return None
    y, x = np.mgrid[:_TRIAL_PX, :_TRIAL_PX]
    waves = [np.sin(y / 2 + x / 5), np.cos(x / 3), np.sin(x * y / 40)]
    data = encode_crop(np.stack([127.5 + 127 * wave for wave in waves], axis=2).astype(np.uint8))
    image = np.zeros((_TRIAL_PX, _TRIAL_PX, 3), np.uint8)
    same = _decode_in_place(library, data, image) and np.array_equal(image, decode_crop(data))
    return library if same else None
