"""Cut a finished set's faces again: the faces come from its ledger, without detection."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..crops.codec import encode_crop
from ..crops.cut import CropShape, cut_crop
from ..errors import ImageError, SetError, SourceError
from ..files.memory import release
from ..photos.picture import Picture
from ..progress.folder import ProgressFolder
from ..progress.parts import read_rows
from ..sets.prepared import PreparedSet
from ..sources.base import PhotoReader, Source
from ..tables.schema import PHOTOS
from ..types import BoolArray, Face, Int64Array, Photo, Row, Status
from .shards import ShardPhotos
from .stage import SHARD_PHOTOS, add_crop
from .take_crops import CropPhoto
from .task import ShardTask

FACE_COLUMNS = ["record", "photo", "path", "turned_deg", "box", "landmarks", "sha256"]
"""The ledger's columns that cutting needs."""

_RELEASED_EVERY = 16
"""After this many photos, memory is returned to the system."""


@dataclass(frozen=True)
class FoundPhoto(Photo):
    """A photo whose face is in the ledger.

    Attributes:
        box: the face's box, as in :class:`facedata.types.Face`.
        landmarks: the face's landmarks, x y x y …
        sha256: of the photo's bytes when the face was found, lower-case hex.
        turned_deg: as in :class:`facedata.types.Face`.
    """

    box: tuple[float, ...] = ()
    landmarks: tuple[float, ...] = ()
    sha256: str = ""
    turned_deg: int = field(default=0, repr=False)  # older shards were named without it

    @property
    def face(self) -> Face:
        """The face, bit for bit as it was found (except its score, which no crop depends on)."""
        landmarks = np.array(self.landmarks, np.float32).reshape(5, 2)
        return Face(np.array(self.box, np.float32), 1.0, landmarks, self.turned_deg)


@dataclass(frozen=True)
class CutAgain:
    """The stage of ``crop``: cuts the faces of :class:`FoundPhoto` objects.

    Attributes:
        shape: the shape of the new crops.
        reader: reads the photos' bytes.
        max_pixels: larger photos are not decoded.
        turn_exif: whether photos are turned by their EXIF data.
        as_crops: the photos are finished crops, which are taken as they are.
    """

    shape: CropShape
    reader: PhotoReader
    max_pixels: int
    turn_exif: bool = True
    as_crops: bool = False

    def run(self, photos: Sequence[Photo]) -> list[Row]:
        """Cut the photos' faces; a photo that is missing or changed is ``unreadable``."""
        rows: list[Row] = []
        for photo in photos:
            if not isinstance(photo, FoundPhoto):
                raise TypeError(f"the face of {photo.record!r} is not known")
            rows.append(self._cut(photo))
            if len(rows) % _RELEASED_EVERY == 0:
                release()
        return rows

    def _cut(self, photo: FoundPhoto) -> Row:
        reason = ""
        try:
            data = self.reader(photo.photo)
            if hashlib.sha256(data).hexdigest() == photo.sha256:
                row = {"record": photo.record, "status": Status.KEPT.value}
                return add_crop(row, photo, self._jpeg(data, photo))
            reason = "changed"
        except FileNotFoundError:
            reason = "gone"
        except OSError as error:
            reason = f"unreadable: {error.strerror or error}"
        except ImageError as error:  # with other library versions, or without an extra that was installed
            reason = f"unreadable: {error}"
        except MemoryError:
            reason = "unreadable: not enough memory"
        return {"record": photo.record, "status": Status.UNREADABLE.value, "reason": reason}

    def _jpeg(self, data: bytes, photo: FoundPhoto) -> bytes:
        if self.as_crops:
            return CropPhoto(data, self.max_pixels, self.turn_exif).take().jpeg
        picture = Picture(data, self.max_pixels, self.turn_exif)
        return encode_crop(cut_crop(picture, photo.face, self.shape).image)


def open_reader(source: Source) -> PhotoReader:
    """Return what reads the photos of a set's source.

    Raises:
        SourceError: the photos are not there.
    """
    try:
        # a table's rows are in the ledger: its file need not be read again
        open_rows = getattr(source, "open_reader", None)
        reader: PhotoReader = open_rows() if open_rows else source.scan().reader
    except SourceError as error:
        raise SourceError(f"{error}; name the folder of the set's photos with --source") from error
    return reader


def refuse_turned_twice(before: PreparedSet, command: str = "crop") -> None:
    """Refuse a set of version 1 with TIFFs: it turned them twice, so its faces may lie elsewhere.

    Raises:
        SetError: there is such a photo.
    """
    photos = before.table("photos", ["photo", "path"]) if before.info["schema_version"] == 1 else None
    if photos is not None:
        is_tiff = pc.match_substring_regex(photos.column("photo"), r"(?i)\.tiff?$")
        if pc.any(pc.and_(is_tiff, pc.is_valid(photos.column("path")))).as_py():
            raise SetError(
                f"{before} was prepared by an earlier version, which turned TIFFs twice: run the same "
                f"`facedata prepare` again, which searches them once more, and then {command} it"
            )


