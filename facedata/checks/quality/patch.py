"""The inner face at one size, whatever the template: brows to mouth, cheek to cheek, turned upright.

Every measure of pixels looks at this patch, so that it means the same in sets of any template and size, and
so that hair, background and the black around a square crop do not count. Where the crop has fewer pixels than
the patch they are spread, and the face is as blurred as it then looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...types import BoolArray, Float32Array, Float64Array, UInt8Image
from .face_in_photo import FaceInPhoto

EYES_PX = 32.0
"""The distance of a frontal face's eyes in the patch, in its pixels."""

EYES_PER_HEIGHT = 0.95
"""The eyes' distance of a frontal face, in units of the way from between the eyes to between the mouth's
corners: measured on LFW, CelebA and keypoints, see :mod:`.points`."""

WIDTH, HEIGHT = 60, 72
"""Size of the patch in pixels; its centre is half-way from the eyes to the mouth."""

_LEAST_SEEN = 0.5
"""With less of the inner face in the crop and the photo, its pixels tell nothing."""

_LEAST_AREA = 1e-4
"""Nor where a pixel of the patch has less than this many pixels of the crop."""

_EDGE = 1.5
"""So many pixels of the patch along a border have some of the black outside it."""

_CENTRE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
_GRID = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).reshape(-1, 2) - _CENTRE
_IS_INNER: BoolArray = ((_GRID / EYES_PX / (0.84, 1.02)) ** 2).sum(axis=1) <= 1
_INNER_POINTS: Float64Array = np.ascontiguousarray(_GRID[_IS_INNER].T)


@dataclass(frozen=True, eq=False)
class Patch:
    """A face's pixels at one size.

    Attributes:
        grey: ``(HEIGHT, WIDTH)`` float32, 0 … 255.
        is_face: ``(HEIGHT, WIDTH)``, the pixels of the inner face that the crop and the photo show.
    """

    grey: Float32Array
    is_face: BoolArray


def upright_frame(landmarks: Float64Array) -> Float64Array | None:
    """Return where a face lies: pixels about the patch's centre to those of the image that has the landmarks.

    The way from between the eyes to between the mouth's corners stays as long as it is when the face turns
    aside; the eyes' distance does when it nods. The longer of the two, each in its unit, is the face's scale.

    Args:
        landmarks: ``(5, 2)``.

    Returns:
        ``(2, 3)`` float64; None if the points are unknown, or all at one place.
    """
    if not np.isfinite(landmarks).all():
        return None
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    down, apart = mouth - eyes, landmarks[1] - landmarks[0]
    height = float(np.hypot(*down))
    unit = max(height, float(np.hypot(*apart)) / EYES_PER_HEIGHT)
    if height < 1e-3 or not np.isfinite(unit):
        return None
    down = down / height * (unit * EYES_PER_HEIGHT / EYES_PX)
    return np.column_stack([[down[1], -down[0]], down, (eyes + mouth) / 2])


def cut_patch(image: UInt8Image, face: FaceInPhoto) -> Patch | None:
    """Cut the inner face out of a crop.

    Args:
        image: the crop, ``(size, size, 3)`` uint8 RGB.
        face: its face.

    Returns:
        The patch; None if the face's points are unknown or nonsense, or crop and photo show less than half of
        it.
    """
    in_photo = upright_frame(face.landmarks)  # in the crop, facenet160 has stretched the face
    if in_photo is None or not np.isfinite(face.matrix).all():
        return None
    linear, shift = face.matrix[:, :2], face.matrix[:, 2]
    to_crop = np.column_stack([linear @ in_photo[:, :2], linear @ in_photo[:, 2] + shift])
    if abs(float(np.linalg.det(to_crop[:, :2]))) < _LEAST_AREA:
        return None
    is_face = _find_shown(in_photo, to_crop, face, (image.shape[1], image.shape[0]))
    if is_face.sum() < _LEAST_SEEN * _INNER_POINTS.shape[1]:
        return None
    return Patch(_warp(image, to_crop), is_face)


def is_within(
    points: Float64Array, frame: Float64Array, least: float, most: Sequence[float] | Float64Array
) -> BoolArray:
    """Return which points lie inside an image.

    Args:
        points: ``(2, n)``, x and y about a patch's centre.
        frame: ``(2, 3)``, to the image's pixels.
        least: the least x and y that are inside.
        most: the largest x, and the largest y.
    """
    x, y = frame[:, :2] @ points + frame[:, 2:]
    is_inside: BoolArray = (x >= least) & (y >= least) & (x <= most[0]) & (y <= most[1])
    return is_inside


def _find_shown(
    in_photo: Float64Array, to_crop: Float64Array, face: FaceInPhoto, size: tuple[int, int]
) -> BoolArray:
    """Return which pixels of the patch are the inner face's, and inside the photo, the crop and the box."""
    edge = _EDGE * float(np.hypot(*in_photo[:, 0]))
    is_shown = is_within(_INNER_POINTS, to_crop, 0, (size[0] - 1, size[1] - 1))
    if np.isfinite([face.width, face.height]).all():
        is_shown &= is_within(_INNER_POINTS, in_photo, edge, (face.width - 1 - edge, face.height - 1 - edge))
    if np.isfinite(face.box).all():
        # a square crop is black outside its box, which is turned until the eyes are level
        x, y = face.landmarks[1] - face.landmarks[0]
        turn = np.array([[x, y], [-y, x]]) / np.hypot(x, y)
        sides, centre = face.box[2:] - face.box[:2], (face.box[:2] + face.box[2:]) / 2
        in_box = np.column_stack([turn @ in_photo[:, :2], turn @ (in_photo[:, 2] - centre) + sides / 2])
        is_shown &= is_within(_INNER_POINTS, in_box, edge, sides - edge)
    is_face = np.zeros(HEIGHT * WIDTH, np.bool_)
    is_face[_IS_INNER] = is_shown
    return is_face.reshape(HEIGHT, WIDTH)


def _warp(image: UInt8Image, to_crop: Float64Array) -> Float32Array:
    """Return the patch's grey values; the crop is smoothed first as far as it shrinks, so nothing aliases."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    matrix = np.column_stack([to_crop[:, :2], to_crop[:, 2] - to_crop[:, :2] @ _CENTRE])
    step = float(np.sqrt(abs(np.linalg.det(to_crop[:, :2]))))  # crop pixels per pixel of the patch
    factor = int(step / 1.2)
    if factor >= 2:
        sides = [max(1, side // factor) for side in (image.shape[1], image.shape[0])]
        factors = np.array([[image.shape[1] / sides[0]], [image.shape[0] / sides[1]]])
        grey = cv2.resize(grey, sides, interpolation=cv2.INTER_AREA)
        matrix = matrix / factors
        matrix[:, 2:] += (1 / factors - 1) / 2  # pixel centres: x = factor * small + (factor - 1) / 2
        step /= float(np.sqrt(factors.prod()))
    smooth = grey.astype(np.float32)
    if step > 1:
        sigma = 0.45 * float(np.sqrt(step**2 - 1)) + 1e-3
        smooth = np.asarray(cv2.GaussianBlur(smooth, (0, 0), sigma), np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(smooth, matrix, (WIDTH, HEIGHT), flags=flags), np.float32)
