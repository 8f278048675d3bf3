"""A set's faces as COCO's images and annotations.

A box is measured from the first pixel's corner there, and from its centre here, so half a pixel is added;
keypoints are pixels' numbers in both. Left and right are the person's own there, and the image's here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..base import Export
from .ledger_rows import pair_rows


def find_faces(
    export: Export, split: str | None
) -> Iterator[tuple[dict[str, Any], bool, dict[str, Any] | None]]:
    """Yield each face's image, whether the image is new, and the annotation; None without a box."""
    images = ImageIds()
    for crops, photos in pair_rows(export):
        is_in = pc.is_null(crops.column("split")) if split is None else pc.equal(crops.column("split"), split)
        is_in = pc.fill_null(is_in, False)
        names = ["record", "photo", "width", "height", "box", "landmarks", "score", "tilt_deg"]
        rows = pa.table(
            {name: photos.column(name) for name in names}
            | {name: crops.column(name) for name in ("id", "identity", "label", "path")}
        ).filter(is_in)
        for row in rows.to_pylist():
            number, is_new = images.number(row["record"], row["photo"])
            image = {"id": number, "file_name": row["photo"], "width": row["width"], "height": row["height"]}
            yield image, is_new, make_annotation(row, number) if row["box"] is not None else None


class ImageIds:
    """Numbers photos from 1; the faces of one photo share its number.

    A photo's records start with its own name, so they are neighbours in the order of records, but for photos
    whose name starts in the same way: only those that can still come back are remembered.
    """

    def __init__(self) -> None:
        self._last, self._open = 0, dict[str, int]()

    def number(self, record: str, photo: str) -> tuple[int, bool]:
        """Return the number of the photo of the next record, and whether it is new."""
        self._open = {known: one for known, one in self._open.items() if record.startswith(f"{known}#")}
        if record != photo and photo in self._open:
            return self._open[photo], False
        self._last += 1
        if record != photo:
            self._open[photo] = self._last
        return self._last, True


def make_annotation(row: dict[str, Any], image: int) -> dict[str, Any]:
    """Return a face's annotation in the image of this number."""
    x0, y0, x1, y1 = row["box"]
    points = row["landmarks"] or []
    keypoints = [value for at in range(0, len(points), 2) for value in (*map(_round, points[at : at + 2]), 2)]
    return {
        "id": row["id"] + 1,  # some readers take 0 for none
        "image_id": image,
        "category_id": 1,
        "bbox": [_round(x0 + 0.5), _round(y0 + 0.5), _round(x1 - x0), _round(y1 - y0)],
        "area": _round((x1 - x0) * (y1 - y0)),
        "iscrowd": 0,
        "num_keypoints": len(points) // 2,
        "keypoints": keypoints or [0] * 15,
        "score": None if row["score"] is None else _round(row["score"]),
        "attributes": {
            "identity": row["identity"],
            "label": row["label"],
            "crop": row["path"],
            "tilt_deg": None if row["tilt_deg"] is None else _round(row["tilt_deg"]),
        },
    }


def _round(value: float) -> float:
    """Return a number of pixels with as many digits as a float32 has."""
    return round(value, 4)
