"""What lies in an SQLite file, whose texts stand beside each other with nothing between them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import pyarrow as pa

from .parts import Blob, NotSearchedError
from .texts import as_text
from .values import Column, first_line

MAGIC = b"SQLite format 3\0"
"""The first bytes of such a file."""

_MOST_BYTES, _ROWS = 256 << 20, 4096


def read_sqlite(blob: Blob, lengths: list[int]) -> Iterator[Column]:
    """Yield the columns of all tables of an SQLite file, texts as texts and others as bytes.

    Args:
        blob: the file.
        lengths: not used.

    Raises:
        NotSearchedError: it is damaged, or too large to be read in memory.
    """
    if blob.size > _MOST_BYTES:
        raise NotSearchedError(f"an SQLite file of more than {_MOST_BYTES >> 20} MB: name its tables' dump")
    with contextlib.closing(sqlite3.connect(":memory:")) as base:
        load = getattr(base, "deserialize", None)
        if load is None:  # Python 3.10
            raise NotSearchedError("the tables of an SQLite file are read from Python 3.11 on")
        try:
            load(blob.read(0, blob.size))
            base.text_factory = bytes
            listed = "select name from sqlite_master where type = 'table' and sql not like 'create virtual%'"
            for (name,) in base.execute(listed).fetchall():
                table = name.decode("utf-8", "replace")
                rows = base.execute('select * from "' + table.replace('"', '""') + '"')
                columns, at = [column[0] for column in rows.description], 0
                while block := rows.fetchmany(_ROWS):
                    for number, column in enumerate(columns):
                        values = [row[number] if isinstance(row[number], bytes) else b"" for row in block]
                        yield from _texts_or_bytes(values, f"table {table}, column {column}", at)
                    at += len(block)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise NotSearchedError(f"it is no readable SQLite file: {first_line(error)}") from error


def _texts_or_bytes(values: list[bytes], place: str, row: int) -> Iterator[Column]:
    """Yield values that are texts as texts, and the others as bytes; in the places of others is nothing."""
    texts, others = [b""] * len(values), [b""] * len(values)
    for number, value in enumerate(values):
        (others if as_text(value) is None else texts)[number] = value
    for kind, some in ((pa.large_string(), texts), (pa.large_binary(), others)):
        if any(some):
            some = some if kind == pa.large_binary() else [one.decode("utf-8", "replace") for one in some]  # type: ignore[misc]
            yield Column(place, row, pa.array(some, kind))
