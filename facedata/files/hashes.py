"""SHA-256 of files that are just written, found in a thread while the next ones are written."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

_READ_BYTES = 1 << 20


class BackgroundHashes:
    """Hashes files, one after the other, in a thread.

    ::

        with BackgroundHashes() as hashes:
            digest = hashes.add(file)  # the file may be renamed from now on
            ...
            digest.result()
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> BackgroundHashes:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, file: Path) -> Future[str]:
        """Hash a complete file; the result is its SHA-256 in lower-case hex.

        Raises:
            OSError: it cannot be opened.
        """
        return self._pool.submit(self._hash, file.open("rb", buffering=0))

    def _hash(self, stream: IO[bytes]) -> str:
        digest = hashlib.sha256()
        with stream:
            while block := stream.read(_READ_BYTES):
                digest.update(block)
        return digest.hexdigest()
