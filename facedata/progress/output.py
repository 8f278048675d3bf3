"""A set's output folder: created, or refused if it holds something else; locked, and cleared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SetError, UsageError, writing
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location
from ..sets.log import LOG
from ..sets.prepared import PreparedSet, open_set, refuse_half_forgotten
from ..sets.working_folder import working_folder
from ..tables import schema
from ..tables.parquet import read_footer
from ..tables.schema import DATASET, WORK
from ..tables.tombstones import FORGOTTEN_FILE, read_tombstones
from .folder import PHOTO_STATS, is_progress_folder

_FILES = {DATASET, PHOTO_STATS, LOG, *(f"{kind}.parquet" for kind in schema.KINDS)}
_CHECK = "check"
_PAGES = {"report", ".report.new", ".report.old", "review", ".review.new", ".review.old"}
_FOLDERS = {"crops", *_PAGES, _CHECK, WORK}
"""What a prepared set's folder may hold, beside :data:`~facedata.tables.tombstones.FORGOTTEN_FILE`."""

_DECISIONS = "corrections.csv"
"""The file of ``check/`` in which the user writes."""


def choose_output(out: str | os.PathLike[str], store: str) -> Location:
    """Return where a set will be; at a URL it must not have an object for each crop.

    Raises:
        UsageError: it is a URL, and the store is not ``tar``.
    """
    location = parse_location(out)
    if isinstance(location, Remote) and store != "tar":
        raise UsageError(f"--out {location}: a set at a URL keeps its crops in tars; add --store tar")
    return location


def refuse_own_photos(paths: Iterable[Location], out: Location) -> None:
    """Refuse an output that contains its own source: `--overwrite` would delete it.

    Raises:
        UsageError: one of ``paths`` lies in ``out``.
    """
    for path in paths:
        if isinstance(path, Path) and isinstance(out, Path):
            inside = path.exists() and out.resolve() in (path.resolve(), *path.resolve().parents)
        else:
            inside = f"{path}/".startswith(f"{out}/")
        if inside:
            raise UsageError(f"the source {path} lies in the output {out}: choose another --out")


def refuse_own_set(before: PreparedSet, out: Location, inputs: Iterable[Location] = ()) -> None:
    """Refuse an output that is a set from which another is made, or lies in it, or holds it.

    Args:
        before: that set.
        out: where the other is to be.
        inputs: what else it is made from, such as the photos.

    Raises:
        UsageError: the output is no place for it.
    """
    own = before.path
    if isinstance(own, Path) and isinstance(out, Path):
        is_same, is_inside = own.resolve() == out.resolve(), own.resolve() in out.resolve().parents
    else:
        is_same, is_inside = str(own) == str(out), f"{out}/".startswith(f"{own}/")
    if is_same:
        raise UsageError(f"--out {out} is the set itself, which stays as it is: choose another --out")
    if is_inside:
        raise UsageError(f"--out {out} lies in the set {before}: choose another --out")
    refuse_own_photos([own, *inputs], out)


@contextmanager
def open_output(
    location: Location,
    cache: str | None,
    overwrite: bool,
    inputs: Iterable[Location] = (),
    before: PreparedSet | None = None,
) -> Iterator[Path]:
    """Yield the folder to make a set in, locked; the local copy of a URL is uploaded at the end.

    Args:
        location: the set's folder or URL.
        cache: the cache folder, or None for the default one.
        overwrite: first remove the set in the folder.
        inputs: what the set is made from.
        before: the set that it is made from; who was forgotten in the folder must be forgotten there too.

    Raises:
        UsageError: an input lies in the folder.
        SetError: the folder holds something else, or a set that cannot be read (unless it is overwritten),
            or another run is working on it.
        StoreError: the folder cannot be created or cleared.
    """
    refuse_own_photos(inputs, location)
    with working_folder(location, cache, overwrite) as out:
        made = [folder for folder in (out, *out.parents) if not folder.exists()]
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
        _refuse_foreign_files(out, overwrite)
        with locked(out):
            refuse_half_forgotten(out)
            if before is not None and not read_tombstones(before.path).include(read_tombstones(out)):
                raise SetError(
                    f"in {location} people or photos were forgotten that may still be in {before}: forget "
                    "them there too, and choose another --out"
                )
            try:
                if overwrite:
                    clear_output(out)
                yield out
            finally:
                for folder in made:  # empty if it failed before it wrote anything
                    if not any(folder.iterdir()):
                        folder.rmdir()


def _refuse_foreign_files(out: Path, overwrite: bool) -> None:
    inside = {entry.name for entry in out.iterdir()}
    own = {*_FILES, *_FOLDERS, FORGOTTEN_FILE}
    unfinished = WORK in inside and is_progress_folder(out / WORK) and inside <= own
    ours = unfinished or schema.is_set(out)
    if inside - {LOG, FORGOTTEN_FILE} and not ours:
        try:  # a set with a damaged dataset.json still has its ledger
            ours = DATASET in inside and read_footer(out / "photos.parquet").kind == "photos"
        except SetError:
            ours = False
        if not ours:
            raise SetError(f"{out} is not empty and holds no prepared set: choose another --out")
    if DATASET in inside and not overwrite:
        open_set(out)  # refuses damaged ones and another schema version


def clear_output(out: Path) -> None:
    """Remove a set, but leave an empty ``.work``: if interrupted, it still marks the folder as a set's.

    check/corrections.csv stays: it may hold what somebody has decided, about the same photos. So does
    forgotten.json, so that nobody comes back.

    Raises:
        StoreError: something cannot be removed.
    """
    work = out / WORK
    with writing(out):
        work.mkdir(exist_ok=True)
        for entry in work.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        (out / DATASET).unlink(missing_ok=True)  # first, so that the rest never looks like a set
        for name in _FILES - {DATASET}:
            (out / name).unlink(missing_ok=True)
        for name in _FOLDERS - {WORK, _CHECK}:
            if (out / name).is_dir():
                shutil.rmtree(out / name)
        found = list((out / _CHECK).iterdir()) if (out / _CHECK).is_dir() else []
        for entry in [entry for entry in found if entry.name != _DECISIONS]:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        if (out / _CHECK).is_dir() and not (out / _CHECK / _DECISIONS).exists():
            (out / _CHECK).rmdir()
