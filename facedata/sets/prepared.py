"""A prepared set on disk: dataset.json, its tables, its fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import complete_settings, settings_fingerprint
from ..errors import (
    NotASetError,
    OtherSetError,
    SchemaVersionError,
    UnfinishedSetError,
    UsageError,
)
from ..files.atomic import file_sha256, write_text
from ..files.remote import Location, Remote, parse_location
from ..files.staged import StagedFiles
from ..tables import schema
from ..tables.blocks import TableStream
from ..tables.origin import Origin
from ..tables.parquet import read_blocks, read_footer, read_table, stage_table
from ..tables.schema import DATASET, FORGET_JOURNAL, KIND, WORK

CROPPED_FROM = "cropped_from"
"""In the settings of an unfinished `crop`: the fingerprint of the set whose faces it cuts."""

FIXED_FROM = "fixed_from"
"""In the settings of an unfinished `fix`: the fingerprint of the set that it corrects."""

FINGERPRINTED = ["id", "path", "identity", "label", "split", "crop_sha256"]
"""The columns of the classes table that a set's fingerprint is of."""


def open_set(path: str | os.PathLike[str] | Remote | PreparedSet) -> PreparedSet:
    """Open a prepared set, in a folder or at a URL that fsspec knows; one that is open is returned as it is.

    The set stays open when the process changes its working folder.

    Raises:
        NotASetError: the folder is missing or holds no set.
        UnfinishedSetError: its ``prepare`` was interrupted.
        SchemaVersionError: it was written under a later schema version.
    """
    return path if isinstance(path, PreparedSet) else PreparedSet(parse_location(path))


