"""Crops of a set as pictures inside a page."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from facedata import ClassManifest
from facedata.pages.sheets import picture_url

from ..batches.reader import CropReader


def read_pictures(
    classes: ClassManifest, rows: Iterable[int], side_px: int, workers: int | None = None
) -> dict[int, str]:
    """Return crops as ``data:`` URLs of JPEGs, by row number.

    Args:
        classes: the crops.
        rows: their row numbers, in any order, some of them twice.
        side_px: of the pictures; smaller crops stay as they are.
        workers: threads that read them.

    Raises:
        DataError: a crop is gone or damaged.
    """
    once = np.unique(np.fromiter(rows, np.int64))
    if not len(once):
        return {}
    with CropReader(classes, workers) as reader:
        crops = reader.read(once)
        side = min(side_px, reader.size_px)
        return {
            row: picture_url(
                cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8), 80
            )
            for row, crop in zip(once.tolist(), crops, strict=True)
        }
