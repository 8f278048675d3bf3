"""Some photos of each status: a small copy with the faces' boxes and points, beside the crop."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.crop_bytes import CropPlace, read_crop_bytes
from ...errors import FacedataError, ImageError
from ...files.atomic import atomic_file
from ...sets.prepared import PreparedSet
from ...sources.base import PhotoReader
from ...tables.parquet import read_blocks
from ..ledger_counts import StatusCount
from .photo_copies import CopyScale, copy_key, copy_photo

_CROP_PX = 160
_CROP_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 85)
_MOST_BOXES = 60


@dataclass(frozen=True)
class PhotoSource:
    """Where the examples' photos come from.

    Attributes:
        reader: reads a photo's bytes; None where they are not at hand.
        copies: those of an earlier report, as :func:`.photo_copies.read_earlier_copies` returns them.
        max_pixels: larger photos are not decoded.
        turn_exif: whether photos are turned by their EXIF data.
    """

    reader: PhotoReader | None
    copies: Mapping[str, bytes]
    max_pixels: int
    turn_exif: bool

    def copy(self, row: Mapping[str, Any]) -> bytes | None:
        """Return a photo's small copy; None where it is gone, changed or cannot be decoded.

        Args:
            row: of the ledger.
        """
        turned_deg, known = row["turned_deg"] or 0, row["sha256"]
        with contextlib.suppress(OSError, ValueError, MemoryError, ImageError, FacedataError):
            data = b"" if self.reader is None else self.reader(row["photo"])
            digest = hashlib.sha256(data).hexdigest()
            if data and known in (None, digest):
                return copy_photo(data, digest, turned_deg, self.max_pixels, self.turn_exif)
        return self.copies.get(copy_key(known or "", turned_deg))


def show_statuses(
    prepared: PreparedSet,
    statuses: Sequence[StatusCount],
    photos: PhotoSource,
    folder: Path | None = None,
    threads: int = 1,
) -> list[dict[str, Any]]:
    """Return what the page's template shows of each status.

    Args:
        prepared: the set.
        statuses: from :func:`.ledger_counts.count_statuses`.
        photos: where the photos are.
        folder: where pictures go, as files; None to have them in the page.
        threads: how many photos are read at a time.

    Raises:
        StoreError: a picture cannot be written, or a remote store does not answer.
    """
    rows = [row for one in statuses for row in one.examples]
    with ThreadPoolExecutor(threads) as pool:
        copies = list(pool.map(photos.copy, rows))
    crops, pictures = _read_crops(prepared, rows), _Pictures(folder)
    both = enumerate(zip(rows, copies, strict=True))
    shown = iter([_show(row, copy, crops.get(row["path"]), pictures, at) for at, (row, copy) in both])
    total = sum(one.count for one in statuses)
    return [
        {
            "status": one.status,
            "count": one.count,
            "share": share_text(one.count, total),
            "reasons": one.reasons,
            "examples": [next(shown) for _ in one.examples],
        }
        for one in statuses
    ]


def share_text(part: int, whole: int) -> str:
    """Return a share with one decimal; 100% means all and 0% none.

    >>> share_text(95, 96), share_text(1, 9_999), share_text(9_999, 10_000), share_text(3, 3)
    ('99.0%', '0.1%', '99.9%', '100.0%')
    """
    tenths = round(1000 * part / whole) if whole else 0
    if 0 < part < whole:
        tenths = min(max(tenths, 1), 999)
    return f"{tenths / 10:.1f}%"


@dataclass(frozen=True)
class _Pictures:
    """Where the page has its pictures: in a folder beside it, or in itself."""

    folder: Path | None

    def add(self, jpeg: bytes, name: str) -> str:
        """Return a picture's address, after writing it where it needs a file."""
        if self.folder is None:
            return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
        with atomic_file(self.folder / name) as stream:
            stream.write(jpeg)
        return f"{self.folder.name}/{name}"


def _show(
    row: Mapping[str, Any], copy: bytes | None, crop: bytes | None, pictures: _Pictures, number: int
) -> dict[str, Any]:
    """Return what the page shows of one photo; its faces only where there is a picture to show them on."""
    shown: dict[str, Any] = {name: row[name] for name in ("photo", "identity", "reason", "score", "faces")}
    shown |= {"picture": None, "picture_width": 0, "picture_height": 0, "boxes": [], "given_box": None}
    small = None if crop is None else _shrink(crop)
    shown |= {"points": None, "crop": small and pictures.add(small, f"crop-{number:03}.jpg")}
    if copy is None:
        return shown
    image = cv2.imdecode(np.frombuffer(copy, np.uint8), cv2.IMREAD_COLOR)
    if image is None:  # a copy of an earlier report, damaged since
        return shown
    height, width = image.shape[:2]
    address = pictures.add(copy, f"photo-{number:03}.jpg")
    shown |= {"picture": address, "picture_width": width, "picture_height": height}
    if not row["width"] or not row["height"]:
        return shown
    on_copy = CopyScale((row["width"], row["height"]), width, row["turned_deg"] or 0)
    chosen = row["box"]
    boxes = zip(row["all_boxes"] or [], row["all_scores"] or [], strict=False)
    ranked = sorted(boxes, key=lambda one: (one[0] != chosen, -one[1]))[:_MOST_BOXES]
    shown["boxes"] = [
        {"box": on_copy.box(box), "score": score, "is_chosen": box == chosen} for box, score in ranked
    ]
    shown["given_box"] = on_copy.box(row["given_box"]) if row["given_box"] else None
    if row["landmarks"]:
        shown["points"] = on_copy.points(np.reshape(np.array(row["landmarks"], np.float64), (-1, 2)))
    return shown


def _read_crops(prepared: PreparedSet, rows: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """Return the bytes of the crops that the rows have, by path, without those that are gone."""
    wanted = pa.array(sorted({row["path"] for row in rows if row["path"]}), pa.string())
    places: dict[str, CropPlace] = {}
    if not len(wanted):
        return {}
    for block in read_blocks(prepared.path / "classes.parquet", ["path", "file", "offset", "length"]):
        for one in block.filter(pc.is_in(block.column("path"), value_set=wanted)).to_pylist():
            places[one["path"]] = CropPlace(one["file"], one["offset"], one["length"])
    data = read_crop_bytes(prepared.path, list(places.values()))
    return {path: one for path, one in zip(places, data, strict=True) if one}


def _shrink(crop: bytes) -> bytes | None:
    image = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    scale = min(_CROP_PX / max(image.shape[:2]), 1.0)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, _CROP_JPEG)[1])
