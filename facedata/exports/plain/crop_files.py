"""Crops as files of their own: linked where they can be, so that they take no room, else written."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...errors import StoreError
from ...photos.paths import photo_path
from ...processes import cores
from ..base import Export
from ..crops import CropsRead


class CropFiles:
    """Puts crops into files below an export's folder, some at a time; a context manager.

    A crop that is a file of its own in the set becomes another name of that file (a hard link); one in a tar,
    on another disk or behind a URL is written.

    Attributes:
        linked: how many were linked.
        written: how many were written.
    """

    def __init__(self, export: Export) -> None:
        home = export.prepared.path
        self._home = f"{home}/" if isinstance(home, Path) else ""
        self._folder, self._made = f"{export.folder}/", set[str]()
        self._threads = min(4, cores())
        self._pool = ThreadPoolExecutor(self._threads)
        self.linked = self.written = 0

    def __enter__(self) -> CropFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def put(self, read: CropsRead, names: Sequence[str]) -> None:
        """Make the crops' files.

        Args:
            read: the crops.
            names: their paths below the folder, none of which is there yet.

        Raises:
            StoreError: a file cannot be written.
        """
        new = {name.rpartition("/")[0] for name in names} - self._made
        try:
            for folder in new:
                Path(self._folder + photo_path(folder)).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write the folder {folder}: {error.strerror or error}") from error
        self._made |= new
        files = read.rows.column("file").to_pylist()
        each = -(-len(files) // self._threads)  # rounded up
        parts = [
            self._pool.submit(
                self._put, names[at : at + each], files[at : at + each], read.crops[at : at + each]
            )
            for at in range(0, len(files), each)
        ]
        linked = sum(part.result() for part in parts)
        self.linked += linked
        self.written += len(files) - linked

    def line(self) -> str:
        """Return what the user should know of the files."""
        if not self.linked:
            return "the crops are copies"
        some = f"{self.linked:,} of the" if self.written else "the"
        return f"{some} crops are hard links to those of the set: change none of them in its place"

    def _put(self, names: Sequence[str], files: Sequence[str], crops: Sequence[bytes]) -> int:
        """Make some files; return how many could be linked."""
        linked = 0
        for name, file, crop in zip(names, files, crops, strict=True):
            target = self._folder + photo_path(name)
            try:
                if self._link(file, target, len(crop)):
                    linked += 1
                    continue
                with Path(target).open("xb") as stream:
                    stream.write(crop)
            except OSError as error:
                raise StoreError(f"cannot write the crop {name}: {error.strerror or error}") from error
        return linked

    def _link(self, file: str, target: str, size: int) -> bool:
        """Link a crop's own file; return whether that was possible."""
        if not self._home or file.endswith(".tar"):
            return False
        source = self._home + photo_path(file)
        try:
            there = os.lstat(source)
            if not stat.S_ISREG(there.st_mode) or there.st_size != size:
                return False
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:  # another disk, a file system without links, too many links, files of somebody else
            return False
        return True
