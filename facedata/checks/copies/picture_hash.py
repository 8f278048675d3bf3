"""What a crop looks like, in a few numbers that hardly change when its picture is saved again.

Two hashes, since neither suffices. The *DCT hash* is that of Zauner, Implementation and Benchmarking of
Perceptual Image Hash Functions, 2010, as the package ImageHash computes it: which of the 64 lowest
frequencies are above their median. It says where things are, so it loses a picture that was saved again as
soon as the detector found its face a little beside: of copies that were mirrored and detected again, half are
not within 6 bits. The *spectrum hash* bears that.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...types import UInt8Image
from .spectrum_hash import SPECTRUM_PX, SPECTRUM_WORDS, spectrum_hash

HASH_WORDS = 2 + SPECTRUM_WORDS
"""How many numbers of 64 bits :func:`hash_crop` returns."""

_DCT_PX, _DCT_SIDE = 32, 8


def hash_crop(grey: UInt8Image) -> tuple[int, ...]:
    """Return the hashes of an ``(h, w)`` uint8 grey crop: :data:`HASH_WORDS` numbers, each below 2**64.

    The first two are the DCT hashes of the crop and of its mirror image, bits in the order of ImageHash's
    ``phash``; the others are the spectrum hash.
    """
    small = np.asarray(cv2.resize(grey, (SPECTRUM_PX,) * 2, interpolation=cv2.INTER_AREA), np.uint8)
    smaller = cv2.resize(small, (_DCT_PX, _DCT_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(smaller))[:_DCT_SIDE, :_DCT_SIDE]
    low = np.where(np.abs(low) < 0.1, 0, low)  # rounding errors of a flat crop
    # mirrored, every second frequency along the rows changes its sign
    both = (low, low * np.where(np.arange(_DCT_SIDE) % 2, -1, 1))
    bits = [np.packbits(values > np.median(values)).tobytes() for values in both]
    return (*(int.from_bytes(one, "big") for one in bits), *spectrum_hash(small))
