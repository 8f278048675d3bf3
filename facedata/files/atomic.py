"""Atomic writing: a file appears complete or not at all (temporary name, flush, rename)."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .remote import Location
from .staged import StagedFiles


@contextlib.contextmanager
def atomic_file(file: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name beside it; flush and rename it at the end.

    Raises:
        StoreError: the file cannot be written; no partial file stays behind.
    """
    with StagedFiles() as staged:
        with staged.open(file) as stream:
            yield stream
        staged.commit()


def write_text(file: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8, line ends unchanged.

    Raises:
        StoreError: it cannot be written; no partial file stays behind.
    """
    with atomic_file(file) as stream:
        stream.write(text.encode())


def file_sha256(path: Location) -> str:
    """Return the SHA-256 of a file's bytes, lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
