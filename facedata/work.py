"""Progress on disk: one part per shard, renamed last, and what earlier runs left that still holds.

``.work/`` holds ``settings.json`` (what was asked), ``parts/`` (one Parquet file per finished shard),
``started/`` (a mark per shard in flight) and, while a finished set is being brought up to date,
``previous/`` (its tables). The files are the truth for progress; nothing else is remembered.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from .errors import NotASetError, OtherSettingsError, SetError, writing
from .ledger import ROWS, unsettled
from .plan import Plan
from .prepared import write_text
from .schema import DATASET, WORK, file_sha256
from .shard import SHARD_PHOTOS, Stage, run_photos
from .sources.base import PhotoReader
from .store import Store
from .types import BoolArray, Photo, Row, Status

logger = logging.getLogger(__name__)

SEEN = ".seen.arrow"
"""Beside the tables: record, size and mtime of each photo, so that a rerun need not hash them all."""

_SEEN_COLUMNS = ["record", "size", "mtime_ns"]


@dataclass(frozen=True)
class ShardTask:
    """One shard to run; picklable.

    Attributes:
        name: of its part; depends on the photos and nothing else.
        photos: in plan order.
        seen: size and mtime_ns of each.
        work: the ``.work`` folder.
        stage: what all shards share.
        store: where the crops go.
    """

    name: str
    photos: tuple[Photo, ...]
    seen: tuple[tuple[int, int], ...]
    work: Path
    stage: Stage
    store: Store

    @property
    def part(self) -> Path:
        """The part's file; it is there when the shard is done."""
        return self.work / "parts" / f"{self.name}.parquet"

    @property
    def mark(self) -> Path:
        """The file that says the shard was begun; a worker that dies leaves it."""
        return self.work / "started" / self.name


def run_shard(task: ShardTask) -> list[str]:
    """Run one shard in a worker and write its part; returns its rows' statuses.

    Raises:
        StoreError: a crop or the part cannot be written.
    """
    with writing(task.mark):
        task.mark.touch()
    rows = run_photos(task.photos, task.stage)
    return write_part(task, rows)


def write_part(task: ShardTask, rows: Sequence[Row]) -> list[str]:
    """Write a shard's crops, then its part, which vouches for them; returns the rows' statuses.

    Raises:
        StoreError: a crop or the part cannot be written.
    """
    for row in rows:
        if "crop" in row:
            task.store.put(row["path"], row["crop"])
    whole = [
        {**row, "given_box": photo.given_box, "size": size, "mtime_ns": mtime_ns}
        for row, photo, (size, mtime_ns) in zip(rows, task.photos, task.seen, strict=True)
    ]
    columns = {field.name: pa.array([row.get(field.name) for row in whole], field.type) for field in ROWS}
    schema.write_table(task.part, pa.table(columns, schema=ROWS), kind="part", schema=ROWS, fingerprint="")
    task.mark.unlink(missing_ok=True)
    return [str(row["status"]) for row in rows]


_ENTRIES = {"settings.json", ".settings.json.tmp", "parts", "started", "previous", "previous.tmp"}


def is_work(folder: Path) -> bool:
    """Tell whether a folder is a ``.work`` of ours, however early its run was killed; or is not there."""
    return not folder.is_dir() or {entry.name for entry in folder.iterdir()} <= _ENTRIES


