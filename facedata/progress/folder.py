"""Progress on disk: the folder in which an unfinished output keeps its finished parts.

A set's ``.work/`` holds ``settings.json``, ``parts/`` (one Arrow file per finished shard), ``started/`` (a
mark per shard in progress) and, while a finished set is updated, ``previous/`` (its tables). These files are
the only record of progress.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..config import complete_settings
from ..errors import NotASetError, SetError, writing
from ..files.atomic import write_text
from ..files.remote import Location
from ..files.staged import StagedFiles
from ..options import refuse_other_settings, setting_differences
from ..photos.picture_hash import PICTURE_HASH
from ..store.base import Store
from ..store.open import open_store
from ..tables.blocks import BLOCK_ROWS
from ..tables.parquet import read_footer, read_table
from ..tables.schema import DATASET, FORGET, WORK
from .disk_columns import Column

logger = logging.getLogger(__name__)

SETTINGS = "settings.json"

PHOTO_STATS = ".seen.arrow"
"""A file beside the tables: record, size, mtime and picture hash of each photo, so that a rerun need not read
them all."""

PHOTO_STATS_COLUMNS = ["record", "size", "mtime_ns"]

_ENTRIES = {
    SETTINGS, f".{SETTINGS}.tmp", "parts", "started", "previous", "previous.tmp", "packed", "before", FORGET,
}  # fmt: skip


class PartsFolder:
    """A folder with the finished parts of an output, and the settings they were made with.

    Args:
        out: the output.
        folder: the folder of its parts until it is finished.
    """

    settings_name = SETTINGS

    def __init__(self, out: Path, folder: Path) -> None:
        self.out, self.folder = out, folder

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Check that earlier parts were made with the same settings, or record the settings of the first run.

        Raises:
            OtherSettingsError: the parts were made with other settings; the message names them.
            SetError: the recorded settings cannot be read.
            StoreError: the folder cannot be written.
        """
        file = self.folder / self.settings_name
        if file.is_file():
            refuse_other_settings(self.out, read_json(file), settings)
        else:
            write_text(file, json.dumps(settings, sort_keys=True) + "\n")

    def remove(self) -> None:
        """Remove the folder, if there is one: the output is finished.

        Raises:
            StoreError: it cannot be removed.
        """
        if self.folder.is_dir():
            with writing(self.folder):
                shutil.rmtree(self.folder)


