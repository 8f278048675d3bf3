"""A table's file, CSV or Parquet: its columns as they are, and the line of each row for messages."""

from __future__ import annotations

import csv
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..photos.paths import photo_text
from .text_lists import undecodable_line

OTHER_NAMES = {"path": "image_path", "identity": "person_name", "box": "bbox", "split": "split_type"}
"""Other systems' names for our columns; used if our own name is absent."""

_CHUNK_ROWS = 65_536
"""CSV rows in memory as Python text at a time."""


@dataclass(frozen=True)
class Cells:
    """The content of a table's file.

    Attributes:
        path: the file.
        columns: all columns; no two have the same name.
        lines: where each row starts, for messages: lines of a CSV file, rows of a Parquet file, from 1.
        unit: what ``lines`` counts, ``line`` or ``row``.
    """

    path: Path
    columns: pa.Table
    lines: Sequence[int]
    unit: str

    def fail(self, index: int, what: str) -> NoReturn:
        """Raise a SourceError that names the file and the line of row ``index``."""
        raise SourceError(f"{photo_text(str(self.path))}, {self.unit} {self.lines[index]}: {what}")

    def name_of(self, column: str) -> str | None:
        """Return this table's name for one of our columns; None if it has no such column."""
        present = set(self.columns.column_names)
        return next((name for name in (column, OTHER_NAMES.get(column)) if name in present), None)

    def texts(self, column: str) -> list[str | None]:
        """Return a column as text, with None for empty cells; all None when there is no such column."""
        name = self.name_of(column)
        if name is None:
            return [None] * len(self.lines)
        try:
            values = self.columns.column(name).cast(pa.string()).to_pylist()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{photo_text(str(self.path))}: the column {name} must hold text, "
                f"not {self.columns.schema.field(name).type}"
            ) from error
        return [value if value and value.strip() else None for value in values]


def read_cells(path: Path) -> Cells:
    """Read a whole table.

    Raises:
        SourceError: it is missing or malformed (with the line), or two columns have the same name.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1" and path.suffix.lower() != ".parquet":
                return _read_csv(path)
            columns = pq.ParquetFile(file).read()
    except OSError as error:
        raise SourceError(
            f"cannot read the table {photo_text(str(path))}: {error.strerror or error}"
        ) from error
    except pa.ArrowException as error:
        raise SourceError(f"{photo_text(str(path))} is not a complete Parquet file: {error}") from error
    check_names(path, columns.column_names)
    return Cells(path, columns, range(1, len(columns) + 1), "row")


def check_names(path: Path, names: Sequence[str]) -> None:
    """Check that no two columns have the same name.

    Raises:
        SourceError: two columns have the same name.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise SourceError(f"{photo_text(str(path))} has two columns {repeated[0]}; rename one of them")


def _read_csv(path: Path) -> Cells:
    lines = array("q")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _csv_rows(path, file, lines)
            names = [name.strip() for name in next(rows, [])]
            with_name = [at for at, name in enumerate(names) if name]
            check_names(path, [names[at] for at in with_name])
            schema = pa.schema([(names[at], pa.string()) for at in with_name])
            chunks = [schema.empty_table()]
            while chunk := list(islice(rows, _CHUNK_ROWS)):
                columns = list(zip(*chunk, strict=True))
                arrays = [pa.array(columns[at], pa.string()) for at in with_name]
                chunks.append(pa.table(arrays, schema=schema))
    except UnicodeDecodeError as error:  # decoding reads ahead, so search for the line
        number = undecodable_line(path.read_bytes())
        raise SourceError(
            f"{photo_text(str(path))}, line {number}: not UTF-8; save the table as UTF-8 "
            r"(in a path, a byte that is not UTF-8 is written \xNN)"
        ) from error
    return Cells(path, pa.concat_tables(chunks), lines[1:], "line")


def _csv_rows(path: Path, file: TextIO, lines: array[int]) -> Iterator[list[str]]:
    """Yield the header and the rows without blank lines; add the line each one starts on to ``lines``."""
    header = file.readline()
    file.seek(0)
    # whichever of comma, semicolon and tab divides the header into the most fields
    delimiter = max(",;\t", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    width, end = None, 0
    try:
        for row in reader:
            start, end = end + 1, reader.line_num
            if not row:
                continue
            width = width or len(row)
            if len(row) != width:
                raise SourceError(
                    f"{photo_text(str(path))}, line {start}: {len(row)} fields where the header has {width}"
                )
            lines.append(start)
            yield row
    except csv.Error as error:
        raise SourceError(f"{photo_text(str(path))}, line {end + 1}: {error}") from error
