"""The faces of a finished set's ledger, to be cut anew: their photos, their shards, what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..crops.align import place
from ..crops.codec import encode_crop
from ..crops.cut import CropShape, cut_crop
from ..detect.base import Detector
from ..errors import DetectorError, ImageError
from ..files.memory import release
from ..photos.picture import Picture
from ..progress.parts import read_rows
from ..sources.base import PhotoReader
from ..store.base import Store
from ..tables.schema import PHOTOS
from ..types import BoolArray, Face, Float32Array, Photo, Row, Status
from .stage import SHARD_PHOTOS, CropRules, Stage
from .task import ShardTask

FOUND_COLUMNS = ["record", "photo", "path", "box", "landmarks", "sha256"]
"""The ledger's columns that cutting needs."""

_RELEASED_EVERY = 16
"""Photos after which memory is given back."""


@dataclass(frozen=True)
class FoundPhoto(Photo):
    """A photo whose face is known.

    Attributes:
        box: of the face, as in :class:`facedata.types.Face`.
        landmarks: likewise, x y x y …
        sha256: of the photo's bytes when the face was found, lower-case hex.
    """

    box: tuple[float, ...] = ()
    landmarks: tuple[float, ...] = ()
    sha256: str = ""

    @property
    def face(self) -> Face:
        """The face, bit for bit as it was found (its score aside, which no crop depends on)."""
        landmarks = np.array(self.landmarks, np.float32).reshape(5, 2)
        return Face(np.array(self.box, np.float32), 1.0, landmarks)


def _no_detector() -> Detector:
    raise DetectorError("a ledger's faces are cut without a detector")


def recut_stage(reader: PhotoReader, shape: CropShape, max_pixels: int) -> Stage:
    """Return the stage that cuts :class:`FoundPhoto` s."""
    return _RecutStage(CropRules(max_pixels=max_pixels, shape=shape), reader, _no_detector)


@dataclass(frozen=True)
class _RecutStage(Stage):
    def run(self, photos: Sequence[Photo]) -> list[Row]:
        """Cut photos' faces; a photo that is gone or changed is ``unreadable``."""
        rows: list[Row] = []
        for photo in photos:
            if not isinstance(photo, FoundPhoto):
                raise TypeError(f"the face of {photo.record!r} is not known")
            rows.append({"record": photo.record, **_recut(photo, self)})
            if len(rows) % _RELEASED_EVERY == 0:
                release()
        return rows


def _recut(photo: FoundPhoto, stage: Stage) -> Row:
    try:
        data = stage.reader(photo.photo)
        if hashlib.sha256(data).hexdigest() != photo.sha256:
            return _lost("changed")
        crop = cut_crop(Picture(data, stage.rules.max_pixels), photo.face, stage.rules.shape)
    except FileNotFoundError:
        return _lost("gone")
    except OSError as error:
        return _lost(f"unreadable: {error.strerror or error}")
    except ImageError as error:  # under other library versions, or without an extra that was there
        return _lost(f"unreadable: {error}")
    except MemoryError:
        return _lost("unreadable: not enough memory")
    jpeg = encode_crop(crop.image)
    return {
        "status": Status.KEPT.value,
        "path": photo.crop_path,
        "crop_sha256": hashlib.sha256(jpeg).hexdigest(),
        "crop_length": len(jpeg),
        "crop": jpeg,
    }


def _lost(reason: str) -> Row:
    return {"status": Status.UNREADABLE.value, "reason": reason}


def replaced_matrices(ledger: pa.Table, shape: CropShape) -> pa.Table:
    """Return a ledger with each face's matrix as another template, size or margin makes it."""
    there: BoolArray = pc.is_valid(ledger.column("matrix")).to_numpy()
    rows = ledger.select(["box", "landmarks"]).filter(pa.array(there))
    faces = zip(_numbers(rows.column("box"), 4), _numbers(rows.column("landmarks"), 10), strict=True)
    matrices = [
        place(
            Face(box, 1.0, points.reshape(5, 2)), shape.template, shape.size_px, shape.margin
        ).matrix.ravel()
        for box, points in faces
    ]
    field = PHOTOS.field("matrix")
    found = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate([np.empty(0), *matrices])), 6)
    at = pa.array(np.cumsum(there) - 1, mask=~there)
    return ledger.set_column(ledger.schema.get_field_index("matrix"), field, found.take(at).cast(field.type))


