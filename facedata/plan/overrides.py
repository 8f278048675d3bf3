"""Apply the user's patterns and files to the photos: reference photos, splits, excluded photos."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Sequence
from fnmatch import translate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError, UsageError
from ..options import is_file
from ..photos.paths import photo_text
from ..tables.blocks import iter_texts
from ..types import Status


def set_references(records: pa.Table, pattern: str) -> pa.Table:
    """Give the photos that ``--reference`` matches the role ``reference``."""
    matches = _matcher(pattern)
    photos_and_roles = zip(
        iter_texts(records.column("photo")), iter_texts(records.column("role")), strict=True
    )
    roles = ["reference" if matches(photo) else role for photo, role in photos_and_roles]
    return _replace(records, "role", roles)


def set_splits(records: pa.Table, split_from: str) -> pa.Table:
    """Replace the official splits by those of ``--split-from``.

    Args:
        records: a scan's table.
        split_from: a CSV file of photos and their splits, or a regular expression whose first group (or
            whole match) in a photo's path is its split.

    Raises:
        SourceError: the file names a photo that the source does not have, or gives a photo two splits.
        UsageError: the file cannot be read, the expression is malformed, or it matches no path.
    """
    photos = records.column("photo")
    if is_file(split_from):
        return _replace(records, "official_split", _read_splits(Path(split_from), photos))
    try:
        pattern = re.compile(split_from)
    except re.error as error:
        raise UsageError(
            f"--split-from {split_from!r} is neither a file nor a regular expression: {error}"
        ) from error
    group, any_match = 1 if pattern.groups else 0, False
    splits: list[str | None] = []
    for photo in iter_texts(photos):
        match = pattern.search(photo)
        any_match |= match is not None
        splits.append((match and sys.intern(match[group] or "")) or None)
    if not any_match:
        example = photos[0].as_py()
        raise UsageError(f"--split-from {split_from!r} matches no photo's path, for example not {example!r}")
    return _replace(records, "official_split", splits)


def _read_splits(file: Path, photos: pa.ChunkedArray) -> list[str | None]:
    """Read each photo's split from a CSV file, or from lines of a photo, a space and its split."""
    in_source, header = set(iter_texts(photos)), ("", "")
    split_of: dict[str, str] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.reader(stream, skipinitialspace=True), 1):
                where = f"{file}, line {number}"
                fields = row[0].rsplit(maxsplit=1) if len(row) == 1 else row or ["", ""]
                if len(fields) != 2:
                    raise SourceError(f"{where}: {','.join(row)!r} is not a photo and its split")
                photo, split = (field.strip() for field in fields)
                if photo in in_source:
                    if split_of.setdefault(photo, split) != split:
                        raise SourceError(f"{where}: {photo!r} is in {split_of[photo]} and in {split}")
                elif number == 1:
                    header = photo, split  # or a photo that is missing: its split will tell
                elif photo:
                    raise SourceError(f"{where}: there is no photo {photo!r} in the source")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot read --split-from {file}: {error}") from error
    if header[0] and header[1] in split_of.values():
        raise SourceError(f"{file}, line 1: there is no photo {header[0]!r} in the source")
    return [split_of.get(photo) or None for photo in iter_texts(photos)]


def exclude_photos(records: pa.Table, file: str) -> tuple[pa.Table, str]:
    """Give the photos that ``--exclude`` lists the status ``excluded``; also return a note.

    Args:
        records: a scan's table.
        file: a text file; each line is a record, a photo's path or a pattern.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read --exclude {file}: {error}") from error
    listed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    keys, photos = records.column("record"), records.column("photo")
    names = {text for column in (keys, photos) for text in iter_texts(column) if text in listed}
    # a line that is a photo's name means only that photo, even if it is also a pattern
    globs = {line for line in listed - names if set(line) & set("*?[")}
    matchers = [_matcher(line) for line in sorted(globs)]
    keys_and_photos = zip(iter_texts(keys), iter_texts(photos), strict=True)
    out = np.fromiter(
        (
            key in listed or photo in listed or any(m(photo) for m in matchers)
            for key, photo in keys_and_photos
        ),
        np.bool_,
        len(keys),
    )
    unused = listed - globs - names
    note = f"{out.sum()} photos excluded by {photo_text(Path(file).name)}"
    if unused:
        note += f"; {len(unused)} of its lines name no photo of the source, such as {min(unused)!r}"
    reason = f"listed in {photo_text(Path(file).name)}"
    for name, value in (("status", Status.EXCLUDED.value), ("reason", reason)):
        values = pc.if_else(pa.array(out), pa.scalar(value), records.column(name))
        records = records.set_column(records.schema.get_field_index(name), name, values)
    return records, note


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Match a pattern with a ``/`` against the whole path, any other against the file's name."""
    compiled = re.compile(translate(pattern), re.IGNORECASE)
    if "/" in pattern:
        return lambda photo: compiled.match(photo) is not None
    return lambda photo: compiled.match(photo.rpartition("/")[2]) is not None


def _replace(records: pa.Table, name: str, values: Sequence[str | None]) -> pa.Table:
    return records.set_column(records.schema.get_field_index(name), name, pa.array(values, pa.string()))
