"""What else lies in a set's folder and may show or name people: findings, pages, the log, leftovers."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..checks.check_folder import CHECK, read_lines
from ..checks.corrections_csv import CORRECTIONS_CSV, render_lines
from ..checks.proposals import as_proposed, is_own
from ..progress.folder import PHOTO_STATS
from ..sets.log import LOG
from ..store.base import CROPS
from ..tables.schema import DATASET, KINDS, WORK
from ..tables.tombstones import FORGOTTEN_FILE, Tombstones
from .resolve import Chosen

PAGES = ("report", "review", ".report.new", ".report.old", ".review.new", ".review.old")
"""Folders of pages, and those that an interrupted command left; the commands make them again."""

_KNOWN = {DATASET, FORGOTTEN_FILE, PHOTO_STATS, LOG, CROPS, CHECK, WORK, *PAGES}
_KNOWN |= {f"{kind}.parquet" for kind in KINDS}


def list_pages(folder: Path) -> list[str]:
    """Return the folders of pages that a set has."""
    return [name for name in PAGES if (folder / name).is_dir()]


def list_check_files(folder: Path) -> list[str]:
    """Return all files of a set's ``check/`` but corrections.csv, by their paths below the set."""
    files = (path.relative_to(folder).as_posix() for path in sorted((folder / CHECK).rglob("*")))
    mine = f"{CHECK}/{CORRECTIONS_CSV}"
    return [name for name in files if name != mine and not (folder / name).is_dir()]


def list_leftovers(folder: Path) -> list[str]:
    """Return what runs that were killed have left: unfinished files, and progress of a finished set."""
    unfinished = sorted(path.name for path in folder.glob(".*.tmp"))
    work = folder / WORK
    entries = sorted(work.iterdir()) if work.is_dir() else []
    return unfinished + [f"{WORK}/{entry.name}" for entry in entries if entry.name != "forget"]


def list_earlier_fingerprints(folder: Path) -> list[str]:
    """Return the fingerprints that the set had before each `forget`, from its log."""
    file, found = folder / LOG, []
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            event = json.loads(line)
            found += [str(event["was"])] if event["event"] == "forget" else []
    return found


def list_unknown(folder: Path) -> list[str]:
    """Return what lies in the folder and is no part of a set; it is not touched."""
    return sorted(entry.name for entry in folder.iterdir() if entry.name not in _KNOWN)


class Mentions:
    """Tells whether texts of our own files are about those who are forgotten.

    Args:
        chosen: what is to be forgotten.
        paths: of their crops.
        tombstones: with their hashes.
    """

    def __init__(self, chosen: Chosen, paths: list[str], tombstones: Tombstones) -> None:
        self._tombstones = tombstones
        self._paths = [*chosen.records, *paths]
        words = "|".join(map(re.escape, sorted(chosen.names, key=len, reverse=True)))
        self._names = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None
        self._exact = {*chosen.names, *chosen.records}

    def has(self, text: str) -> bool:
        """Return whether a text names one of them."""
        if text in self._exact or (self._names is not None and self._names.search(text)):
            return True
        return any(path in text for path in self._paths) or self._tombstones.mentions(text)


def log_without(folder: Path, mentions: Mentions) -> bytes | None:
    """Return the set's log without the lines that name them; None if it stays as it is."""
    file = folder / LOG
    if not file.is_file():
        return None
    lines = file.read_bytes().splitlines(keepends=True)
    kept = []
    for line in lines:
        try:
            texts = [*_texts(json.loads(line))]
        except ValueError:  # torn by a run that was killed
            texts = [line.decode("utf-8", "replace")]
        if not any(map(mentions.has, texts)):
            kept.append(line)
    return b"".join(kept) if len(kept) < len(lines) else None


def corrections_without(folder: Path, mentions: Mentions) -> bytes | None:
    """Return check/corrections.csv with the user's lines that do not name them; None if none is left.

    Raises:
        UsageError: the file cannot be read.
    """
    lines = [as_proposed(line) for line in read_lines(folder / CHECK)]
    others = (line for line in lines if not any(mentions.has(text) for text in line[1:] if text))
    mine = [line for line in others if not is_own(line)]
    return render_lines(mine) if mine else None


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts of a JSON value, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
