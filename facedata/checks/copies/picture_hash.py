"""What a crop looks like, in a few numbers that hardly change when its picture is saved again.

Two hashes, since neither suffices. The *DCT hash* is that of Zauner, Implementation and Benchmarking of
Perceptual Image Hash Functions, 2010, as the package ImageHash computes it: which of the 64 lowest
frequencies are above their median. It says where things are, so it loses a picture that was saved again as
soon as the detector found its face a little beside: of copies that were mirrored and detected again, half are
not within 6 bits.

The *spectrum hash* does not say where things are: it says which of the lowest 2D frequencies of a crop,
windowed, are stronger than those around them. Those are magnitudes, which a shift does not change; those of
the mirror image are the same in another order; and those of a picture that is a little larger or turned are
the same a little further in or round, so that they are read there from the same spectrum.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...types import BoolArray, Float32Array, Int64Array, UInt8Image, UInt64Array

_WORDS, _SPECTRA = 4, 5
HASH_WORDS = 2 + _WORDS * _SPECTRA
"""How many numbers of 64 bits :func:`hash_crop` returns."""

_PX = 64
_DCT_PX, _DCT_SIDE = 32, 8
_LOWEST, _HIGHEST, _REACH = 1.5, 12.8, 18
"""Used frequencies, and those that are computed, in waves per crop; a small copy has no higher ones."""
_AROUND = 2.5
_NOISE = 1.0
"""Added to magnitudes before their logarithm: in grey levels, what is left of nothing after rounding."""
_SEEN = ((1.0, 0.0), (1.055, 0.0), (1.11, 0.0), (1.0, 4.0), (1.0, -4.0))
"""How many times as large the picture is, and by how many degrees it is turned, in each spectrum hash."""

VIEWS = tuple((view, False) for view in range(4)) + tuple((view, True) for view in range(5))
"""Which spectrum hashes of a crop to compare with the others' plain one: a view, and whether mirrored.

One pair of crops has two crops that can be the smaller one, or the one that is turned clockwise, so each need
be tried one way only; not so mirrored, since then both are turned clockwise or neither is."""


def hash_crop(grey: UInt8Image) -> tuple[int, ...]:
    """Return the hashes of an ``(h, w)`` uint8 grey crop: :data:`HASH_WORDS` numbers, each below 2**64.

    The first two are the DCT hashes of the crop and of its mirror image, bits in the order of ImageHash's
    ``phash``; then come spectrum hashes of four numbers each: of the crop, and as it would be larger or
    turned. Those of a crop of one brightness are 0.
    """
    small = np.asarray(cv2.resize(grey, (_PX, _PX), interpolation=cv2.INTER_AREA), np.uint8)
    numbers = _dct_hashes(small)
    for bits in _stands_out(small.astype(np.float32)):
        numbers += [_number(word) for word in bits.reshape(_WORDS, 64)]
    return tuple(numbers)


def dct_hashes(hashes: UInt64Array) -> UInt64Array:
    """Return, of ``(n, HASH_WORDS)`` hashes, the DCT hashes of crops and mirror images, ``(n, 2)`` uint64."""
    return hashes[:, :2]


def spectra(hashes: UInt64Array, view: int = 0, mirrored: bool = False) -> BoolArray:
    """Return a spectrum hash of each crop, ``(n, SPECTRUM_BITS)`` bool.

    Args:
        hashes: ``(n, HASH_WORDS)`` uint64, of :func:`hash_crop`.
        view: 0 for the crop as it is; 1 and 2 for a larger one; 3 and 4 for a turned one.
        mirrored: whether that of the view's mirror image is returned.
    """
    start = 2 + _WORDS * view
    octets = hashes[:, start : start + _WORDS].astype(">u8").view(np.uint8)
    bits = np.unpackbits(octets.reshape(len(hashes), 8 * _WORDS), axis=1, count=SPECTRUM_BITS).view(np.bool_)
    return bits[:, _MIRRORED] if mirrored else bits


def _dct_hashes(small: UInt8Image) -> list[int]:
    smaller = cv2.resize(small, (_DCT_PX, _DCT_PX), interpolation=cv2.INTER_AREA)
    low = np.asarray(cv2.dct(smaller.astype(np.float32)))[:_DCT_SIDE, :_DCT_SIDE]
    low = np.where(np.abs(low) < 0.1, 0, low)  # rounding errors of a flat crop
    # mirrored, every second frequency along the rows changes its sign
    mirrored = low * np.where(np.arange(_DCT_SIDE) % 2, -1, 1)
    return [_number(values > np.median(values)) for values in (low, mirrored)]


def _stands_out(small: Float32Array) -> BoolArray:
    """Return, for each view, which frequencies are stronger than those around, filled up to whole words."""
    wave = (small - np.vdot(small, _WINDOW) / _WINDOW.sum()) * _WINDOW
    plane = np.asarray(cv2.dft(wave, flags=cv2.DFT_COMPLEX_OUTPUT))
    low = plane[_ROWS, : _REACH + 1]
    strength = np.log(cv2.magnitude(low[..., 0], low[..., 1]) + np.float32(_NOISE))
    # a turn reads a little of the other half, where the magnitudes are the same the other way round
    strength = np.concatenate([strength[::-1, _OTHER:0:-1], strength], axis=1)
    above = cv2.subtract(strength, cv2.GaussianBlur(strength, (0, 0), _AROUND))
    bits = np.zeros((_SPECTRA, 64 * _WORDS), np.bool_)
    # a picture of one brightness has no pattern
    bits[:, :SPECTRUM_BITS] = np.asarray(cv2.remap(above, *_READ, cv2.INTER_LINEAR)) > 1e-3
    return bits


def _number(bits: BoolArray) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _find_used() -> tuple[Float32Array, Float32Array, Int64Array]:
    """Return each used frequency's waves along and down, the lowest first, and its mirror image's place."""
    down, along = np.mgrid[-_REACH : _REACH + 1, : _REACH + 1]
    radius = np.hypot(down, along)
    used = ((along > 0) | (down > 0)) & (radius >= _LOWEST) & (radius <= _HIGHEST)
    order = np.argsort(radius[used], kind="stable")
    along, down = along[used][order], down[used][order]
    place = {wave: at for at, wave in enumerate(zip(along.tolist(), down.tolist(), strict=True))}
    mirrored = [place.get((x, -y), at) for (x, y), at in place.items()]
    return along.astype(np.float32), down.astype(np.float32), np.array(mirrored)


def _find_places() -> tuple[Float32Array, Float32Array]:
    """Return the column and row where each view's frequencies are read, ``(views, SPECTRUM_BITS)``."""
    columns, rows = [], []
    for scale, turn_deg in _SEEN:
        cos, sin = scale * np.cos(np.radians(turn_deg)), scale * np.sin(np.radians(turn_deg))
        columns.append(_OTHER + cos * _ALONG + sin * _DOWN)
        rows.append(_REACH - sin * _ALONG + cos * _DOWN)
    return np.array(columns, np.float32), np.array(rows, np.float32)


_OTHER = 3
_ROWS = np.arange(-_REACH, _REACH + 1)
_WINDOW = np.outer(*[np.hanning(_PX + 2)[1:-1]] * 2).astype(np.float32)
_ALONG, _DOWN, _MIRRORED = _find_used()
_READ = _find_places()
SPECTRUM_BITS = len(_MIRRORED)
"""How many bits a spectrum hash has."""
