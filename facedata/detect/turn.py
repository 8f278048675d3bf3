"""Photos on their side or upside down: search them as they are, and turned only where that leaves a doubt.

The other three turns are tried where no face can be chosen, where the points of the chosen face contradict an
upright face, or where the detector is in doubt after a second look. So photos whose face is plainly upright
are searched once. The surest face decides: one found after a turn has to be surer than the one found without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..types import Face, Status
from .base import Detector
from .doubt import DOUBTFUL, MAY_BE_TURNED
from .find import Outcome, SearchRegion, find_faces

_TURNS_DEG = (90, 180, 270)
_MOST_TILT_DEG = 60.0
"""A face that is tilted more is nearer to upright after a turn, or its points are wrong."""
_LEAST_GAIN = 1.0
"""By how much the doubt about a face has to be lower after a turn."""
_SMALL = 0.06
"""A face whose longer side is a smaller share of the photo's turns it only if it is not in doubt at all."""


def find_upright_faces(regions: Sequence[SearchRegion], detector: Detector) -> list[Outcome]:
    """Find the faces of opened photos, and where needed by how much to turn a photo for that.

    Args:
        regions: the photos, as they are.
        detector: as in :func:`facedata.detect.find.find_faces`.

    Returns:
        As :func:`facedata.detect.find.find_faces`; the faces are in pixels of the photo as it is, and
        ``turned_deg`` says by how much it has to be turned.
    """
    outcomes = find_faces(regions, detector)
    tried = {}
    for index, (region, outcome) in enumerate(zip(regions, outcomes, strict=True)):
        if _needs_turns(region, outcome):
            # one face is enough to tell the turn, and only a photo without any is worth a long search
            face = region.rule.face if region.rule.can_stop_early else "largest"
            has_face = _choose(region, outcome)[0] is not None
            rule = replace(region.rule, face=face, coarse_only=has_face)
            for turned_deg in _TURNS_DEG:
                tried[index, turned_deg] = replace(region, rule=rule, turned_deg=turned_deg)
    answers = dict(zip(tried, find_faces([*tried.values()], detector, reduced_only=True), strict=True))
    doubts = {
        (index, turned_deg): _measure(tried[index, turned_deg], answer)
        for (index, turned_deg), answer in answers.items()
    }
    chosen = {}
    for index in dict.fromkeys(index for index, _ in tried):
        least, turned_deg = min((doubts[index, turned_deg], turned_deg) for turned_deg in _TURNS_DEG)
        if least <= min(MAY_BE_TURNED, _measure(regions[index], outcomes[index]) - _LEAST_GAIN):
            chosen[index] = replace(regions[index], turned_deg=turned_deg)
    for index, outcome in zip(chosen, find_faces([*chosen.values()], detector), strict=True):
        if _choose(chosen[index], outcome)[0] is not None:
            outcomes[index] = outcome
    return outcomes


def is_contradictory(face: Face) -> bool:
    """Return whether a face's points contradict an upright face: eyes below the mouth, or tilted too far."""
    (x0, y0), (x1, y1), _, (x2, y2), (x3, y3) = face.landmarks.tolist()
    down_x, down_y = x2 + x3 - x0 - x1, y2 + y3 - y0 - y1  # twice the way from the eyes to the mouth
    tilt_deg = (face.tilt_deg + face.turned_deg + 180) % 360 - 180
    return (x1 - x0) * down_y <= (y1 - y0) * down_x or abs(tilt_deg) > _MOST_TILT_DEG


def _choose(region: SearchRegion, outcome: Outcome) -> tuple[Face | None, Status]:
    if not isinstance(outcome, list):
        return None, Status.FAILED
    return region.rule.choose(outcome, region.picture.size)[:2]


def _needs_turns(region: SearchRegion, outcome: Outcome) -> bool:
    face, status = _choose(region, outcome)
    if face is not None:
        return is_contradictory(face) or (face.look is not None and face.look.doubt > MAY_BE_TURNED)
    if status is Status.UNSELECTED and region.rule.face == "only" and isinstance(outcome, list):
        # several faces, and it is not said which: that is no reason to turn a photo, unless all are in doubt
        return all(one.look is not None and one.look.doubt > DOUBTFUL for one in outcome)
    return status is not Status.FAILED


def _measure(region: SearchRegion, outcome: Outcome) -> float:
    """Return the doubt about the chosen face; infinite where no face may be chosen for a turn."""
    face, _ = _choose(region, outcome)
    if face is None or is_contradictory(face):
        return np.inf
    doubt = 2 * float(np.log10(max(1 - face.score, 1e-4))) if face.look is None else face.look.doubt
    side = float((face.box[2:] - face.box[:2]).max())
    if region.turned_deg and side < _SMALL * max(region.picture.size) and doubt > DOUBTFUL:
        return np.inf  # the face on a book that lies on a table turns no photo
    return doubt
