"""A second look at faces that are in doubt: O-Net sees them moved, shared and turned.

What is a face stays one when the square that is looked at moves a little; a patch of leaves, or two halves of
two faces, often does not. If a surer face is seen at a side, with its eyes elsewhere but its box partly the
same, the box lies between two faces. And if the face looks at least as much like one after a turn, the photo
may lie on its side or stand on its head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...types import CloserLook, Face, Float32Array
from ..boxes import shift_boxes, square_boxes
from ..doubt import DOUBTFUL, add_second_look
from ..pyramid import Halves
from .networks import CascadeNetworks

_O_PX = 48
_NEARBY = ((0.0, 0.1), (0.0, -0.1), (-0.15, 0.0))
"""By how much the square is moved to look at most of the face again, as shares of its side. These three tell
the most of eleven that were tried; with the turns and sides they make two batches of O-Net."""
_SIDES = ((0.3, 0.0), (-0.3, 0.0))
"""By how much it is moved to find another face."""
_BELIEVED = 0.66
"""Least second score of a face whose first score stays; those in doubt that were right had 0.81 or more."""
_SMALL, _LARGE = 0.15, 0.5
"""Shares of the image's longer side. The doubt itself counts only against faces smaller than the first, a low
score nearby only against those smaller than the second: in a close-up little of the face is nearby."""
_OTHER_SCORE, _OTHER_SHARE, _OTHER_EYES = 0.98, 0.2, 0.8
"""Another face: its least score, the least share of the smaller box that is in both boxes, and how far away
its eyes' midpoint is, in distances of the eyes."""
_APART = 1.0
"""Two other faces, one at either side: how far their eyes' midpoints are apart, likewise."""


def look_again(
    networks: CascadeNetworks, faces: Sequence[Face], images: Sequence[Halves], may_lower: bool = True
) -> list[Face]:
    """Look again at those faces that are in doubt.

    Args:
        networks: those of MTCNN; only O-Net is used.
        faces: each with its ``look``.
        images: the image of each, in whose pixels it is.
        may_lower: whether to lower the scores of faces that do not stand up to it.

    Returns:
        The faces, with their doubt after the second look.
    """
    seen = list(faces)
    doubtful = [
        (at, face, face.look) for at, face in enumerate(faces) if face.look and face.look.doubt > DOUBTFUL
    ]
    if not doubtful:
        return seen
    crops, squares = [], []
    for at, face, _ in doubtful:
        square = square_boxes(face.box[None])[0]
        crop, _ = images[at].cut(square, _O_PX)
        crops += [np.rot90(crop, quarters) for quarters in (1, 2, 3)]
        side, centre = square[2] - square[0], (square[:2] + square[2:]) / 2
        for shift in (*_NEARBY, *_SIDES):
            middle = centre + side * np.array(shift, np.float32)
            crop, moved = images[at].cut(np.concatenate([middle - side / 2, middle + side / 2]), _O_PX)
            crops.append(crop)
            squares.append(moved)
    # of each face: three turns, the squares nearby, those at its sides
    scores, shifts, points = (
        output.reshape(len(doubtful), len(crops) // len(doubtful), *output.shape[1:])
        for output in networks.onet(np.stack(crops))
    )
    sides = np.stack(squares).reshape(len(doubtful), -1, 4)[:, len(_NEARBY) :]
    first = 3 + len(_NEARBY)
    for number, (at, face, look) in enumerate(doubtful):
        turned_score, nearby_score = (float(scores[number, :3].max()), float(scores[number, 3:first].mean()))
        second_score = 1 - _other_score(
            face, sides[number], scores[number, first:], shifts[number, first:], points[number, first:]
        )
        share = float((face.box[2:] - face.box[:2]).max()) / max(images[at].size)
        if share < _LARGE and _is_within(face.box, images[at].size):
            second_score = min(second_score, nearby_score)
        if share < _SMALL:
            second_score = min(second_score, 1 / (1 + 10**look.doubt))
        doubt = add_second_look(look.doubt, nearby_score, turned_score, face.tilt_deg)
        if may_lower and second_score < min(_BELIEVED, face.score):
            seen[at] = replace(face, score=second_score, look=CloserLook(doubt, face.score))
        else:
            seen[at] = replace(face, look=CloserLook(doubt))
    return seen


def _other_score(
    face: Face, squares: Float32Array, scores: Float32Array, shifts: Float32Array, points: Float32Array
) -> float:
    """Return the score of another face, or of two, that share the face's box; 0 if there is none.

    Args:
        face: the face in doubt.
        squares: ``(n, 4)``, the squares at its sides.
        scores: as O-Net returned them for those squares.
        shifts: likewise.
        points: likewise.
    """
    boxes = shift_boxes(squares, shifts)
    eyes = points[:, :2].mean(axis=1) * (squares[:, 2:] - squares[:, :2]) + squares[:, :2]
    left, right = face.landmarks[:2]
    ways = (eyes - (left + right) / 2) / max(float(np.hypot(*(right - left))), 1e-6)
    if (scores > _OTHER_SCORE).all() and np.hypot(*(ways[0] - ways[1])) > _APART:
        return float(scores.min())
    away = np.hypot(*ways.T) > _OTHER_EYES
    low, high = np.maximum(boxes[:, :2], face.box[:2]), np.minimum(boxes[:, 2:], face.box[2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    smaller = np.minimum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), (face.box[2:] - face.box[:2]).prod())
    other = (scores > _OTHER_SCORE) & away & (shared > _OTHER_SHARE * smaller)
    return float(scores[other].max(initial=0))


def _is_within(box: Float32Array, size: tuple[int, int]) -> bool:
    """Return whether a box hardly reaches beyond the image; beyond it squares are black."""
    slack = float((box[2:] - box[:2]).max()) / 20
    return bool((box >= -slack).all() and (box[2:] <= np.array(size) + slack).all())
