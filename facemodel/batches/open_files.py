"""Crops' bytes with as few system calls as can be: tars stay open, each thread having its own."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path

from facedata.files.remote import Place
from facedata.store.read import read_crop

TAR = ".tar"
"""Files that hold many crops end so."""

_MOST_OPEN = 384
"""Open tars, all threads together; a process may have 1,024 files open, and often has two readers."""


class Handles:
    """Reads crops by (file, offset, length); any thread may call.

    Args:
        root: the set's folder, or its URL.
        threads: how many will read; each keeps its part of the open files.
    """

    def __init__(self, root: Place, threads: int = 1) -> None:
        self._root, self._most = root, max(1, _MOST_OPEN // threads)
        self._folder = str(root) + os.sep if isinstance(root, Path) else None
        self._mine = threading.local()
        self._all: list[OrderedDict[str, int]] = []
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
        return read_crop(self._root, file, offset, length)  # elsewhere; or gone, and it says how

    def size(self, file: str) -> int | None:
        """Return a file's bytes; None when it is gone."""
        try:
            place = self._root / file
            return os.stat(place).st_size if isinstance(place, Path) else place.entry().size  # noqa: PTH116
        except OSError:
            return None

    def close(self) -> None:
        """Close all files; nobody may be reading any more."""
        for opened in self._all:
            while opened:
                os.close(opened.popitem()[1])

    def _read_here(self, file: str, offset: int, length: int) -> bytes | None:
        try:
            if file.endswith(TAR):
                return os.pread(self._opened(file), length, offset)
            number = os.open(f"{self._folder}{file}", os.O_RDONLY)
        except OSError:
            return None
        try:
            return os.read(number, length)
        except OSError:
            return None
        finally:
            os.close(number)

    def _opened(self, file: str) -> int:
        opened = self._own()
        number = opened.get(file)
        if number is None:
            number = opened[file] = os.open(f"{self._folder}{file}", os.O_RDONLY)
            if len(opened) > self._most:
                os.close(opened.popitem(last=False)[1])
        else:
            opened.move_to_end(file)
        return number

    def _own(self) -> OrderedDict[str, int]:
        """Return this thread's open files: another one might close what this one is about to read."""
        opened: OrderedDict[str, int] | None = getattr(self._mine, "opened", None)
        if opened is None:
            opened = self._mine.opened = OrderedDict()
            with self._lock:
                self._all.append(opened)
        return opened
