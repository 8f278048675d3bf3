"""Backgrounds: a sky with hills, lights out of focus, a papered wall, a skyline, leaves."""

from __future__ import annotations

import numpy as np

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
        rng: draws the kind, the colours and the places.
        kind: one of :data:`SCENES`, or None to draw one.
    """
    kind = kind or SCENES[int(rng.integers(len(SCENES)))]
    palette = _PALETTES[int(rng.integers(len(_PALETTES)))]
    _paint_sky(canvas, palette)
    {
        "hills": _paint_hills,
        "lights": _paint_lights,
        "wall": _paint_wall,
        "skyline": _paint_skyline,
        "leaves": _paint_leaves,
    }[kind](canvas, rng, palette)


_Palette = tuple[Colour, Colour, Colour]


def _paint_sky(canvas: Canvas, palette: _Palette) -> None:
    ramp = np.linspace(0, 1, canvas.height)[:, None, None]
    light, middle = np.array(palette[0]), np.array(palette[1])
    rows = np.rint(light + (middle - light) * ramp).astype(np.uint8)
    canvas.image[...] = rows


def _rectangle(
    x0: float, y0: float, x1: float, y1: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def _paint_hills(canvas: Canvas, rng: np.random.Generator, palette: _Palette) -> None:
    width, height = canvas.width, canvas.height
    sun = ellipse((rng.uniform(0.1, 0.9) * width, rng.uniform(0.12, 0.3) * height), (0.09 * height,) * 2)
    canvas.wash(sun, (255, 248, 226), 0.5, 0.05 * height)
    canvas.fill(sun, (255, 244, 214))
    for depth in (0.3, 0.55, 0.8):
        x = np.linspace(-0.1, 1.1, 6) * width
        y = (0.38 + 0.5 * depth + rng.uniform(-0.07, 0.07, 6)) * height
        ridge = spline(np.stack([x, y], axis=1), closed=False)
        corners = np.array([(1.1 * width, height + 1.0), (-0.1 * width, height + 1.0)])
        canvas.fill(np.concatenate([ridge, corners]), tone(palette[1], palette[2], depth))


def _paint_lights(canvas: Canvas, rng: np.random.Generator, palette: _Palette) -> None:
    canvas.wash(_rectangle(0, 0, canvas.width, canvas.height), palette[2], 0.5, 0)
    for _ in range(16):
        centre = (rng.uniform(0, canvas.width), rng.uniform(0, canvas.height))
        radius = rng.uniform(0.03, 0.1) * canvas.height
        canvas.wash(ellipse(centre, (radius, radius)), palette[0], rng.uniform(0.15, 0.45), 0.12 * radius)


def _paint_wall(canvas: Canvas, rng: np.random.Generator, palette: _Palette) -> None:
    width, height = canvas.width, canvas.height
    stripe = rng.uniform(0.06, 0.1) * width
    for x in np.arange(0, width, 2 * stripe):
        canvas.wash(_rectangle(x, 0, x + stripe, height), palette[2], 0.12, 0)
    canvas.fill(_rectangle(0, 0.78 * height, width, height + 1.0), tone(palette[1], palette[2], 0.55))
    canvas.fill(_rectangle(0, 0.76 * height, width, 0.78 * height), tone(palette[0], (255, 255, 255), 0.4))
    x0 = rng.choice([0.04, 0.74]) * width
    frame = _rectangle(x0, 0.1 * height, x0 + 0.22 * width, 0.38 * height)
    canvas.fill(frame, tone(palette[2], (60, 36, 30), 0.5))
    inside = frame + np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * 0.02 * height
    canvas.fill(inside, tone(palette[0], (255, 250, 240), 0.6))
    canvas.fill(inside * (1, 0.5) + (0, 0.5 * inside[2, 1]), palette[1])


def _paint_skyline(canvas: Canvas, rng: np.random.Generator, palette: _Palette) -> None:
    for depth in (0.25, 0.6):
        x = -0.05 * canvas.width
        while x < canvas.width:
            wide = rng.uniform(0.07, 0.16) * canvas.width
            top = rng.uniform(0.25, 0.5) + 0.25 * depth
            house = _rectangle(x, top * canvas.height, x + wide, canvas.height + 1.0)
            canvas.fill(house, tone(palette[1], palette[2], depth))
            x += wide * rng.uniform(0.9, 1.3)


def _paint_leaves(canvas: Canvas, rng: np.random.Generator, palette: _Palette) -> None:
    for _ in range(22):
        centre = (rng.uniform(0, canvas.width), rng.uniform(0, canvas.height))
        size = rng.uniform(0.05, 0.12) * canvas.height
        leaf = ellipse(centre, (size, 0.4 * size), rng.uniform(0, 180))
        canvas.wash(leaf, tone(palette[1], palette[2], rng.uniform(0, 1)), 0.7, 0.08 * size)
