"""A prepared set on disk: dataset.json, its tables, its lock."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import (
    NotASetError,
    OtherSetError,
    SchemaVersionError,
    UnfinishedSetError,
    UsageError,
)
from ..files.atomic import file_sha256, write_text
from ..files.remote import Place, Remote, place_of
from ..options import fingerprint_of
from ..tables import schema
from ..tables.parquet import StagedTable, read_footer, read_table, stage_table
from ..tables.schema import DATASET, KIND, WORK

CROPPED_FROM = "cropped_from"
"""In the settings of `crop` while it is on its way: the fingerprint of the set whose faces it cuts."""


def open_set(path: str | os.PathLike[str] | Remote) -> PreparedSet:
    """Open a prepared set, in a folder or at a URL that fsspec knows.

    Raises:
        NotASetError: the folder is missing or holds no set.
        UnfinishedSetError: its ``prepare`` was interrupted.
        SchemaVersionError: it was written under another schema version.
    """
    return PreparedSet(place_of(path))


class PreparedSet:
    """A prepared set, read-only but for :meth:`update`.

    Attributes:
        path: its folder, or its URL.
        info: the contents of dataset.json.
    """

    def __init__(self, path: Place) -> None:
        self.path = path
        self.info: dict[str, Any] = read_dataset(path)
        self._torn: str | None = None

    @property
    def fingerprint(self) -> str:
        """Of the set's settings, and of every crop's id, path, identity, label, split and bytes."""
        return str(self.info["fingerprint"])

    @cached_property
    def size_px(self) -> int:
        """The side of a crop in pixels."""
        return int(self.info["settings"]["size"])

    def table(self, kind: str, columns: list[str] | None = None) -> pa.Table:
        """Read one table: photos, classes, pairs, triplets or (LFW) protocol.

        Raises:
            NotASetError: the set has no such table, or it cannot be read.
            OtherSetError: the file there belongs to another set, or to another state of this one.
        """
        file = self.path / f"{kind}.parquet"
        if kind in self.info["tables"]:
            self._check(kind)
        return read_table(file, kind, columns)

    def is_whole(self) -> bool:
        """Tell whether every table is there and has the bytes that dataset.json means; reads them all."""
        for kind, table in self.info["tables"].items():
            file = self.path / f"{kind}.parquet"
            if not file.is_file() or file_sha256(file) != table["sha256"]:
                return False
        return True

    def _check(self, kind: str) -> None:
        file = self.path / f"{kind}.parquet"
        footer = read_footer(file)
        if footer.fingerprint not in (self.fingerprint, self._torn):
            raise OtherSetError(
                f"{file} belongs to the set {short(footer.fingerprint)}, not to this one "
                f"({short(self.fingerprint)}): run `facedata prepare` again"
            )
        rows = self.info["tables"][kind]["rows"]
        if footer.rows != rows:
            raise OtherSetError(
                f"{file} has {footer.rows:,} rows and {DATASET} says {rows:,}: an update was cut short; run "
                "`facedata prepare` again"
            )

    def accept_torn_split(self) -> None:
        """Take tables of one other fingerprint, too, where a division of this set was cut short.

        Dividing anew reads only what no division changes, and writes every table: so it can mend this. The
        crops must be this set's: their fingerprint follows from its settings and from what they say.
        """
        files = {kind: self.path / f"{kind}.parquet" for kind in self.info["tables"]}
        if not all(file.is_file() for file in files.values()):
            return
        found = {kind: read_footer(file).fingerprint for kind, file in files.items()}
        others = set(found.values()) - {self.fingerprint}
        if len(others) != 1:
            return
        classes = read_table(files["classes"], "classes")
        paths = read_table(files["photos"], "photos", ["path"]).column("path").drop_null()
        ours = set_fingerprint(fingerprint_of(self.info["settings"]), classes)
        if ours == found["classes"] and paths.equals(classes.column("path")):
            self._torn = others.pop()

    def has(self, kind: str) -> bool:
        """Tell whether the set has this table."""
        return kind in self.info["tables"]

    def update(
        self,
        tables: Mapping[str, pa.Table | Iterable[pa.Table]],
        changes: Mapping[str, Any],
        fingerprint: str | None = None,
    ) -> None:
        """Replace tables and parts of dataset.json together.

        All tables are written under temporary names first; then they are renamed, dataset.json last. When
        the fingerprint changes, the tables not given are copied with the new one, so that a torn update
        shows as an :class:`OtherSetError` and not as wrong rows.

        Args:
            tables: new contents by kind.
            changes: new values for top-level keys of dataset.json.
            fingerprint: the set's new fingerprint, when ids or labels changed.
        """
        if not isinstance(self.path, Path):
            raise UsageError(f"{self.path} is read-only when it is opened at its URL: use the commands")
        tables = dict(tables)
        if fingerprint is not None and fingerprint != self.fingerprint:
            tables = {
                **{kind: self.table(kind) for kind in self.info["tables"] if kind not in tables},
                **tables,
            }
        info = {**self.info, **changes, "fingerprint": fingerprint or self.fingerprint}
        info["tables"] = dict(self.info["tables"])
        staged = stage_tables(self.path, tables, info["fingerprint"])
        for kind, table in staged.items():
            table.settle()
            info["tables"][kind] = {"rows": table.rows, "sha256": table.sha256}
        write_dataset(self.path, info)
        self.info = info


def stage_tables(
    folder: Path, tables: Mapping[str, pa.Table | Iterable[pa.Table]], fingerprint: str
) -> dict[str, StagedTable]:
    """Write tables under temporary names; on any error none of them stays."""
    staged: dict[str, StagedTable] = {}
    try:
        for kind, chunks in tables.items():
            wanted = schema.KINDS[kind]
            if kind == "photos" and isinstance(chunks, pa.Table):
                wanted = with_meta(wanted, chunks.schema)
            staged[kind] = stage_table(
                folder / f"{kind}.parquet", chunks, kind=kind, schema=wanted, fingerprint=fingerprint
            )
    except BaseException:
        for table in staged.values():
            table.temporary.unlink(missing_ok=True)
        raise
    return staged


def with_meta(wanted: pa.Schema, found: pa.Schema) -> pa.Schema:
    """Return a schema with the meta_* columns of another one added."""
    extra = [field for field in found if field.name.startswith("meta_")]
    return pa.schema([*wanted, *extra])


def set_fingerprint(settings_fingerprint: str, classes: pa.Table | Iterable[pa.Table]) -> str:
    """Return the SHA-256 of the settings and each crop's id, path, identity, label, split and bytes."""
    digest = hashlib.sha256(f"{settings_fingerprint}\n".encode())
    for table in [classes] if isinstance(classes, pa.Table) else classes:
        columns = table.select(["id", "path", "identity", "label", "split", "crop_sha256"])
        for batch in columns.to_batches(max_chunksize=65_536):
            texts = [pc.fill_null(pc.cast(column, pa.string()), "") for column in batch.columns]
            lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*texts, "\0"), "", "\n")
            _, ends, letters = lines.buffers()  # the lines one after the other are the column's own memory
            digest.update(memoryview(letters)[: np.frombuffer(ends, np.int32)[len(lines)]])
    return digest.hexdigest()


