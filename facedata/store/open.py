"""The stores by name."""

from __future__ import annotations

from pathlib import Path

from ..files.remote import Location, Remote
from .base import Store
from .folders import FolderStore
from .tars import TarStore


def open_store(name: str, folder: Path, location: Location) -> Store:
    """Return the store of crops by its name.

    Args:
        name: ``folders`` or ``tar``.
        folder: where the set is made.
        location: where it will be in the end: that folder, or a URL.
    """
    if name == "tar":
        return TarStore(folder, location if isinstance(location, Remote) else None)
    return FolderStore(folder)
