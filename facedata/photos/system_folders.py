"""Folders that systems leave among photos: thumbnails, recycle bins, snapshots. Nobody's own photos."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

from .formats import kind_of_file
from .paths import photo_text

_NAMES = frozenset(
    name.casefold()
    for name in (
        # Windows
        *("$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", "$Extend"),
        # Linux and Android
        *("lost+found", "LOST.DIR", ".thumbnails", ".thumb", ".thumbs", ".Trash"),
        # macOS, also on the disks and servers and in the zips that it has written
        *("__MACOSX", ".AppleDouble", ".Trashes", ".DocumentRevisions-V100", ".TemporaryItems"),
        *("Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder", "TheFindByContentFolder"),
        # network storage: Synology, QNAP, TerraMaster, Buffalo, NetApp
        *("@eaDir", "#recycle", "#snapshot", "@tmp", "@Recycle", "@Recently-Snapshot", "@__thumb"),
        *(".@__thumb", "@sharebin", "trashbox", "~snapshot", ".snapshot", ".snapshots"),
        # what photo programs keep: the unedited originals of the photos beside them, and previews
        *(".picasaoriginals", ".comments", ".dtrash"),
    )
)
_PATTERN = re.compile(r"found\.\d{3}|_vti_[a-z]+|\.trash-\d+|.+\.lrdata")
"""What ``chkdsk`` rescued, FrontPage's folders, a user's bin on a Linux disk, Lightroom's previews."""

_NAMED_AT_MOST = 5


@lru_cache(1 << 16)
def is_system_folder(name: str) -> bool:
    """Return whether a folder of this name holds no photos of a user's own, whoever's they look like.

    >>> is_system_folder("@eaDir"), is_system_folder("$Recycle.Bin"), is_system_folder("eaDir")
    (True, True, False)
    """
    folded = name.casefold()
    return folded in _NAMES or _PATTERN.fullmatch(folded) is not None


@dataclass
class PassedOver:
    """Counts system folders that a source was searched without, and the photos in them.

    Attributes:
        folders: how many there are of each name.
        photos: how many photos and videos lie in them.
    """

    folders: Counter[str] = field(default_factory=Counter)
    photos: int = 0

    def add(self, folder: os.DirEntry[str]) -> None:
        """Count a folder and its photos, by their endings; what cannot be listed is not counted."""
        self.folders[photo_text(folder.name)] += 1
        for _, _, names in os.walk(folder.path):
            self.photos += sum(kind_of_file(name, bytes) != "other" for name in names)

    def notes(self) -> list[str]:
        """Return the line for the user; none if there was no such folder."""
        if not self.folders:
            return []
        total, names = self.folders.total(), sorted(self.folders)
        some = ", ".join(names[:_NAMED_AT_MOST]) + (", …" if len(names) > _NAMED_AT_MOST else "")
        folders = "1 system folder was" if total == 1 else f"{total:,} system folders were"
        photos = "1 photo" if self.photos == 1 else f"{self.photos:,} photos"
        return [f"{folders} passed over ({some}), with {photos}"]
