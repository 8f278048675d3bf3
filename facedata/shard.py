"""One shard of photos through image, detect and align, to its ledger rows and the bytes of its crops."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .align import place, warp
from .detect.base import Detector, DetectorFactory, box_iou, check_faces, choose
from .errors import DetectorError, ImageError, TooLargeImageError, UnsupportedImageError
from .image import decode
from .memory import release
from .sources.base import PhotoReader
from .store import encode_crop
from .types import Crop, Face, Photo, Row, Status, UInt8Image

SHARD_PHOTOS = 64
"""Photos per shard; a constant, so that no setting of the run can show in the bytes."""

_BATCH_PHOTOS = 16
_BATCH_PIXELS = 8_000_000
"""A batch for the detector ends at either: memory is bounded by it."""


@dataclass(frozen=True)
class CropRules:
    """The settings that decide what becomes of one photo, as in :class:`facedata.config.PrepareConfig`.

    ``search`` is ``photo``, or ``given_box`` to look only around the box the source gives.
    """

    face: str = "largest"
    min_score: float = 0.9
    min_face: float = 20.0
    max_pixels: int = 100_000_000
    template: str = "square"
    size_px: int = 240
    margin: float = 0.0
    search: str = "photo"


@dataclass(frozen=True)
class Stage:
    """What every shard of a run shares; picklable."""

    rules: CropRules
    reader: PhotoReader
    detector: DetectorFactory


@dataclass(frozen=True, eq=False)
class _Opened:
    """A photo that was read: its row so far and, unless it failed, the part of it to search."""

    photo: Photo
    row: Row
    image: UInt8Image | None = None
    region: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def searched(self) -> UInt8Image:
        """The pixels to look for faces in; photos that failed are never asked."""
        x0, y0, x1, y1 = self.region
        image = np.empty((0, 0, 3), np.uint8) if self.image is None else self.image
        return np.ascontiguousarray(image[y0:y1, x0:x1])


def run_photos(photos: Sequence[Photo], stage: Stage) -> list[Row]:
    """Take photos all the way to encoded crops; nothing is written.

    Args:
        photos: of one shard.
        stage: settings, reader and detector.

    Returns:
        One row per photo, in order: the ledger's columns that detection fills, ``crop_sha256``,
        ``crop_length``, and the crop's own bytes as ``crop``. What is wrong with a photo is in its row.
    """
    detector = _detector(stage.detector)
    rows: list[Row] = []
    for batch in _batches(photos, stage):
        readable = [opened for opened in batch if opened.image is not None]
        found = dict(zip(map(id, readable), _detect(detector, [o.searched for o in readable]), strict=True))
        rows += [_finish(opened, found.get(id(opened)), stage) for opened in batch]
        batch.clear()  # the generator holds the list too
        del readable
        release()
    return rows


@lru_cache(maxsize=1)
def _detector(factory: DetectorFactory) -> Detector:
    """Networks are loaded once per worker, not once per shard."""
    return factory()


def _batches(photos: Sequence[Photo], stage: Stage) -> Iterator[list[_Opened]]:
    batch: list[_Opened] = []
    pixels = 0
    for photo in photos:
        batch.append(_open(photo, stage))
        pixels += 0 if batch[-1].image is None else batch[-1].image.size // 3
        if len(batch) == _BATCH_PHOTOS or pixels >= _BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _open(photo: Photo, stage: Stage) -> _Opened:
    row: Row = {"record": photo.record, "status": None, "reason": None}
    try:
        data = stage.reader(photo.photo)
        row["sha256"] = hashlib.sha256(data).hexdigest()
        image = decode(data, stage.rules.max_pixels)
    except OSError as error:
        return _Opened(photo, _rejected(row, Status.UNREADABLE, error.strerror or str(error)))
    except ImageError as error:
        return _Opened(photo, _rejected(row, _status_of(error), str(error)))
    except MemoryError:
        return _Opened(photo, _rejected(row, Status.TOO_LARGE, "not enough memory to read it"))
    height, width = image.shape[:2]
    row.update(width=width, height=height)
    region = _region(photo, width, height, stage.rules.search)
    if region is None:
        return _Opened(photo, _rejected(row, Status.NO_FACE, "the given box lies outside the photo"))
    return _Opened(photo, row, image, region)


def _status_of(error: ImageError) -> Status:
    if isinstance(error, TooLargeImageError):
        return Status.TOO_LARGE
    return Status.UNSUPPORTED if isinstance(error, UnsupportedImageError) else Status.UNREADABLE


def _region(photo: Photo, width: int, height: int, search: str) -> tuple[int, int, int, int] | None:
    """Return the part of a photo to search, x0 y0 x1 y1: all, or a given box at twice its size."""
    if search != "given_box" or photo.given_box is None:
        return 0, 0, width, height
    x0, y0, x1, y1 = photo.given_box
    reach_x, reach_y = (x1 - x0) / 2, (y1 - y0) / 2
    low = max(0, int(x0 - reach_x)), max(0, int(y0 - reach_y))
    high = min(width, int(x1 + reach_x) + 1), min(height, int(y1 + reach_y) + 1)
    return (*low, *high) if low[0] < high[0] and low[1] < high[1] else None


def _detect(detector: Detector, images: list[UInt8Image]) -> list[list[Face] | DetectorError]:
    """Detect over a batch; when that fails, photo by photo, so that only the culprit's row fails."""
    try:
        return list(detector.detect(images)) if images else []
    except Exception:  # noqa: BLE001  a detector may raise anything; which photo made it do so is found here
        return [_detect_alone(detector, image) for image in images]


