"""A hash of what a picture looks like: nearly the same for copies that were saved again, resized or mirrored.

Two difference hashes (Krawetz, Kind of Like That, 2013), along rows and along columns, of the picture at 9×9
pixels. It is mirrored first if its left half is the darker one, so that a mirror image has the same hash.
"""

from __future__ import annotations

import numpy as np

from ..types import UInt8Image

PICTURE_HASH = ("picture_hash_along", "picture_hash_down")
"""The names of the two numbers, where they are columns."""

MOST_DIFFERENT = 6
"""Up to so many of the 128 bits differ between copies; other pictures differ by more, almost always."""

_SIDE = 9
_SAMPLED_PX = 16 * _SIDE


def hash_picture(image: UInt8Image) -> tuple[int, int]:
    """Return the hash of an ``(h, w, 3)`` uint8 RGB picture: two numbers of 64 bits, both 0 if it is flat."""
    import cv2  # only here: drawing pairs and triplets needs this module's names, and no pictures

    # the area filter alone would cost seven times as much, and finds no more copies
    fewer = cv2.resize(image, (_SAMPLED_PX, _SAMPLED_PX), interpolation=cv2.INTER_LINEAR)
    small = cv2.resize(fewer, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.int16)
    if grey[:, :4].sum() < grey[:, 5:].sum():
        grey = grey[:, ::-1]
    steps = (grey[:-1, 1:] > grey[:-1, :-1], grey[1:, :-1] > grey[:-1, :-1])
    along, down = (int.from_bytes(np.packbits(step).tobytes(), "big") for step in steps)
    return along, down
