"""How a worker processes a shard's photos: decode, find the face, cut the crop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from ..config import PrepareConfig
from ..crops.codec import encode_crop
from ..crops.cut import CropShape, cut_crop, make_shape
from ..detect.base import Detector, DetectorFactory
from ..detect.choose import box_iou
from ..detect.find import BATCH_PIXELS, Outcome, SearchRegion, find_faces
from ..detect.search import SearchRule
from ..detect.turn import find_upright_faces
from ..errors import (
    DetectorError,
    ForgottenImageError,
    ImageError,
    TooLargeImageError,
    UnsupportedImageError,
)
from ..files.memory import release
from ..photos.picture import Picture
from ..photos.picture_hash import PICTURE_HASH, hash_picture
from ..sources.base import PhotoReader
from ..types import Face, Float64Array, Photo, Row, Status

SHARD_PHOTOS = 64
"""Photos per shard; a constant, so that the bytes do not depend on how a run is configured."""

_BATCH_PHOTOS = SHARD_PHOTOS
"""A batch of opened photos ends here or at ``detect.find.BATCH_PIXELS``: that bounds the memory."""


class Stage(Protocol):
    """Processes a shard's photos; the same for every shard of a run, and picklable."""

    @property
    def reader(self) -> PhotoReader:
        """Reads the photos' bytes."""
        ...

    def run(self, photos: Sequence[Photo]) -> list[Row]:
        """Turn photos into encoded crops; nothing is written.

        Returns:
            One row per photo, in order: the columns of :data:`facedata.progress.parts.ROWS` that apply, and
            the crop's bytes as ``crop``. The row of a photo that fails has its status and reason.
        """
        ...


@dataclass(frozen=True)
class CropRules:
    """The settings for one photo, as in :class:`facedata.config.PrepareConfig`.

    ``search`` is ``photo``, or ``given_box`` to search only around the box that the source gives; ``turn`` is
    ``auto``, ``exif`` or ``never``.
    """

    face: str = "largest"
    min_score: float = 0.9
    min_face: float = 20.0
    max_pixels: int = 100_000_000
    shape: CropShape = field(default_factory=CropShape)
    search: str = "photo"
    turn: str = "auto"


class OpenedPhoto(NamedTuple):
    """A photo that was read: its row so far and, unless it failed, where to look for faces."""

    photo: Photo
    row: Row
    region: SearchRegion | None = None