def _detect_alone(detector: Detector, image: UInt8Image) -> list[Face] | DetectorError:
    try:
        return detector.detect([image])[0]
    except Exception as error:  # noqa: BLE001  becomes this photo's row, with its reason
        return DetectorError(
            f"the detector failed: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
        )


def _finish(opened: _Opened, found: list[Face] | DetectorError | None, stage: Stage) -> Row:
    row = opened.row
    if opened.image is None or found is None:
        return row
    if isinstance(found, DetectorError):
        return _rejected(row, Status.FAILED, str(found))
    try:
        check_faces(found, opened.region[2] - opened.region[0], opened.region[3] - opened.region[1])
    except DetectorError as error:
        return _rejected(row, Status.FAILED, str(error))
    faces = [_moved(face, opened.region[:2]) for face in found]
    row.update(
        faces=len(faces),
        all_boxes=[face.box.tolist() for face in faces],
        all_scores=[face.score for face in faces],
    )
    face, status, reason = _choose(faces, opened, stage.rules)
    if face is None:
        return _rejected(row, status, reason)
    return _cropped(row, face, opened, stage)


def _choose(faces: list[Face], opened: _Opened, rules: CropRules) -> tuple[Face | None, Status, str | None]:
    height, width = opened.row["height"], opened.row["width"]
    return choose(
        faces, rules.face, (width, height),
        min_score=rules.min_score, min_face=rules.min_face, given_box=opened.photo.given_box,
    )  # fmt: skip


def _cropped(row: Row, face: Face, opened: _Opened, stage: Stage) -> Row:
    if opened.image is None:  # _finish has seen to it; said here for the type checker
        return row
    crop = crop_face(opened.image, face, stage.rules)
    data = encode_crop(crop.image)
    given = opened.photo.given_box
    row.update(
        status=Status.KEPT.value,
        score=face.score,
        box=face.box.tolist(),
        landmarks=face.landmarks.ravel().tolist(),
        tilt_deg=face.tilt_deg,
        box_iou=None if given is None else box_iou(face.box, np.asarray(given)),
        matrix=crop.matrix.ravel().tolist(),
        path=opened.photo.crop_path,
        crop_sha256=hashlib.sha256(data).hexdigest(),
        crop_length=len(data),
        crop=data,
    )
    return row


def crop_face(image: UInt8Image, face: Face, rules: CropRules) -> Crop:
    """Cut one face out of an ``(h, w, 3)`` uint8 RGB photo by the rules' template, size and margin."""
    placement = place(face, rules.template, rules.size_px, rules.margin)
    return Crop(warp(image, placement, rules.size_px), placement.matrix, face)


def _moved(face: Face, corner: tuple[int, ...]) -> Face:
    if not any(corner):
        return face
    shift = np.asarray(corner, np.float32)
    return Face(face.box + np.tile(shift, 2), face.score, face.landmarks + shift)


def _rejected(row: Row, status: Status, reason: str | None) -> Row:
    row.update(status=status.value, reason=reason)
    return row
