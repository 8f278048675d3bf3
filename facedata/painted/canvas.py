"""A canvas to paint on: smooth shapes filled, stroked, or washed on softly.

Coordinates are pixels, x right and y down, pixel centres at whole numbers; outlines are rounded
to 1/16 pixel and their edges anti-aliased. Every call changes the canvas's image in place.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..types import Float64Array, UInt8Image

Colour = tuple[int, int, int]
"""Red, green, blue; 0 … 255."""

_SUBPIXEL_BITS = 4


def tone(colour: Colour, towards: Colour, amount: float) -> Colour:
    """Return the colour that lies ``amount`` (0 … 1) of the way to another one.

    >>> tone((0, 100, 200), (100, 100, 100), 0.5)
    (50, 100, 150)
    """
    red, green, blue = (round(a + (b - a) * amount) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def spline(points: Float64Array, closed: bool = True, steps: int = 8) -> Float64Array:
    """Return a Catmull–Rom curve through the points.

    Args:
        points: ``(N, 2)``, N ≥ 2.
        closed: whether the curve comes back to the first point.
        steps: curve points per given point.

    Returns:
        ``(M, 2)``; every given point is on it.
    """
    if closed:
        before, after, beyond = (np.roll(points, shift, axis=0) for shift in (1, -1, -2))
        start = points
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
        before, start, after, beyond = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, start, after, beyond))
    curve = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def ellipse(
    centre: tuple[float, float], radii: tuple[float, float], turn_deg: float = 0.0, points: int = 32
) -> Float64Array:
    """Return an ellipse's outline, ``(points, 2)``, turned clockwise (as seen) by ``turn_deg``."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return np.stack([centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos], axis=1)


class Canvas:
    """An RGB picture to paint on.

    Attributes:
        image: ``(height, width, 3)`` uint8 RGB.

    >>> canvas = Canvas(32, 24, (200, 180, 160))
    >>> canvas.fill(ellipse((16, 12), (6, 6)), (10, 20, 30))
    >>> canvas.image[12, 16].tolist(), canvas.image[0, 0].tolist()
    ([10, 20, 30], [200, 180, 160])
    """

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.image: UInt8Image = np.full((height, width, 3), colour, np.uint8)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])

    def fill(self, outline: Float64Array, colour: Colour) -> None:
        """Fill a shape, given by its ``(N, 2)`` outline."""
        cv2.fillPoly(self.image, [_to_subpixels(outline)], colour, cv2.LINE_AA, _SUBPIXEL_BITS)

    def stroke(self, line: Float64Array, colour: Colour, width_px: float, closed: bool = False) -> None:
        """Draw a line of even width (whole pixels, at least one) through ``(N, 2)`` points."""
        thick = max(1, round(width_px))
        cv2.polylines(self.image, [_to_subpixels(line)], closed, colour, thick, cv2.LINE_AA, _SUBPIXEL_BITS)

    def wash(
        self,
        outline: Float64Array,
        colour: Colour,
        opacity: float,
        softness_px: float,
        within: Float64Array | None = None,
    ) -> None:
        """Lay a translucent colour over a shape, fading out at its edge.

        Args:
            outline: ``(N, 2)``, the shape.
            colour: what is laid over it.
            opacity: 0 … 1.
            softness_px: how far the edge fades; 0 keeps it sharp.
            within: the outline of a second shape that the colour stays within.
        """
        reach = round(softness_px)
        x0, y0 = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 2 * reach - 1, 0)
        x1, y1 = np.ceil(outline.max(axis=0)).astype(int) + 2 * reach + 2
        part = self.image[y0:y1, x0:x1]
        if part.size == 0:  # outside the picture
            return
        weight = _mask(part, outline - (x0, y0))
        if reach:
            # Two box blurs look like a Gaussian and cost the same whatever the softness.
            side = (2 * reach + 1, 2 * reach + 1)
            weight = np.asarray(cv2.blur(cv2.blur(weight, side), side), np.uint8)
        if within is not None:
            inside = _mask(part, within - (x0, y0))
            weight = np.asarray(cv2.multiply(weight, inside, scale=1 / 255), np.uint8)
        alpha = weight.astype(np.float32) * np.float32(opacity / 255)
        part[...] = cv2.blendLinear(part, np.full_like(part, colour), 1 - alpha, alpha)


def _mask(like: UInt8Image, outline: Float64Array) -> UInt8Image:
    mask: UInt8Image = np.zeros(like.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_to_subpixels(outline)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return mask


def _to_subpixels(points: Float64Array) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.rint(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
