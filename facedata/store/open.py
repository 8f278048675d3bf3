"""Make a store by its name."""

from __future__ import annotations

from pathlib import Path

from ..files.remote import Location, Remote
from .base import Store
from .folders import FolderStore
from .tars import TarStore


def open_store(name: str, folder: Path, location: Location, other: Location | None = None) -> Store:
    """Make the store of a set's crops.

    Args:
        name: ``folders`` or ``tar``.
        folder: the folder in which the set is made.
        location: where the set will be at the end: that folder, or a URL.
        other: a finished set from which crops are taken over, if any.
    """
    if name == "tar":
        return TarStore(folder, location if isinstance(location, Remote) else None, other)
    return FolderStore(folder)
