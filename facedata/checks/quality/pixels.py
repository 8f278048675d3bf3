"""What the inner face's pixels tell: sharpness, light, contrast; each from 0 at worst to 1 at best."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from .patch import Patch

_SMOOTHING = 7
_REACH = np.ones((_SMOOTHING, _SMOOTHING), np.uint8)

_LIT = 96.0
"""A face whose brightest tenth has this grey or more is lit well enough."""
_HALF_WHITE = 127.0
_LEAST_GREY = 16.0
"""Grey values below it are mostly noise, and their ratio tells nothing."""


class Light(NamedTuple):
    """How a face is lit, and its contrast."""

    not_dark: float
    not_bright: float
    contrast: float


def measure_sharpness(patch: Patch) -> float:
    """Return how sharp a face's edges are: 1 / (2σ), σ their blur in pixels of a face with eyes 32 px apart.

    So 1, the most, is an edge of half a pixel, and .25 a blur whose σ is 1/16 of the eyes' distance.

    σ comes from the energy of the second differences over that of the first, along the rows and along the
    columns; the lower counts, so that a blur by motion does. Both grow with contrast, which so has no part in
    it. The face is blurred by a σ of 1 before, which is taken off again: that leaves little of noise, JPEG's
    blocks and the kinks of an enlarged picture, all of which look like edges; strong noise still does.

    The usual sums of both are the variance of the Laplacian (Pech-Pacheco et al., Diatom autofocusing in
    brightfield microscopy, ICPR 2000) and Tenengrad (Tenenbaum, Accommodation in computer vision, 1970);
    ISO/IEC 29794-5 has a classifier look at such sums.
    """
    smooth = cv2.GaussianBlur(patch.grey, (_SMOOTHING, _SMOOTHING), 1.0)
    inner = cv2.erode(patch.is_face.view(np.uint8), _REACH, borderValue=0).view(np.bool_)
    blur = 0.25
    for grey, is_face in ((smooth, inner), (smooth.T, inner.T)):
        first = np.diff(grey, axis=1)
        second = np.diff(first, axis=1)
        in_first = is_face[:, 1:] & is_face[:, :-1]
        in_second = in_first[:, 1:] & in_first[:, :-1]
        fine = float((second[in_second] ** 2).mean()) if in_second.any() else 0.0
        if fine < 1e-6:  # one colour
            return 0.0
        # of an edge blurred by a Gaussian, first over second is twice the square of its sigma
        blur = max(blur, float((first[in_first] ** 2).mean()) / fine / 2 - 1)
    return 0.5 / float(np.sqrt(blur))


def measure_light(patch: Patch) -> Light:
    """Return how far a face is from too dark and from too bright, and its contrast.

    - ``not_dark``: the grey value that the brightest tenth of the face reaches, as a share of 96 (of 255), at
      most 1. It is the brightest tenth since dark skin in good light shines, too; in bad light nothing does.
    - ``not_bright``: how far the face's median grey is from white (255), as a share of 127, at most 1. 0 is a
      face half of which is burnt out.
    - ``contrast``: (b - a) / (b + a) of the greys between which the middle 90% of the face lie (Michelson,
      Studies in optics, 1927), with 16 added below for faces that are nearly black.
    """
    low, middle, bright, high = np.percentile(patch.grey[patch.is_face], (5, 50, 90, 95)).tolist()
    return Light(
        min(bright / _LIT, 1.0),
        min((255.0 - middle) / _HALF_WHITE, 1.0),
        (high - low) / (high + low + _LEAST_GREY),
    )
