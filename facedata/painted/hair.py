"""Hair, headscarf, beard and glasses, painted behind and onto a head."""

from __future__ import annotations

import numpy as np

from ..types import Float64Array
from .canvas import Canvas, ellipse, spline, tone
from .person import Appearance
from .pose import Pose

# The right half of an outline, from the top middle downwards, is mirrored to the left.
_BACKS: dict[str, list[tuple[float, float]]] = {
    "long": [(0, -1.62), (0.75, -1.4), (1.2, -0.6), (1.25, 0.6), (1.3, 1.7), (0.95, 2.3), (0, 2.3)],
    "waves": [(0, -1.68), (0.85, -1.42), (1.34, -0.5), (1.22, 0.3), (1.45, 1.0), (1.15, 1.75), (0, 1.6)],
    "bob": [(0, -1.6), (0.8, -1.35), (1.25, -0.5), (1.3, 0.5), (1.2, 1.15), (0.7, 1.2), (0, 1.1)],
    "fringe": [(0, -1.6), (0.8, -1.38), (1.22, -0.5), (1.24, 0.7), (1.3, 1.75), (0.8, 1.95), (0, 1.9)],
    "scarf": [(0, -1.72), (0.85, -1.45), (1.3, -0.5), (1.2, 0.6), (1.05, 1.3), (1.3, 2.2), (0, 2.6)],
}
# Hairlines from the image-left temple to the right one, below the crown's outline.
_HAIRLINES: dict[str, list[tuple[float, float]]] = {
    "crop": [
        (-0.92, -0.15), (-0.8, -0.62), (-0.45, -0.86), (0, -0.84), (0.45, -0.86), (0.8, -0.62), (0.92, -0.15),
    ],
    "side": [
        (-0.94, 0.05), (-0.8, -0.5), (-0.55, -0.92), (0, -0.68), (0.5, -0.58), (0.84, -0.4), (0.95, 0.1),
    ],
    "quiff": [
        (-0.93, -0.05), (-0.84, -0.6), (-0.5, -0.95), (0, -1.0), (0.5, -0.95), (0.84, -0.6), (0.93, -0.05),
    ],
    "parted": [
        (-1.02, 0.75), (-0.9, -0.3), (-0.55, -0.72), (0.12, -1.12), (0.6, -0.68), (0.92, -0.3), (1.02, 0.75),
    ],
    "bangs": [
        (-1.06, 0.8), (-0.86, -0.42), (-0.4, -0.5), (0, -0.46), (0.4, -0.5), (0.86, -0.42), (1.06, 0.8),
    ],
    "back": [
        (-0.97, -0.1), (-0.82, -0.66), (-0.42, -0.96), (0, -1.0), (0.42, -0.96), (0.82, -0.66), (0.97, -0.1),
    ],
    "scarf": [(-1.04, 0.9), (-0.93, 0), (-0.74, -0.66), (0, -0.92), (0.74, -0.66), (0.93, 0), (1.04, 0.9)],
}  # fmt: skip
_LINE_OF_STYLE = {
    "long": "parted",
    "waves": "parted",
    "bob": "parted",
    "fringe": "bangs",
    "bun": "back",
    "curls": "crop",
    "scarf": "scarf",
}
_CROWN_LIFT = {"quiff": 0.42, "side": 0.24, "bun": 0.14, "crop": 0.14, "curls": 0.2, "scarf": 0.3}


def _mirror(half: list[tuple[float, float]]) -> Float64Array:
    right = np.array(half)
    inner = right[np.abs(right[:, 0]) > 0]
    return np.concatenate([right, inner[::-1] * (-1, 1)])


def paint_back_hair(canvas: Canvas, who: Appearance, pose: Pose) -> None:
    """Paint the hair that lies behind head and neck."""
    dark = tone(who.hair, (30, 12, 14), 0.22)
    if who.style in _BACKS:
        outline = spline(pose.place(_mirror(_BACKS[who.style]) * (1, who.length), -0.35))
        canvas.fill(outline, dark)
    elif who.style == "bun":
        canvas.fill(pose.place(ellipse((0.1 * who.parting, -1.68), (0.46, 0.4)), -0.3), who.hair)
        canvas.wash(
            pose.place(ellipse((0.1 * who.parting, -1.5), (0.4, 0.16)), -0.3), dark, 0.6, 0.08 * pose.scale_px
        )
    elif who.style == "curls":
        for angle in np.linspace(-2.75, -0.39, 11):
            centre = (1.12 * np.cos(angle), -0.28 + 1.18 * np.sin(angle))
            canvas.fill(pose.place(ellipse(centre, (0.4, 0.4)), -0.2), dark)


