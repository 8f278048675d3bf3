"""The spectrum hash: what stands out in a crop, wherever it is.

It says which of the lowest 2D frequencies of a crop, windowed, are stronger than those around them. Those are
magnitudes, which a shift does not change; those of the mirror image are the same in another order; and those
of a picture that is a little larger or turned are the same a little further in or round, so that they are
read there from the same spectrum.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...types import BoolArray, Float32Array, Int64Array, UInt8Image, UInt64Array

_WORDS, _VIEWS = 4, 5
SPECTRUM_WORDS = _WORDS * _VIEWS
"""How many numbers of 64 bits :func:`spectrum_hash` returns."""

SPECTRUM_PX = 64
"""The side of what is hashed."""

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


def spectrum_hash(small: UInt8Image) -> list[int]:
    """Return the spectrum hashes of a crop, and as it would be larger or turned: four numbers each.

    All 0 for a crop of one brightness.

    Args:
        small: ``(SPECTRUM_PX, SPECTRUM_PX)`` uint8, grey.
    """
    wave = (small - np.vdot(small, _WINDOW) / _WINDOW.sum()) * _WINDOW
    plane = np.asarray(cv2.dft(wave, flags=cv2.DFT_COMPLEX_OUTPUT))
    low = plane[_ROWS, : _REACH + 1]
    strength = np.log(cv2.magnitude(low[..., 0], low[..., 1]) + np.float32(_NOISE))
    # a turn reads a little of the other half, where the magnitudes are the same the other way round
    strength = np.concatenate([strength[::-1, _OTHER:0:-1], strength], axis=1)
    above = cv2.subtract(strength, cv2.GaussianBlur(strength, (0, 0), _AROUND))
    bits = np.zeros((_VIEWS, 64 * _WORDS), np.bool_)
    # a picture of one brightness has no pattern
    bits[:, :SPECTRUM_BITS] = np.asarray(cv2.remap(above, *_READ, cv2.INTER_LINEAR)) > 1e-3
    return [int.from_bytes(word.tobytes(), "big") for word in np.packbits(bits).reshape(-1, 8)]


def spectra(hashes: UInt64Array, view: int = 0, mirrored: bool = False) -> BoolArray:
    """Return a spectrum hash of each crop, ``(n, SPECTRUM_BITS)`` bool.

    Args:
        hashes: ``(n, SPECTRUM_WORDS)`` uint64, of :func:`spectrum_hash`.
        view: 0 for the crop as it is; 1 and 2 for a larger one; 3 and 4 for a turned one.
        mirrored: whether that of the view's mirror image is returned.
    """
    start = _WORDS * view
    octets = hashes[:, start : start + _WORDS].astype(">u8").view(np.uint8)
    bits = np.unpackbits(octets.reshape(len(hashes), 8 * _WORDS), axis=1, count=SPECTRUM_BITS).view(np.bool_)
    return bits[:, _MIRRORED] if mirrored else bits


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
_WINDOW = np.outer(*[np.hanning(SPECTRUM_PX + 2)[1:-1]] * 2).astype(np.float32)
_ALONG, _DOWN, _MIRRORED = _find_used()
_READ = _find_places()
SPECTRUM_BITS = len(_MIRRORED)
"""How many bits a spectrum hash has."""
