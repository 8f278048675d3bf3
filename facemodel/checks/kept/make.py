"""Embeds what is missing of a file of embeddings, in parts; what an earlier file holds is taken over."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest
from facedata.errors import SetError, writing
from facedata.files.locks import locked
from facedata.progress.folder import read_json
from facedata.tables.blocks import as_array
from facedata.types import BoolArray, Float32Array, Int64Array

from ...batches.fitting_crops import FittingCrops
from ...batches.reader import CropReader, OnProgress, Reading, UInt8Batch
from ...errors import DataError
from ...machine.memory import catch_out_of_memory
from ...models.embed_crops import embed_crops, split_batches
from ...models.embedder import Embedder
from ...models.embedding_file import EmbeddingParts, read_embeddings, read_settings

logger = logging.getLogger(__name__)

_OF_THE_SET = ("fingerprint", "rows")
"""Settings that change with the set; with all others the same, the same bytes have the same embedding."""

_HASHED = 65_536
"""Texts hashed at a time."""

_AHEAD = 2
"""Batches that are read while one is embedded."""


class Embedding(NamedTuple):
    """How crops are embedded.

    Attributes:
        embedder: the model.
        batch: crops in a batch.
        flip: take the mean with the mirror image's embedding.
        workers: threads that decode crops; None for one per core.
        cut: where a set's crops do not fit the model, take those of the set beside it.
    """

    embedder: Embedder
    batch: int = 64
    flip: bool = False
    workers: int | None = None
    cut: bool = False

    def settings(self, classes: ClassManifest, crops: CropList) -> dict[str, Any]:
        """Return everything that a file of these crops' embeddings depends on."""
        spec = self.embedder.spec
        return {
            "model": self.embedder.fingerprint(),
            "fingerprint": classes.prepared.fingerprint,
            "source": "check",
            "rows": rows_fingerprint(crops.ids, crops.digests),
            "flip": self.flip,
            "dim": spec.dim,
            "normalised": spec.normalised,
            "template": spec.template,
            "metric": spec.metric,
        }


class CropList(NamedTuple):
    """The crops to embed.

    Attributes:
        rows: ``(n,)`` int64, their rows in the classes, ascending.
        ids: ``(n,)`` int64, as in the set.
        paths: ``(n,)`` Arrow text.
        digests: their SHA-256, ``(n,)`` Arrow text.
    """

    rows: Int64Array
    ids: Int64Array
    paths: pa.ChunkedArray
    digests: pa.ChunkedArray

    @classmethod
    def of(cls, classes: ClassManifest, rows: Int64Array) -> CropList:
        """Return the crops in these rows of the classes."""
        table = classes.table.select(["id", "path", "crop_sha256"]).take(pa.array(rows))
        return cls(rows, table.column("id").to_numpy(), table.column("path"), table.column("crop_sha256"))


def rows_fingerprint(ids: Int64Array, digests: pa.ChunkedArray) -> str:
    """Return the SHA-256 of crops' ids and of their own SHA-256."""
    digest = sha256(np.ascontiguousarray(ids, "<i8").tobytes())
    for start in range(0, len(digests), _HASHED):
        digest.update("".join(digests.slice(start, _HASHED).to_pylist()).encode())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Known:
    """Embeddings that are there already, by the crops' digests."""

    digests: pa.Array
    values: Float32Array

    def find(self, digests: pa.ChunkedArray) -> Int64Array:
        """Return each crop's row; -1 for those that are not there."""
        found = pc.index_in(digests, value_set=self.digests)
        return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)


