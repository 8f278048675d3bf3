"""A whole photo: background, one or two people, camera and light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..types import Float32Array, UInt8Image
from .canvas import Canvas, Colour
from .person import appearance
from .portrait import paint_portrait
from .pose import Pose
from .scene import paint_scene

_CLOTHES: tuple[Colour, ...] = (
    (58, 92, 128),
    (176, 74, 62),
    (72, 110, 88),
    (232, 222, 204),
    (206, 148, 62),
    (86, 70, 112),
    (52, 54, 64),
    (160, 110, 120),
)


@dataclass(frozen=True, eq=False)
class PaintedPhoto:
    """A painted photo and its ground truth.

    Attributes:
        image: ``(height, width, 3)`` uint8 RGB.
        eyes: ``(k, 2, 2)`` float32: x, y of each face's image-left and image-right eye, in pixels whose
            centres are whole numbers; the main person first; k = 0 for an empty scene.
    """

    image: UInt8Image
    eyes: Float32Array

    @property
    def tilt_deg(self) -> float:
        """The main face's tilt, positive when the image-right eye is lower; NaN for an empty scene."""
        if not len(self.eyes):
            return float("nan")
        across, down = (self.eyes[0, 1] - self.eyes[0, 0]).astype(np.float64)
        return float(np.degrees(np.arctan2(down, across)))


def paint(person: int, photo: int, seed: int = 0, *, beside: int | None = None) -> PaintedPhoto:
    """Paint photo number ``photo`` of person number ``person``, both from 0.

    The same numbers always give the same pixels. The features depend on the person only
    (:func:`~facedata.painted.appearance`), everything else on the photo.

    Args:
        person: who is in it.
        photo: which of their photos.
        seed: of everything that is random.
        beside: another person, behind them and clearly smaller; None for no one.

    Raises:
        ValueError: a number is negative (from numpy).

    >>> photo = paint(person=2, photo=5)
    >>> photo.image.dtype, photo.eyes.shape
    (dtype('uint8'), (1, 2, 2))
    """
    rng = np.random.default_rng([seed, person, 1 + photo])
    canvas = _blank(rng, wide=beside is not None)
    width, height = canvas.width, canvas.height
    light = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1))
    paint_scene(canvas, rng)
    scale = rng.uniform(0.15, 0.21) * min(width, 0.85 * height)
    across = rng.uniform(0.42, 0.58) if beside is None else 0.34
    pose = Pose(
        x=across * width,
        y=max(rng.uniform(0.36, 0.46) * height, 2.0 * scale),
        scale_px=scale,
        roll_deg=float(np.clip(rng.normal(0, 13), -30, 30)),
        yaw_deg=rng.uniform(-16, 16),
        pitch_deg=rng.uniform(-7, 7),
        smile=rng.uniform(0, 1),
        light=light,
    )
    eyes = []
    if beside is not None:
        smaller = rng.uniform(0.6, 0.68) * scale
        behind = Pose(
            x=pose.x + 3.6 * scale if pose.x + 5 * scale < width else width * 0.8,
            y=pose.y + rng.uniform(-0.2, 0.3) * smaller,
            scale_px=smaller,
            roll_deg=rng.uniform(-10, 10),
            yaw_deg=rng.uniform(-12, 4),
            smile=rng.uniform(0.2, 1),
            light=light,
        )
        eyes.append(paint_portrait(canvas, appearance(beside, seed), behind, _clothes(rng)))
    eyes.insert(0, paint_portrait(canvas, appearance(person, seed), pose, _clothes(rng)))
    return PaintedPhoto(_develop(canvas.image, rng), np.array(eyes, np.float32))


def paint_empty(photo: int = 0, seed: int = 0) -> PaintedPhoto:
    """Paint a scene with no one in it.

    >>> paint_empty().eyes.shape
    (0, 2, 2)
    """
    rng = np.random.default_rng([seed, 2**32 - 2, 1 + photo])
    canvas = _blank(rng, wide=True)
    paint_scene(canvas, rng, "hills")
    return PaintedPhoto(_develop(canvas.image, rng), np.zeros((0, 2, 2), np.float32))


def _blank(rng: np.random.Generator, wide: bool) -> Canvas:
    long_px = int(rng.integers(440, 701))
    short_px = int(long_px * rng.uniform(0.7, 0.9))
    if wide or rng.random() < 0.4:
        return Canvas(long_px, short_px, (220, 205, 185))
    return Canvas(short_px, long_px, (220, 205, 185))


def _clothes(rng: np.random.Generator) -> Colour:
    return _CLOTHES[int(rng.integers(len(_CLOTHES)))]


def _develop(image: UInt8Image, rng: np.random.Generator) -> UInt8Image:
    """Add what a camera adds: exposure, tint, softness and grain."""
    gain = rng.uniform(0.88, 1.06) + rng.uniform(-0.02, 0.07) * np.array([1, 0, -1])  # exposure and warmth
    gamma = rng.uniform(0.9, 1.15)
    curve = 255 * np.clip((np.arange(256)[:, None] / 255) ** gamma * gain, 0, 1)
    shot = cv2.LUT(image, np.rint(curve).astype(np.uint8)[:, None, :])
    shot = cv2.GaussianBlur(shot, (0, 0), rng.uniform(0.4, 1.1))
    strength = rng.uniform(1, 6)
    # Bytes are much cheaper than normal deviates; the sum of two is close enough for grain.
    first, second = rng.integers(0, 256, (2, *image.shape[:2]), dtype=np.uint8).astype(np.float32)
    grain = (first + second - 255) * np.float32(strength / 104)
    return np.asarray(cv2.add(shot, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)