def paint_front_hair(canvas: Canvas, who: Appearance, pose: Pose) -> None:
    """Paint the hair (or headscarf) on top of the head and round the face."""
    if who.style == "bald":
        return
    if who.style == "receding":
        patch = np.array([(0.86, 0.1), (0.88, -0.35), (0.8, -0.85), (1.0, -0.85), (1.13, -0.4), (1.06, 0.1)])
        for side in (-1, 1):
            canvas.fill(spline(pose.place(patch * (side, 1), 0.12)), who.hair)
        return
    line = np.array(_HAIRLINES[_LINE_OF_STYLE.get(who.style, who.style)])
    if who.parting < 0:
        line = line[::-1] * (-1, 1)
    # The hairline lies on the face, the crown on the plane of the ears: turning the head separates them.
    hairline = spline(pose.on_face(line * (1, who.length)), closed=False)
    # the outer edge, from the image-right temple over the top to the left one
    lift, low = _CROWN_LIFT.get(who.style, 0.2), 0.75 if who.style in _BACKS else 0.0
    half = np.array([(1.06, low), (1.1, -0.35), (0.98, -0.9), (0.55, -1.3 - 0.7 * lift), (0, -1.35 - lift)])
    crown = np.concatenate([half, half[-2::-1] * (-1, 1)])
    if who.style in ("quiff", "side"):  # swept to one side
        crown[3:6, 0] -= 0.16 * who.parting
    outer = spline(pose.place(crown * (1, who.length), 0.05), closed=False)
    shape = np.concatenate([hairline, outer])
    canvas.fill(shape, who.hair)
    if who.style == "curls":
        light = tone(who.hair, (190, 150, 120), 0.16)
        for row, (radius, height) in enumerate(((1.02, -0.2), (0.72, -0.42))):
            for angle in np.linspace(-2.9, -0.24, 10 - 2 * row):
                centre = (radius * np.cos(angle), height + 1.08 * radius * np.sin(angle))
                canvas.fill(pose.place(ellipse(centre, (0.25, 0.25)), 0.1), who.hair)
                arc = ellipse((centre[0] + 0.03, centre[1] - 0.03), (0.14, 0.14))[14:26]
                canvas.stroke(pose.place(arc, 0.1), light, 0.04 * pose.scale_px)
    if who.style == "scarf":
        canvas.stroke(hairline, tone(who.hair, (30, 16, 24), 0.35), 0.05 * pose.scale_px)
    # light on one side, shade on the other
    lit = pose.place(ellipse((0.45 * pose.light, -1.22), (0.5, 0.18), turn_deg=22 * pose.light), 0.3)
    canvas.wash(lit, tone(who.hair, (255, 226, 190), 0.45), 0.6, 0.1 * pose.scale_px, shape)
    far = -1.0 if pose.light > 0 else 1.0
    dark = pose.place(ellipse((0.95 * far, -0.6), (0.35, 0.9)), 0.0)
    canvas.wash(dark, tone(who.hair, (10, 6, 14), 0.5), 0.6, 0.15 * pose.scale_px, shape)


def paint_beard(canvas: Canvas, who: Appearance, pose: Pose, face: Float64Array) -> None:
    """Paint the beard, kept within the outline of the face (before the mouth is painted)."""
    mouth = who.nose_length + 0.36
    soft = 0.05 * pose.scale_px
    if who.beard in ("full", "stubble"):
        top = [(1.05, 0.15), (0.86, 0.45), (0.62, mouth - 0.3), (0.2, mouth - 0.22), (0, mouth - 0.2)]
        outline = _mirror([*reversed(top), (1.2, 1.0), (0.7, 1.7), (0, 1.75)])
        opacity = 0.92 if who.beard == "full" else 0.28
        canvas.wash(spline(pose.on_face(outline)), who.brow, opacity, soft, face)
    if who.beard == "goatee":
        canvas.wash(pose.on_face(ellipse((0, mouth + 0.28), (0.3, 0.3))), who.brow, 0.9, soft, face)
    if who.beard in ("goatee", "moustache"):
        half = [
            (0, mouth - 0.24),
            (0.3, mouth - 0.16),
            (who.mouth_width + 0.06, mouth + 0.06),
            (0.25, mouth - 0.05),
        ]
        canvas.fill(spline(pose.on_face(_mirror([*half, (0, mouth - 0.08)]))), who.brow)


def paint_glasses(canvas: Canvas, who: Appearance, pose: Pose) -> None:
    """Paint the glasses, which stand a little in front of the face."""
    if who.glasses == "none":
        return
    thick = 0.04 * pose.scale_px
    for side in (-1, 1):
        middle = (side * (who.eye_gap + 0.01), 0.03)
        if who.glasses == "round":
            rim = ellipse(middle, (0.34, 0.33))
        else:
            half = np.array([(-0.34, 0.12), (-0.34, -0.16), (-0.27, -0.23), (0.3, -0.24), (0.37, -0.18)])
            rim = np.concatenate([half, [(0.34, 0.16), (0.25, 0.25), (-0.24, 0.24)]]) * (side, 1) + middle
        canvas.wash(pose.place(rim, 0.8), (235, 245, 250), 0.1, 0)
        canvas.stroke(pose.place(rim, 0.8), who.frame, thick, closed=True)
        arm = np.array([(side * (who.eye_gap + 0.33), -0.04), (side * 1.02, -0.06)])
        canvas.stroke(np.concatenate([pose.place(arm[:1], 0.8), pose.place(arm[1:], 0.1)]), who.frame, thick)
    bridge = np.array([(0.35 - who.eye_gap, 0.0), (0, -0.05), (who.eye_gap - 0.35, 0.0)])
    canvas.stroke(pose.place(bridge, 0.82), who.frame, thick)
