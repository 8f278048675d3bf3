"""Locks that the kernel releases when their process ends, however it ends."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LockedError, NotASetError, StoreError

logger = logging.getLogger(__name__)


@contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a set's folder.

    Args:
        path: the folder.
        shared: only against those that hold it alone: for reading what may not change meanwhile.

    Raises:
        LockedError: another process holds it.
        NotASetError: the folder does not exist.
    """
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise NotASetError(f"cannot open the folder {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(folder, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            held = os.fstat(folder).st_ino == path.stat().st_ino  # not if its last holder removed it
        except (BlockingIOError, FileNotFoundError):
            held = False
        if not held:
            elsewhere = "" if shared else ", or choose another --out"  # who only reads it needs this one
            raise LockedError(f"another run is working on {path}: wait for it{elsewhere}")
        yield
    finally:
        os.close(folder)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Create a cache folder and hold its lock, waiting while another process holds it.

    While the lock is held, any unfinished file in the folder is left over from a process that has ended.

    Raises:
        StoreError: the folder cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("wb")
    except OSError as error:
        raise StoreError(f"cannot write the cache folder {folder}: {error.strerror}; see --cache") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("another process is filling %s; waiting for it", folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
