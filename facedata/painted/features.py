"""Eyes, brows, nose and mouth, painted onto a head."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour, ellipse, spline, tone
from .person import Appearance
from .pose import Pose

_WHITE: Colour = (250, 246, 240)
_LINE: Colour = (44, 28, 28)


def paint_eye(canvas: Canvas, who: Appearance, pose: Pose, side: int) -> None:
    """Paint an eye and its brow, on the image's left (``side`` -1) or right (1)."""
    # inner corner, upper lid, outer corner, lower lid: 6 points around the eye's middle
    shape = np.array([[-1, 0.15], [-0.5, -0.75], [0.35, -0.85], [1, -0.05], [0.4, 0.75], [-0.45, 0.75]])
    shape = shape * (0.215 * who.eye_size, 0.105 * who.eye_size)
    slant = np.radians(who.eye_slant_deg)
    shape = np.stack([shape[:, 0], shape[:, 1] - np.sin(slant) * shape[:, 0]], axis=1)
    shape = shape * (side, 1) + (side * who.eye_gap, 0.0)
    middle = side * who.eye_gap
    shade = tone(who.skin, (84, 30, 24), 0.45)
    socket = pose.on_face(ellipse((middle, -0.05), (0.33, 0.23)))
    canvas.wash(socket, shade, 0.5, 0.1 * pose.scale_px)
    opening = spline(pose.on_face(shape))
    canvas.fill(opening, tone(_WHITE, who.skin, 0.12))
    radius = 0.112 * who.eye_size
    for height, share, colour in (
        (-0.008, 1.0, tone(who.iris, _LINE, 0.55)),
        (0.005, 0.78, who.iris),
        (-0.005, 0.45, (18, 14, 16)),
    ):
        circle = pose.on_face(ellipse((middle, height), (share * radius, share * radius)))
        canvas.wash(circle, colour, 1.0, 0, within=opening)
    canvas.stroke(spline(pose.on_face(shape[:4]), closed=False), _LINE, 0.045 * pose.scale_px)
    canvas.stroke(spline(pose.on_face(shape[3:]), closed=False), shade, 0.02 * pose.scale_px)
    crease = spline(pose.on_face(shape[:4] * (1, 1.15) + (0, -0.06)), closed=False)
    canvas.stroke(crease, shade, 0.02 * pose.scale_px)
    glint = ellipse((middle + 0.04 * np.sign(pose.light), -0.04), (0.028, 0.028), points=12)
    canvas.fill(pose.on_face(glint), (255, 255, 255))
    thick, lift = who.brow_weight, who.brow_lift + 0.03 * pose.smile
    inner, outer, bend = who.eye_gap - 0.24, who.eye_gap + 0.29, who.eye_gap + 0.1
    brow = np.array(
        [
            [inner, -lift + 0.7 * thick],
            [inner, -lift - 0.4 * thick],
            [bend, -lift - who.brow_arch - thick / 2],
            [outer, -lift + 0.09],
            [bend, -lift - who.brow_arch + thick / 2],
        ]
    )
    canvas.fill(spline(pose.on_face(brow * (side, 1))), who.brow)


def paint_nose(canvas: Canvas, who: Appearance, pose: Pose) -> None:
    """Paint the nose."""
    wide, tip = who.nose_width, who.nose_length
    shade = tone(who.skin, (110, 40, 40), 0.4)
    # The nose stands out from the face, so it moves further when the head turns.
    far = -np.sign(pose.light)
    ridge = np.array([[0.02, -0.12], [0.05, 0.2], [wide, tip], [0.02, tip + 0.04], [0.0, 0.2]]) * (far, 1)
    soft = 0.05 * pose.scale_px
    canvas.wash(spline(pose.place(ridge, 0.92)), shade, 0.55, soft)
    ball = pose.place(ellipse((0.0, tip - 0.03), (0.75 * wide, 0.11)), 1.0)
    canvas.wash(ball, tone(who.skin, (255, 240, 225), 0.35), 0.6, soft)
    base = np.array([[-wide, tip - 0.04], [-0.8 * wide, tip + 0.06], [0, tip + 0.1]])
    base = np.concatenate([base, base[1::-1] * (-1, 1)])
    canvas.stroke(
        spline(pose.place(base, 0.92), closed=False), tone(shade, _LINE, 0.25), 0.03 * pose.scale_px
    )
    for side in (-1, 1):
        nostril = ellipse((side * 0.5 * wide, tip + 0.055), (0.28 * wide, 0.035), turn_deg=-15 * side)
        canvas.wash(pose.place(nostril, 0.94), tone(shade, _LINE, 0.75), 0.9, 0)


def paint_mouth(canvas: Canvas, who: Appearance, pose: Pose) -> None:
    """Paint the mouth."""
    middle = who.nose_length + 0.36
    wide, thick = who.mouth_width * (0.92 + 0.16 * pose.smile), who.lip_weight
    lift = 0.11 * pose.smile  # of the corners
    gap = 0.12 * max(0.0, pose.smile - 0.45)
    left, right = [-wide, middle - lift], [wide, middle - lift]
    bow = [[-0.3 * wide, middle - thick], [0, middle - 0.75 * thick], [0.3 * wide, middle - thick]]
    under = [[0.5 * wide, middle + gap + 0.9 * thick], [0, middle + gap + 1.4 * thick]]
    under.append([-under[0][0], under[0][1]])
    shade = tone(who.skin, (92, 30, 26), 0.5)
    below = pose.on_face(ellipse((0, middle + gap + 1.6 * thick + 0.07), (0.6 * wide, 0.06)))
    canvas.wash(below, shade, 0.5, 0.05 * pose.scale_px)
    canvas.fill(spline(pose.on_face(np.array([left, *bow, right, *under]))), who.lips)
    line = [left, [-0.4 * wide, middle], [0, middle + 0.01], [0.4 * wide, middle], right]
    if gap > 0:
        teeth = [[0.5 * wide, middle + gap], [0, middle + 1.5 * gap], [-0.5 * wide, middle + gap]]
        canvas.fill(spline(pose.on_face(np.array([*line, *teeth]))), (246, 240, 232))
    dark = tone(who.lips, _LINE, 0.6)
    canvas.stroke(spline(pose.on_face(np.array(line)), closed=False), dark, 0.03 * pose.scale_px)
    shine = pose.on_face(ellipse((0, middle + gap + 0.75 * thick), (0.3 * wide, 0.25 * thick)))
    canvas.wash(shine, (255, 225, 215), 0.35, 0.03 * pose.scale_px)
