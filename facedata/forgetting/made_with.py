"""What was made with a person and lies outside the set: runs, galleries, embeddings, exports, other sets.

Only their own files say so, as docs/models.md and docs/formats.md describe them; nothing of them is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UsageError
from ..sets.log import LOG
from ..sets.prepared import PreparedSet
from ..tables.names import escape_unseen
from .made_files import WHOLE, Asked, MadeWith, look_at, tell_export

_MOST_FILES = 20_000
_DEPTH = 3


def find_made_with(
    prepared: PreparedSet,
    names: Collection[str],
    *,
    fingerprints: Collection[str] = (),
    runs: Iterable[str] = (),
    galleries: Iterable[str] = (),
    exports: Iterable[str] = (),
) -> list[MadeWith]:
    """Find what was made with some people: where it is said to be, beside the set, and where it was exported.

    Beside the set are the files and folders in its own folder's parent; of folders that are named, what lies
    up to three folders deep. At most 20,000 files are looked at.

    Args:
        prepared: the set.
        names: all names of the people.
        fingerprints: of the set while they were in it, besides the one it has if they still are.
        runs: folders to look in, or runs; likewise the others, whatever is in them.
        galleries: galleries, or folders with some.
        exports: exports, or folders with some.

    Raises:
        UsageError: a file or folder that is named is not there.
    """
    known = {*fingerprints, *([prepared.fingerprint] if not names or _has_people(prepared, names) else [])}
    asked = Asked(prepared, frozenset(known), tuple(sorted(names)))
    found: dict[str, MadeWith] = {}
    places: list[tuple[Path, int]] = []
    for flag, given in (("runs", runs), ("galleries", galleries), ("exports", exports)):
        for one in given:
            if not Path(one).exists():
                raise UsageError(f"--{flag} {one}: there is no such file or folder")
            places.append((Path(one), _DEPTH))
    if isinstance(prepared.path, Path):
        places.append((prepared.path.parent, 1))
    left = iter(range(_MOST_FILES))
    for place, depth in places:
        for path in _walk(place, depth, prepared.path, left):
            key = str(path.resolve())
            if key not in found and (made := look_at(path, asked)) is not None:
                found[key] = made
    for path, form in _logged_exports(prepared):
        key = str(path.resolve())
        if key not in found and (told := tell_export(path, form, asked)) is not None:
            found[key] = told
    return sorted(found.values(), key=lambda one: (not one.is_sure, one.path))


def made_with_lines(made: Iterable[MadeWith]) -> list[str]:
    """Return a line for each: what it is, how that is known, what to do."""
    return [f"{one.kind} {escape_unseen(one.path)}: {one.why}; {one.remedy}" for one in made]


def _walk(place: Path, depth: int, own: object, left: Iterator[int]) -> Iterator[Path]:
    """Yield a file or folder and what is in it, except the set itself; links are not followed."""
    if place == own or next(left, None) is None:
        return
    yield place
    is_whole = any((place / name).is_file() for name in WHOLE)
    if depth and place.is_dir() and not is_whole:
        with contextlib.suppress(OSError):
            for entry in sorted(islice(os.scandir(place), _MOST_FILES), key=lambda one: one.name):
                if not entry.is_symlink() and not entry.name.startswith("."):
                    yield from _walk(Path(entry.path), depth - 1, own, left)


def _has_people(prepared: PreparedSet, names: Collection[str]) -> bool:
    """Return whether a set has one of some people, so that what is made from it now is made with them."""
    wanted = pa.array(sorted(names), pa.string())
    return any(
        pc.any(pc.is_in(rows.column(name), wanted)).as_py()
        for rows in prepared.blocks("photos")
        for name in ("identity", "source_identity")
    )


def _logged_exports(prepared: PreparedSet) -> Iterator[tuple[Path, str]]:
    """Yield where the set was exported to, and in which format, as its log has it."""
    file = prepared.path / LOG
    if not isinstance(file, Path) or not file.is_file():
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                event = json.loads(line)
                if event["event"] == "export":
                    yield Path(event["path"]), str(event["format"])
