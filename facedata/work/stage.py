"""One shard of photos through image, detect and align, to its ledger rows and the bytes of its crops."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..crops.codec import encode_crop
from ..crops.cut import CropShape, cut_crop
from ..detect.base import Detector, DetectorFactory
from ..detect.choose import box_iou, choose
from ..detect.find import BATCH_PIXELS, Wanted, find_faces
from ..detect.search import Search
from ..errors import DetectorError, ImageError, TooLargeImageError, UnsupportedImageError
from ..files.memory import release
from ..photos.picture import Picture
from ..sources.base import PhotoReader
from ..types import Face, Photo, Row, Status

SHARD_PHOTOS = 64
"""Photos per shard; a constant, so that no setting of the run can show in the bytes."""

_BATCH_PHOTOS = 32
"""A batch of opened photos ends here or at ``detect.find.BATCH_PIXELS``: memory is bounded by it."""


@dataclass(frozen=True)
class CropRules:
    """The settings that decide what becomes of one photo, as in :class:`facedata.config.PrepareConfig`.

    ``search`` is ``photo``, or ``given_box`` to look only around the box the source gives.
    """

    face: str = "largest"
    min_score: float = 0.9
    min_face: float = 20.0
    max_pixels: int = 100_000_000
    shape: CropShape = field(default_factory=CropShape)
    search: str = "photo"


@dataclass(frozen=True)
class Stage:
    """What every shard of a run shares; picklable."""

    rules: CropRules
    reader: PhotoReader
    detector: DetectorFactory

    def run(self, photos: Sequence[Photo]) -> list[Row]:
        """Do what this stage is for; see :func:`run_photos`."""
        return _find_and_crop(photos, self)


@dataclass(frozen=True, eq=False)
class _Opened:
    """A photo that was read: its row so far and, unless it failed, what is wanted of it."""

    photo: Photo
    row: Row
    wanted: Wanted | None = None


def run_photos(photos: Sequence[Photo], stage: Stage) -> list[Row]:
    """Take photos all the way to encoded crops; nothing is written.

    Args:
        photos: of one shard.
        stage: settings, reader and detector.

    Returns:
        One row per photo, in order: the ledger's columns that detection fills, ``crop_sha256``,
        ``crop_length``, and the crop's own bytes as ``crop``. What is wrong with a photo is in its row.
    """
    return stage.run(photos)


def _find_and_crop(photos: Sequence[Photo], stage: Stage) -> list[Row]:
    detector = _detector(stage.detector)
    rows: list[Row] = []
    for batch in _batches(photos, stage):
        rows += _run_batch(batch, detector, stage)
        batch.clear()  # the generator holds the list too
        release()
    return rows


def _run_batch(batch: list[_Opened], detector: Detector, stage: Stage) -> list[Row]:
    readable = [opened for opened in batch if opened.wanted is not None]
    found = find_faces([opened.wanted for opened in readable if opened.wanted is not None], detector)
    faces = {id(opened): one for opened, one in zip(readable, found, strict=True)}
    return [_finish(opened, faces.get(id(opened)), stage) for opened in batch]


@lru_cache(maxsize=1)
def _detector(factory: DetectorFactory) -> Detector:
    """Networks are loaded once per worker, not once per shard."""
    return factory()


def _batches(photos: Sequence[Photo], stage: Stage) -> Iterator[list[_Opened]]:
    batch: list[_Opened] = []
    pixels = 0
    for photo in photos:
        batch.append(_open(photo, stage))
        pixels += _pixels(batch[-1])
        if len(batch) == _BATCH_PHOTOS or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _pixels(opened: _Opened) -> int:
    """Return how many pixels of a photo are decoded already."""
    wanted = opened.wanted
    return 0 if wanted is None else wanted.picture.pixels(wanted.first_reduction)


def _open(photo: Photo, stage: Stage) -> _Opened:
    row: Row = {"record": photo.record, "status": None, "reason": None}
    try:
        data = stage.reader(photo.photo)
        row["sha256"] = hashlib.sha256(data).hexdigest()
        picture = Picture(data, stage.rules.max_pixels)
        wanted = _wanted(photo, picture, stage.rules)
        if wanted is not None:
            picture.at(wanted.first_reduction)  # what is damaged shows here
    except OSError as error:
        return _Opened(photo, _rejected(row, Status.UNREADABLE, error.strerror or str(error)))
    except ImageError as error:
        return _Opened(photo, _rejected(row, _status_of(error), str(error)))
    except MemoryError:
        return _Opened(photo, _rejected(row, Status.TOO_LARGE, "not enough memory to read it"))
    row.update(width=picture.header.width, height=picture.header.height)
    if wanted is None:
        return _Opened(photo, _rejected(row, Status.NO_FACE, "the given box lies outside the photo"))
    return _Opened(photo, row, wanted)


def _wanted(photo: Photo, picture: Picture, rules: CropRules) -> Wanted | None:
    region = _region(photo, *picture.size, rules.search)
    if region is None:
        return None
    search = Search(rules.face, rules.min_score, rules.min_face, photo.given_box)
    return Wanted(picture, region, search)


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


def _finish(opened: _Opened, faces: list[Face] | DetectorError | ImageError | None, stage: Stage) -> Row:
    row = opened.row
    if opened.wanted is None or faces is None:
        return row
    if isinstance(faces, DetectorError):
        return _rejected(row, Status.FAILED, str(faces))
    if isinstance(faces, ImageError):
        return _rejected(row, _status_of(faces), str(faces))
    row.update(
        faces=len(faces),
        all_boxes=[face.box.tolist() for face in faces],
        all_scores=[face.score for face in faces],
    )
    face, status, reason = _choose(faces, opened, stage.rules)
    if face is None:
        return _rejected(row, status, reason)
    return _cropped(row, face, opened, opened.wanted.picture, stage)


def _choose(faces: list[Face], opened: _Opened, rules: CropRules) -> tuple[Face | None, Status, str | None]:
    height, width = opened.row["height"], opened.row["width"]
    return choose(
        faces, rules.face, (width, height),
        min_score=rules.min_score, min_face=rules.min_face, given_box=opened.photo.given_box,
    )  # fmt: skip


def _cropped(row: Row, face: Face, opened: _Opened, picture: Picture, stage: Stage) -> Row:
    try:
        crop = cut_crop(picture, face, stage.rules.shape)
    except ImageError as error:  # it could be decoded at another size
        return _rejected(row, _status_of(error), str(error))
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


def _rejected(row: Row, status: Status, reason: str | None) -> Row:
    row.update(status=status.value, reason=reason)
    return row
