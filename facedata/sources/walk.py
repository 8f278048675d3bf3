"""The files below a folder of this machine."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..errors import SourceError
from ..photos.formats import HEAD_BYTES, kind_of_file
from ..photos.paths import photo_text
from ..photos.system_folders import PassedOver, is_system_folder
from ..tables.schema import is_set
from .urls import ListedFile

logger = logging.getLogger(__name__)

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})


def require_folder(root: Path) -> None:
    """Check that a root is a folder.

    Raises:
        SourceError: it is missing, a file, or not accessible.
    """
    try:
        mode = root.stat().st_mode
    except OSError as error:
        raise SourceError(f"cannot open the folder {photo_text(str(root))}: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        raise SourceError(
            f"{photo_text(str(root))} is a file; name the folder, zip or tar that holds the photos"
        )


def size_and_time(file: Path | os.DirEntry[str]) -> tuple[int, int] | None:
    """Return a file's size in bytes and modification time in nanoseconds; None if it does not exist."""
    try:
        info = file.stat()
    except OSError as error:
        # an inaccessible file is not missing: it gets a row, with the reader's error as its reason
        return None if error.errno in _ABSENT else (0, 0)
    except ValueError:  # a NUL in the path, which no file name can hold
        return None
    return (info.st_size, info.st_mtime_ns) if stat.S_ISREG(info.st_mode) else None


_Chain = tuple[tuple[int, int], ...]
"""Device and inode of every folder on the path from the root: a link to one of them closes a cycle."""


def walk_files(
    root: Path, each_folder_once: bool = False, passed_over: PassedOver | None = None
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every entry below the root except folders, with its folder's text (ending in ``/``, or empty).

    Links are followed, but not in cycles. Hidden folders and those of systems are skipped, and so are
    prepared sets: their crops are not photos.

    Args:
        root: the folder.
        each_folder_once: list a folder that links lead to only once, under its own path if it has one below
            the root; and list prepared sets too.
        passed_over: counts system folders and their photos.

    Raises:
        SourceError: a folder cannot be listed.
    """
    pending: list[tuple[str, str, _Chain]] = [(str(root), "", ())]
    links: list[tuple[str, str, _Chain]] = []
    listed: set[tuple[int, int]] = set()
    while pending or links:
        path, folder, chain = pending.pop() if pending else links.pop(links.index(min(links)))
        try:
            info = Path(path).stat()
            here = (info.st_dev, info.st_ino)
            if here in (listed if each_folder_once else chain):
                continue
            listed.add(here)
            with os.scandir(path) as entries:
                for entry in entries:
                    try:
                        is_folder = entry.is_dir()
                    except OSError:  # a link to itself, or to a folder we may not read
                        is_folder = False
                    if not is_folder:
                        yield folder, entry
                    elif is_system_folder(entry.name):
                        if passed_over is not None:
                            passed_over.add(entry)
                    elif not each_folder_once and is_set(Path(entry.path)):
                        logger.info(
                            "%s is a prepared set: its crops are not taken as photos", photo_text(entry.path)
                        )
                    elif not entry.name.startswith("."):
                        later = links if each_folder_once and entry.is_symlink() else pending
                        later.append((entry.path, f"{folder}{photo_text(entry.name)}/", (*chain, here)))
        except OSError as error:
            raise SourceError(
                f"cannot list the folder {photo_text(path)}: {error.strerror}; "
                "make it readable or move it out of the source"
            ) from error


def list_files(root: Path, passed_over: PassedOver) -> Iterator[ListedFile]:
    """Yield every file below the root that :func:`walk_files` yields, with its kind."""
    for folder, entry in walk_files(root, passed_over=passed_over):
        try:
            info = entry.stat()
        except OSError:  # a broken link: it gets a row, with the reader's error as its reason
            yield ListedFile(folder, photo_text(entry.name), kind_of_file(entry.name, bytes), 0, 0)
            continue
        is_regular = stat.S_ISREG(info.st_mode)  # reading a pipe could block forever
        kind = kind_of_file(entry.name, partial(_read_head, entry.path)) if is_regular else "other"
        yield ListedFile(folder, photo_text(entry.name), kind, info.st_size, info.st_mtime_ns)


def _read_head(path: str) -> bytes:
    with Path(path).open("rb", buffering=0) as file:
        return file.read(HEAD_BYTES)
