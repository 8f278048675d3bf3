"""Tars of many small files, written in shards and read in place; nothing is unpacked.

No header is believed before it was checked. Only what such tars hold is read: files, with the long names of
GNU tar and PAX. A link, a device or a name that points outside is refused, whoever would follow it.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path, PureWindowsPath
from typing import IO, NamedTuple

from ..errors import SourceError, StoreError, UnsafeArchiveError, writing
from ..files.hashes import BackgroundHashes

_BLOCK = tarfile.BLOCKSIZE
_SIZE, _SUM, _TYPE = slice(124, 136), slice(148, 156), slice(156, 157)
_NAME, _PREFIX, _MAGIC = slice(0, 100), slice(345, 500), slice(257, 262)
_END = bytes(2 * _BLOCK)
_KINDS = (b"0", b"\0", b"7", b"5")
"""Three ways to say that a member is a file, and a folder."""

_TEMPLATE = bytearray(tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT))
_TEMPLATE[100:108], _TEMPLATE[_SIZE], _TEMPLATE[_SUM] = b"0000644\0", bytes(12), b" " * 8
_TEMPLATE_SUM = sum(_TEMPLATE)
"""A header without name and size, and the sum of its bytes."""

_MOST_NAME_BYTES = 1 << 16
"""A long name or a PAX header with more is refused: no path is so long."""
_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK": "zip"}


class Member(NamedTuple):
    """A file in a tar: its name, the offset of its first byte, and how many bytes it has."""

    name: str
    offset: int
    size: int


class TarShards:
    """Writes files into ``<name>-000000.tar`` and so on: USTAR, without times and owners, mode 644.

    Args:
        folder: where the tars go.
        name: what their names begin with: the split.
        most_bytes: a tar ends before it has more than this, as far as whole samples allow.

    Attributes:
        files: the tars so far.
        sha256: each tar's, by its path, once all are closed.
    """

    def __init__(self, folder: Path, name: str, most_bytes: int) -> None:
        self.files: list[Path] = []
        self.sha256: dict[Path, str] = {}
        self._folder, self._name, self._most_bytes = folder, name, most_bytes
        self._open, self._hashes = ExitStack(), BackgroundHashes()
        self._digests: list[Future[str]] = []
        self._stream: IO[bytes] | None = None
        self._at = 0

    def __enter__(self) -> TarShards:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._hashes.__exit__()

    def add(self, key: str, parts: Iterable[tuple[str, bytes]]) -> None:
        """Add a sample: a file ``<key>.<ending>`` for each ending and its bytes, one after the other.

        Args:
            key: up to 90 letters of ASCII, without dots.
            parts: endings of up to 9 letters, and bytes.

        Raises:
            StoreError: the tar cannot be written.
        """
        pieces = []
        for ending, data in parts:
            pieces += [
                ustar_header(f"{key}.{ending}".encode("ascii"), len(data)),
                data,
                bytes(-len(data) % _BLOCK),
            ]
        size = sum(map(len, pieces))
        try:  # `writing` would take longer than the rest
            if self._stream is None or (self._at and self._at + size + len(_END) > self._most_bytes):
                self._end_shard()
                self._stream = self._start_shard()
            self._stream.writelines(pieces)
        except OSError as error:
            raise StoreError(f"cannot write {self.files[-1]}: {error.strerror or error}") from error
        self._at += size

    def close(self) -> None:
        """End the last tar.

        Raises:
            StoreError: it cannot be written.
        """
        with writing(self._folder):
            self._end_shard()
            digests = [digest.result() for digest in self._digests]
        self.sha256 = dict(zip(self.files, digests, strict=True))

    def _start_shard(self) -> IO[bytes]:
        file = self._folder / f"{self._name}-{len(self.files):06d}.tar"
        self.files.append(file)
        self._at = 0
        return self._open.enter_context(file.open("xb", buffering=1 << 20))

    def _end_shard(self) -> None:
        if self._stream is not None:
            self._stream.write(_END + bytes(-(self._at + len(_END)) % tarfile.RECORDSIZE))
            self._open.close()
            self._stream = None
            self._digests.append(self._hashes.add(self.files[-1]))


def ustar_header(name: bytes, size: int) -> bytes:
    """Return the header of a file; :class:`tarfile.TarInfo` takes ten times as long.

    Args:
        name: up to 100 bytes.
        size: of the file, below 8 GiB.
    """
    digits = b"%011o" % size
    head = _TEMPLATE.copy()
    head[: len(name)] = name
    head[124:135] = digits
    head[_SUM] = b"%06o\0 " % (_TEMPLATE_SUM + sum(name) + sum(digits))
    return bytes(head)


def read_members(tar: Path) -> Iterator[Member]:
    """Yield a tar's files in its order, without folders; contents are not read.

    Raises:
        UnsafeArchiveError: a member is a link, a device or the like, or its name points outside.
        SourceError: the tar cannot be read, is compressed, cut off or damaged.
    """
    try:
        with tar.open("rb", buffering=0) as stream:
            yield from _Reader(tar, stream.fileno()).members()
    except OSError as error:
        raise SourceError(f"cannot read the tar {tar}: {error.strerror or error}") from error


class _Reader:
    def __init__(self, tar: Path, file: int) -> None:
        self._tar, self._file = tar, file
        self._size = os.fstat(file).st_size
        self._count = 0

    def members(self) -> Iterator[Member]:
        at, long_name = 0, ""
        while True:
            head = self._read(at, _BLOCK)
            packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), "")
            if at == 0 and packed and head[_MAGIC] != b"ustar":  # else it is a member's name
                raise SourceError(
                    f"{self._tar} is compressed ({packed}), so its files cannot be read in place: "
                    "unpack it to a .tar"
                )
            if not head.strip(b"\0"):
                return
            size = self._check(head, at)
            kind, body = head[_TYPE], at + _BLOCK
            at = body + size + -size % _BLOCK
            if kind in (b"L", b"x"):
                long_name = self._long_name(kind, body, size) or long_name
                continue
            if kind == b"g":  # PAX's values for all members; none of them names one
                continue
            name, long_name = long_name or self._short_name(head), ""
            if kind not in _KINDS:
                what = "a link" if kind in (b"1", b"2", b"K") else "neither a file nor a folder"
                raise UnsafeArchiveError(f"{self._tar} was refused: its member {name!r} is {what}")
            self._check_name(name)
            self._count += 1
            if kind != b"5" and not name.endswith("/"):
                yield Member(name.removeprefix("./"), body, size)

    def _check(self, head: bytes, at: int) -> int:
        """Return a member's size, once its header holds what a header does and its bytes are there."""
        try:
            own, size = _number(head[_SUM]), _number(head[_SIZE])
        except ValueError:
            raise self._damage(f"the header at byte {at:,} is none") from None
        if own != sum(head) - sum(head[_SUM]) + 8 * 0x20:
            raise self._damage(f"the header at byte {at:,} has another checksum")
        if size < 0 or at + _BLOCK + size > self._size:
            raise self._damage(f"its member at byte {at:,} claims {size:,} bytes, and the file ends before")
        return size

    def _long_name(self, kind: bytes, at: int, size: int) -> str:
        if size > _MOST_NAME_BYTES:
            raise self._damage(f"the name at byte {at:,} has {size:,} bytes")
        data = self._read(at, size)
        if kind == b"L":
            return data.rstrip(b"\0").decode("utf-8", "surrogateescape")
        found, start, end = "", 0, len(data.rstrip(b"\0"))
        while start < end:
            blank = data.find(b" ", start, start + len(str(_MOST_NAME_BYTES)) + 1)
            digits = data[start : max(blank, start)]
            stop = start + int(digits) if digits.isdigit() else 0
            if not blank + 1 < stop <= len(data):
                raise self._damage(f"the PAX header at byte {at:,} cannot be read")
            key, _, value = data[blank + 1 : stop - 1].partition(b"=")
            if key == b"path":
                found = value.decode("utf-8", "surrogateescape")
            elif key == b"size" or key.startswith(b"GNU.sparse"):
                raise self._damage(f"the PAX header at byte {at:,} has {key!r}, which is not read here")
            start = stop
        return found

    def _short_name(self, head: bytes) -> str:
        name, prefix = head[_NAME].partition(b"\0")[0], b""
        if head[_MAGIC] == b"ustar" and head[262:263] != b" ":  # GNU's own form has other things there
            prefix = head[_PREFIX].partition(b"\0")[0]
        path = b"/".join([prefix, name] if prefix else [name])
        return path.decode("utf-8", "surrogateescape")

    def _check_name(self, name: str) -> None:
        path = PureWindowsPath(name)  # takes both kinds of slash
        if path.drive or path.root or ".." in path.parts or "\0" in name:
            raise UnsafeArchiveError(f"{self._tar} was refused: its member {name!r} points outside of it")

    def _read(self, at: int, count: int) -> bytes:
        data = os.pread(self._file, count, at)
        if len(data) < count:
            raise self._damage(f"it breaks off after {self._count:,} member{'s'[: self._count != 1]}")
        return data

    def _damage(self, why: str) -> SourceError:
        return SourceError(f"the tar {self._tar} is damaged: {why}; copy or download it again")


def _number(field: bytes) -> int:
    """Return a number of a header: octal digits, or binary as GNU tar writes large ones."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    return int(field.replace(b"\0", b" ").strip() or b"0", 8)
