"""Apply the user's patterns and files to the photos: reference photos, splits, excluded photos."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError, UsageError
from ..options import is_file
from ..photos.formats import IMAGE_ENDINGS, VIDEO_ENDINGS, ending
from ..photos.listed_paths import listed_spellings
from ..photos.paths import photo_text
from ..sources.text_lists import read_lines
from ..tables.blocks import iter_texts
from ..types import Status

_PHOTO_WORDS = frozenset(
    (
        "photo",
        "path",
        "image",
        "img",
        "file",
        "filename",
        "imagepath",
        "imageid",
        "imagename",
        "name",
        "record",
    )
)
_SPLIT_WORDS = frozenset(("split", "splits", "splittype", "set", "subset", "partition", "evalpartition"))
_NAMED = 5
"""The most lines of a file that a note names."""


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
    """Read each photo's split from lines of a photo, a comma, semicolon, tab or blank, and its split.

    Photos may be written in other ways (:func:`facedata.photos.listed_paths.listed_spellings`). The first
    line is a header if its words say so; otherwise it must name a photo of the source.
    """
    name = photo_text(str(file))
    rows: list[tuple[str, str, str]] = []
    try:
        for number, line in _read_option_file("--split-from", file):
            if not line.strip(" \t,;") or re.fullmatch(r'"?sep=."?', line.rstrip(), re.IGNORECASE):
                continue
            mark = next((mark for mark in ",;\t" if mark in line), ",")
            fields = next(csv.reader([line], delimiter=mark, skipinitialspace=True))
            fields = fields[0].rsplit(maxsplit=1) if len(fields) == 1 else fields
            while len(fields) > 2 and not fields[-1].strip():  # Excel's empty columns
                fields.pop()
            where = f"{name}, line {number}"
            if len(fields) != 2:
                raise SourceError(f"{where}: {line!r} is not a photo, a comma and its split")
            rows.append((where, fields[0], fields[1].strip()))
    except csv.Error as error:
        raise UsageError(f"cannot read --split-from {name}: {error}") from error
    found = _find_listed([photo for _, photo, _ in rows], [photos])
    split_of: dict[str, str] = {}
    for index, (where, listed, split) in enumerate(rows):
        if (photo := found.get(listed)) is not None:
            if split_of.setdefault(photo, split) != split:
                raise SourceError(f"{where}: {photo!r} is in {split_of[photo]} and in {split}")
        elif listed.strip() and not (index == 0 and _is_header(listed, split)):
            raise SourceError(f"{where}: there is no photo {listed.strip()!r} in the source")
    return [split_of.get(photo) or None for photo in iter_texts(photos)]


def _read_option_file(option: str, file: Path) -> list[tuple[int, str]]:
    try:
        return read_lines(photo_text(str(file)), file.read_bytes)
    except SourceError as error:
        raise UsageError(f"{option}: {error}") from error


def _is_header(photo: str, split: str) -> bool:
    """Return whether a file's first line names its columns; never if it could name a photo.

    >>> _is_header("image_id", "partition"), _is_header("Ben/1.jpg", "split"), _is_header("Ben", "train")
    (True, False, False)
    """
    words = [re.sub("[^a-z]", "", word.lower()) for word in (photo, split)]
    if ending(photo.strip()) in IMAGE_ENDINGS | VIDEO_ENDINGS:
        return False
    return words[0] in _PHOTO_WORDS or words[1] in _SPLIT_WORDS


def _find_listed(listed: Iterable[str], columns: Sequence[pa.ChunkedArray]) -> dict[str, str]:
    """Return what each listed text means: that text if a column has it, else the likeliest other spelling."""
    texts = set(listed)
    found = {text: text for column in columns for text in iter_texts(column) if text in texts}
    ranks: dict[str, list[tuple[int, str]]] = {}
    for text in texts - found.keys():
        for rank, spelling in enumerate(listed_spellings(text)):
            ranks.setdefault(spelling, []).append((rank, text))
    best: dict[str, tuple[int, str]] = {}
    for column in columns if ranks else ():
        for name in iter_texts(column):
            for rank, text in ranks.get(name, ()):
                best[text] = min((rank, name), best.get(text, (rank, name)))
    return found | {text: name for text, (_, name) in best.items()}


def exclude_photos(records: pa.Table, file: str) -> tuple[pa.Table, str]:
    """Give the photos that ``--exclude`` lists the status ``excluded``; also return a note.

    Args:
        records: a scan's table.
        file: a text file; each line is a record, a photo's path, a folder with ``/`` at its end, or a
            pattern. Paths may be written in other ways, as in :func:`set_splits`.

    Raises:
        UsageError: the file cannot be read.
    """
    lines = _read_option_file("--exclude", Path(file))
    listed = {line: number for number, line in reversed(lines) if line.strip() and line.lstrip()[0] != "#"}
    keys, photos = records.column("record"), records.column("photo")
    # a line that is a photo's name means only that photo, even if it is also a pattern
    found = _find_listed(listed, [keys, photos])
    bare = {line: line.partition(" #")[0] for line in listed.keys() - found.keys() if " #" in line}
    commented = _find_listed(bare.values(), [keys, photos]) if bare else {}
    found |= {line: commented[text] for line, text in bare.items() if text in commented}
    names, patterns = set(found.values()), {}
    for line in listed.keys() - found.keys():
        text = line.strip()
        pattern = text + "*" if text.endswith(("/", "\\")) else text
        if set(pattern) & set("*?["):
            patterns[line] = _matcher(pattern)
    out, used = np.zeros(len(keys), np.bool_), set()
    for index, (key, photo) in enumerate(zip(iter_texts(keys), iter_texts(photos), strict=True)):
        matching = [line for line, matches in patterns.items() if matches(photo)] if patterns else []
        used.update(matching)
        out[index] = key in names or photo in names or bool(matching)
    unused = sorted((listed[line], line.strip()) for line in listed.keys() - found.keys() - used)
    note = f"{out.sum():,} photo{'' if out.sum() == 1 else 's'} excluded by {photo_text(Path(file).name)}"
    if unused:
        shown = ", ".join(f"line {number} {line!r}" for number, line in unused[:_NAMED])
        more = f" and {len(unused) - _NAMED} more" if len(unused) > _NAMED else ""
        note += f"; {len(unused)} of its lines name no photo of the source: {shown}{more}"
    reason = f"listed in {photo_text(Path(file).name)}"
    for name, value in (("status", Status.EXCLUDED.value), ("reason", reason)):
        values = pc.if_else(pa.array(out), pa.scalar(value), records.column(name))
        records = records.set_column(records.schema.get_field_index(name), name, values)
    return records, note


def _matcher(pattern: str) -> Callable[[str], bool]:
    r"""Match a pattern with a ``/`` against the whole path, any other against the file's name.

    Where it matches nothing as it is, it matches without ``./`` at its start, and with ``/`` for ``\``.
    """
    slashed = pattern.strip().replace("\\", "/")
    forms = dict.fromkeys((pattern, slashed.removeprefix("./")))
    compiled = re.compile("|".join(f"(?:{translate(form)})" for form in forms), re.IGNORECASE)
    if "/" in slashed:
        return lambda photo: compiled.match(photo) is not None
    return lambda photo: compiled.match(photo.rpartition("/")[2]) is not None


def _replace(records: pa.Table, name: str, values: Sequence[str | None]) -> pa.Table:
    return records.set_column(records.schema.get_field_index(name), name, pa.array(values, pa.string()))
