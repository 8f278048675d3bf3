"""A table that lists photos: CSV or Parquet, one row per face, with path and identity."""

from __future__ import annotations

import csv
import errno
import math
import posixpath
import re
import stat
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple, NoReturn, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..photos.formats import kind_of_file
from ..photos.paths import photo_path, photo_text
from ..types import Status
from .base import PlanBuilder, Scan
from .folder import FolderReader, require_folder

Box = tuple[float, float, float, float]
"""x0 y0 x1 y1 in pixels of the full-size, EXIF-turned photo."""

OTHER_NAMES = {"path": "image_path", "identity": "person_name", "box": "bbox", "split": "split_type"}
"""What other systems call our columns; understood where our own name is absent."""

_CHUNK_ROWS = 65_536
"""CSV rows that lie in memory as Python text at once."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})


class TableSource:
    r"""Photos listed in a CSV or Parquet file.

    The columns ``path`` and ``identity`` are required; ``box`` (x0 y0 x1 y1), ``split`` and ``role``
    (``reference`` or nothing) are optional, and :data:`OTHER_NAMES` are understood too. Every other column
    passes through as ``meta_<name>``; columns without a name are left out. CSV is UTF-8 with ``,`` ``;`` or
    tab between its fields, and all its values stay text: ``007`` and ``NA`` are people.

    Paths are written as in the ledger: ``/`` between the parts, ``\xNN`` for a byte that is not UTF-8. A
    photo of several rows makes the records ``photo#1``, ``photo#2`` … in the table's order.

    Attributes:
        table: the file.
        folder: where relative paths start, and what no path may leave; by default the table's folder.
        root: what dataset.json names as the source: the table, or ``table=…,root=…`` where both were given.
    """

    kind = "table"
    face = "largest"

    def __init__(self, table: Path, root: Path | None = None) -> None:
        self.table = table
        self.folder = table.parent if root is None else root
        self.root = photo_text(str(table) if root is None else f"table={table},root={root}")

    @property
    def search(self) -> str:
        """``given_box`` if any row has a box, else ``photo``; reads the table the first time.

        Raises:
            SourceError: as :meth:`scan`.
        """
        return "given_box" if any(self._listing.boxes) else "photo"

    def scan(self) -> Scan:
        """List every row whose photo is on disk; the others' photos are ``missing``.

        Raises:
            SourceError: the table or the root is missing or malformed, a row is (with its line), a path
                leaves the root, or none of the photos is there.
        """
        require_folder(self.folder)
        listing = self._listing
        photos = listing.photos(self.folder)
        on_disk = {photo: _look(self.folder, photo) for photo in dict.fromkeys(photos)}
        plan = PlanBuilder()
        for index, (photo, record) in enumerate(zip(photos, listing.records(photos), strict=True)):
            if (found := on_disk[photo]) is not None:
                values = listing.values(index)
                plan.add(photo, record=record, size=found.size, mtime_ns=found.mtime_ns, **values)
        missing = sorted(photo for photo, found in on_disk.items() if found is None)
        if not len(plan):
            raise SourceError(
                f"none of the {len(missing)} photos that {photo_text(str(self.table))} lists is below "
                f"{photo_text(str(self.folder))} (the first is {missing[0]}); name their folder as the root"
            )
        photos_table = plan.table()
        kept = listing.meta.filter(pa.array([on_disk[photo] is not None for photo in photos]))
        for name in kept.column_names:
            photos_table = photos_table.append_column(name, kept.column(name))
        return Scan(photos_table, FolderReader({"": self.folder}), missing=missing)

    @cached_property
    def _listing(self) -> _Listing:
        return _Listing.of(_read(self.table))


class _OnDisk(NamedTuple):
    size: int
    mtime_ns: int


def _look(folder: Path, photo: str) -> _OnDisk | None:
    """Return a photo's size and time of change; None when there is no such file."""
    try:
        found = (folder / photo_path(photo)).stat()
    except OSError as error:
        # out of reach is not absent: it gets its row, and the reader's error is that row's reason
        return None if error.errno in _GONE else _OnDisk(0, 0)
    except ValueError:  # a NUL in the path, which no file's name can hold
        return None
    return _OnDisk(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


@dataclass(frozen=True)
class _Cells:
    """A table as its file has it.

    Attributes:
        path: the file.
        columns: all columns; no name twice.
        lines: where each row starts, for messages: lines of a CSV file, rows of a Parquet file, from 1.
        unit: what ``lines`` counts, ``line`` or ``row``.
    """

    path: Path
    columns: pa.Table
    lines: Sequence[int]
    unit: str

    def fail(self, index: int, what: str) -> NoReturn:
        """Raise a SourceError that says where in the file row ``index`` is."""
        raise SourceError(f"{photo_text(str(self.path))}, {self.unit} {self.lines[index]}: {what}")

    def name_of(self, column: str) -> str | None:
        """Return what this table calls one of our columns; None when it has none."""
        there = set(self.columns.column_names)
        return next((name for name in (column, OTHER_NAMES.get(column)) if name in there), None)

    def texts(self, column: str) -> list[str | None]:
        """Return a column as text, empty cells as None; all None when the column is not there."""
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


@dataclass(frozen=True)
class _Listing:
    """A table's rows, checked; what depends on the disk comes later."""

    cells: _Cells
    paths: list[str]
    identities: list[str | None]
    roles: list[str | None]
    splits: list[str | None]
    boxes: list[Box | None]
    meta: pa.Table

    @classmethod
    def of(cls, cells: _Cells) -> _Listing:
        """Check every row.

        Raises:
            SourceError: a required column is not there, or the first row that is wrong.
        """
        for column in ("path", "identity"):
            if cells.name_of(column) is None:
                raise SourceError(
                    f"{photo_text(str(cells.path))} has no column {column} (or {OTHER_NAMES[column]}); "
                    f"it has {', '.join(cells.columns.column_names) or 'none'}"
                )
        if not cells.lines:
            raise SourceError(f"{photo_text(str(cells.path))} lists no photos: it has no rows")
        ours = {cells.name_of(column) for column in ("path", "identity", "role", "split", "box")}
        return cls(
            cells=cells,
            paths=_paths(cells),
            identities=cells.texts("identity"),
            roles=_roles(cells),
            splits=cells.texts("split"),
            boxes=_boxes(cells),
            meta=_meta(cells, [name for name in cells.columns.column_names if name not in ours]),
        )

    def photos(self, folder: Path) -> list[str]:
        """Return every row's photo, a path below ``folder``.

        Raises:
            SourceError: a path leaves the folder.
        """
        # an absolute path may name the folder by way of symbolic links or without them
        tops = [
            posixpath.normpath(str(top)).rstrip("/") + "/" for top in (folder.absolute(), folder.resolve())
        ]
        photos = []
        for index, text in enumerate(self.paths):
            path = posixpath.normpath(photo_path(text))
            below = next((path[len(top) :] for top in tops if path.startswith(top)), path)
            if below == ".." or below.startswith(("/", "../")):
                self.cells.fail(
                    index,
                    f"the path {text!r} leaves the root {photo_text(str(folder))}; name a root above it",
                )
            photos.append(photo_text(below))
        return photos

    def records(self, photos: Sequence[str]) -> list[str]:
        """Return the rows' keys: the photo, or ``photo#n`` where it has several rows.

        Raises:
            SourceError: another photo already has such a name.
        """
        rows = Counter(photos)
        seen: Counter[str] = Counter()
        records = []
        for index, photo in enumerate(photos):
            seen[photo] += 1
            record = photo if rows[photo] == 1 else f"{photo}#{seen[photo]}"
            if record != photo and record in rows:
                self.cells.fail(
                    index, f"face {seen[photo]} of {photo!r} would be called {record!r}, as another photo is"
                )
            records.append(record)
        return records

    def values(self, index: int) -> dict[str, object]:
        """Return what a row says of its photo, for :meth:`PlanBuilder.add`."""
        status, reason = None, None
        if kind_of_file(self.paths[index], b"") == "video":
            status, reason = str(Status.UNSUPPORTED), "a video"
        elif self.identities[index] is None:
            status, reason = str(Status.NO_IDENTITY), "the table gives no identity"
        return {
            "identity": self.identities[index],
            "role": self.roles[index],
            "official_split": self.splits[index],
            "given_box": self.boxes[index],
            "status": status,
            "reason": reason,
        }


def _paths(cells: _Cells) -> list[str]:
    paths = []
    for index, path in enumerate(cells.texts("path")):
        if path is None:
            cells.fail(index, "the path is empty")
        paths.append(path)
    return paths


def _roles(cells: _Cells) -> list[str | None]:
    roles = cells.texts("role")
    for index, role in enumerate(roles):
        if role not in (None, "reference"):
            cells.fail(index, f"the role is {role!r}; it takes reference, or nothing")
    return roles


def _boxes(cells: _Cells) -> list[Box | None]:
    name = cells.name_of("box")
    if name is None:
        return [None] * len(cells.lines)
    boxes = []
    for index, value in enumerate(cells.columns.column(name).to_pylist()):
        try:
            boxes.append(parse_box(value))
        except ValueError as error:
            cells.fail(index, f"the box {value!r} {error}")
    return boxes


def parse_box(value: object) -> Box | None:
    """Return the box a cell holds: a list of numbers, or text such as ``[1,2,3,4]`` or ``1 2 3 4``.

    Args:
        value: x0 y0 x1 y1; None, blank text and an empty list mean that there is none.

    Raises:
        ValueError: not four finite numbers, or no width or height; its text goes on from "the box …".

    >>> parse_box("[10,20,110.5,140]"), parse_box(" ")
    ((10.0, 20.0, 110.5, 140.0), None)
    """
    parts: Sequence[object]
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        bare = text[1:-1] if re.fullmatch(r"\[.*\]|\(.*\)", text, re.DOTALL) else text
        parts = re.split(r"\s*,\s*|\s+", bare.strip()) if bare.strip() else []
    else:
        parts = list(value) if isinstance(value, (list, tuple)) else [value]
    if not parts:
        return None
    try:
        # rounded to float32 before the checks, as that is how the ledger holds it
        x0, y0, x1, y1 = array("f", (float(part) for part in parts))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is not four numbers x0 y0 x1 y1") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise ValueError("is not four finite numbers x0 y0 x1 y1")
    if x1 <= x0 or y1 <= y0:
        raise ValueError("has no width or no height; it takes x0 y0 x1 y1, not x y width height")
    return x0, y0, x1, y1


def _meta(cells: _Cells, names: Sequence[str]) -> pa.Table:
    renamed = [name if name.startswith("meta_") else f"meta_{name}" for name in names]
    _no_name_twice(cells.path, renamed)
    return cells.columns.select(list(names)).rename_columns(renamed)


def _no_name_twice(path: Path, names: Iterable[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise SourceError(f"{photo_text(str(path))} has two columns {twice[0]}; rename one of them")


def _read(path: Path) -> _Cells:
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1" or path.suffix.lower() == ".parquet"
        return _read_parquet(path) if is_parquet else _read_csv(path)
    except OSError as error:
        raise SourceError(
            f"cannot read the table {photo_text(str(path))}: {error.strerror or error}"
        ) from error


def _read_parquet(path: Path) -> _Cells:
    try:
        with path.open("rb") as file:
            columns = pq.ParquetFile(file).read()
    except pa.ArrowException as error:
        raise SourceError(f"{photo_text(str(path))} is no whole Parquet file: {error}") from error
    _no_name_twice(path, columns.column_names)
    return _Cells(path, columns, range(1, len(columns) + 1), "row")


def _read_csv(path: Path) -> _Cells:
    lines = array("q")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _csv_rows(path, file, lines)
            names = [name.strip() for name in next(rows, [])]
            named = [at for at, name in enumerate(names) if name]
            _no_name_twice(path, (names[at] for at in named))
            schema = pa.schema([(names[at], pa.string()) for at in named])
            chunks = [schema.empty_table()]
            while chunk := list(islice(rows, _CHUNK_ROWS)):
                columns = list(zip(*chunk, strict=True))
                chunks.append(pa.table([pa.array(columns[at], pa.string()) for at in named], schema=schema))
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{photo_text(str(path))}, line {_undecodable_line(path)}: not UTF-8; save the table as UTF-8 "
            r"(in a path, a byte that is not UTF-8 is written \xNN)"
        ) from error
    return _Cells(path, pa.concat_tables(chunks), lines[1:], "line")


def _csv_rows(path: Path, file: TextIO, lines: array[int]) -> Iterator[list[str]]:
    """Yield the header and the rows, blank lines left out; ``lines`` takes the line each one starts on."""
    delimiter = _delimiter(file.readline())
    file.seek(0)
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


def _delimiter(header: str) -> str:
    """Return which of comma, semicolon and tab divides the header most often."""
    return max(",;\t", key=lambda mark: len(next(csv.reader([header], delimiter=mark), [])))


def _undecodable_line(path: Path) -> int:
    """Return the first line that is not UTF-8; text decoding reads ahead and cannot tell."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0
