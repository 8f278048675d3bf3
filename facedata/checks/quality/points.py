"""What a face's five points tell of its pose."""

from __future__ import annotations

import numpy as np

from ...types import Float64Array
from .patch import EYES_PER_HEIGHT, upright_frame

_NOSE_AHEAD = 0.52
"""How far the nose's tip stands out before eyes and mouth, in units of the way from between the eyes to
between the mouth's corners. In 5,739 faces of LFW, CelebA and keypoints the eyes' distance and the nose's
distance from the middle lie on the ellipse of a turning head with this half-axis, and with
:data:`.patch.EYES_PER_HEIGHT` as the other."""

_NOSE_DOWN = 0.54
"""How far down from the eyes the nose's tip is, in that unit: the median of the same faces, which look
straight ahead."""


def measure_pose(landmarks: Float64Array) -> float:
    """Return cos² of the angle between a face's direction and the camera's, as far as five points tell it.

    1 is a face seen from the front, .5 one turned aside, up or down by 45°, 0 a profile; the turn in the
    image's plane does not count. cos² is ISO/IEC 29794-5's scale of head pose; the angles are those of a
    rigid head seen from afar. A mouth that is wide open looks like a head bent back by some degrees, and a
    long face like one that nods: up to 20° mean little.

    Args:
        landmarks: ``(5, 2)``, in an image that is not stretched; NaN gives NaN, as do points at one place.
    """
    frame = upright_frame(landmarks)
    if frame is None:
        return float("nan")
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    height = float(np.hypot(*(mouth - eyes)))
    aside, down = frame[:, :2].T / np.hypot(*frame[:, 0])
    nose = (landmarks[2] - eyes) / height
    apart = float((landmarks[1] - landmarks[0]) @ aside) / height
    yaw = np.arctan2(nose @ aside / _NOSE_AHEAD, apart / EYES_PER_HEIGHT)
    pitch = np.arctan((nose @ down - _NOSE_DOWN) / _NOSE_AHEAD)
    return 0.0 if abs(yaw) >= np.pi / 2 else float((np.cos(yaw) * np.cos(pitch)) ** 2)
