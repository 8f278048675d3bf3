"""What a detector is, and what it may return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import DetectorError
from ..types import Face, UInt8Image
from .search import Search


@runtime_checkable
class Detector(Protocol):
    """Finds faces in photos.

    What it returns for a photo depends on that photo alone, to the last bit: never on the batch it came in
    or on how many threads ran it.

    Attributes:
        name: as ``--detector`` calls it.
    """

    name: str

    def detect(
        self, images: Sequence[UInt8Image], searches: Sequence[Search] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo.

        Args:
            images: ``(height, width, 3)`` uint8 RGB, of any sizes; may be empty.
            searches: for each what is wanted of it, so that a search can stop as soon as no further face
                could change the choice; None for every face.

        Returns:
            For each photo its faces in any order, in that photo's pixels; an empty list where there are none.
        """
        ...


DetectorFactory = Callable[[], Detector]
"""Makes a detector inside a worker. It must be picklable, and hashable: a worker keeps its detector while the
factories that come equal the one that made it, as those of functions and frozen dataclasses do."""


def check_faces(faces: Sequence[Face], width: int, height: int) -> None:
    """Refuse what cannot be a face: NaN, an empty box, a box or point far outside the photo.

    Args:
        faces: one photo's faces.
        width: the photo's, in pixels.
        height: likewise.

    Raises:
        DetectorError: it names the first offence.
    """
    reach = 4 * max(width, height)  # of a close-up networks see a part, and guess at the whole
    for face in faces:
        numbers = np.concatenate([face.box, face.landmarks.ravel(), [face.score]])
        if not np.isfinite(numbers).all():
            raise DetectorError("the detector returned a number that is not finite")
        x0, y0, x1, y1 = face.box
        if x1 <= x0 or y1 <= y0:
            raise DetectorError(f"the detector returned an empty box {face.box.tolist()}")
        if (
            x1 < 0
            or y1 < 0
            or x0 > width
            or y0 > height
            or numbers[:-1].min() < -reach
            or numbers[:-1].max() > reach
        ):
            raise DetectorError(
                f"the detector returned the box {face.box.tolist()} outside a {width}x{height} photo"
            )
        if np.array_equal(face.landmarks[0], face.landmarks[1]):
            raise DetectorError("the detector returned both eyes at one point")
