"""Progress on disk: one part per shard, renamed last.

``.work/`` holds ``settings.json`` (what was asked), ``parts/`` (one Arrow file per finished shard),
``started/`` (a mark per shard in flight) and, while a finished set is being brought up to date,
``previous/`` (its tables). The files are the truth for progress; nothing else is remembered.
"""

from __future__ import annotations

import json
import logging
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import NotASetError, OtherSettingsError, SetError, writing
from ..files.atomic import write_text
from ..options import setting_differences
from ..store.base import Store
from ..tables.blocks import blocks
from ..tables.parquet import read_footer
from ..tables.schema import DATASET, WORK

logger = logging.getLogger(__name__)

SEEN = ".seen.arrow"
"""Beside the tables: record, size and mtime of each photo, so that a rerun need not hash them all."""

SEEN_COLUMNS = ["record", "size", "mtime_ns"]


_ENTRIES = {"settings.json", ".settings.json.tmp", "parts", "started", "previous", "previous.tmp", "packed"}


def is_work(folder: Path) -> bool:
    """Tell whether a folder is a ``.work`` of ours, however early its run was killed; or is not there."""
    return not folder.is_dir() or {entry.name for entry in folder.iterdir()} <= _ENTRIES


class Work:
    """A run's folder of progress.

    Attributes:
        out: the set's folder.
        folder: its ``.work``.
        store: where the set's crops are.
    """

    def __init__(self, out: Path, store: Store) -> None:
        self.out, self.store = out, store
        self.folder = out / WORK

    def begin(self, settings: dict[str, Any], versions: dict[str, str]) -> None:
        """Start, or continue what an earlier run of the same settings began.

        Raises:
            OtherSettingsError: what is there was prepared with other settings; the message names them.
            StoreError: the folder cannot be written.
        """
        file = self.folder / "settings.json"
        before = self._before(file)
        if before is not None:
            refuse_other_settings(self.out, before["settings"], settings)
            if before["versions"] != versions:
                logger.warning(
                    "%s was begun under other library versions (%s): its bytes may differ from a fresh run's",
                    self.out, setting_differences(before["versions"], versions),
                )  # fmt: skip
        with writing(self.folder):
            for name in ("parts", "started"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            for left in (*(self.folder / "started").iterdir(), *self.out.glob(".*.tmp")):
                left.unlink()
        write_text(file, json.dumps({"settings": settings, "versions": versions}, sort_keys=True) + "\n")

    def _before(self, file: Path) -> dict[str, Any] | None:
        for candidate in (file, self.out / DATASET):
            if candidate.is_file():
                try:
                    found: dict[str, Any] = json.loads(candidate.read_text(encoding="utf-8"))
                    return {"settings": found["settings"], "versions": found["versions"]}
                except (OSError, ValueError, KeyError, TypeError) as error:
                    raise SetError(
                        f"{candidate} is damaged ({error}); start afresh with --overwrite"
                    ) from error
        return None

    def set_aside(self) -> None:
        """Move a finished set's state into ``previous/``: from here on it counts as unfinished."""
        if not (self.out / DATASET).is_file():
            return
        temporary = self.folder / "previous.tmp"
        with writing(temporary):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            for name in (DATASET, "photos.parquet", "classes.parquet", SEEN):
                if (self.out / name).is_file():
                    shutil.copy2(self.out / name, temporary / name)
            shutil.rmtree(self.folder / "previous", ignore_errors=True)
            temporary.replace(self.folder / "previous")
            (self.out / DATASET).unlink()

    @property
    def previous(self) -> Path:
        """Where an earlier, finished state of the set lies: ``previous/``, or the set itself."""
        return self.out if (self.out / DATASET).is_file() else self.folder / "previous"

    def earlier_info(self) -> dict[str, Any]:
        """Return the dataset.json of an earlier, finished state of the set; empty when there is none."""
        file = self.previous / DATASET
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    def has_previous_tables(self) -> bool:
        """Tell whether an earlier state of the set has its ledger and crops, of one and the same state."""
        if not (self.previous / DATASET).is_file():
            return False
        try:
            photos, classes = (
                read_footer(self.previous / f"{kind}.parquet") for kind in ("photos", "classes")
            )
        except NotASetError as error:
            logger.warning("%s; all photos are done again", error)
            return False
        return photos.fingerprint == classes.fingerprint

    def finish(self) -> None:
        """Remove the folder: dataset.json is written, nothing in here is needed any more."""
        with writing(self.folder):
            shutil.rmtree(self.folder)


def refuse_other_settings(out: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise when settings differ.

    Raises:
        OtherSettingsError: names each setting that differs, with both values.
    """
    if before != now:
        raise OtherSettingsError(
            f"{out} was prepared with other settings ({setting_differences(before, now)}): use those "
            "again, choose another --out, or start afresh with --overwrite"
        )


def stage_seen(out: Path, records: pa.Table) -> Path:
    """Write what the photos looked like, for the next run, under a temporary name, and return that.

    Raises:
        StoreError: it cannot be written; nothing stays.
    """
    temporary = out / f"{SEEN}.tmp"
    seen = records.select(SEEN_COLUMNS)
    try:
        with (
            writing(out / SEEN),
            temporary.open("wb") as file,
            pa.ipc.new_file(file, seen.schema) as writer,
        ):
            for block in blocks(seen):
                writer.write_table(block.combine_chunks())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def library_versions() -> dict[str, str]:
    """Return the versions of what the set's bytes depend on, without importing any of it."""
    names = ("numpy", "opencv-python", "pillow", "pyarrow", "torch", "torchvision", "facenet-pytorch")
    return {"facedata": version("facedata"), **{name: version(name) for name in names}}
