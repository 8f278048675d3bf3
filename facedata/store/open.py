"""Stores by name."""

from __future__ import annotations

from pathlib import Path

from ..files.remote import Place, Remote
from .base import Store
from .folders import FolderStore
from .tars import TarStore


def open_store(name: str, folder: Path, place: Place) -> Store:
    """Return the store of crops by its name.

    Args:
        name: ``folders`` or ``tar``.
        folder: where the set is made.
        place: where it is to be in the end: the folder, or a URL.
    """
    if name == "tar":
        return TarStore(folder, place if isinstance(place, Remote) else None)
    return FolderStore(folder)
