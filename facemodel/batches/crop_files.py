"""Crops' bytes with as few system calls as possible: tars stay open, and each thread has its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from facedata.files.open_files import OpenFiles
from facedata.files.remote import Location
from facedata.store.read import crop_location, read_crop

TAR = ".tar"
"""Ending of files that hold many crops."""

_MOST_OPEN = 384
"""Open tars of all threads together; a process may have 1,024 files open, and often has two readers."""


class CropFiles:
    """Reads crops by (file, offset, length); any thread may call.

    Args:
        root: the set's folder, or its URL.
        threads: how many will read; each has its share of the open files.
    """

    def __init__(self, root: Location, threads: int = 1) -> None:
        self._root, self._most = root, max(1, _MOST_OPEN // threads)
        self._folder = str(root) + os.sep if isinstance(root, Path) else None
        self._mine = threading.local()
        self._all: list[OpenFiles] = []
        self._lock = threading.Lock()

    def read(self, file: str, offset: int, length: int) -> bytes:
        """Read a crop's bytes.

        Raises:
            StoreError: they are gone or cut short.
        """
        if self._folder is not None:
            data = self._read_here(file, offset, length)
            if data is not None and len(data) == length:
                return data
        return read_crop(self._root, file, offset, length)  # behind a URL, or gone: this raises the error

    def size(self, file: str) -> int | None:
        """Return a file's size in bytes; None if it is gone."""
        try:
            location = crop_location(self._root, file)
            if isinstance(location, Path):
                return os.stat(location).st_size  # noqa: PTH116
            return location.entry().size
        except OSError:
            return None

    def close(self) -> None:
        """Close all files; no thread may still be reading."""
        for files in self._all:
            files.close()

    def _read_here(self, file: str, offset: int, length: int) -> bytes | None:
        try:
            if file.endswith(TAR):
                return os.pread(self._own().get(f"{self._folder}{file}").fileno(), length, offset)
            number = os.open(f"{self._folder}{file}", os.O_RDONLY)
        except (OSError, UnicodeEncodeError):  # the latter in a locale that is not UTF-8: read_crop knows
            return None
        try:
            return os.read(number, length)
        except OSError:
            return None
        finally:
            os.close(number)

    def _own(self) -> OpenFiles:
        """Return this thread's open files."""
        files: OpenFiles | None = getattr(self._mine, "files", None)
        if files is None:
            files = self._mine.files = OpenFiles(self._most)
            with self._lock:
                self._all.append(files)
        return files
