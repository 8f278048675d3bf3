"""Files written whole or not at all: temporary name, flush, rename."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import writing
from .remote import Place


@contextlib.contextmanager
def whole_file(file: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name beside it; flush and rename it at the end.

    Raises:
        StoreError: that is refused; nothing half-written stays.
    """
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_text(file: Path, text: str) -> None:
    """Write a text file whole or not at all; UTF-8, line ends as they are.

    Raises:
        StoreError: it cannot be written; nothing half-written stays.
    """
    with whole_file(file) as stream:
        stream.write(text.encode())


def file_sha256(path: Place) -> str:
    """Return the SHA-256 of a file's bytes, lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
