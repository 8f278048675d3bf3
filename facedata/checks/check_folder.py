"""The folder of a check's files: chosen, and locked; what is wrong with it is said before any work."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import FacedataError, NotASetError, UsageError, writing
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location
from ..files.staged import StagedFiles
from ..plan.corrections import CorrectionLine
from ..plan.corrections_file import read_corrections
from ..sets.prepared import PreparedSet, refuse_half_forgotten
from ..tables.schema import DATASET, KINDS, WORK
from .corrections_csv import CORRECTIONS_CSV

CHECK = "check"
"""The folder of a set that holds what checks found."""

SetLike = str | os.PathLike[str] | Remote | PreparedSet

SUMMARY_FILE = "summary.json"
"""Written last."""

CHECK_KIND = "facedata check"
"""What summary.json says it is."""


def set_location(given: SetLike) -> Location:
    """Return where a set is, which may be damaged, so it is not opened."""
    return given.path if isinstance(given, PreparedSet) else parse_location(given)


@contextlib.contextmanager
def open_check_folder(location: Location, out: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """Yield the folder to write to, locked; everything that would stop a check in the end stops it here.

    The set is locked against runs that change it, but not against other checks.

    Args:
        location: the set's folder, or its URL.
        out: another folder for the files; None for ``check`` in the set.

    Raises:
        UsageError: the set is at a URL and there is no ``out``; ``out`` is a URL, lies in the set, or holds
            another program's summary.json; or
            corrections.csv, which may hold the user's lines, cannot be read.
        NotASetError: there is nothing of a set.
        UnfinishedSetError: a `forget` was interrupted: what is there may name those who are forgotten.
        LockedError: another run is working on the set, or another check on the folder.
        StoreError: the folder cannot be written.
    """
    folder = choose_folder(location, out)
    refuse_no_set(location)
    if isinstance(location, Path):
        refuse_half_forgotten(location)
    with contextlib.ExitStack() as stack:
        if isinstance(location, Path):
            stack.enter_context(locked(location, shared=True))
        made = [one for one in (folder, *folder.parents) if not one.exists()]
        hint = "" if out is not None else "; name a folder elsewhere with --out"
        with writing(f"{folder}{hint}"):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            stack.enter_context(locked(folder))
            with writing(f"{folder}{hint}"), StagedFiles() as trial:
                trial.path(folder / SUMMARY_FILE).touch()
            read_lines(folder)
            yield folder
        finally:
            for one in made:  # empty if it failed before it wrote anything
                if one.is_dir() and not any(one.iterdir()):
                    one.rmdir()


def choose_folder(location: Location, out: str | os.PathLike[str] | None) -> Path:
    """Return where a check's files are; see :func:`open_check_folder`."""
    if out is None:
        if isinstance(location, Remote):
            raise UsageError(
                f"{location} is at a URL, where a check writes nothing: name a folder here for what it finds "
                "with --out"
            )
        return location / CHECK
    folder = parse_location(out)
    if isinstance(folder, Remote):
        raise UsageError(f"--out {folder} is a URL; a check writes to a folder on this machine")
    if isinstance(location, Path):
        mine, place = location.resolve(), folder.resolve()
        if mine in (place, *place.parents) and place != mine / CHECK:
            raise UsageError(f"--out {folder} lies in the set {location}: choose a folder elsewhere")
    try:
        kind = json.loads((folder / SUMMARY_FILE).read_bytes())["kind"]
    except OSError:  # none; what cannot be read is said when it is to be written
        return folder
    except (ValueError, LookupError, TypeError):
        kind = None
    if kind != CHECK_KIND:
        raise UsageError(
            f"{folder / SUMMARY_FILE} is of something else, and would be overwritten: choose another --out"
        )
    return folder


def refuse_no_set(location: Location) -> None:
    """Check that there is a set, however damaged.

    Raises:
        NotASetError: there is not even a part of one.
    """
    if not location.is_dir():
        what = "no folder" if isinstance(location, Path) else "nothing at"
        raise NotASetError(f"there is {what} {location}")
    files = (DATASET, *(f"{kind}.parquet" for kind in KINDS))
    if not any((location / name).is_file() for name in files) and not (location / WORK).is_dir():
        raise NotASetError(f"{location} holds no prepared set: make one with `facedata prepare`")


def read_lines(folder: Path) -> list[CorrectionLine]:
    """Return the lines of a folder's corrections.csv; none without one.

    Raises:
        UsageError: it cannot be read, with the reasons; nothing is overwritten.
    """
    file = folder / CORRECTIONS_CSV
    if not file.exists():
        return []
    try:
        return read_corrections(file)
    except FacedataError as error:
        raise UsageError(
            f"{error}\n{file} may hold your decisions, so it is not overwritten: mend these lines, or move "
            "the file away"
        ) from error
