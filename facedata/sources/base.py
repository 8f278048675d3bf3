"""What a source is: something that lists its records and reads a photo's bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Protocol

import pyarrow as pa

PLAN = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("photo", pa.string(), nullable=False),
        pa.field("identity", pa.string()),
        pa.field("role", pa.string()),
        pa.field("official_split", pa.string()),
        pa.field("status", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("given_box", pa.list_(pa.float32(), 4)),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
    ]
)
"""Columns of a scan, one row per record; meta_* columns (any type) may follow.

``status`` is null for records to be detected; a source sets ``unsupported`` (video) or ``no_identity``.
``size`` (bytes) and ``mtime_ns`` tell a rerun whether the photo may have changed.
"""

IMAGE_ENDINGS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff", "gif"),
        *("heic", "heif", "avif", "ppm", "pgm", "pbm", "jp2"),
    )
)
VIDEO_ENDINGS = frozenset(
    f".{name}"
    for name in ("mp4", "m4v", "mov", "avi", "mkv", "webm", "wmv", "flv", "mpg", "mpeg", "3gp", "mts")
)
HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
AVIF_BRANDS = frozenset([b"avif", b"avis"])
"""What a photo has after ``ftyp``; any other brand is a video's."""


class PhotoReader(Protocol):
    """Reads a photo's bytes in a worker; must be picklable and hold no open file when pickled."""

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of the photo at this path below the source root.

        Raises:
            OSError: it cannot be read; the photo becomes an ``unreadable`` row.
        """
        ...


@dataclass(frozen=True)
class Scan:
    """What a source found.

    Attributes:
        photos: a table with the columns of :data:`PLAN` (and meta_*), in any order, records unique.
        reader: reads a photo's bytes.
        other_files: how many files are no photos.
        missing: photos the source lists but does not have, sorted (no rows are made for them).
        protocol: the official pairs (:data:`facedata.schema.PROTOCOL`), or None.
        notes: lines the user should read, such as a person who is in two roots.
    """

    photos: pa.Table
    reader: PhotoReader
    other_files: int = 0
    missing: Sequence[str] = ()
    protocol: pa.Table | None = None
    notes: Sequence[str] = ()


class Source(Protocol):
    """A place photographs come from."""

    @property
    def kind(self) -> str:
        """``folder``, ``table``, ``celeba``, ``lfw`` or ``demo``."""
        ...

    @property
    def root(self) -> str:
        """What dataset.json names as the source: a path, or several as ``name=path``."""
        ...

    @property
    def face(self) -> str:
        """The face rule used where the user names none, such as ``largest``."""
        ...

    @property
    def search(self) -> str:
        """``photo``: faces are looked for everywhere, and a given box chooses; ``given_box``: only there."""
        ...

    def scan(self) -> Scan:
        """List every record.

        Raises:
            SourceError: the source is missing, empty or malformed (with the line number).
        """
        ...


_BLOCK_ROWS = 65_536
"""Records kept as Python objects at a time; they take ten times the memory of Arrow's."""


@dataclass
class PlanBuilder:
    """Collects records row by row and makes the scan's table of them.

    >>> plan = PlanBuilder()
    >>> plan.add("anna/1.jpg", identity="anna", size=10, mtime_ns=5)
    >>> plan.table().column("record").to_pylist()
    ['anna/1.jpg']
    """

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in PLAN.names})
    blocks: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, photo: str, *, size: int, mtime_ns: int, record: str | None = None, **values: Any) -> None:
        """Add one record; ``values`` are identity, role, official_split, status, reason, given_box."""
        row = {"record": record or photo, "photo": photo, "size": size, "mtime_ns": mtime_ns, **values}
        for name, column in self.columns.items():
            column.append(row.get(name))
        if len(self.columns["record"]) == _BLOCK_ROWS:
            self.blocks.append(self._block())
            for column in self.columns.values():
                column.clear()

    def __len__(self) -> int:
        return len(self.blocks) * _BLOCK_ROWS + len(self.columns["record"])

    def table(self, meta: Mapping[str, Sequence[Any]] | None = None) -> pa.Table:
        """Return the table; ``meta`` holds further columns (named ``meta_…``), one value per record."""
        table = pa.Table.from_batches([*self.blocks, self._block()], schema=PLAN)
        for name, values in (meta or {}).items():
            table = table.append_column(name, pa.array(values))
        return table

    def _block(self) -> pa.RecordBatch:
        arrays = {f.name: _array(self.columns[f.name], f.type) for f in PLAN}
        if arrays["photo"].equals(arrays["record"]):
            arrays["photo"] = arrays["record"]  # one copy of the longest texts
        return pa.record_batch([arrays[name] for name in PLAN.names], schema=PLAN)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    array = pa.array(values, kind)
    # nulls take memory like any value; those of full blocks are one and the same
    return _nulls(kind) if array.null_count == _BLOCK_ROWS else array


@lru_cache
def _nulls(kind: pa.DataType) -> pa.Array:
    return pa.nulls(_BLOCK_ROWS, kind)


def photo_text(path: str) -> str:
    r"""Return a path as text that UTF-8 can hold, losslessly; :func:`photo_path` takes it back.

    Bytes that are not UTF-8 (Python's surrogates) become ``\xNN``; a backslash that would read as such an
    escape becomes ``\x5c``. All other paths stay as they are.

    >>> photo_text("anna/caf\udce9.jpg")
    'anna/caf\\xe9.jpg'
    >>> photo_path(photo_text("a\\xff/caf\udce9.jpg")) == "a\\xff/caf\udce9.jpg"
    True
    """
    path = re.sub(r"\\(?=x[0-9a-f]{2})", r"\\x5c", path)
    return re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", path)


def photo_path(text: str) -> str:
    """Return the file-system path that :func:`photo_text` made into text."""
    if "\\x" not in text:
        return text
    raw = re.sub(
        rb"\\x([0-9a-f]{2})",
        lambda match: bytes([int(match[1], 16)]),
        text.encode("utf-8", "surrogateescape"),
    )
    return os.fsdecode(raw)


def ending(photo: str) -> str:
    """Return a path's ending in lower case, with its dot; empty when it has none."""
    return PurePosixPath(photo).suffix.lower()


def kind_of_file(photo: str, head: bytes) -> str:
    r"""Tell ``photo``, ``video`` or ``other`` by the ending, else by the file's first 16 bytes.

    Args:
        photo: the path; only its ending is looked at.
        head: the first 16 bytes, or fewer; may be empty when the ending already tells.

    >>> kind_of_file("x.JPG", b""), kind_of_file("x", b"\xff\xd8\xff\xe0"), kind_of_file("a.txt", b"hi")
    ('photo', 'photo', 'other')
    """
    found = ending(photo)
    if found in IMAGE_ENDINGS:
        return "photo"
    if found in VIDEO_ENDINGS:
        return "video"
    return _kind_by_magic(head)


_IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")


def _kind_by_magic(head: bytes) -> str:
    if head.startswith(_IMAGE_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "photo"
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":  # BMP's reserved bytes are zero
        return "photo"
    if head[4:8] == b"ftyp":
        return "photo" if head[8:12] in HEIF_BRANDS | AVIF_BRANDS else "video"
    if head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "video"
    return "other"