@dataclass(frozen=True)
class FindAndCrop:
    """The stage of ``prepare``: find each photo's face and cut it out.

    Attributes:
        rules: the settings.
        reader: reads the photos' bytes.
        detector: makes the detector, once per worker.
    """

    rules: CropRules
    reader: PhotoReader
    detector: DetectorFactory

    @classmethod
    def of(
        cls, config: PrepareConfig, search: str, reader: PhotoReader, detector: DetectorFactory
    ) -> FindAndCrop:
        """Make the stage from the options; ``search`` is as in :class:`CropRules`."""
        shape = make_shape(config.template, config.size, config.margin)
        rules = CropRules(
            str(config.face), config.min_score, config.min_face, config.max_pixels, shape, search, config.turn
        )
        return cls(rules, reader, detector)

    def run(self, photos: Sequence[Photo]) -> list[Row]:
        """Find and cut faces; see :meth:`Stage.run`."""
        detector, waiting = _load_detector(self.detector), iter(photos)
        rows: list[Row] = []
        while batch := self._open_batch(waiting):
            regions = [opened.region for opened in batch if opened.region is not None]
            find = find_upright_faces if self.rules.turn == "auto" else find_faces
            faces = find(regions, detector)
            outcomes = iter(faces)
            rows += self._crop_all(
                [(opened, None if opened.region is None else next(outcomes)) for opened in batch]
            )
            del batch, regions, faces, outcomes
            release()
        return rows

    def _open_batch(self, photos: Iterator[Photo]) -> list[OpenedPhoto]:
        batch: list[OpenedPhoto] = []
        pixels = 0
        for photo in photos:
            batch.append(self._open(photo))
            if region := batch[-1].region:
                pixels += region.picture.pixels(region.first_reduction)
            if len(batch) == _BATCH_PHOTOS or pixels >= BATCH_PIXELS:
                break
        return batch

    def _open(self, photo: Photo) -> OpenedPhoto:
        return self._decode(self._read(photo))

    def _read(self, photo: Photo) -> OpenedPhoto:
        """Read a photo and its header; nothing is decoded."""
        row: Row = {"record": photo.record, "status": None, "reason": None}
        try:
            data = self.reader(photo.photo)
            row["sha256"] = hashlib.sha256(data).hexdigest()
            picture = self._open_picture(data)
            region = self._region(photo, picture)
        except (OSError, ImageError, MemoryError) as error:
            return OpenedPhoto(photo, _reject_unread(row, error))
        if region is None:
            row.update(width=picture.header.width, height=picture.header.height)
            return OpenedPhoto(photo, reject(row, Status.NO_FACE, "the given box lies outside the photo"))
        return OpenedPhoto(photo, row, region)

    def _open_picture(self, data: bytes) -> Picture:
        return Picture(data, self.rules.max_pixels, turn_exif=self.rules.turn != "never")

    def _decode(self, opened: OpenedPhoto) -> OpenedPhoto:
        """Decode a photo at the size that is searched first, so that damage is found here."""
        photo, row, region = opened
        if region is None:
            return opened
        try:
            pixels = region.picture.at(region.first_reduction)
            row.update(zip(PICTURE_HASH, hash_picture(pixels), strict=True))
        except (OSError, ImageError, MemoryError) as error:
            return OpenedPhoto(photo, _reject_unread(row, error))
        row.update(width=region.picture.header.width, height=region.picture.header.height)
        return opened

    def _region(self, photo: Photo, picture: Picture) -> SearchRegion | None:
        """Return the part of a photo to search: all of it, or the given box at twice its size."""
        rules, (width, height) = self.rules, picture.size
        rule = SearchRule(rules.face, rules.min_score, rules.min_face, photo.given_box)
        if rules.search != "given_box" or photo.given_box is None:
            return SearchRegion(picture, (0, 0, width, height), rule)
        x0, y0, x1, y1 = photo.given_box
        reach_x, reach_y = (x1 - x0) / 2, (y1 - y0) / 2
        low = max(0, int(x0 - reach_x)), max(0, int(y0 - reach_y))
        high = min(width, int(x1 + reach_x) + 1), min(height, int(y1 + reach_y) + 1)
        return SearchRegion(picture, (*low, *high), rule) if low[0] < high[0] and low[1] < high[1] else None

    def _crop_all(self, outcomes: Sequence[tuple[OpenedPhoto, Outcome | None]]) -> list[Row]:
        """Cut the chosen faces of a batch; return the rows."""
        rows = []
        for opened, outcome in outcomes:
            face = self._choose(opened, outcome)
            rows.append(opened.row if face is None else self._cut(opened, face))
        return rows

    def _cut(self, opened: OpenedPhoto, face: Face) -> Row:
        if opened.region is None:
            return opened.row
        try:
            crop = cut_crop(opened.region.picture, face, self.rules.shape)
        except ImageError as error:  # possible even if it could be decoded at another size
            return reject_image(opened.row, error)
        return self._keep(opened, face, crop.matrix, encode_crop(crop.image))

    def _choose(self, opened: OpenedPhoto, outcome: Outcome | None) -> Face | None:
        """Return the face to cut; None where the row says why there is none."""
        row, region = opened.row, opened.region
        if region is None or outcome is None:
            return None
        if isinstance(outcome, DetectorError):
            reject(row, Status.FAILED, str(outcome))
            return None
        if isinstance(outcome, ImageError):
            reject_image(row, outcome)
            return None
        row.update(
            turned_deg=outcome[0].turned_deg if outcome else None,
            faces=len(outcome),
            all_boxes=[face.box.tolist() for face in outcome],
            all_scores=[face.score for face in outcome],
        )
        face, status, reason = region.rule.choose(outcome, region.picture.size)
        if face is None:
            reject(row, status, reason)
        return face

    def _keep(self, opened: OpenedPhoto, face: Face, matrix: Float64Array, jpeg: bytes) -> Row:
        """Complete the row of a photo whose face was cut out."""
        given = opened.photo.given_box
        opened.row.update(
            status=Status.KEPT.value,
            score=face.score,
            box=face.box.tolist(),
            landmarks=face.landmarks.ravel().tolist(),
            tilt_deg=face.tilt_deg,
            box_iou=None if given is None else box_iou(face.box, np.asarray(given)),
            matrix=matrix.ravel().tolist(),
        )
        return add_crop(opened.row, opened.photo, jpeg)


def add_crop(row: Row, photo: Photo, jpeg: bytes) -> Row:
    """Add a crop's bytes, digest, length and path to its photo's row."""
    digest = hashlib.sha256(jpeg).hexdigest()
    row.update(path=photo.crop_path, crop_sha256=digest, crop_length=len(jpeg), crop=jpeg)
    return row


@lru_cache(maxsize=1)
def _load_detector(factory: DetectorFactory) -> Detector:
    """Load networks once per worker, not once per shard."""
    return factory()


def _reject_unread(row: Row, error: OSError | ImageError | MemoryError) -> Row:
    if isinstance(error, ImageError):
        return reject_image(row, error)
    if isinstance(error, OSError):
        return reject(row, Status.UNREADABLE, error.strerror or str(error))
    return reject(row, Status.TOO_LARGE, "not enough memory to read it")


def reject_image(row: Row, error: ImageError) -> Row:
    """Give a row the status and the reason of a photo that cannot be decoded."""
    if isinstance(error, ForgottenImageError):
        return reject(row, Status.FORGOTTEN, str(error))
    if isinstance(error, TooLargeImageError):
        return reject(row, Status.TOO_LARGE, str(error))
    unsupported = isinstance(error, UnsupportedImageError)
    return reject(row, Status.UNSUPPORTED if unsupported else Status.UNREADABLE, str(error))


def reject(row: Row, status: Status, reason: str | None) -> Row:
    """Give a row a status that is not ``kept``, and the reason."""
    row.update(status=status.value, reason=reason)
    return row
