"""Crops to JPEG bytes and back."""

from __future__ import annotations

import cv2
import numpy as np

from ..errors import StoreError
from ..types import UInt8Image

JPEG_QUALITY = 95

_RGB = getattr(cv2, "IMREAD_COLOR_RGB", None)
"""Decodes to RGB without a second pass; older versions of OpenCV do not have it."""


def encode_crop(image: UInt8Image) -> bytes:
    """Encode an ``(h, w, 3)`` uint8 RGB crop as JPEG, quality 95."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not done:
        raise StoreError(f"cannot encode a crop of shape {image.shape} as JPEG")
    return bytes(data)


def decode_crop(data: bytes) -> UInt8Image:
    """Decode a crop's bytes to ``(h, w, 3)`` uint8 RGB.

    Raises:
        StoreError: the bytes are not an image.
    """
    flags = (cv2.IMREAD_COLOR if _RGB is None else _RGB) | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise StoreError(
            f"a crop of {len(data)} bytes cannot be decoded: run `facedata prepare` again for it"
        )
    return np.asarray(image if _RGB is not None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