def make_face_shards(
    classes: pa.Table, ledger: pa.Table, stage: CutAgain, progress: ProgressFolder
) -> list[ShardTask]:
    """Divide a set's crops, in order of their ids, into tasks.

    Args:
        classes: the set's crops.
        ledger: the columns :data:`FACE_COLUMNS` of the set's ledger.
        stage: cuts the crops.
        progress: the new set's progress folder.
    """
    at = pc.index_in(classes.column("path"), value_set=ledger.column("path").combine_chunks())
    return divide_faces(ledger.select(FACE_COLUMNS).take(at), stage, progress)


def divide_faces(rows: pa.Table, stage: CutAgain, progress: ProgressFolder) -> list[ShardTask]:
    """Divide faces into tasks.

    Args:
        rows: the columns :data:`FACE_COLUMNS` of a ledger; ``path`` is that of the new crop.
        stage: cuts the crops.
        progress: the new set's progress folder.
    """
    tasks = []
    for start in range(0, len(rows), SHARD_PHOTOS):
        photos = ShardPhotos(
            partial(_found_photos, rows), np.arange(start, min(start + SHARD_PHOTOS, len(rows)))
        )
        name = hashlib.sha256(repr(tuple(photos)).encode()).hexdigest()[:24]
        tasks.append(ShardTask(name, photos, progress.folder, stage, progress.store))
    return tasks


def _found_photos(rows: pa.Table, indices: Int64Array) -> list[FoundPhoto]:
    """Make the photos of some consecutive rows."""
    return [
        FoundPhoto(
            row["record"],
            row["photo"],
            row["path"],
            box=tuple(row["box"] or ()),  # a finished crop has no face in the ledger
            landmarks=tuple(row["landmarks"] or ()),
            sha256=row["sha256"],
            turned_deg=row["turned_deg"] or 0,
        )
        for row in rows.slice(int(indices[0]), len(indices)).to_pylist()
    ]


def replace_matrices(ledger: pa.Table, shape: CropShape) -> pa.Table:
    """Return a ledger with each face's matrix for another template, size or margin."""
    has_face: BoolArray = pc.is_valid(ledger.column("matrix")).to_numpy()
    faces = ledger.select(["box", "landmarks"]).filter(pa.array(has_face)).combine_chunks()
    boxes, landmarks = (
        faces.column(name).combine_chunks().flatten().to_numpy().reshape(-1, width)
        for name, width in (("box", 4), ("landmarks", 10))
    )
    turns = pc.fill_null(ledger.column("turned_deg").filter(pa.array(has_face)), 0).to_pylist()
    matrices = [
        shape.place(Face(box, 1.0, points.reshape(5, 2), turned_deg)).matrix.ravel()
        for box, points, turned_deg in zip(boxes, landmarks, turns, strict=True)
    ]
    field = PHOTOS.field("matrix")
    ends = pa.array(np.concatenate([[0], np.cumsum(6 * has_face)]), pa.int32())
    values = pa.array(np.concatenate([np.empty(0), *matrices]))
    column = pa.ListArray.from_arrays(ends, values, field.type, mask=pa.array(~has_face))
    return ledger.set_column(ledger.schema.get_field_index("matrix"), field, column)


class CutCrops(NamedTuple):
    """A set's crops, cut again.

    Attributes:
        digests: each new crop's SHA-256, in order of ids.
        lengths: its length in bytes.
        lost: photos that are missing or changed, each with the reason; if there are any, the rest is invalid.
    """

    digests: pa.ChunkedArray
    lengths: pa.ChunkedArray
    lost: list[tuple[str, str]]


def read_parts(tasks: Sequence[ShardTask]) -> CutCrops:
    """Read the parts of finished shards."""
    parts, lost = [], []
    for task, part in _finished(tasks):
        parts.append(part.select(["crop_sha256", "crop_length"]))
        statuses, reasons = (part.column(name).to_pylist() for name in ("status", "reason"))
        outcomes = zip(task.photos, statuses, reasons, strict=True)
        lost += [(photo.photo, str(why)) for photo, status, why in outcomes if status != Status.KEPT.value]
    if not parts:
        return CutCrops(pa.chunked_array([], pa.string()), pa.chunked_array([], pa.int64()), [])
    rows = pa.concat_tables(parts)
    return CutCrops(rows.column("crop_sha256"), rows.column("crop_length"), lost)


def remove_stale_parts(tasks: Sequence[ShardTask]) -> int:
    """Remove parts of an interrupted run that lack a crop; return how many crops the others have."""
    done = 0
    for task, part in _finished(tasks):
        kept = pc.all(pc.equal(part.column("status"), Status.KEPT.value)).as_py()
        if kept and task.store.has_crops(part, np.ones(part.num_rows, bool)).all():
            done += part.num_rows
        else:
            task.remove_part()
    return done


def _finished(tasks: Sequence[ShardTask]) -> Iterator[tuple[ShardTask, pa.Table]]:
    return ((task, read_rows(task.part)) for task in tasks if task.part.is_file())
