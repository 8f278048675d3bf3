"""One person from the shoulders up: body, neck and head, painted from back to front."""

from __future__ import annotations

import numpy as np

from ..types import Float64Array
from .canvas import Canvas, Colour, ellipse, spline, tone
from .features import paint_eye, paint_mouth, paint_nose
from .hair import paint_back_hair, paint_beard, paint_front_hair, paint_glasses
from .person import Appearance
from .pose import Pose


def paint_portrait(canvas: Canvas, who: Appearance, pose: Pose, clothes: Colour) -> Float64Array:
    """Paint a person and return their eyes.

    Returns:
        ``(2, 2)``: the pixels of the middles of the image-left and image-right eye.
    """
    paint_back_hair(canvas, who, pose)
    _paint_body(canvas, who, pose, clothes)
    for side in (-1, 1) if who.style != "scarf" else ():
        canvas.fill(pose.place(ellipse((side * 1.03, 0.12), (0.17, 0.28), 8.0 * side)), who.skin)
        inner = pose.place(ellipse((side * 1.06, 0.12), (0.08, 0.17), 8.0 * side))
        canvas.wash(inner, tone(who.skin, (120, 40, 40), 0.5), 0.6, 0.04 * pose.scale_px)
        if who.earrings:
            canvas.fill(pose.place(ellipse((side * 1.07, 0.46), (0.07, 0.09))), (236, 190, 90))
    half = [(0, -1.36), (0.55, -1.24), (0.92, -0.78), (1.0, -0.15), (0.95, 0.42)]
    jaw = [(who.jaw, 0.98), (who.chin, 1.36), (0, 1.44)]
    right = np.array([*half, *jaw])
    outline = np.concatenate([right, right[-2:0:-1] * (-1, 1)]) * (1, who.length)
    # The chin lies in front of the ears, the temples beside them.
    face = spline(pose.place(outline, 0.45 * np.clip(outline[:, 1], 0, 1)))
    _paint_skin(canvas, who, pose, face)
    paint_beard(canvas, who, pose, face)
    for side in (-1, 1):
        paint_eye(canvas, who, pose, side)
    paint_nose(canvas, who, pose)
    paint_mouth(canvas, who, pose)
    paint_front_hair(canvas, who, pose)
    paint_glasses(canvas, who, pose)
    return pose.eyes(who.eye_gap)


def _paint_body(canvas: Canvas, who: Appearance, pose: Pose, clothes: Colour) -> None:
    chest = pose.below(2.15 * who.length, 0.25)
    right = np.array(
        [(0, -0.2), (0.55, -0.22), (0.9, -0.02), (1.75, 0.22), (2.2, 0.8), (2.35, 2.4), (2.4, 9), (0, 9)]
    )
    outline = np.concatenate([right, right[-2:0:-1] * (-1, 1)])
    shoulders = spline(chest.place(outline))
    canvas.fill(shoulders, clothes)
    far = -1.0 if pose.light > 0 else 1.0
    side = chest.place(ellipse((1.7 * far, 1.6), (0.9, 2.2)))
    canvas.wash(side, tone(clothes, (20, 10, 30), 0.5), 0.5, 0.4 * pose.scale_px, shoulders)
    neck_top = pose.place(np.array([(-0.55, 0.7), (0.55, 0.7)]))
    foot = chest.place(np.array([(0.62, -0.05), (0.3, 0.28), (0, 0.36), (-0.3, 0.28), (-0.62, -0.05)]))
    neck = np.concatenate([neck_top, foot])
    cloth = who.style == "scarf"
    colour = tone(who.hair, (20, 12, 20), 0.12) if cloth else tone(who.skin, (110, 40, 30), 0.2)
    canvas.fill(neck, colour)
    shadow = pose.place(ellipse((-0.25 * pose.light, 1.45 * who.length), (0.8, 0.4)), 0.2)
    canvas.wash(shadow, tone(colour, (80, 24, 20), 0.55), 0.6, 0.14 * pose.scale_px, neck)
    collar = chest.place(np.array([(-0.62, -0.05), (-0.3, 0.28), (0, 0.36), (0.3, 0.28), (0.62, -0.05)]))
    canvas.stroke(spline(collar, closed=False), tone(clothes, (255, 250, 240), 0.3), 0.08 * pose.scale_px)


def _paint_skin(canvas: Canvas, who: Appearance, pose: Pose, face: Float64Array) -> None:
    canvas.fill(face, who.skin)
    scale = pose.scale_px
    far = -1.0 if pose.light > 0 else 1.0
    shadow = pose.place(ellipse((1.05 * far, 0.2), (0.5, 1.6)))
    canvas.wash(shadow, tone(who.skin, (104, 30, 26), 0.5), 0.35 + 0.3 * abs(pose.light), 0.3 * scale, face)
    lit = pose.on_face(ellipse((0.3 * pose.light, -0.7), (0.55, 0.32)))
    canvas.wash(lit, tone(who.skin, (255, 244, 226), 0.5), 0.6, 0.25 * scale, face)
    hairline = pose.on_face(ellipse((0, -1.05 * who.length), (0.9, 0.3)))
    if who.style not in ("bald", "receding"):
        canvas.wash(hairline, tone(who.skin, (96, 30, 26), 0.5), 0.5, 0.1 * scale, face)
    for side in (-1, 1):
        cheek = pose.on_face(ellipse((side * 0.58, 0.52), (0.26, 0.2)))
        canvas.wash(cheek, tone(who.skin, (226, 84, 76), 0.5), 0.4, 0.16 * scale, face)
    if who.freckles:
        for x, y in ((0.4, 0.38), (0.52, 0.46), (0.64, 0.36), (0.56, 0.56), (0.34, 0.5), (0.7, 0.5)):
            for side in (-1, 1):
                spot = pose.on_face(ellipse((side * x, y), (0.022, 0.022), points=8))
                canvas.wash(spot, tone(who.skin, (150, 70, 40), 0.6), 0.8, 0)
