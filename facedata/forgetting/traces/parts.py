"""Bytes to be searched, wherever they lie: a file, a part of one, or what was unpacked from one."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

IN_MEMORY_BYTES = 32 << 20
"""A larger member lies in a temporary file without a name while it is searched."""
_FREE_BYTES = 1 << 30
_MOST_TIMES = 100
"""A file may unpack to a gigabyte and a hundred times its own size; more is taken for a bomb."""
_BLOCK = 1 << 20


class NotSearchedError(Exception):
    """Something cannot be searched; the text says why."""


@dataclass
class Allowance:
    """How many bytes a file may still unpack to, all that lies in it together."""

    left: int

    @classmethod
    def of(cls, size: int) -> Allowance:
        """Return the allowance of a file of so many bytes."""
        return cls(_FREE_BYTES + _MOST_TIMES * size)

    def spend(self, count: int) -> None:
        """Take some bytes away.

        Raises:
            NotSearchedError: there are not so many left.
        """
        self.left -= count
        if self.left < 0:
            raise NotSearchedError("it unpacks to far more than its own size: unpack it and search that")


@dataclass
class Blob:
    """Bytes to be searched: a file, or a part of one.

    Attributes:
        stream: seekable; its first byte is the blob's.
        size: in bytes.
        name: in its archive, or the file's own; empty if it has none.
        inside: where it is in the file, for a trace; empty for the file itself.
        depth: how many archives it lies in.
        allowance: of the whole file.
    """

    stream: IO[bytes]
    size: int
    name: str
    inside: str
    depth: int
    allowance: Allowance

    def read(self, start: int, count: int) -> bytes:
        """Return some of its bytes, fewer at its end."""
        self.stream.seek(start)
        return self.stream.read(max(0, min(count, self.size - start)))

    def child(self, stream: IO[bytes], size: int, name: str, inside: str) -> Blob:
        """Return something that lies in it."""
        where = f"{self.inside} › {inside}" if self.inside else inside
        return Blob(stream, size, name, where, self.depth + 1, self.allowance)


def make_blob(stream: io.BufferedIOBase | io.RawIOBase, size: int, name: str) -> Blob:
    """Return a file as a blob."""
    return Blob(stream, size, name, "", 0, Allowance.of(size))  # type: ignore[arg-type]


@contextmanager
def spool(source: Any, allowance: Allowance) -> Iterator[tuple[IO[bytes], int]]:
    """Read a stream to its end, into memory or a file without a name; yield that and its size."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        size = 0
        while block := source.read(_BLOCK):
            allowance.spend(len(block))
            size += file.write(block)
        file.seek(0)
        yield cast(IO[bytes], file), size


class Part(io.RawIOBase):
    """Some bytes of a blob as a file.

    Args:
        blob: the whole.
        start: the first byte.
        size: how many.
    """

    def __init__(self, blob: Blob, start: int, size: int) -> None:
        self._blob, self._start, self._size, self._at = blob, start, size, 0

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: it can be read from any byte."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte, counted from the beginning, the current byte or the end; return its position."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the position of the byte that is read next."""
        return self._at

    def read(self, count: int | None = -1) -> bytes:
        """Return the next bytes, fewer at the end."""
        left = max(0, self._size - self._at)
        data = self._blob.read(
            self._start + self._at, left if count is None or count < 0 else min(count, left)
        )
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes read, 0 at the end."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
