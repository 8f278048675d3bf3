"""From a source's scan to the plan of a run: records in order, each with its role, split and crop path."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import PrepareConfig
from ..errors import SourceError, UsageError
from ..options import is_file
from ..photos.paths import photo_text
from ..sources.base import Scan
from ..tables.blocks import is_ordered, ordered, rows_at, texts
from ..types import Int64Array, Photo, Status
from .crop_names import crop_path_column

_NAMED = 5
"""How many missing photos an error names."""


@dataclass
class Plan:
    """What a run has to do.

    Attributes:
        records: the scan's columns and ``crop_path``, one row per record, in UTF-8 byte order of ``record``.
        notes: lines the user should read.
    """

    records: pa.Table
    notes: tuple[str, ...]

    def photos(self, indices: Sequence[int] | Int64Array) -> list[Photo]:
        """Return some rows, in ascending order, as photos for a shard."""
        columns = ["record", "photo", "crop_path", "given_box"]
        rows = rows_at(self.records.select(columns), np.asarray(indices, np.int64))
        return [
            Photo(row["record"], row["photo"], row["crop_path"], _box(row["given_box"]))
            for row in rows.to_pylist()
        ]

    def seen(self, indices: Sequence[int] | Int64Array) -> list[tuple[int, int]]:
        """Return size and mtime_ns of some rows, in ascending order."""
        rows = rows_at(self.records.select(["size", "mtime_ns"]), np.asarray(indices, np.int64))
        return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))

    def let_go(self) -> None:
        """Drop the records: once the tables are written nobody needs them, and sampling needs the memory."""
        self.records = self.records.schema.empty_table()


def make_plan(scan: Scan, config: PrepareConfig) -> Plan:
    """Order the records, apply ``--exclude``, ``--reference`` and ``--split-from``, and name the crops.

    Raises:
        SourceError: no record at all, or one stands twice.
        UsageError: a bad pattern or an unreadable file in those options.
    """
    if scan.photos.num_rows == 0:
        raise SourceError(f"the source holds no photos ({scan.other_files} other files)")
    records = scan.photos if is_ordered(scan.photos) else ordered(scan.photos)
    _refuse_duplicates(records)
    notes = list(scan.notes)
    photos = records.column("photo")
    if config.reference:
        roles = _roles(records, photos, config.reference)
        records = _replace(records, "role", roles)
        if "reference" not in roles:
            notes.append(f"--reference {config.reference!r} matches no photo")
    if config.split_from:
        records = _replace(records, "official_split", _official(photos, config.split_from))
    if config.exclude:
        records, note = _excluded(records, photos, config.exclude)
        notes.append(note)
    return Plan(_named(records), tuple(notes))


def refuse_missing(scan: Scan) -> None:
    """Raise when the source lists photos that are not there, as ``--strict`` asks.

    Raises:
        SourceError: how many, and the first of them.
    """
    if scan.missing:
        named = ", ".join(map(repr, scan.missing[:_NAMED])) + (" …" if len(scan.missing) > _NAMED else "")
        raise SourceError(
            f"{len(scan.missing):,} listed photos are not on disk: {named}; add them, or leave --strict away"
        )


def _named(records: pa.Table) -> pa.Table:
    paths = crop_path_column(records, pc.is_null(records.column("status")))
    return records.append_column("crop_path", paths)


def _refuse_duplicates(records: pa.Table) -> None:
    keys = records.column("record")
    twice = pc.equal(keys.slice(1), keys.slice(0, len(keys) - 1))
    if pc.any(twice).as_py():
        name = keys[pc.index(twice, True).as_py()].as_py()
        raise SourceError(f"the record {name!r} stands twice in the source")


def _roles(records: pa.Table, photos: pa.ChunkedArray, pattern: str) -> list[str | None]:
    matches = _matcher(pattern)
    old = texts(records.column("role"))
    return ["reference" if matches(photo) else role for photo, role in zip(texts(photos), old, strict=True)]


def _matcher(pattern: str) -> Callable[[str], bool]:
    """A pattern with a ``/`` is matched against the whole path, another one against the file's name."""
    compiled = re.compile(translate(pattern), re.IGNORECASE)
    if "/" in pattern:
        return lambda photo: compiled.match(photo) is not None
    return lambda photo: compiled.match(photo.rpartition("/")[2]) is not None