class Work:
    """A run's folder of progress.

    Attributes:
        out: the set's folder.
        folder: its ``.work``.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
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
                    self.out, _differences(before["versions"], versions),
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

    def known_rows(self, plan: Plan, reader: PhotoReader) -> pa.Table:
        """Return the rows of earlier runs that still hold for this plan, one per record at most."""
        tables = [
            _still_valid(rows, plan, reader, self.out)
            for rows in (*self._parts(), self._previous_rows())
            if rows
        ]
        if not tables:
            return ROWS.empty_table()
        rows = pa.concat_tables(tables)
        _, first = np.unique(rows.column("record").to_numpy(zero_copy_only=False), return_index=True)
        return rows.take(pa.array(np.sort(first)))

    def _parts(self) -> list[pa.Table]:
        files = sorted((self.folder / "parts").glob("*.parquet")) if self.folder.is_dir() else []
        return (
            [pa.concat_tables([schema.read_table(file, "part") for file in files]).replace_schema_metadata()]
            if files
            else []
        )

    def has_previous_tables(self) -> bool:
        """Tell whether an earlier state of the set has its ledger and crops, of one and the same state."""
        if not (self.previous / DATASET).is_file():
            return False
        try:
            photos, classes = (
                schema.read_footer(self.previous / f"{kind}.parquet") for kind in ("photos", "classes")
            )
        except NotASetError as error:
            logger.warning("%s; all photos are done again", error)
            return False
        return photos.fingerprint == classes.fingerprint

    def _previous_rows(self) -> pa.Table | None:
        folder = self.previous
        if not self.has_previous_tables():
            return None
        ledger = unsettled(schema.read_table(folder / "photos.parquet", "photos"))
        classes = schema.read_table(folder / "classes.parquet", "classes", ["path", "crop_sha256", "length"])
        at = pc.index_in(ledger.column("path"), value_set=classes.column("path").combine_chunks())
        ledger = ledger.append_column("crop_sha256", classes.column("crop_sha256").take(at))
        ledger = ledger.append_column("crop_length", classes.column("length").take(at))
        return _with_seen(ledger, folder / SEEN).select(ROWS.names).cast(ROWS)

    def tasks(self, plan: Plan, pending: Sequence[int], stage: Stage, store: Store) -> list[ShardTask]:
        """Cut the pending records into shards."""
        return [
            self._task(plan, pending[start : start + SHARD_PHOTOS], stage, store)
            for start in range(0, len(pending), SHARD_PHOTOS)
        ]

    def _task(self, plan: Plan, indices: Sequence[int], stage: Stage, store: Store) -> ShardTask:
        photos = tuple(plan.photos(indices))
        stats = plan.records.select(["size", "mtime_ns"]).take(pa.array(indices, pa.int64())).to_pylist()
        seen = tuple((row["size"], row["mtime_ns"]) for row in stats)
        name = hashlib.sha256(repr((photos, seen)).encode()).hexdigest()[:24]
        return ShardTask(name, photos, seen, self.folder, stage, store)

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
            f"{out} was prepared with other settings ({_differences(before, now)}): use those again, choose "
            "another --out, or start afresh with --overwrite"
        )


def _differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    return ", ".join(f"{name}: {before.get(name)!r} there, {now.get(name)!r} now" for name in names)


def write_seen(out: Path, records: pa.Table) -> None:
    """Write what the photos looked like, for the next run."""
    temporary = out / f"{SEEN}.tmp"
    try:
        with (
            writing(out / SEEN),
            temporary.open("wb") as file,
            pa.ipc.new_file(file, records.select(_SEEN_COLUMNS).schema) as writer,
        ):
            writer.write_table(records.select(_SEEN_COLUMNS))
        with writing(out / SEEN):
            temporary.replace(out / SEEN)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _with_seen(ledger: pa.Table, file: Path) -> pa.Table:
    """Add size and mtime as they were; -1 where that is not known, so that the photo is hashed."""
    unknown = pa.array(np.full(ledger.num_rows, -1, np.int64))
    try:
        seen = pa.ipc.open_file(file.read_bytes()).read_all()
    except (OSError, pa.ArrowInvalid):  # gone or damaged: every photo is hashed instead
        return ledger.append_column("size", unknown).append_column("mtime_ns", unknown)
    at = pc.index_in(ledger.column("record"), value_set=seen.column("record").combine_chunks())
    for name in ("size", "mtime_ns"):
        ledger = ledger.append_column(name, pc.fill_null(seen.column(name).take(at), -1))
    return ledger


def _still_valid(rows: pa.Table, plan: Plan, reader: PhotoReader, out: Path) -> pa.Table:
    """Return the rows whose record is still to be detected in the same way, from the same bytes."""
    records = plan.records
    at = pc.index_in(rows.column("record"), value_set=records.column("record").combine_chunks())
    rows = rows.filter(pc.is_valid(at))
    planned = records.take(pc.drop_null(at))
    same_path = pc.fill_null(pc.equal(rows.column("path"), planned.column("crop_path")), True)
    valid = _numpy(pc.and_(pc.is_null(planned.column("status")), same_path))
    valid &= ~_may_be_readable_now(rows)
    valid &= _same_boxes(rows.column("given_box"), planned.column("given_box"))
    valid &= _crops_there(rows, valid, out)
    unchanged = _numpy(pc.equal(rows.column("size"), planned.column("size")))
    unchanged &= _numpy(pc.equal(rows.column("mtime_ns"), planned.column("mtime_ns")))
    valid[valid & ~unchanged] = [
        _same_bytes(reader, photo, digest)
        for photo, digest in zip(
            *(
                column.filter(pa.array(valid & ~unchanged)).to_pylist()
                for column in (planned.column("photo"), rows.column("sha256"))
            ),
            strict=True,
        )
    ]
    for name in ("size", "mtime_ns"):
        rows = rows.set_column(rows.schema.get_field_index(name), ROWS.field(name), planned.column(name))
    return rows.filter(pa.array(valid))


def _may_be_readable_now(rows: pa.Table) -> BoolArray:
    """Tell which photos could not even be opened, or lacked an extra that may be installed now."""
    never_opened = pc.and_(
        pc.equal(rows.column("status"), Status.UNREADABLE.value), pc.is_null(rows.column("sha256"))
    )
    lacked = pc.and_(
        pc.equal(rows.column("status"), Status.UNSUPPORTED.value),
        pc.fill_null(pc.match_substring(rows.column("reason"), "facedata["), False),
    )
    return _numpy(pc.or_(never_opened, lacked))


def _same_bytes(reader: PhotoReader, photo: str, digest: str | None) -> bool:
    try:
        return hashlib.sha256(reader(photo)).hexdigest() == digest
    except OSError:
        return False  # it will be read again, and its row will say why it cannot


def _same_boxes(left: pa.ChunkedArray, right: pa.ChunkedArray) -> BoolArray:
    if left.null_count == len(left) and right.null_count == len(right):
        return np.ones(len(left), bool)
    return np.array([a == b for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)], bool)


def _crops_there(rows: pa.Table, wanted: BoolArray, out: Path) -> BoolArray:
    """Tell which rows have their crop on disk at its length, or need none."""
    there = np.ones(rows.num_rows, bool)
    names = ("path", "crop_length", "crop_sha256")
    paths, lengths, digests = (rows.column(name).to_pylist() for name in names)
    # an update that was cut short may have put another crop in its place
    torn = (out / WORK / "previous").is_dir()
    for index in np.flatnonzero(wanted).tolist():
        path = paths[index]
        if path is not None:
            file = out / "crops" / path
            there[index] = _length(file) == lengths[index] and (
                not torn or file_sha256(file) == digests[index]
            )
    return there


def _length(file: Path) -> int:
    try:
        return os.stat(file).st_size  # noqa: PTH116  half the price of Path.stat, paid once a photo
    except OSError:
        return -1


def _numpy(values: pa.ChunkedArray) -> BoolArray:
    array: BoolArray = (
        values.to_numpy(zero_copy_only=False) if isinstance(values, pa.Array) else values.to_numpy()
    )
    return array.astype(bool)
