"""Files that stay open between reads; when there are too many, the one read least recently is closed."""

from __future__ import annotations

from collections import OrderedDict
from typing import IO

from .remote import Remote


class OpenFiles:
    """Files open for reading. Not thread-safe: one thread might close what another is about to read.

    Args:
        most: how many may be open.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._files: OrderedDict[str | Remote, IO[bytes]] = OrderedDict()

    def get(self, file: str | Remote) -> IO[bytes]:
        """Return an open file, opening it if needed; a local file is unbuffered.

        Raises:
            OSError: it cannot be opened.
        """
        stream = self._files.get(file)
        if stream is not None:
            self._files.move_to_end(file)
            return stream
        stream = file.open() if isinstance(file, Remote) else open(file, "rb", buffering=0)  # noqa: PTH123, SIM115
        self._files[file] = stream
        if len(self._files) > self._most:
            self._files.popitem(last=False)[1].close()
        return stream

    def close(self) -> None:
        """Close all files."""
        while self._files:
            self._files.popitem()[1].close()
