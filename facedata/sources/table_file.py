"""A table's file, of any common kind: its columns as they are, and the line of each row for messages."""

from __future__ import annotations

import csv
import json
import re
import warnings
import zipfile
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pyarrow as pa
import pyarrow.feather as feather

from ..errors import SourceError
from ..files.text import encoding_of, open_text
from ..photos.formats import IMAGE_ENDINGS, ending
from ..photos.paths import photo_text
from ..tables.blocks import iter_texts, map_texts
from ..tables.versions import open_parquet
from .text_lists import undecodable_line

OTHER_NAMES = {"path": "image_path", "identity": "person_name", "box": "bbox", "split": "split_type"}
"""Other systems' names for our columns; used if our own name is absent."""

_CHUNK_ROWS = 16_384
"""CSV rows in memory as Python text at a time."""

_MARKS = ",;\t|"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

SURPLUS = "(more)"
"""The column of what loosely read rows have beyond the header's columns."""

_SAVE_AS_CSV = "save the table as CSV (UTF-8) and name that file"


@dataclass(frozen=True)
class Cells:
    """The content of a table's file.

    Attributes:
        path: the file.
        columns: all columns; no two have the same name.
        lines: where each row starts, for messages: lines of a text file, rows of another, from 1.
        unit: what ``lines`` counts, ``line`` or ``row``.
        has_header: whether the file names its columns; if not, they are ``column 1``, ``column 2`` …
    """

    path: Path
    columns: pa.Table
    lines: Sequence[int]
    unit: str
    has_header: bool = True

    @property
    def name(self) -> str:
        """The file as messages name it."""
        return photo_text(str(self.path))

    def fail(self, index: int, what: str) -> NoReturn:
        """Raise a SourceError that names the file and the line of row ``index``."""
        raise SourceError(f"{self.name}, {self.unit} {self.lines[index]}: {what}")

    def name_of(self, column: str) -> str | None:
        """Return this table's name for one of our columns; None if it has no such column."""
        present = set(self.columns.column_names)
        return next((name for name in (column, OTHER_NAMES.get(column)) if name in present), None)

    def texts(self, column: str) -> list[str | None]:
        """Return a column as text, with None for empty cells; all None when there is no such column.

        Raises:
            SourceError: the column holds something else.
        """
        return list(iter_texts(self.text_column(column)))

    def text_column(self, column: str, strip: bool = False) -> pa.ChunkedArray:
        """Return what :meth:`texts` does, as Arrow's strings: a column of millions of rows.

        Args:
            column: our name for it.
            strip: leave blanks at the texts' ends out.

        Raises:
            SourceError: the column holds something else.
        """
        name = self.name_of(column)
        if name is None:
            return pa.chunked_array([pa.nulls(len(self.lines), pa.string())])
        try:
            values = self.columns.column(name).cast(pa.string())
            return map_texts(values, lambda text: _filled(text.strip() if strip and text else text))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
            raise SourceError(
                f"{self.name}: the column {name} must hold text, not {self.columns.schema.field(name).type}"
            ) from error


def _filled(text: str | None) -> str | None:
    return text if text and text.strip() else None