class PreparedSet:
    """A prepared set, read-only except for :meth:`update`; ``str()`` of it is its path as it was given.

    Attributes:
        path: its folder, as an absolute path, or its URL.
        info: the contents of dataset.json.
    """

    def __init__(self, path: Location) -> None:
        self.path: Location = path.absolute() if isinstance(path, Path) else path
        self._given = path
        self.info: dict[str, Any] = read_dataset(path)
        self._other_fingerprint: str | None = None

    def __str__(self) -> str:
        return str(self._given)

    def __repr__(self) -> str:
        counts = self.info["counts"]
        crops = int(self.info["tables"].get("classes", {}).get("rows", 0))
        splits = sorted(counts.get("splits", {}).items(), key=lambda split: (split[0] != "train", split[0]))
        people = f"{counts.get('people', 0):,} {'person' if counts.get('people') == 1 else 'people'}"
        said = [f"{crops:,} crop{'s'[: crops != 1]} of {people}"]
        said += [f"{name} {split['photos']:,}" for name, split in splits]
        return f"PreparedSet({str(self)!r}: {', '.join(said)})"

    def _repr_html_(self) -> str:
        from ..pages.notebook import render_object  # with jinja2, which only those who look at a set need
        from .notebook import show_set

        return render_object(repr(self), lambda: show_set(self))

    @property
    def fingerprint(self) -> str:
        """The hash of the set's settings, and of every crop's id, path, identity, label, split and bytes."""
        return str(self.info["fingerprint"])

    @cached_property
    def size_px(self) -> int:
        """The side of a crop in pixels."""
        return int(self.info["settings"]["size"])

    def table(self, kind: str, columns: list[str] | None = None) -> pa.Table:
        """Read one table: photos, classes, pairs, triplets or (LFW) protocol.

        The ledger of a set of schema version 1 gets the columns that it lacks.

        Raises:
            NotASetError: the set has no such table, or it cannot be read.
            OtherSetError: the file belongs to another set, or to another state of this one.
        """
        if kind in self.info["tables"]:
            self._check(kind)
        is_old = kind == "photos" and self.info["schema_version"] == 1
        if is_old and (columns is None or {"source", "licence"} & {*columns}):
            rows = pa.concat_tables(self.blocks(kind))
            return rows if columns is None else rows.select(columns)
        return read_table(self.path / f"{kind}.parquet", kind, columns)

    def blocks(self, kind: str) -> Iterator[pa.Table]:
        """Yield one table as :meth:`table` reads it, a row group at a time, each column one array.

        Raises:
            NotASetError: the set has no such table, or it cannot be read.
            OtherSetError: the file belongs to another set, or to another state of this one.
        """
        self._check(kind)
        is_old = kind == "photos" and self.info["schema_version"] == 1
        for rows in read_blocks(self.path / f"{kind}.parquet"):
            block = rows.combine_chunks()
            if is_old:
                for name, values in Origin.of(self.info).columns(block).items():
                    at = block.schema.get_field_index(name)
                    block = block.set_column(at, schema.PHOTOS.field(name), values)
            yield block

    def is_intact(self) -> bool:
        """Return whether every table exists with the SHA-256 that dataset.json records; reads them all."""
        for kind, table in self.info["tables"].items():
            file = self.path / f"{kind}.parquet"
            if not file.is_file() or file_sha256(file) != table["sha256"]:
                return False
        return True

    def _check(self, kind: str) -> None:
        footer, file = read_footer(self.path / f"{kind}.parquet"), self._given / f"{kind}.parquet"
        if footer.fingerprint not in (self.fingerprint, self._other_fingerprint):
            raise OtherSetError(
                f"{file} belongs to the set {short(footer.fingerprint)}, not to this one "
                f"({short(self.fingerprint)}): run `facedata prepare` again"
            )
        rows = self.info["tables"][kind]["rows"]
        if footer.rows != rows:
            raise OtherSetError(
                f"{file} has {footer.rows:,} rows, not {rows:,} as in {DATASET}: an update was interrupted; "
                "run `facedata prepare` again"
            )

    def accept_interrupted_split(self) -> None:
        """Also accept tables with one other fingerprint, as an interrupted `facedata split` leaves them.

        Splitting again reads only columns that no split changes, and writes every table, so it repairs the
        set. The crops must belong to this set: the settings and the classes table must give the fingerprint
        that the table has.
        """
        files = {kind: self.path / f"{kind}.parquet" for kind in self.info["tables"]}
        if not all(file.is_file() for file in files.values()):
            return
        fingerprints = {kind: read_footer(file).fingerprint for kind, file in files.items()}
        others = set(fingerprints.values()) - {self.fingerprint}
        if len(others) != 1:
            return
        classes = read_blocks(files["classes"], FINGERPRINTED)
        if set_fingerprint(settings_fingerprint(self.info["settings"]), classes) != fingerprints["classes"]:
            return
        crops = TableStream(read_blocks(files["classes"], ["path"]))
        for block in read_blocks(files["photos"], ["path"]):
            paths = block.column("path").drop_null()
            mine = crops.take(len(paths))
            if len(paths) and (mine is None or not paths.equals(mine.column("path"))):
                return
        if crops.take(1) is None:
            self._other_fingerprint = others.pop()

    def recorded_info(self) -> dict[str, Any]:
        """Return dataset.json as it is on disk; :attr:`info` also has settings that are left out there."""
        return _as_recorded(self.info)

    def has(self, kind: str) -> bool:
        """Return whether the set has this table."""
        return kind in self.info["tables"]

    def update(
        self,
        tables: Mapping[str, pa.Table | Iterable[pa.Table]],
        changes: Mapping[str, Any],
        fingerprint: str | None = None,
    ) -> None:
        """Replace tables and parts of dataset.json together.

        All tables are written under temporary names first; then they are renamed, dataset.json last. If the
        fingerprint changes, all other tables are rewritten with the new one, so that an interrupted update
        raises :class:`OtherSetError` on reading, instead of giving wrong rows. A set of schema version 1
        becomes one of today's version.

        Args:
            tables: new contents by kind.
            changes: new values for top-level keys of dataset.json.
            fingerprint: the set's new fingerprint, if ids or labels changed.
        """
        if not isinstance(self.path, Path):
            raise UsageError(f"{self} is read-only when it is opened at its URL: use the commands")
        tables = dict(tables)
        version = {"schema_version": schema.SCHEMA_VERSION}
        info = {**self.info, **version, **changes, "fingerprint": fingerprint or self.fingerprint}
        if any(info[key] != self.info[key] for key in ("fingerprint", "schema_version")):
            others = [kind for kind in self.info["tables"] if kind not in tables]
            tables = {**{kind: self.blocks(kind) for kind in others}, **tables}
        with StagedFiles() as staged:
            written = stage_tables(staged, self.path, tables, info["fingerprint"])
            staged.commit()
        info["tables"] = {**self.info["tables"], **written}
        write_dataset(self.path, info)
        self.info = info


def stage_tables(
    staged: StagedFiles,
    folder: Path,
    tables: Mapping[str, pa.Table | Iterable[pa.Table]],
    fingerprint: str,
) -> dict[str, dict[str, Any]]:
    """Write a set's tables under temporary names.

    Args:
        staged: gets the files; its ``commit()`` renames them.
        folder: the set's folder.
        tables: contents by kind; iterables are written table by table.
        fingerprint: the set's fingerprint.

    Returns:
        By kind, what dataset.json records of the table.
    """
    written = {}
    for kind, chunks in tables.items():
        columns = schema.KINDS[kind]
        if kind == "photos":  # its meta_* columns are the source's own
            chunks = iter([chunks] if isinstance(chunks, pa.Table) else chunks)
            first = next(chunks, columns.empty_table())
            chunks, columns = chain([first], chunks), with_meta(columns, first.schema)
        written[kind] = stage_table(
            staged, folder / f"{kind}.parquet", chunks, kind=kind, schema=columns, fingerprint=fingerprint
        )
    return written


