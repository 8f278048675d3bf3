"""Where a set is to be: its folder made, claimed or refused, and cleared; its store."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from ..errors import SetError, UsageError, writing
from ..files.remote import Place
from ..sets.log import LOG
from ..sets.prepared import open_set
from ..tables import schema
from ..tables.parquet import read_footer
from ..tables.schema import DATASET, WORK
from .folder import SEEN, is_work

_FILES = {DATASET, SEEN, LOG, *(f"{kind}.parquet" for kind in schema.KINDS)}
_FOLDERS = {"crops", "report", WORK}
"""What a prepared set's folder may hold."""


def refuse_own_photos(paths: Iterable[Place], out: Place) -> None:
    """Refuse an output that holds what it is made from: the run would clear it away.

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


def claim_output(out: Path, overwrite: bool) -> Path:
    """Make the output folder, or refuse one that holds what is not ours.

    Raises:
        SetError: it holds something else, or a set that cannot be read (unless it is to be overwritten).
        StoreError: it cannot be made.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        inside = {entry.name for entry in out.iterdir()}
    begun = WORK in inside and is_work(out / WORK) and inside <= _FILES | _FOLDERS
    if inside - {LOG} and not (begun or schema.is_set(out) or _is_damaged(out)):
        raise SetError(f"{out} is not empty and holds no prepared set: choose another --out")
    if DATASET in inside and not overwrite:
        open_set(out)  # refuses damaged ones and another schema version
    return out


def _is_damaged(out: Path) -> bool:
    """Tell whether this is a set of ours whose dataset.json can no longer say so."""
    try:
        return (out / DATASET).is_file() and read_footer(out / "photos.parquet").kind == "photos"
    except SetError:
        return False


def clear_output(out: Path) -> None:
    """Remove a set but for an empty ``.work``, by which a torn removal is known as ours.

    Raises:
        StoreError: something cannot be removed.
    """
    work = out / WORK
    with writing(out):
        work.mkdir(exist_ok=True)
        for entry in work.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        (out / DATASET).unlink(missing_ok=True)  # first, so that what is left never looks like a set
        for name in _FILES - {DATASET}:
            (out / name).unlink(missing_ok=True)
        for name in _FOLDERS - {WORK}:
            if (out / name).is_dir():
                shutil.rmtree(out / name)
