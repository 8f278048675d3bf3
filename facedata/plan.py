"""From a source's scan to the plan of a run: records in order, each with its role, split and crop path."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .config import PrepareConfig, is_file
from .errors import SourceError, UsageError
from .names import crop_paths
from .sources.base import Scan, photo_text
from .types import Photo, Status

_NAMED = 5
"""How many missing photos an error names."""


@dataclass(frozen=True)
class Plan:
    """What a run has to do.

    Attributes:
        records: the scan's columns and ``crop_path``, one row per record, in UTF-8 byte order of ``record``.
        notes: lines the user should read.
    """

    records: pa.Table
    notes: tuple[str, ...]

    def photos(self, indices: Sequence[int]) -> list[Photo]:
        """Return some rows as photos for a shard."""
        rows = self.records.select(["record", "photo", "crop_path", "given_box"]).take(
            pa.array(indices, pa.int64())
        )
        return [
            Photo(row["record"], row["photo"], row["crop_path"], _box(row["given_box"]))
            for row in rows.to_pylist()
        ]


def make_plan(scan: Scan, config: PrepareConfig) -> Plan:
    """Order the records, apply ``--exclude``, ``--reference`` and ``--split-from``, and name the crops.

    Raises:
        SourceError: no record at all, or one stands twice.
        UsageError: a bad pattern or an unreadable file in those options.
    """
    if scan.photos.num_rows == 0:
        raise SourceError(f"the source holds no photos ({scan.other_files} other files)")
    records = scan.photos.take(pc.sort_indices(scan.photos, [("record", "ascending")]))
    _refuse_duplicates(records)
    notes = list(scan.notes)
    photos = records.column("photo").to_pylist()
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
    wanted = np.flatnonzero(pc.is_null(records.column("status")).to_numpy(zero_copy_only=False))
    rows = records.select(["record", "photo", "identity"]).take(pa.array(wanted))
    paths: list[str | None] = [None] * records.num_rows
    named = crop_paths(*(rows.column(name).to_pylist() for name in ("record", "photo", "identity")))
    for index, path in zip(wanted.tolist(), named, strict=True):
        paths[index] = path
    return records.append_column("crop_path", pa.array(paths, pa.string()))


def _refuse_duplicates(records: pa.Table) -> None:
    keys = records.column("record").combine_chunks()
    twice = pc.equal(keys[1:], keys[:-1])
    if pc.any(twice).as_py():
        name = keys[pc.index(twice, True).as_py()].as_py()
        raise SourceError(f"the record {name!r} stands twice in the source")


def _roles(records: pa.Table, photos: Sequence[str], pattern: str) -> list[str | None]:
    matches = _matcher(pattern)
    old = records.column("role").to_pylist()
    return ["reference" if matches(photo) else role for photo, role in zip(photos, old, strict=True)]


def _matcher(pattern: str) -> Callable[[str], bool]:
    """A pattern with a ``/`` is matched against the whole path, another one against the file's name."""
    compiled = re.compile(translate(pattern), re.IGNORECASE)
    if "/" in pattern:
        return lambda photo: compiled.match(photo) is not None
    return lambda photo: compiled.match(photo.rpartition("/")[2]) is not None


def _official(photos: Sequence[str], split_from: str) -> list[str | None]:
    if is_file(split_from):
        return _official_from_file(photos, Path(split_from))
    try:
        pattern = re.compile(split_from)
    except re.error as error:
        raise UsageError(
            f"--split-from {split_from!r} is neither a file nor a regular expression: {error}"
        ) from error
    found = [pattern.search(photo) for photo in photos]
    if not any(found):
        raise UsageError(
            f"--split-from {split_from!r} matches no photo's path, for example not {photos[0]!r}"
        )
    return [(match and match[1 if pattern.groups else 0]) or None for match in found]


def _official_from_file(photos: Sequence[str], file: Path) -> list[str | None]:
    known, header = set(photos), ("", "")
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
    return [of.get(photo) or None for photo in photos]


def _photo_and_split(row: list[str], where: str) -> tuple[str, str]:
    if not row:
        return "", ""
    fields = row if len(row) > 1 else row[0].rsplit(maxsplit=1)
    if len(fields) != 2:
        raise SourceError(f"{where}: {','.join(row)!r} is not a photo and its split")
    return fields[0].strip(), fields[1].strip()


def _excluded(records: pa.Table, photos: Sequence[str], exclude: str) -> tuple[pa.Table, str]:
    try:
        lines = Path(exclude).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read --exclude {exclude}: {error}") from error
    wanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    keys = records.column("record").to_pylist()
    # a line that is a photo's own name means that one, whatever it would match as a pattern
    globs = {line for line in wanted - set(keys) - set(photos) if set(line) & set("*?[")}
    matchers = [_matcher(line) for line in sorted(globs)]
    out = [
        key in wanted or photo in wanted or any(matches(photo) for matches in matchers)
        for key, photo in zip(keys, photos, strict=True)
    ]
    unused = wanted - globs - set(keys) - set(photos)
    note = f"{sum(out)} photos excluded by {photo_text(Path(exclude).name)}"
    if unused:
        note += f"; {len(unused)} of its lines name no photo of the source, such as {min(unused)!r}"
    status = [
        Status.EXCLUDED.value if x else s
        for x, s in zip(out, records.column("status").to_pylist(), strict=True)
    ]
    reason = [
        f"listed in {photo_text(Path(exclude).name)}" if x else r
        for x, r in zip(out, records.column("reason").to_pylist(), strict=True)
    ]
    return _replace(_replace(records, "status", status), "reason", reason), note


def _replace(records: pa.Table, name: str, values: Sequence[str | None]) -> pa.Table:
    return records.set_column(records.schema.get_field_index(name), name, pa.array(values, pa.string()))


def _box(values: list[float] | None) -> tuple[float, float, float, float] | None:
    return None if values is None else (values[0], values[1], values[2], values[3])
