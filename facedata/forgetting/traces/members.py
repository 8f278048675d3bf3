"""What lies in archives and compressed files, as files of their own, of which none gets a name on disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa

from .parts import Allowance, Blob, NotSearchedError, Part, spool

_MOST_HEADER_BYTES = 16 << 20
_MOST_INFLATED = 256 << 20
_ZIP_HEADER_BYTES = 30


class Member(NamedTuple):
    """Something in an archive: a file; or a link, a folder, or a file that cannot be read, without bytes.

    Attributes:
        name: as the archive has it.
        texts: what else the archive says of it, such as where a link leads.
        blob: its bytes; None if it has none.
        why_not: why it cannot be searched; empty if it can.
        span: its first byte in the archive, and the byte after its last one.
    """

    name: str
    texts: tuple[str, ...]
    blob: Blob | None
    why_not: str
    span: tuple[int, int]


def lister_of(head: bytes) -> Callable[[Blob], Iterator[Member]] | None:
    """Return the function that lists an archive's members; None if a file is no archive.

    Args:
        head: its first bytes.
    """
    if head.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08")):
        return list_zip
    told = re.fullmatch(rb" *([0-7]{1,7})[ \0]*", head[148:156])
    # one of before 1988 has no magic bytes, but its checksum
    is_old = head[:1] > b"\0" and len(head) >= 512 and told is not None
    is_tar = is_old and told is not None and int(told[1], 8) == sum(head[:148]) + sum(head[156:512]) + 8 * 32
    return list_tar if head[257:262] == b"ustar" or is_tar else None


def list_tar(blob: Blob) -> Iterator[Member]:
    """Yield the members of a tar; a blob is valid until the next one is asked for.

    Raises:
        NotSearchedError: it is damaged; the members before that have been yielded.
    """
    stream = cast(IO[bytes], _CarefulReader(blob))
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            while (info := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # a tar may have millions
                texts = (info.linkname, info.uname, info.gname, *map(str, info.pax_headers.values()))
                start, size = info.offset_data, info.size if info.isreg() else 0
                if start + size > blob.size:
                    raise NotSearchedError(f"it is cut off in {info.name!r}")
                part = blob.child(
                    cast(IO[bytes], Part(blob, start, size)), size, info.name, f"member {info.name}"
                )
                yield Member(info.name, texts, part if info.isreg() else None, "", (start, start + size))
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        raise NotSearchedError(f"the archive is damaged: {error}") from error


def list_zip(blob: Blob) -> Iterator[Member]:
    """Yield the members of a zip: also a workbook, an npz, or a checkpoint of torch's.

    Raises:
        NotSearchedError: it is damaged; the members before that have been yielded.
    """
    try:
        with zipfile.ZipFile(cast(IO[bytes], _CarefulReader(blob, most=blob.size))) as archive:
            for info in archive.infolist():
                lengths = blob.read(info.header_offset, _ZIP_HEADER_BYTES)[26:30]
                start = info.header_offset + _ZIP_HEADER_BYTES
                start += sum(int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
                texts = (info.comment.decode("utf-8", "replace"),)
                span = (start, start + info.compress_size)
                if info.filename.endswith("/"):
                    yield Member(info.filename, texts, None, "", span)
                elif info.flag_bits & 1:
                    yield Member(info.filename, texts, None, "it is encrypted", span)
                else:
                    yield from _open_zipped(blob, archive, info, texts, span)
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, OverflowError, NotImplementedError) as error:
        raise NotSearchedError(f"the archive is damaged: {error}") from error


def _open_zipped(
    blob: Blob, archive: zipfile.ZipFile, info: zipfile.ZipInfo, texts: tuple[str, ...], span: tuple[int, int]
) -> Iterator[Member]:
    try:
        with archive.open(info) as packed, spool(packed, blob.allowance) as (stream, size):
            part = blob.child(stream, size, info.filename, f"member {info.filename}")
            yield Member(info.filename, texts, part, "", span)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        yield Member(info.filename, texts, None, f"it cannot be unpacked: {error}", span)


UNPACKERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda stream: pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd"),
    b"\x04\x22\x4d\x18": lambda stream: pa.CompressedInputStream(pa.PythonFile(stream, "r"), "lz4"),
}
"""The first bytes of compressed files → a function that opens one."""


@contextmanager
def unpacked(blob: Blob, head: bytes) -> Iterator[Blob | None]:
    """Unpack a compressed file, for as long as the block lasts; None if it is no such file.

    Raises:
        NotSearchedError: it is damaged, or unpacks to far too much.
    """
    unpack = next((one for start, one in UNPACKERS.items() if head.startswith(start)), None)
    if unpack is None:
        yield None
        return
    name = blob.name.rpartition(".")[0]
    try:
        source = unpack(cast(IO[bytes], Part(blob, 0, blob.size)))
        with source, spool(source, blob.allowance) as (stream, size):
            yield blob.child(stream, size, name, "unpacked")
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise NotSearchedError(f"it cannot be unpacked: {error}") from error


def inflate(data: bytes, allowance: Allowance) -> bytes | None:
    """Return what some bytes unpack to by zlib, as pages hold it; None if they are something else.

    Raises:
        NotSearchedError: they unpack to far too much.
    """
    try:
        machine = zlib.decompressobj()
        text = machine.decompress(data, max(1, min(allowance.left, _MOST_INFLATED)))
    except zlib.error:
        return None
    if machine.unconsumed_tail and len(text) == _MOST_INFLATED:
        raise NotSearchedError(f"what is packed in it has more than {_MOST_INFLATED >> 20} MB")
    allowance.spend(len(text) + bool(machine.unconsumed_tail))
    return text


class _CarefulReader(Part):
    """A whole blob for a reader of archives, which may be told to read gigabytes at once."""

    def __init__(self, blob: Blob, most: int = _MOST_HEADER_BYTES) -> None:
        super().__init__(blob, 0, blob.size)
        self._most = most

    def read(self, count: int | None = -1) -> bytes:
        """Return the next bytes.

        Raises:
            ValueError: more are asked for than any header has.
        """
        if count is not None and count > self._most:
            raise ValueError(f"a header of {count:,} bytes")
        return super().read(count)
