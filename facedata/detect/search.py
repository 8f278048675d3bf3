"""Which face of a photo to choose, when a search can stop, and which candidates could change the choice.

All numbers are pixels of the searched image. A search may stop early only if no face that it has not seen
could be chosen instead of the one it has (by the rules of :func:`facedata.detect.choose.choose`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..types import BoolArray, Face, Float32Array, Status
from .boxes import SAME_FACE
from .choose import box_iou, choose

_REGRESSION = 1.5
"""A face can be at most this much larger than the cell that finds it: a bound on the networks' box shifts."""


@dataclass(frozen=True)
class SearchRule:
    """How to choose a face of one photo.

    Attributes:
        face: ``largest``, ``center``, ``score``, ``only``, or ``all`` for every face.
        min_score: faces below it do not count.
        min_face_px: smallest side of a face's box, in pixels of the image.
        given_box: x0 y0 x1 y1: the face that overlaps it most is chosen, whatever the rule.
        coarse_only: end early, without faces below a tenth of the image's longer side.
    """

    face: str = "all"
    min_score: float = 0.0
    min_face_px: float = 20.0
    given_box: tuple[float, float, float, float] | None = None
    coarse_only: bool = False

    @property
    def can_stop_early(self) -> bool:
        """Return whether one face can decide the choice; otherwise all faces must be found."""
        return self.given_box is not None or self.face in ("largest", "center")

    def choose(self, faces: Sequence[Face], size: tuple[int, int]) -> tuple[Face | None, Status, str | None]:
        """Choose a face by the rule; for ``all`` the largest. See :func:`facedata.detect.choose.choose`.

        Args:
            faces: those of one image.
            size: the image's width and height in pixels.
        """
        return choose(
            faces, "largest" if self.face == "all" else self.face, size,
            min_score=self.min_score, min_face=self.min_face_px, given_box=self.given_box,
        )  # fmt: skip

    def can_stop(self, chosen: Face | None, size: tuple[int, int], cell_px: float) -> bool:
        """Return whether no face found in cells of at most ``cell_px`` could be chosen instead of this one.

        A face of that size that mostly lies within the chosen one's box is suppressed as a part of it.
        """
        if chosen is None:
            return False
        side = cell_px * _REGRESSION
        x0, y0, x1, y1 = (float(v) for v in chosen.box)
        if self.given_box is not None:
            given = np.asarray(self.given_box, np.float64)
            area = float(np.prod(given[2:] - given[:2]))
            return area > 0 and box_iou(chosen.box, given) >= min(1.0, side * side / area)
        if self.face == "largest":
            return (x1 - x0) * (y1 - y0) >= side * side
        middle = ((size[0] - 1) / 2, (size[1] - 1) / 2)
        distance = float(np.hypot((x0 + x1) / 2 - middle[0], (y0 + y1) / 2 - middle[1]))
        room = min(middle[0] - x0, x1 - middle[0], middle[1] - y0, y1 - middle[1])
        # a face nearer the middle has its centre within that distance; the 15% are a tolerance on each axis
        return room >= distance + (0.5 - 0.15) * side

    def contenders(self, boxes: Float32Array, chosen: Face | None, size: tuple[int, int]) -> BoolArray:
        """Return which candidate boxes, ``(n, 4)``, could become a face that is chosen instead."""
        if chosen is None or not len(boxes):
            return np.ones(len(boxes), bool)
        sides = boxes[:, 2:] - boxes[:, :2]
        overlap = np.clip(
            np.minimum(boxes[:, 2:], chosen.box[2:]) - np.maximum(boxes[:, :2], chosen.box[:2]), 0, None
        ).prod(axis=1)
        area = float((chosen.box[2:] - chosen.box[:2]).prod())
        other = overlap < SAME_FACE * np.minimum(sides.prod(axis=1), area)
        if self.given_box is not None:
            grown = np.column_stack([boxes[:, :2] - sides / 4, boxes[:, 2:] + sides / 4])
            given = np.asarray(self.given_box, np.float32)
            low, high = np.maximum(grown[:, :2], given[:2]), np.minimum(grown[:, 2:], given[2:])
            return np.asarray(other & (high > low).all(axis=1))
        if self.face == "largest":
            return np.asarray(other & (sides.prod(axis=1) * _REGRESSION**2 > area))
        middle = (np.asarray(size, np.float32) - 1) / 2
        off = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle)
        mine = float(np.hypot(*((chosen.box[:2] + chosen.box[2:]) / 2 - middle)))
        near = np.hypot(*np.maximum(off - sides / 4, 0).T) < mine
        return np.asarray(other & near & (off < sides * 0.75).all(axis=1))
