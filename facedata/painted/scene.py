"""Backgrounds: a sky with hills, lights out of focus, a papered wall, a skyline, leaves."""

from __future__ import annotations

import numpy as np

from ..types import Float64Array
from .canvas import Canvas, Colour, ellipse, spline, tone

SCENES = ("hills", "lights", "wall", "skyline", "leaves")
"""What can be behind a person."""

_PALETTES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((250, 214, 170), (232, 150, 118), (128, 92, 108)),
    ((214, 230, 226), (142, 182, 178), (72, 112, 116)),
    ((246, 232, 206), (222, 178, 122), (150, 100, 72)),
    ((222, 214, 232), (160, 142, 182), (92, 78, 116)),
    ((238, 236, 222), (178, 194, 152), (96, 122, 88)),
)
"""Light, middle and dark tone."""


def paint_scene(canvas: Canvas, rng: np.random.Generator, kind: str | None = None) -> None:
    """Cover the canvas with a background.

    Args:
        canvas: what is painted on.
        rng: draws the kind, the colours and the positions.
        kind: one of :data:`SCENES`, or None to draw one.
    """
    kind = kind or SCENES[int(rng.integers(len(SCENES)))]
    light, middle, dark = _PALETTES[int(rng.integers(len(_PALETTES)))]
    width, height = canvas.width, canvas.height
    ramp = np.linspace(0, 1, height)[:, None, None]
    canvas.image[...] = np.rint(np.array(light) + (np.array(middle) - np.array(light)) * ramp).astype(
        np.uint8
    )
    if kind == "hills":
        sun = ellipse((rng.uniform(0.1, 0.9) * width, rng.uniform(0.12, 0.3) * height), (0.09 * height,) * 2)
        canvas.wash(sun, (255, 248, 226), 0.5, 0.05 * height)
        canvas.fill(sun, (255, 244, 214))
        for depth in (0.3, 0.55, 0.8):
            x = np.linspace(-0.1, 1.1, 6) * width
            y = (0.38 + 0.5 * depth + rng.uniform(-0.07, 0.07, 6)) * height
            ridge = spline(np.stack([x, y], axis=1), closed=False)
            corners = np.array([(1.1 * width, height + 1.0), (-0.1 * width, height + 1.0)])
            canvas.fill(np.concatenate([ridge, corners]), tone(middle, dark, depth))
    elif kind == "lights":
        canvas.wash(_rectangle(0, 0, width, height), dark, 0.5, 0)
        for _ in range(16):
            centre = (rng.uniform(0, width), rng.uniform(0, height))
            radius = rng.uniform(0.03, 0.1) * height
            canvas.wash(ellipse(centre, (radius, radius)), light, rng.uniform(0.15, 0.45), 0.12 * radius)
    elif kind == "wall":
        stripe = rng.uniform(0.06, 0.1) * width
        for left in np.arange(0, width, 2 * stripe):
            canvas.wash(_rectangle(left, 0, left + stripe, height), dark, 0.12, 0)
        canvas.fill(_rectangle(0, 0.78 * height, width, height + 1.0), tone(middle, dark, 0.55))
        canvas.fill(_rectangle(0, 0.76 * height, width, 0.78 * height), tone(light, (255, 255, 255), 0.4))
        x0 = rng.choice([0.04, 0.74]) * width
        frame = _rectangle(x0, 0.1 * height, x0 + 0.22 * width, 0.38 * height)
        canvas.fill(frame, tone(dark, (60, 36, 30), 0.5))
        inside = frame + np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * 0.02 * height
        canvas.fill(inside, tone(light, (255, 250, 240), 0.6))
        canvas.fill(inside * (1, 0.5) + (0, 0.5 * inside[2, 1]), middle)
    elif kind == "skyline":
        for depth in (0.25, 0.6):
            left = -0.05 * width
            while left < width:
                wide = rng.uniform(0.07, 0.16) * width
                top = rng.uniform(0.25, 0.5) + 0.25 * depth
                house = _rectangle(left, top * height, left + wide, height + 1.0)
                canvas.fill(house, tone(middle, dark, depth))
                left += wide * rng.uniform(0.9, 1.3)
    else:  # leaves
        for _ in range(22):
            centre = (rng.uniform(0, width), rng.uniform(0, height))
            size = rng.uniform(0.05, 0.12) * height
            leaf = ellipse(centre, (size, 0.4 * size), rng.uniform(0, 180))
            canvas.wash(leaf, tone(middle, dark, rng.uniform(0, 1)), 0.7, 0.08 * size)


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> Float64Array:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
