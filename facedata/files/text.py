"""Text files as people have them: UTF-8 or UTF-16, with or without a byte order mark, perhaps compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pyarrow as pa

_HEAD_BYTES = 4096

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
    b"\x28\xb5\x2f\xfd": lambda data: bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()),
}
"""The first bytes of gzip, bzip2, xz and zstd → what unpacks them."""


def open_text(path: Path, encoding: str | None = None) -> TextIO:
    """Open a text file, unpacked and decoded; line ends are kept. Reading it may raise UnicodeDecodeError.

    Args:
        path: the file.
        encoding: None for what its first bytes show.

    Raises:
        OSError: it cannot be read, or is compressed and damaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if (data := unpack(head, file.read)) is not None:
            return io.TextIOWrapper(io.BytesIO(data), encoding=encoding or encoding_of(data), newline="")
    return path.open(encoding=encoding or encoding_of(head), newline="")


def unpack(head: bytes, rest: Callable[[], bytes] = bytes) -> bytes | None:
    """Return the content of a compressed file (gzip, bzip2, xz, zstd); None if it is not compressed.

    Args:
        head: its first bytes, or all of them.
        rest: returns the others; called only when it is compressed.

    Raises:
        OSError: it is damaged.

    >>> unpack(gzip.compress(b"a 1")), unpack(b"a 1")
    (b'a 1', None)
    """
    for magic, decompress in _UNPACK.items():
        if head.startswith(magic):
            try:
                return decompress(head + rest())
            except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
                raise OSError(f"its compressed content is damaged ({error})") from error
    return None


def decode_text(data: bytes) -> str:
    r"""Decode a text file's bytes, unpacked if need be, without the byte order mark.

    Raises:
        OSError: it is compressed and damaged.
        UnicodeDecodeError: it is neither UTF-8 nor UTF-16.

    >>> decode_text("é\n".encode("utf-16")), decode_text("é\n".encode("utf-8-sig"))
    ('é\n', 'é\n')
    """
    unpacked = unpack(data)
    text = data if unpacked is None else unpacked
    return text.decode(encoding_of(text))


def encoding_of(data: bytes) -> str:
    """Return the encoding that a text's first bytes show; UTF-8 unless they say something else.

    >>> encoding_of("a,b".encode("utf-16-le")), encoding_of(b"a,b")
    ('utf-16-le', 'utf-8')
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    # no text holds NUL; in UTF-16 every second byte of Latin letters, digits and commas is one
    head = data[:_HEAD_BYTES]
    even, odd, lines = head[::2], head[1::2], head.count(b"\n")
    if 2 * odd.count(0) > len(odd) and not even.count(0) and head.count(b"\n\0") == lines:
        return "utf-16-le"
    if 2 * even.count(0) > len(even) and not odd.count(0) and head.count(b"\0\n") == lines:
        return "utf-16-be"
    return "utf-8"
