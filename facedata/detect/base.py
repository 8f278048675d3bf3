"""The protocol of a detector, and the check of its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..errors import DetectorError
from ..types import Face, UInt8Image
from .search import SearchRule


@runtime_checkable
class Detector(Protocol):
    """Finds faces in photos.

    What it returns for a photo depends on that photo alone, to the last bit: never on the batch it came in
    or on how many threads ran it.

    Attributes:
        name: its name for ``--detector``.
    """

    name: str

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo.

        Args:
            images: ``(height, width, 3)`` uint8 RGB, of any sizes; may be empty.
            rules: how a face of each will be chosen, so that a search can stop as soon as no further face
                could change the choice; None to find every face.

        Returns:
            For each photo its faces in any order, in that photo's pixels; an empty list where there are none.
        """
        ...


DetectorFactory = Callable[[], Detector]
"""Makes a detector inside a worker. It must be picklable and hashable, such as a function or a frozen
dataclass: a worker reuses its detector while the next factory equals the one that made it."""


def check_faces(answer: Any, width: int, height: int) -> list[Face]:
    """Return a detector's faces in the ledger's precision, so that crops cut again from it are the same.

    Args:
        answer: one photo's faces; a detector may return anything.
        width: width of the photo in pixels.
        height: height of the photo in pixels.

    Raises:
        DetectorError: one cannot be a face: NaN, an empty box, a box or point far outside the photo.
    """
    reach = 4 * max(width, height)  # in a close-up, networks see a part of the face and guess the rest
    faces = []
    try:
        for face in answer:
            box, landmarks = np.asarray(face.box, np.float32), np.asarray(face.landmarks, np.float32)
            if box.shape != (4,) or landmarks.shape != (5, 2):
                raise DetectorError(
                    f"the detector returned a box of shape {box.shape} and landmarks of shape "
                    f"{landmarks.shape}, not (4,) and (5, 2)"
                )
            faces.append(Face(box, float(face.score), landmarks, look=getattr(face, "look", None)))
    except (AttributeError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {str(error)[:160]}"
        raise DetectorError(f"the detector returned no faces: {reason}") from error
    for face in faces:
        points = np.concatenate([face.box, face.landmarks.ravel()])
        if not np.isfinite([*points, face.score]).all():
            raise DetectorError("the detector returned a number that is not finite")
        x0, y0, x1, y1 = face.box
        if x1 <= x0 or y1 <= y0:
            raise DetectorError(f"the detector returned an empty box {face.box.tolist()}")
        outside = x1 < 0 or y1 < 0 or x0 > width or y0 > height
        if outside or points.min() < -reach or points.max() > reach:
            raise DetectorError(
                f"the detector returned the box {face.box.tolist()} outside a {width}x{height} photo"
            )
        if np.array_equal(face.landmarks[0], face.landmarks[1]):
            raise DetectorError("the detector returned both eyes at one point")
    return faces