def short(fingerprint: str | None) -> str:
    """Return a fingerprint short enough to read aloud."""
    return fingerprint[:12] if fingerprint else "unknown"


def read_dataset(path: Place) -> dict[str, Any]:
    """Read and check dataset.json."""
    file = path / DATASET
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _not_there(path) from None
    except NotADirectoryError:
        raise NotASetError(f"{path} is a file, not the folder of a prepared set") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NotASetError(f"cannot read {file}: {error}") from error
    if not isinstance(info, dict) or info.get("kind") != KIND:
        raise NotASetError(f"{file} is not of a prepared set")
    if info.get("schema_version") != schema.SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{path} was prepared by facedata {info.get('facedata', 'unknown')} under schema version "
            f"{info.get('schema_version')}; this one knows version {schema.SCHEMA_VERSION}: prepare the set "
            "again with --overwrite, or use that facedata"
        )
    return info


def _not_there(path: Place) -> NotASetError | UnfinishedSetError:
    if (path / WORK).is_dir():
        return UnfinishedSetError(
            f"{path} is not finished: run the same `facedata {_begun_by(path)}` again to finish it"
        )
    if path.is_dir():
        return NotASetError(f"{path} holds no prepared set (no {DATASET}): make one with `facedata prepare`")
    return NotASetError(f"there is {'no folder' if isinstance(path, Path) else 'nothing at'} {path}")


def _begun_by(path: Place) -> str:
    """Return the command that began an unfinished set."""
    try:
        settings = (path / WORK / "settings.json").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # it was stopped before it could say
        return "prepare"
    return "crop" if f'"{CROPPED_FROM}"' in settings else "prepare"


def write_dataset(path: Path, info: Mapping[str, Any]) -> None:
    """Write dataset.json whole: temporary name, flush, rename."""
    write_text(path / DATASET, json.dumps(info, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
