"""The folder of a report: made under another name, and there when it is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ..errors import SetError, UsageError, writing
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location
from ..sets.prepared import PreparedSet

REPORT = "report"
"""The folder of a set that holds its report."""

INDEX = "index.html"
SHEETS = "sheets"
PICTURES = "pictures"
"""The folder of the examples' pictures, beside a page that does not hold them."""

_ENTRIES = {INDEX, SHEETS, PICTURES}
_MARK = b'<meta name="generator" content="facedata report">'


def choose_report_folder(prepared: PreparedSet, out: str | os.PathLike[str] | None) -> Path:
    """Return where a set's report goes.

    Raises:
        UsageError: the set is at a URL and there is no ``out``; or ``out`` is a URL, or lies in the set but
            is not its ``report``.
        SetError: the folder holds something else.
    """
    if out is None:
        if isinstance(prepared.path, Remote):
            raise UsageError(
                f"{prepared} is at a URL, where a report is not written: name a folder here with --out"
            )
        given = Path(str(prepared))  # as it was typed, unless the working folder has changed since
        folder: Location = (given if given.absolute() == prepared.path else prepared.path) / REPORT
    else:
        folder = parse_location(out)
    if isinstance(folder, Remote):
        raise UsageError(f"--out {folder} is a URL; a report is written to a folder on this machine")
    if isinstance(prepared.path, Path):
        mine, place = prepared.path.resolve(), folder.resolve()
        if mine in (place, *place.parents) and place != mine / REPORT:
            raise UsageError(f"--out {folder} lies in the set {prepared}: choose a folder elsewhere")
    if folder.exists() and not folder.is_dir():
        raise SetError(f"{folder} is a file: choose another --out")
    if folder.is_dir() and folder.samefile("."):
        raise UsageError(f"{folder} is the working folder, and would be replaced: run this in another one")
    inside = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    if inside - _ENTRIES or (inside and not _is_report(folder / INDEX)):
        name = sorted(inside - _ENTRIES or inside)[0]
        raise SetError(f"{folder} holds something other than a report ({name!r}): choose another --out")
    return folder


def _is_report(page: Path) -> bool:
    """Return whether a file is the page of a report, not one that somebody else has named so."""
    return page.is_file() and _MARK in page.read_bytes()


def is_report_of(folder: Path, fingerprint: str) -> bool:
    """Return whether a folder has the report of the set with this fingerprint; clear what is left beside."""
    if not (folder / INDEX).is_file():
        return False
    for beside in _beside(folder.resolve()):
        shutil.rmtree(beside, ignore_errors=True)
    return fingerprint.encode() in (folder / INDEX).read_bytes()


def _beside(folder: Path) -> tuple[Path, Path]:
    """Return the folders of a report while it is replaced: the new one, and the old one."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")


@contextlib.contextmanager
def new_report_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, locked, that takes the place of ``folder`` when the block ends well.

    A run that is killed leaves it beside, under a name that begins with a dot; the next one clears it.

    Raises:
        LockedError: another run is writing this report.
        StoreError: the folder cannot be written.
    """
    folder = folder.resolve()  # where a link leads is replaced, not the link
    made, old = _beside(folder)
    with writing(f"{folder}; name a folder elsewhere with --out"):
        made.mkdir(parents=True, exist_ok=True)
    with locked(made), writing(folder):
        for entry in made.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        try:
            yield made
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.replace(old)
        made.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
