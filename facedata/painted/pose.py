"""How a head is held: from head coordinates to pixels.

Head coordinates: the eyes' midpoint is (0, 0), x to the image's right and y down, and half the width of the
head is 1. A point also has a depth, how far it is in front of the plane of the ears.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import Float64Array


@dataclass(frozen=True)
class Pose:
    """Where a head is and how it is turned.

    Attributes:
        x, y: pixel of the middle of the head, between the ears at the height of the eyes.
        scale_px: half the head's width in pixels.
        roll_deg: tilt to a shoulder, positive when the image-right eye is lower.
        yaw_deg: turn to a side, positive towards the image's right.
        pitch_deg: nod, positive upwards.
        smile: 0 … 1.
        light: side the light comes from, -1 (image left) … 1.
    """

    x: float
    y: float
    scale_px: float
    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    smile: float = 0.5
    light: float = 0.5

    def place(self, points: Float64Array, depth: float | Float64Array = 0.0) -> Float64Array:
        """Project head points, ``(N, 2)``, to pixels, ``(N, 2)``; the depth is one number or ``(N,)``.

        >>> Pose(100, 80, 40, roll_deg=90).place(np.array([[1.0, 0.0]])).round(6).tolist()
        [[100.0, 120.0]]
        """
        roll, yaw, pitch = np.radians([self.roll_deg, self.yaw_deg, self.pitch_deg])
        x, y = points[:, 0], points[:, 1]
        depth, y = depth * np.cos(pitch) + y * np.sin(pitch), y * np.cos(pitch) - depth * np.sin(pitch)
        x = x * np.cos(yaw) + depth * np.sin(yaw)
        across = x * np.cos(roll) - y * np.sin(roll)
        down = x * np.sin(roll) + y * np.cos(roll)
        return np.stack([self.x + self.scale_px * across, self.y + self.scale_px * down], axis=1)

    def on_face(self, points: Float64Array) -> Float64Array:
        """Return the pixels of points on the face, which is part of an ellipsoid."""
        x, y = points[:, 0], points[:, 1]
        return self.place(
            points, 0.8 * np.sqrt(np.clip(1 - (x / 1.1) ** 2 - ((y - 0.05) / 1.5) ** 2, 0.03, 1))
        )

    def eyes(self, eye_gap: float) -> Float64Array:
        """Return the pixels, ``(2, 2)``, of the middles of the image-left and image-right eye.

        Their line is tilted by exactly ``roll_deg``: yaw and pitch only shift a symmetric pair of points.
        """
        return self.on_face(np.array([[-eye_gap, 0.0], [eye_gap, 0.0]]))

    def below(self, drop: float, roll_share: float) -> Pose:
        """Return the pose of a body part ``drop`` below the head; it follows ``roll_share`` of the tilt."""
        (foot,) = self.place(np.array([[0.0, drop]]), 0.0)
        return Pose(float(foot[0]), float(foot[1]), self.scale_px, self.roll_deg * roll_share)