def with_meta(columns: pa.Schema, source: pa.Schema) -> pa.Schema:
    """Return a schema with the meta_* columns of another one added."""
    return pa.schema([*columns, *(field for field in source if field.name.startswith("meta_"))])


def set_fingerprint(settings_fingerprint: str, classes: pa.Table | Iterable[pa.Table]) -> str:
    """Return the SHA-256 of the settings and each crop's id, path, identity, label, split and bytes."""
    digest = hashlib.sha256(settings_fingerprint.encode())
    for table in [classes] if isinstance(classes, pa.Table) else classes:
        columns = table.select(FINGERPRINTED)
        for batch in columns.to_batches(max_chunksize=65_536):
            number, *texts = (pc.fill_null(pc.cast(column, pa.string()), "") for column in batch.columns)
            number = pc.binary_join_element_wise("\n", number, "")  # the shortest column ends the line before
            lines = pc.binary_join_element_wise(number, *texts, "\0")
            _, ends, letters = lines.buffers()  # a column's buffer is its lines, joined
            digest.update(memoryview(letters)[: np.frombuffer(ends, np.int32)[len(lines)]])
    digest.update(b"\n")
    return digest.hexdigest()


def short(fingerprint: str | None) -> str:
    """Return the first 12 letters of a fingerprint, for messages."""
    return fingerprint[:12] if fingerprint else "unknown"


def read_dataset(path: Location) -> dict[str, Any]:
    """Read and check dataset.json."""
    file = path / DATASET
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(path) from None
    except NotADirectoryError:
        raise NotASetError(f"{path} is a file, not the folder of a prepared set") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotASetError(f"cannot read {file}: {error}") from error
    if not isinstance(info, dict) or info.get("kind") != KIND:
        raise NotASetError(f"{file} is not of a prepared set")
    if info.get("schema_version") not in range(1, schema.SCHEMA_VERSION + 1):
        raise SchemaVersionError(
            f"{path} was prepared by facedata {info.get('facedata', 'unknown')} under schema version "
            f"{info.get('schema_version')!r}; this one reads versions 1 to {schema.SCHEMA_VERSION}: install "
            "a newer facedata, or prepare the set again with --overwrite"
        )
    needed = ("fingerprint", "settings", "drawing", "counts", "tables")
    if missing := [key for key in needed if key not in info]:
        raise NotASetError(f"{file} is damaged (no {', '.join(missing)}): prepare the set again")
    return {**info, "settings": complete_settings(info["settings"])}


def _missing(path: Location) -> NotASetError | UnfinishedSetError:
    """Return the error with the reason why there is no dataset.json."""
    if (path / FORGET_JOURNAL).is_file():
        return _half_forgotten(path)
    if (path / WORK).is_dir():
        try:
            settings = (path / WORK / "settings.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # the run was stopped before it wrote them
            settings = ""
        named = {CROPPED_FROM: "crop", FIXED_FROM: "fix"}
        command = next((name for key, name in named.items() if f'"{key}"' in settings), "prepare")
        return UnfinishedSetError(
            f"{path} is not finished: run the same `facedata {command}` again to finish it"
        )
    if path.is_dir():
        return NotASetError(f"{path} holds no prepared set (no {DATASET}): make one with `facedata prepare`")
    return NotASetError(f"there is {'no folder' if isinstance(path, Path) else 'nothing at'} {path}")


def refuse_half_forgotten(path: Path) -> None:
    """Check that no `forget` was interrupted in this set's folder, whatever else is wrong with it.

    Raises:
        UnfinishedSetError: one was.
    """
    if (path / FORGET_JOURNAL).is_file() and not (path / DATASET).is_file():
        raise _half_forgotten(path)


def _half_forgotten(path: Location) -> UnfinishedSetError:
    return UnfinishedSetError(
        f"people are being forgotten in {path}, and that was interrupted: run `facedata forget {path}` again "
        "to finish it"
    )


def _as_recorded(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataset.json as it is written: without corrections and as_crops that say nothing, as ever."""
    unsaid = ("corrections", "as_crops")
    settings = {name: value for name, value in info["settings"].items() if name not in unsaid or value}
    return {**info, "settings": settings}


def write_dataset(path: Path, info: Mapping[str, Any]) -> None:
    """Write dataset.json atomically."""
    info = _as_recorded(info)
    write_text(path / DATASET, json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
