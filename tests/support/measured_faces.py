"""Faces as the checks of quality see them: from real photos, and by known geometry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa

from facedata import find_crops
from facedata.checks.quality.face_in_photo import FaceInPhoto
from facedata.checks.quality.measure import QUALITY, measure_crop
from facedata.config import TEMPLATES
from facedata.crops.align import warp
from facedata.options import look_up
from facedata.photos.image import decode
from facedata.types import Face, Float64Array, UInt8Image


class CutFace(NamedTuple):
    """A face, its crop, and the photo it was cut from."""

    photo: UInt8Image
    face: Face
    crop: UInt8Image
    in_photo: FaceInPhoto


def face_in_photo(
    face: Face, matrix: Float64Array, size: tuple[int, int], others: Sequence[Face] = ()
) -> FaceInPhoto:
    """Return what the ledger would know of a face, in a photo of a width and a height with other faces."""
    boxes, scores = np.array([one.box for one in (face, *others)]), [one.score for one in (face, *others)]
    return FaceInPhoto(
        face.landmarks.astype(np.float64), matrix, face.box.astype(np.float64), *size,
        boxes.astype(np.float64), np.array(scores), face.tilt_deg,
    )  # fmt: skip


def cut_face(
    photo: UInt8Image,
    face: Face,
    template: str = "square",
    size_px: int | None = None,
    others: Sequence[Face] = (),
) -> CutFace:
    """Cut a face out of a photo as `prepare` would."""
    shape = look_up(TEMPLATES, template)
    size_px = size_px or shape.size_px
    placement = shape.place(face, size_px)
    size = (photo.shape[1], photo.shape[0])
    crop = warp(photo, placement, size_px)
    return CutFace(photo, face, crop, face_in_photo(face, placement.matrix, size, others))


def find_all(photo: UInt8Image, min_score: float = 0.6) -> list[CutFace]:
    """Find all faces of a photo with the real detector, and cut each out; each knows of the others."""
    faces = [crop.face for crop in find_crops(photo, min_score=min_score)]
    return [cut_face(photo, one, others=[other for other in faces if other is not one]) for one in faces]


def find_one(paths: Iterable[Path]) -> list[CutFace]:
    """Find the largest face of each photo; photos without one are left out."""
    cut = []
    for path in paths:
        photo = decode(path.read_bytes())
        cut += [cut_face(photo, crop.face) for crop in find_crops(photo, face="largest")]
    return cut


def measure(face: CutFace, crop: UInt8Image | None = None) -> dict[str, float]:
    """Measure a face's crop, or another picture in its place."""
    values = measure_crop(face.crop if crop is None else crop, face.in_photo)
    return dict(zip(QUALITY.names[1:], values.tolist(), strict=True))


def quality_table(rows: Sequence[Mapping[str, float | None]], first_id: int = 0) -> pa.Table:
    """Return a table of qualities; what a row does not name is 1."""
    columns = {
        name: pa.array([row.get(name, 1.0) for row in rows], pa.float32()) for name in QUALITY.names[1:]
    }
    return pa.table({"id": np.arange(first_id, first_id + len(rows)), **columns}, schema=QUALITY)


def head_points(
    yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0, eyes_px: float = 60.0
) -> Float64Array:
    """Return the five points of a rigid head that turned, seen from afar, about (200, 150).

    The head: eyes .95 apart, a nose .52 before and .54 below them, a mouth .8 wide and 1 below.
    """
    head = np.array([(-0.475, 0, 0), (0.475, 0, 0), (0, 0.54, 0.52), (-0.4, 1, 0), (0.4, 1, 0)], np.float64)
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    seen = (head @ about_y.T @ about_x.T)[:, :2]
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    points: Float64Array = seen @ turn.T * (eyes_px / 0.95) + (200, 150)
    return points


def paste_beside(left: CutFace, right: CutFace, overlap: float, scale: float = 1.0) -> UInt8Image:
    """Return a photo in which two people stand cheek to cheek.

    The left photo ends, and the right one begins, so far inside its face's box that the boxes overlap by this
    share of their widths; the right face gets the left one's height. Then the whole is scaled.
    """
    here, there = left.face.box.astype(np.float64), right.face.box.astype(np.float64)
    factor = (here[3] - here[1]) / (there[3] - there[1])
    size = [round(side * factor) for side in (right.photo.shape[1], right.photo.shape[0])]
    beside = np.asarray(cv2.resize(right.photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    there *= factor
    end = round(here[2] - overlap / 2 * (here[2] - here[0]))
    start = round(there[0] + overlap / 2 * (there[2] - there[0]))
    canvas = np.zeros((left.photo.shape[0], end + beside.shape[1] - start, 3), np.uint8)
    canvas[:, :end] = left.photo[:, :end]
    down = round(here[1] - there[1])
    top, bottom = max(down, 0), min(len(canvas), down + len(beside))
    canvas[top:bottom, end:] = beside[top - down : bottom - down, start:]
    size = [round(side * scale) for side in (canvas.shape[1], canvas.shape[0])]
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)