class ProgressFolder(PartsFolder):
    """The ``.work`` folder of a set.

    Args:
        out: the set's folder.
        store: the store of the set's crops.
    """

    def __init__(self, out: Path, store: Store) -> None:
        super().__init__(out, out / WORK)
        self.store = store

    @classmethod
    def of_set(cls, out: Path, store: str, location: Location) -> ProgressFolder:
        """Return the folder of a set that keeps its crops in the store of this name, at its final place."""
        return cls(out, open_store(store, out, location))

    def begin(self, settings: dict[str, Any], versions: dict[str, str]) -> None:
        """Start a run, or continue one with the same settings.

        Raises:
            OtherSettingsError: the set was made with other settings; the message names them.
            SetError: the earlier run's settings cannot be read.
            StoreError: the folder cannot be written.
        """
        file = self.folder / SETTINGS
        recorded = next((candidate for candidate in (file, self.out / DATASET) if candidate.is_file()), None)
        if recorded is not None:
            before = read_json(recorded)
            if not all(isinstance(before.get(name), dict) for name in ("settings", "versions")):
                raise SetError(f"{recorded} is damaged (no settings); start over with --overwrite")
            refuse_other_settings(self.out, complete_settings(before["settings"]), settings)
            if changes := setting_differences(before["versions"], versions):
                logger.warning(
                    "%s was begun with other library versions (%s): its bytes may differ from a fresh run's",
                    self.out, changes,
                )  # fmt: skip
        with writing(self.folder):
            if (self.folder / FORGET).is_dir():  # of a `forget` that had changed nothing yet
                shutil.rmtree(self.folder / FORGET)
            for name in ("parts", "started"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            for leftover in (*(self.folder / "started").iterdir(), *self.out.glob(".*.tmp")):
                leftover.unlink()
        write_text(file, json.dumps({"settings": settings, "versions": versions}, sort_keys=True) + "\n")

    def set_aside(self) -> None:
        """Copy a finished set's state into ``previous/``; the set then counts as unfinished."""
        if not (self.out / DATASET).is_file():
            return
        temporary = self.folder / "previous.tmp"
        with writing(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            names = [DATASET, "photos.parquet", "classes.parquet", PHOTO_STATS]
            drawing = self.previous_info().get("drawing", {})
            if drawing.get("pairs", {}).get("strategy") == "file":  # these are not drawn again
                names.append("pairs.parquet")
            for name in names:
                if (self.out / name).is_file():
                    shutil.copy2(self.out / name, temporary / name)
            shutil.rmtree(self.folder / "previous", ignore_errors=True)
            temporary.replace(self.folder / "previous")
            (self.out / DATASET).unlink()

    @property
    def previous(self) -> Path:
        """The folder with the set's last finished state: the set itself, or ``previous/``."""
        return self.out if (self.out / DATASET).is_file() else self.folder / "previous"

    def previous_info(self) -> dict[str, Any]:
        """Return the dataset.json of the set's last finished state; empty when there is none."""
        file = self.previous / DATASET
        return read_json(file) if file.is_file() else {}

    def previous_pairs(self, ledger: Path) -> pa.Table:
        """Return the pairs of the last finished state, by the crops' paths in the new ``ledger``."""
        return read_table(self.previous / "pairs.parquet", "pairs")

    def has_previous_tables(self) -> bool:
        """Return whether the last finished state has its ledger and crops, both of the same fingerprint."""
        if not (self.previous / DATASET).is_file():
            return False
        try:
            photos, classes = (
                read_footer(self.previous / f"{kind}.parquet") for kind in ("photos", "classes")
            )
        except NotASetError as error:
            logger.warning("%s; all photos are processed again", error)
            return False
        return photos.fingerprint == classes.fingerprint


def is_progress_folder(folder: Path) -> bool:
    """Return whether a folder is missing, or is a set's ``.work``, even of a run killed early."""
    return not folder.is_dir() or {entry.name for entry in folder.iterdir()} <= _ENTRIES


def read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object that a run recorded.

    Raises:
        SetError: the file cannot be read, or holds something else.
    """
    try:
        recorded = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(recorded, dict):
            return recorded
        error: Exception = TypeError("not a JSON object")
    except (OSError, ValueError) as unreadable:
        error = unreadable
    raise SetError(f"{file} is damaged ({error}); start over with --overwrite") from error


def stage_photo_stats(staged: StagedFiles, out: Path, records: pa.Table, hashes: Column) -> None:
    """Write the size, mtime and hash of each photo for the next run; ``staged.commit()`` renames the file.

    Args:
        staged: gets the file.
        out: the set's folder.
        records: the plan's.
        hashes: ``(n, 2)`` uint64, of their pictures.

    Raises:
        StoreError: it cannot be written.
    """
    columns = records.select(PHOTO_STATS_COLUMNS)
    schema = pa.schema([*columns.schema, *((name, pa.uint64()) for name in PICTURE_HASH)])
    with staged.open(out / PHOTO_STATS) as file, pa.ipc.new_file(file, schema) as writer:
        for start in range(0, columns.num_rows, BLOCK_ROWS):
            block, words = columns.slice(start, BLOCK_ROWS), hashes[start : start + BLOCK_ROWS].T
            for name, values in zip(PICTURE_HASH, words, strict=True):
                block = block.append_column(name, pa.array(np.ascontiguousarray(values)))
            writer.write_table(block.combine_chunks())


def read_picture_hashes(out: Location, records: pa.ChunkedArray) -> NDArray[np.uint64] | None:
    """Return the hashes that :func:`stage_photo_stats` wrote, 0 for unknown ones; None for other records."""
    hashes, start = np.zeros((len(records), 2), np.uint64), 0
    try:
        with (out / PHOTO_STATS).open("rb") as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                span = slice(start, start + batch.num_rows)
                mine = pa.chunked_array([batch.column("record")])
                if not records.slice(start, batch.num_rows).equals(mine):
                    return None
                for word, name in enumerate(PICTURE_HASH):
                    hashes[span, word] = batch.column(name).to_numpy()
                start = span.stop
    except (OSError, KeyError, pa.ArrowInvalid):  # missing, damaged, or of schema version 1, without hashes
        return None
    return hashes if start == len(records) else None


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that a set's bytes depend on, without importing any of them."""
    names = ("numpy", "opencv-python", "pillow", "pyarrow", "torch", "torchvision", "facenet-pytorch")
    return {"facedata": version("facedata"), **{name: version(name) for name in names}}
