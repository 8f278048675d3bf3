"""Images, boxes and faces turned by 90, 180 or 270 degrees: exact, since pixels only change their places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..types import Face, Float32Array, UInt8Image


def turn_image(image: UInt8Image, turned_deg: int) -> UInt8Image:
    """Turn an ``(h, w, 3)`` image clockwise by 0, 90, 180 or 270 degrees."""
    return image if turned_deg == 0 else np.ascontiguousarray(np.rot90(image, -turned_deg // 90))


def turn_points(points: Float32Array, turned_deg: int, size: tuple[int, int]) -> Float32Array:
    """Turn points with the image that they are in.

    Args:
        points: ``(n, 2)``, x y.
        turned_deg: clockwise; 0, 90, 180 or 270.
        size: the image's width and height before.

    >>> turn_points(np.array([[1, 2]], np.float32), 90, (40, 30)).tolist()
    [[27.0, 1.0]]
    """
    x, y = points[:, 0], points[:, 1]
    right, bottom = np.float32(size[0] - 1), np.float32(size[1] - 1)
    turned = {0: (x, y), 90: (bottom - y, x), 180: (right - x, bottom - y), 270: (y, right - x)}
    return np.column_stack(turned[turned_deg])


def turn_box(box: Float32Array, turned_deg: int, size: tuple[int, int]) -> Float32Array:
    """Turn a ``(4,)`` box, x0 y0 x1 y1, with its image; see :func:`turn_points`."""
    corners = turn_points(box.reshape(2, 2), turned_deg, size)
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def turn_back(face: Face, turned_deg: int, size: tuple[int, int]) -> Face:
    """Convert a face from pixels of a turned image to those of the image before.

    Args:
        face: in pixels of the turned image.
        turned_deg: by how much that was turned clockwise.
        size: the turned image's width and height.

    Returns:
        The face, its ``turned_deg`` set; its landmarks keep their order.
    """
    if turned_deg == 0:
        return face
    back = 360 - turned_deg
    box, landmarks = turn_box(face.box, back, size), turn_points(face.landmarks, back, size)
    return replace(face, box=box, landmarks=landmarks, turned_deg=turned_deg)