def read_cells(path: Path, loose: bool = False) -> Cells:
    """Read a whole table: CSV, a list without header, JSON, Parquet, Feather or xlsx.

    Text may be UTF-8 or UTF-16, and compressed by gzip, bzip2, xz or zstd.

    Args:
        path: the file.
        loose: for small tables that people edit: text that is not UTF-8 is taken as Windows-1252; rows of CSV
            may be shorter than the header, and what is beyond it is joined in the column :data:`SURPLUS`.

    Raises:
        SourceError: it is missing or malformed (with the line), of a kind that cannot be read (with what to
            do), or two columns have the same name.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
            file.seek(0)
            if head.startswith(b"PAR1") or path.suffix.lower() == ".parquet":
                columns = open_parquet(file).read()
            elif head.startswith((b"ARROW1", b"FEA1")):
                columns = feather.read_table(file)
            elif head.startswith(b"PK\x03\x04"):
                return _read_workbook(path)
            elif head == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
                raise SourceError(f"{photo_text(str(path))} is an old Excel file (.xls): {_SAVE_AS_CSV}")
            else:
                return _read_text(path, loose)
    except OSError as error:
        raise SourceError(
            f"cannot read the table {photo_text(str(path))}: {error.strerror or error}"
        ) from error
    except pa.ArrowException as error:
        kind = "Feather" if head.startswith((b"ARROW1", b"FEA1")) else "Parquet"
        raise SourceError(f"{photo_text(str(path))} is not a complete {kind} file: {error}") from error
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


def _read_text(path: Path, loose: bool, encoding: str | None = None) -> Cells:
    """Read CSV or JSON."""
    try:
        with open_text(path, encoding) as file:
            is_json = re.match(r"\s*(\{|\[\s*\{)", file.read(4096)) is not None
            file.seek(0)
            return _read_json(path, file.read()) if is_json else _read_csv(path, file, loose)
    except UnicodeDecodeError as error:  # decoding reads ahead, so search for the line
        if loose and encoding is None and encoding_of(path.read_bytes()) == "utf-8":
            return _read_text(path, loose, "cp1252")
        number = undecodable_line(path.read_bytes())
        raise SourceError(
            f"{photo_text(str(path))}, line {number}: not UTF-8; save the table as UTF-8 "
            r"(in a path, a byte that is not UTF-8 is written \xNN)"
        ) from error


def _read_csv(path: Path, file: TextIO, loose: bool) -> Cells:
    lines = array("q")
    rows = _text_rows(path, file, lines, loose)
    first = next(rows, [])
    has_header = not any(ending(field.strip()) in IMAGE_ENDINGS for field in first)
    names = [name.strip() if has_header else f"column {at + 1}" for at, name in enumerate(first)]
    with_name = [at for at, name in enumerate(names) if name]
    check_names(path, [names[at] for at in with_name])
    schema = pa.schema([(names[at], pa.string()) for at in with_name])
    chunks = [schema.empty_table()]
    chunk = [] if has_header else [first]
    while chunk := [*chunk, *islice(rows, _CHUNK_ROWS)]:
        columns = list(zip(*chunk, strict=True))
        chunks.append(pa.table([pa.array(columns[at], pa.string()) for at in with_name], schema=schema))
        chunk = []
    return Cells(path, pa.concat_tables(chunks), lines[has_header:], "line", has_header)


def _text_rows(path: Path, file: TextIO, lines: array[int], loose: bool) -> Iterator[list[str]]:
    """Yield the rows without blank lines, the header first; add the line each one starts on to ``lines``."""
    named, passed = None, 0
    header = _next_filled(file)
    if match := re.fullmatch(r'"?sep=(.)"?\s*', header, re.IGNORECASE):  # Excel's own first line
        named, passed, header = match[1], 1, _next_filled(file)
    file.seek(0)
    for _ in range(passed):
        file.readline()
    # whichever of comma, semicolon, tab and bar divides the header into the most fields
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in _MARKS}
    mark = named or max(_MARKS, key=counts.__getitem__)
    if not named and counts[mark] < 2 and len(header.split()) > 1:
        yield from _blank_rows(path, file, header, lines)
        return
    reader = csv.reader(file, delimiter=mark, strict=True, skipinitialspace=True)
    width, end = None, 0
    try:
        for row in reader:
            start, end = end + 1, reader.line_num
            if not any(map(str.strip, row)):  # Excel writes rows of marks alone
                continue
            if loose:
                while row and not row[-1].strip():
                    row.pop()
                width = width or len(row)
                surplus = mark.join(row[width:]) if lines else SURPLUS
                row = [*row[:width], *[""] * (width - len(row)), surplus]
            width = width or len(row)
            if len(row) != width and not loose:
                raise SourceError(
                    f"{photo_text(str(path))}, line {start + passed}: {len(row)} fields where the header has "
                    f"{width}; a field that holds {mark!r} itself needs double quotes around it"
                )
            lines.append(start + passed)
            yield row
    except csv.Error as error:
        words = {
            f"'{mark}' expected after '\"'": "a field goes on after its closing quote: in a field in quotes, "
            'write "" for a quote',
            "unexpected end of data": "a quote opens a field here, and none closes it",
        }
        said = words.get(str(error), str(error))
        raise SourceError(f"{photo_text(str(path))}, line {end + passed + 1}: {said}") from error


def _next_filled(file: TextIO) -> str:
    """Return the next line that has more than blanks and marks; empty at the end."""
    return next((line for line in iter(file.readline, "") if line.strip(' "\r\n' + _MARKS)), "")


def _blank_rows(path: Path, file: TextIO, header: str, lines: array[int]) -> Iterator[list[str]]:
    """Yield rows whose fields are divided by blanks, as :func:`_text_rows` does; a path may hold blanks.

    In a list, the fields before a photo are numbers, and the photo ends with an image ending.
    """
    words = header.split()
    photo = next((at for at, word in enumerate(words) if ending(word) in IMAGE_ENDINGS), None)
    before = 0 if photo is None else next(at for at, word in enumerate(words) if not _NUMBER.fullmatch(word))
    after = len(words) - 1 if photo is None else len(words) - photo - 1
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        start = line.strip().split(None, before)
        row = [*start[:before], *start[before].rsplit(None, after)] if len(start) > before else start
        if len(row) != before + 1 + after:
            raise SourceError(
                f"{photo_text(str(path))}, line {number}: {len(row)} fields where the first line has "
                f"{before + 1 + after}; names that hold blanks need commas or tabs between the fields"
            )
        lines.append(number)
        yield row


def _read_json(path: Path, text: str) -> Cells:
    """Read a list of objects, an object on each line, or an object of columns as pandas writes it.

    Values that are not text become their JSON.
    """
    name, first = photo_text(str(path)), text.strip().partition("\n")[0].rstrip()
    is_list = first.startswith("[") or not first.endswith("}")
    objects: list[Any] = []
    lines, number = array("q"), 0
    try:
        if is_list:
            whole = json.loads(text)
            objects = [whole] if isinstance(whole, dict) else whole
        for number, line in () if is_list else enumerate(text.split("\n"), 1):
            if line.strip():
                objects.append(json.loads(line))
                lines.append(number)
    except json.JSONDecodeError as error:
        number = error.lineno if is_list else number
        raise SourceError(f"{name}, line {number}: is not complete JSON: {error.msg}") from error
    if len(objects) == 1 and isinstance(objects[0], dict):
        columns = {
            key: dict(enumerate(one)) if isinstance(one, list) else one for key, one in objects[0].items()
        }
        rows = list(next(iter(columns.values()), ()))
        if all(isinstance(column, dict) and list(column) == rows for column in columns.values()):
            objects = [{key: column[row] for key, column in columns.items()} for row in rows]
            is_list = True
    if not all(isinstance(one, dict) for one in objects):
        raise SourceError(f'{name} is not a list of objects, one per face, as in [{{"path": "1.jpg", …}}, …]')
    names = dict.fromkeys(key for one in objects for key in one if key.strip())
    table = {key: pa.array([_as_text(one.get(key)) for one in objects], pa.string()) for key in names}
    numbers: Sequence[int] = range(1, len(objects) + 1) if is_list else lines
    return Cells(path, pa.table(table), numbers, "row" if is_list else "line")


def _read_workbook(path: Path) -> Cells:
    """Read the first sheet of an xlsx file."""
    name = photo_text(str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except zipfile.BadZipFile as error:
        raise SourceError(f"{name} is a damaged Excel file or zip: {error}") from error
    if "xl/workbook.xml" not in members:
        raise SourceError(
            f"{name} is a zip or another office file, not a table: unpack it, or {_SAVE_AS_CSV}"
        )
    try:
        import openpyxl
    except ImportError:
        raise SourceError(
            f"{name} is an Excel file: {_SAVE_AS_CSV}; or install the package openpyxl, which reads it"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and other things that no table needs
        with path.open("rb") as file:  # of a path, openpyxl would refuse some endings
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheet = book.worksheets[0]
            rows = [(number, [_as_text(cell) for cell in row]) for number, row in enumerate(sheet.values, 1)]
    rows = [(number, row) for number, row in rows if any(cell and cell.strip() for cell in row)]
    header = [(cell or "").strip() for cell in rows[0][1]] if rows else []
    with_name = [at for at, column in enumerate(header) if column]
    check_names(path, [header[at] for at in with_name])
    columns = {
        header[at]: pa.array([row[at] if at < len(row) else None for _, row in rows[1:]], pa.string())
        for at in with_name
    }
    return Cells(path, pa.table(columns), [number for number, _ in rows[1:]], "row")


def _as_text(value: Any) -> str | None:
    """Return a cell of JSON or Excel as a CSV file would have it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (date, time)):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str)