def _numbers(column: pa.ChunkedArray, width: int) -> Float32Array:
    array = column.combine_chunks()
    values: Float32Array = array.flatten().to_numpy().reshape(-1, width)
    return values


class RecutTasks(Sequence[ShardTask]):
    """The shards of a set's crops, in order of their ids; each one is made when it is asked for.

    Args:
        classes: the set's crops.
        ledger: the set's ledger, of its columns :data:`FOUND_COLUMNS`.
        stage: as :func:`recut_stage` makes it.
        store: where the new crops go.
        work: the ``.work`` folder of the new set.
    """

    def __init__(self, classes: pa.Table, ledger: pa.Table, stage: Stage, store: Store, work: Path) -> None:
        paths = classes.column("path")
        at = pc.index_in(paths, value_set=ledger.column("path").combine_chunks())
        self._rows = ledger.select(FOUND_COLUMNS).take(at)
        self._stage, self._store, self._work = stage, store, work

    def __len__(self) -> int:
        return -(-int(self._rows.num_rows) // SHARD_PHOTOS)

    @overload
    def __getitem__(self, index: int) -> ShardTask: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ShardTask]: ...
    def __getitem__(self, index: int | slice) -> ShardTask | Sequence[ShardTask]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        rows = self._rows.slice(index * SHARD_PHOTOS, SHARD_PHOTOS).to_pylist()
        photos = tuple(
            FoundPhoto(
                row["record"], row["photo"], row["path"], None, tuple(row["box"]), tuple(row["landmarks"]),
                row["sha256"],
            )
            for row in rows
        )  # fmt: skip
        name = hashlib.sha256(repr(photos).encode()).hexdigest()[:24]
        return ShardTask(name, photos, ((0, 0),) * len(photos), self._work, self._stage, self._store)


class Recut(NamedTuple):
    """What became of a set's crops.

    Attributes:
        digests: each new crop's SHA-256, in order of ids.
        lengths: and its length in bytes.
        lost: photos that are gone or changed, each with the reason; then the others mean nothing.
    """

    digests: pa.ChunkedArray
    lengths: pa.ChunkedArray
    lost: list[tuple[str, str]]


def gather(tasks: Sequence[ShardTask]) -> Recut:
    """Read the parts of finished shards."""
    parts, lost = [], []
    for task, part in _finished(tasks):
        parts.append(part.select(["crop_sha256", "crop_length"]))
        reasons = zip(
            task.photos, part.column("status").to_pylist(), part.column("reason").to_pylist(), strict=True
        )
        lost += [(photo.photo, str(why)) for photo, status, why in reasons if status != Status.KEPT.value]
    if not parts:
        return Recut(pa.chunked_array([], pa.string()), pa.chunked_array([], pa.int64()), [])
    rows = pa.concat_tables(parts)
    return Recut(rows.column("crop_sha256"), rows.column("crop_length"), lost)


def drop_stale_parts(tasks: Sequence[ShardTask]) -> int:
    """Remove the parts of a stopped run whose crops are not all there; return how many crops are."""
    done = 0
    for task, part in _finished(tasks):
        wanted = np.ones(part.num_rows, bool)
        kept = pc.all(pc.equal(part.column("status"), Status.KEPT.value)).as_py()
        if kept and task.store.found(part, wanted).all():
            done += part.num_rows
        else:
            task.part.unlink()
    return done


def _finished(tasks: Sequence[ShardTask]) -> Iterator[tuple[ShardTask, pa.Table]]:
    for task in tasks:
        if task.part.is_file():
            yield task, read_rows(task.part)
