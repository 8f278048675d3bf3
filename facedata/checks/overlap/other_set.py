"""Opens the set that another one is compared with, and says what is wrong with what was named instead."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import SetError, UsageError
from ...files.remote import Location
from ...sets.prepared import PreparedSet, open_set, short
from ...tables.schema import DATASET, WORK

_LOOKED_AT = 1000
"""Entries of a folder that are looked at before it is called something else than photos."""

_PHOTO_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".avif"}


def open_other(location: Location) -> PreparedSet:
    """Open the other set, read-only, before anything else is done.

    Args:
        location: its folder or URL.

    Raises:
        UsageError: it is a folder of photos, or a set that is not finished or too damaged.
    """
    try:
        other = open_set(location)
    except SetError as error:
        why = str(error)
        if isinstance(location, Path) and location.is_dir() and holds_photos(location):
            why = (
                "this is a folder of photos, and only prepared sets can be compared: make one with "
                f"`facedata prepare {location} --out DIR`, then use --against DIR"
            )
        raise UsageError(f"--against {location}: {why}") from error
    missing = [kind for kind in ("photos", "classes") if not other.has(kind)]
    if missing:
        raise UsageError(f"--against {location}: its {DATASET} names no table {missing[0]}: prepare it again")
    return other


def refuse_same(other: PreparedSet, fingerprint: str) -> None:
    """Check that a set is not compared with itself.

    Raises:
        UsageError: both have one fingerprint.
    """
    if other.fingerprint == fingerprint:
        raise UsageError(
            f"--against {other} is the set that is checked, or a copy of it (both have the fingerprint "
            f"{short(fingerprint)}): name another one"
        )


def holds_photos(folder: Path) -> bool:
    """Tell whether a folder has photos in it, or in its subfolders, and nothing of a set."""
    if (folder / DATASET).exists() or (folder / WORK).exists():
        return False
    looked_at = 0
    for _, _, files in os.walk(folder):
        for name in files:
            looked_at += 1
            if Path(name).suffix.lower() in _PHOTO_ENDINGS:
                return True
        if looked_at > _LOOKED_AT:
            return False
    return False
