"""Choose one of several faces. Pure functions; every tie is broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types import Face, Status


def choose(
    faces: Sequence[Face],
    rule: str,
    size: tuple[int, int],
    *,
    min_score: float = 0.0,
    min_face: float = 0.0,
    given_box: tuple[float, float, float, float] | None = None,
) -> tuple[Face | None, Status, str | None]:
    """Choose one face of a photo by a rule.

    Ties are broken by score, then by position, so that the order of ``faces`` does not matter.

    Args:
        faces: those of one photo.
        rule: ``largest`` (box area), ``center`` (of the faces whose box covers the photo's centre, the one
            whose own centre is nearest to it), ``score``, ``only`` (the face if there is just one).
        size: the photo's width and height in pixels.
        min_score: faces below it do not count.
        min_face: faces whose box's shorter side is below it, in pixels, do not count.
        given_box: x0 y0 x1 y1: the face that overlaps it most is chosen, whatever the rule.

    Returns:
        The face or None, its status, and the reason when there is none.
    """
    if not faces:
        return None, Status.NO_FACE, "no face found"
    sure = [face for face in faces if face.score >= min_score]
    if not sure:
        best = max(faces, key=_tie)
        reason = f"best score {best.score:.3f} is below {min_score:g}"
        if best.look and best.look.first_score is not None:
            reason += f"; it was {best.look.first_score:.3f} before a second look"
        return None, Status.LOW_SCORE, reason
    large = [face for face in sure if _shorter_side(face) >= min_face]
    if not large:
        most = max(_shorter_side(face) for face in sure)
        return None, Status.TOO_SMALL, f"largest face is {most:.1f} px, below {min_face:g}"
    if given_box is None:
        return _choose_by_rule(large, rule, size)
    given = np.asarray(given_box, np.float64)
    chosen = max(large, key=lambda face: (box_iou(face.box, given), *_tie(face)))
    if box_iou(chosen.box, given) == 0:
        return None, Status.UNSELECTED, "no face overlaps the given box"
    return chosen, Status.KEPT, None


def _choose_by_rule(
    faces: list[Face], rule: str, size: tuple[int, int]
) -> tuple[Face | None, Status, str | None]:
    if rule == "only":
        if len(faces) != 1:
            return None, Status.UNSELECTED, f"{len(faces)} faces, and the rule is only"
        return faces[0], Status.KEPT, None
    if rule == "center":
        x, y = (size[0] - 1) / 2, (size[1] - 1) / 2
        nearest: list[tuple[float, Face]] = []
        for face in faces:
            x0, y0, x1, y1 = (float(v) for v in face.box)
            if x0 <= x <= x1 and y0 <= y <= y1:
                nearest.append((float(np.hypot((x0 + x1) / 2 - x, (y0 + y1) / 2 - y)), face))
        if not nearest:
            return None, Status.UNSELECTED, "no face covers the photo's centre"
        _, chosen = max(nearest, key=lambda one: (-one[0], *_tie(one[1])))
        return chosen, Status.KEPT, None
    if rule == "score":
        return max(faces, key=_tie), Status.KEPT, None
    if rule != "largest":
        raise ValueError(f"there is no face rule {rule!r}")
    return max(faces, key=lambda face: (_area(face), *_tie(face))), Status.KEPT, None


def box_iou(left: NDArray[Any], right: NDArray[Any]) -> float:
    """Return the intersection over union of two ``(4,)`` boxes x0 y0 x1 y1; 0 if they do not overlap."""
    low, high = np.maximum(left[:2], right[:2]), np.minimum(left[2:], right[2:])
    inside = float(np.prod(np.clip(high - low, 0, None), dtype=np.float64))
    areas = [float(np.prod(box[2:] - box[:2], dtype=np.float64)) for box in (left, right)]
    union = areas[0] + areas[1] - inside
    return inside / union if union > 0 else 0.0


def _tie(face: Face) -> tuple[float, ...]:
    return (float(face.score), _area(face), *(-float(v) for v in face.box))


def _area(face: Face) -> float:
    return float((face.box[2:] - face.box[:2]).astype(np.float64).prod())


def _shorter_side(face: Face) -> float:
    return float((face.box[2:] - face.box[:2]).min())
