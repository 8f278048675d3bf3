"""Changing a set at one moment: all is prepared beside it, then done to its end, however often it is killed.

``.work/forget/`` gets the new files below ``new/``, the list of what goes as ``remove.json``, and last the
journal, which says nothing. Until dataset.json is removed the set is what it was; from then on it cannot be
opened, and the next `forget` does the rest: every step may be repeated. dataset.json comes last.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import writing
from ..files.atomic import write_text
from ..photos.paths import photo_path
from ..tables.schema import DATASET, FORGET, FORGET_JOURNAL, WORK

_REMOVE = "remove.json"
_NEW = "new"


@dataclass(frozen=True)
class Changes:
    """What is done to a set's files; paths lie below its folder.

    Attributes:
        written: files that are replaced, or new.
        removed: files and folders that go.
        emptied: folders that go if nothing is left in them.
    """

    written: tuple[str, ...]
    removed: tuple[str, ...]
    emptied: tuple[str, ...] = ()


def begin(folder: Path) -> Path:
    """Return an empty folder for the new files of a set; what an earlier try had prepared is removed.

    Raises:
        StoreError: it cannot be made.
    """
    forget = folder / WORK / FORGET
    with writing(forget):
        if forget.is_dir():
            shutil.rmtree(forget)
        (forget / _NEW).mkdir(parents=True)
    return forget / _NEW


def give_up(folder: Path) -> None:
    """Remove what was prepared; the set is what it was."""
    shutil.rmtree(folder / WORK / FORGET, ignore_errors=True)
    _remove_if_empty(folder / WORK)


def commit(folder: Path, removed: Sequence[str], emptied: Sequence[str]) -> None:
    """Declare the new files complete, and make the set unreadable until :func:`finish` is done.

    Args:
        folder: the set's.
        removed: files and folders to remove.
        emptied: folders to remove if nothing is left in them.

    Raises:
        StoreError: something cannot be written; the set is what it was.
    """
    forget = folder / WORK / FORGET
    write_text(forget / _REMOVE, json.dumps({"removed": list(removed), "emptied": list(emptied)}))
    write_text(folder / FORGET_JOURNAL, json.dumps({"kind": "facedata forgetting", "version": 1}) + "\n")
    with writing(folder):
        for path in [forget / _NEW, *(forget / _NEW).rglob("*")]:
            if path.is_dir():
                _flush(path)
        _flush(forget)
        _flush(folder / WORK)
        (folder / DATASET).unlink()
        _flush(folder)


def is_half_done(folder: Path) -> bool:
    """Return whether a `forget` was interrupted after it had begun to change the set."""
    return (folder / FORGET_JOURNAL).is_file() and not (folder / DATASET).is_file()


def finish(folder: Path) -> Changes:
    """Do all that a journal says, and remove it; may be called again after any interruption.

    Returns:
        What was done, as far as this call did it.

    Raises:
        StoreError: something cannot be written or removed.
    """
    forget = folder / WORK / FORGET
    todo: dict[str, list[str]] = {"removed": [], "emptied": []}
    if (forget / _REMOVE).is_file():
        todo |= json.loads((forget / _REMOVE).read_text(encoding="utf-8"))
    new = sorted(path for path in (forget / _NEW).rglob("*") if path.is_file())
    with writing(folder):
        for name in todo["removed"]:
            path = folder / photo_path(name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for file in new:
            if file != forget / _NEW / DATASET:
                target = folder / file.relative_to(forget / _NEW)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        for name in todo["emptied"]:
            _remove_if_empty(folder / photo_path(name))
        for parent in {folder, *((folder / name).parent for name in map(photo_path, todo["removed"]))}:
            if parent.is_dir():
                _flush(parent)
        (forget / _REMOVE).unlink(missing_ok=True)  # the last that names anybody
        _flush(forget)
        (forget / _NEW / DATASET).replace(folder / DATASET)
        _flush(folder)
        shutil.rmtree(forget)
    _remove_if_empty(folder / WORK)
    written = tuple(file.relative_to(forget / _NEW).as_posix() for file in new)
    return Changes(written, tuple(todo["removed"]), tuple(todo["emptied"]))


def remove_stale(folder: Path) -> None:
    """Remove what a `forget` has left that changed nothing, or that was killed in its very last step.

    Raises:
        StoreError: it cannot be removed.
    """
    if is_half_done(folder):
        return
    with writing(folder / WORK):
        if (folder / WORK / FORGET).is_dir():
            shutil.rmtree(folder / WORK / FORGET)
        _remove_if_empty(folder / WORK)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _flush(folder: Path) -> None:
    """Write a folder's entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
