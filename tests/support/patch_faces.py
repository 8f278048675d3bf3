"""Photos whose faces are white patches, several to a photo, and a detector that finds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from facedata.testing import FakeDetector, landmarks_in
from facedata.types import Face, UInt8Image


class PatchDetector(FakeDetector):
    """Finds a face in every white patch, wherever it is looked for."""

    def detect(self, images: Sequence[UInt8Image], rules: object = None) -> list[list[Face]]:
        """Return the patches' boxes."""
        return [self._patches(image) for image in images]

    def _patches(self, image: UInt8Image) -> list[Face]:
        white = (image.min(axis=2) > 250).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(white)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist() if w > 19 and h > 19]
        return [Face(np.array(box, np.float32), 0.99, landmarks_in(box, 0)) for box in boxes]


def write_patches(file: Path, *boxes: tuple[int, int, int, int], shade: int = 0) -> None:
    """Write a photo of 300 x 200 pixels with a white patch in each box."""
    image = np.full((200, 300, 3), 60 + shade, np.uint8)
    for x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = 255
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), image)