@dataclass(frozen=True, eq=False)
class EmbeddingRun:
    """The making of a file, in parts.

    Attributes:
        how: the model, and how to run it.
        classes: the set's crops.
        crops: those to embed.
        file: the file.
        settings: everything that it depends on.
    """

    how: Embedding
    classes: ClassManifest
    crops: CropList
    file: Path
    settings: dict[str, Any]

    def run(self, scratch: Path, on_progress: OnProgress | None) -> int:
        """Make what is missing of the file; return how many crops were embedded.

        Args:
            scratch: a folder for large numbers while they are used.
            on_progress: called after each batch with the number of crops embedded, and the total.

        Raises:
            LockedError: another run is making it.
            DeviceError: the device's memory is too small.
            StoreError: it cannot be written.
        """
        parts = EmbeddingParts(self.file, self.settings, len(self.crops.ids), self.how.embedder.spec.dim)
        with writing(parts.folder):
            parts.folder.mkdir(parents=True, exist_ok=True)
        with locked(parts.folder):
            self._claim(parts)
            known = self._read_known(scratch)
            at = known.find(self.crops.digests)
            missing = parts.missing()
            done, total = 0, sum(int(np.count_nonzero(at[parts.rows_of(one)] < 0)) for one in missing)
            fitting = FittingCrops.find(self.how.embedder.spec, self.classes.prepared, self.how.cut)
            with fitting.open_reader(self.classes, self.how.workers) as reader:
                if fitting.cut is not self.classes.prepared:  # the caller has looked at this set's own only
                    reader.check(self.crops.rows, hashes=True)
                each = [rows[at[rows] < 0] for rows in map(np.asarray, map(parts.rows_of, missing))]
                batches = self._batches(reader, each)
                for number, left in zip(missing, map(len, each), strict=True):
                    rows = np.asarray(parts.rows_of(number))
                    values = np.full((len(rows), parts.dim), np.nan, np.float32)
                    there = at[rows] >= 0
                    values[there] = known.values[at[rows[there]]]
                    while left:  # a batch never reaches beyond its part
                        places, good, crops = next(batches)
                        values[places[good] - rows[0]] = self._embed(crops)
                        left, done = left - len(places), done + len(places)
                        if on_progress is not None:
                            on_progress(done, total)
                    parts.write(number, values)
            parts.close(self.crops.ids, self.crops.paths, self.crops.digests)
        return done

    def _claim(self, parts: EmbeddingParts) -> None:
        """Take up the parts that a stopped run left; those of another state of the set are of no use."""
        file = parts.folder / parts.settings_name
        try:
            if not file.exists() or read_json(file) == self.settings:
                parts.claim(self.settings)
                return
        except SetError as error:
            logger.warning("%s", error)
        logger.warning(
            "an unfinished check of another state of the set, or with other options, left embeddings in %s: "
            "they are made anew", parts.folder,
        )  # fmt: skip
        with writing(parts.folder):
            for one in parts.folder.iterdir():
                one.unlink()
        parts.claim(self.settings)

    def _read_known(self, scratch: Path) -> _Known:
        """Read the embeddings of crops whose bytes may be the same: this model's, of an earlier state."""
        nothing = _Known(pa.array([], pa.string()), np.empty((0, self.how.embedder.spec.dim), np.float32))
        before = settings_in(self.file)
        if before is None:
            return nothing
        others = {name for name in self.settings if before.get(name) != self.settings[name]}
        if others - {*_OF_THE_SET}:
            logger.info(
                "%s was made with other options (%s): the crops are embedded again",
                self.file, ", ".join(sorted(others - {*_OF_THE_SET})),
            )  # fmt: skip
            return nothing
        try:
            kept = read_embeddings(self.file, scratch)
        except SetError as error:
            discard(self.file, str(error))
            return nothing
        if kept.digests is None or rows_fingerprint(kept.ids, kept.digests) != before["rows"]:
            discard(self.file, f"{self.file} is damaged: its crops are not those that were written")
            return nothing
        return _Known(as_array(kept.digests), kept.values)

    def _embed(self, crops: UInt8Batch) -> Float32Array:
        if not len(crops):
            return np.empty((0, self.how.embedder.spec.dim), np.float32)
        with catch_out_of_memory(f"lower --batch, now {self.how.batch}"):
            return embed_crops(self.how.embedder, crops, self.how.flip)

    def _batches(
        self, reader: CropReader, each: Iterable[Int64Array]
    ) -> Iterator[tuple[Int64Array, BoolArray, UInt8Batch]]:
        """Yield the crops at some places, batch by batch: the places, which can be read, and their crops."""
        waiting: deque[tuple[Int64Array, Reading]] = deque()
        for places in (some for part in each for some in split_batches(part, self.how.batch)):
            waiting.append((places, reader.start(self.crops.rows[places])))
            if len(waiting) > _AHEAD:
                yield self._read(reader, *waiting.popleft())
        while waiting:
            yield self._read(reader, *waiting.popleft())

    def _read(
        self, reader: CropReader, places: Int64Array, reading: Reading
    ) -> tuple[Int64Array, BoolArray, UInt8Batch]:
        good = np.ones(len(places), np.bool_)
        try:
            return places, good, reading.result()
        except DataError:
            crops = [self._read_one(reader, place) for place in places]
        good = np.array([crop is not None for crop in crops], np.bool_)
        size = (0, reader.size_px, reader.size_px, 3)
        return (
            places,
            good,
            np.concatenate([np.empty(size, np.uint8), *(crop for crop in crops if crop is not None)]),
        )

    def _read_one(self, reader: CropReader, place: int) -> UInt8Batch | None:
        try:
            return reader.read(self.crops.rows[[place]])
        except DataError as error:
            logger.warning("%s", error)
            return None


def settings_in(file: Path) -> dict[str, Any] | None:
    """Return the settings of a file of embeddings; None if there is none, or it cannot be used."""
    if not file.exists():
        return None
    try:
        settings = read_settings(file)
    except (SetError, ValueError) as error:
        discard(file, str(error))
        return None
    if settings is None:
        discard(file, f"{file} is not a file of embeddings")
    return settings


def discard(file: Path, why: str) -> None:
    """Remove a file of embeddings that cannot be used, and say why.

    Raises:
        StoreError: it cannot be removed.
    """
    logger.warning("%s: it is removed, and the crops are embedded again", why)
    with writing(file):
        file.unlink()