def _official(photos: pa.ChunkedArray, split_from: str) -> list[str | None]:
    if is_file(split_from):
        return _official_from_file(photos, Path(split_from))
    try:
        pattern = re.compile(split_from)
    except re.error as error:
        raise UsageError(
            f"--split-from {split_from!r} is neither a file nor a regular expression: {error}"
        ) from error
    group, any_match = 1 if pattern.groups else 0, False
    splits: list[str | None] = []
    for photo in texts(photos):
        match = pattern.search(photo)
        any_match |= match is not None
        splits.append((match and sys.intern(match[group] or "")) or None)
    if not any_match:
        example = photos[0].as_py()
        raise UsageError(f"--split-from {split_from!r} matches no photo's path, for example not {example!r}")
    return splits


def _official_from_file(photos: pa.ChunkedArray, file: Path) -> list[str | None]:
    known, header = set(texts(photos)), ("", "")
    of: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.reader(stream, skipinitialspace=True), 1):
                photo, split = _photo_and_split(row, f"{file}, line {number}")
                if photo in known:
                    if of.setdefault(photo, split) != split:
                        raise SourceError(
                            f"{file}, line {number}: {photo!r} is in {of[photo]} and in {split}"
                        )
                elif number == 1:
                    header = photo, split  # that it is one shows once the splits are known
                elif photo:
                    raise SourceError(f"{file}, line {number}: there is no photo {photo!r} in the source")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read --split-from {file}: {error}") from error
    if header[0] and header[1] in of.values():
        raise SourceError(f"{file}, line 1: there is no photo {header[0]!r} in the source")
    return [of.get(photo) or None for photo in texts(photos)]


def _photo_and_split(row: list[str], where: str) -> tuple[str, str]:
    if not row:
        return "", ""
    fields = row if len(row) > 1 else row[0].rsplit(maxsplit=1)
    if len(fields) != 2:
        raise SourceError(f"{where}: {','.join(row)!r} is not a photo and its split")
    return fields[0].strip(), fields[1].strip()


def _excluded(records: pa.Table, photos: pa.ChunkedArray, exclude: str) -> tuple[pa.Table, str]:
    try:
        lines = Path(exclude).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read --exclude {exclude}: {error}") from error
    wanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    keys = records.column("record")
    names = {text for column in (keys, photos) for text in texts(column) if text in wanted}
    # a line that is a photo's own name means that one, whatever it would match as a pattern
    globs = {line for line in wanted - names if set(line) & set("*?[")}
    matchers = [_matcher(line) for line in sorted(globs)]
    out = np.fromiter(
        (
            key in wanted or photo in wanted or any(matches(photo) for matches in matchers)
            for key, photo in zip(texts(keys), texts(photos), strict=True)
        ),
        np.bool_,
        len(keys),
    )
    unused = wanted - globs - names
    note = f"{out.sum()} photos excluded by {photo_text(Path(exclude).name)}"
    if unused:
        note += f"; {len(unused)} of its lines name no photo of the source, such as {min(unused)!r}"
    reason = f"listed in {photo_text(Path(exclude).name)}"
    for name, value in (("status", Status.EXCLUDED.value), ("reason", reason)):
        values = pc.if_else(pa.array(out), pa.scalar(value), records.column(name))
        records = records.set_column(records.schema.get_field_index(name), name, values)
    return records, note


def _replace(records: pa.Table, name: str, values: Sequence[str | None]) -> pa.Table:
    return records.set_column(records.schema.get_field_index(name), name, pa.array(values, pa.string()))


def _box(values: list[float] | None) -> tuple[float, float, float, float] | None:
    return None if values is None else (values[0], values[1], values[2], values[3])
