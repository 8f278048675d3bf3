"""A file that lists pairs of photos: LFW's format, or a table of two photos and a label.

``left`` and ``right`` come out as the file writes them; :mod:`.own_pairs` finds the crops that they mean.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NoReturn

import pyarrow as pa

from ..errors import SourceError
from ..files.remote import Location
from ..photos.paths import photo_text
from ..sources.table_file import check_names, read_cells
from ..sources.text_lists import read_lines

PAIR_FILE = pa.schema(
    [
        pa.field("left", pa.string(), nullable=False),
        pa.field("right", pa.string(), nullable=False),
        pa.field("same", pa.bool_(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("fold", pa.int32()),
    ]
)
"""The columns of :attr:`PairFile.table`."""

_TRUE = "1|1.0|true|t|yes|y|same|match|matched|genuine|positive|pos"
_FALSE = (
    "0|0.0|-1|-1.0|false|f|no|n|different|diff|mismatch|mismatched|nonmatch|non-match|impostor|imposter|"
    "negative|neg"
)
_LABELS = dict.fromkeys(_TRUE.split("|"), True) | dict.fromkeys(_FALSE.split("|"), False)

# columns are named in small letters, without blanks, - and _; paths are looked for first, ids last
_NOUNS = (
    "path|imagepath|imgpath|filepath|photopath|photo|image|img|file|filename|picture|pic|face|crop|sample|"
    "record|p||id"
)
_SIDES = "left right|first second|a b|1 2|0 1|one two|reference probe"
_OTHERS = {
    "same": "same|issame|label|match|ismatch|matched|target|genuine|isgenuine|sameperson|issameperson|"
    "sameidentity|groundtruth|gt|y|class",
    "split": "split|subset|splittype|set",
    "fold": "fold|foldid|cv",
}
_NUMBER = re.compile("[0-9]+")
_TABLES = (b"PAR1", b"ARROW1", b"FEA1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"{", b"[")
"""What files of Parquet, Feather, Excel and JSON begin with."""


@dataclass(frozen=True, eq=False)
class PairFile:
    """The pairs that a file lists.

    Attributes:
        path: the file, for messages.
        table: the pairs in the file's order, as in :data:`PAIR_FILE`. ``left`` and ``right`` are paths of
            photos or crops, or ids, as written; of LFW's ``name 7`` they are ``name/name_0007``. ``split``
            is null where the file names none, ``fold`` where it has none (else 0-based).
        lines: ``(n,)`` where each pair is, for messages, from 1.
        unit: what ``lines`` counts, ``line`` or ``row``.
        notes: what the user should know, a sentence each.
    """

    path: Location
    table: pa.Table
    lines: Sequence[int]
    unit: str
    notes: tuple[str, ...] = ()

    def fail(self, index: int, what: str) -> NoReturn:
        """Raise a SourceError that names the file and the line of pair ``index``."""
        raise SourceError(f"{photo_text(str(self.path))}, {self.unit} {self.lines[index]}: {what}")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of text cells, and where each one is."""

    path: Path
    cells: Sequence[Sequence[str]]
    lines: Sequence[int]
    unit: str = "line"

    def fail(self, index: int, what: str) -> NoReturn:
        raise SourceError(f"{photo_text(str(self.path))}, {self.unit} {self.lines[index]}: {what}")

    def pairs(self, columns: Mapping[str, Sequence[str | None]], notes: tuple[str, ...] = ()) -> PairFile:
        """Return the pairs, from the columns left, right and same, and split and fold where there are some.

        Raises:
            SourceError: a cell is empty, or no label.
        """
        left, right, texts = columns["left"], columns["right"], columns["same"]
        same = [_LABELS.get((text or "").lower()) for text in texts]
        for index, cells in enumerate(zip(left, right, same, strict=True)):
            if not cells[0] or not cells[1]:
                self.fail(index, "one of its two photos is missing")
            if cells[2] is None:
                label = repr(texts[index]) if texts[index] else "an empty cell"
                self.fail(index, f"{label} does not say whether the two photos show one person: write 1 or 0")
        nothing = [None] * len(same)
        folds = columns.get("fold", nothing)
        named = {fold for fold in folds if fold}
        whole = all(map(_NUMBER.fullmatch, named))
        order = {fold: at for at, fold in enumerate(sorted(named, key=int if whole else None))}
        numbers = [order.get(fold or "") for fold in folds]
        table = pa.table([left, right, same, columns.get("split", nothing), numbers], schema=PAIR_FILE)
        return PairFile(self.path, table, self.lines, self.unit, notes)


def read_pair_file(path: Path) -> PairFile:
    """Read pairs of photos; there need not be as many of one person as of two.

    These are read:

    - LFW's format: ``name n m`` (two photos of one person) and ``name n other m``, with tabs, blanks or
      commas between them; the line of counts at the start may be absent, and ``10 300`` there makes ten folds
    - a table with a header, CSV or Parquet: two columns such as left and right, path1 and path2, image_a and
      image_b; a label such as same or label (1 or 0, true or false, same or different …); and, if there are
      such columns, split and fold
    - the two photos and the label in a text without header, the label last or first

    Raises:
        SourceError: the file cannot be read, has no pair, or is in no such form; with the line.
    """
    name = photo_text(str(path))
    try:
        with path.open("rb") as file:
            is_table = file.read(6).lstrip().startswith(_TABLES) or path.suffix.lower() == ".parquet"
    except OSError as error:
        raise SourceError(f"cannot read the pairs {name}: {error.strerror or error}") from error
    if is_table:
        table = read_cells(path)
        columns = {column: table.texts(column) for column in table.columns.column_names}
        return _read_columns(_Rows(path, [], table.lines, table.unit), columns)
    lines = [
        (number, split_fields(line))
        for number, line in read_lines(name, path.read_bytes)
        if line.strip(" \t,;") and not re.match(r'# |"?sep=.', line, re.IGNORECASE)
    ]
    header = lines[0][1] if lines else []
    rows = _Rows(path, [cells for _, cells in lines[1:]], [number for number, _ in lines[1:]])
    if _find_sides(header) and not {"0", "1", "-1"} & set(header):
        check_names(path, [column for column in header if column])
        for index, cells in enumerate(rows.cells):
            if len(cells) > len(header):
                rows.fail(index, f"{len(cells)} fields where the header has {len(header)}")
        padded = [[*cells, *[""] * len(header)] for cells in rows.cells]
        return _read_columns(rows, {column: [row[at] for row in padded] for at, column in enumerate(header)})
    counts = [int(field) for field in header] if all(map(_NUMBER.fullmatch, header)) else []
    if len(counts) > 2 or not (counts or any(field.lower().startswith("imagenum") for field in header)):
        counts, rows = [], _Rows(path, [cells for _, cells in lines], [number for number, _ in lines])
    if not rows.cells:
        raise SourceError(f"{name} lists no pair")
    return _read_cells(rows, counts)


def split_fields(line: str) -> list[str]:
    r"""Return a line's fields, without empty ones at the end; tabs, commas, semicolons or blanks divide them.

    >>> split_fields("Ben Lee\t1\t2"), split_fields("a/1.jpg, a/2.jpg, 1"), split_fields("Ben,1,4,")
    (['Ben Lee', '1', '2'], ['a/1.jpg', 'a/2.jpg', '1'], ['Ben', '1', '4'])
    """
    marks = [mark for mark in "\t,;" if line.count(mark) >= (1 if mark == "\t" else 2)]
    fields = next(csv.reader([line], delimiter=marks[0], skipinitialspace=True)) if marks else line.split()
    fields = [field.strip() for field in fields]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _find_sides(header: Sequence[str]) -> tuple[str, str] | None:
    """Return the names of the two columns with a pair's photos, paths before ids; None if there are none."""
    plain = {re.sub("[ _.-]", "", name.lower()): name for name in header}
    for noun in _NOUNS.split("|"):
        for one, two in (names.split() for names in _SIDES.split("|")):
            for left, right in ((noun + one, noun + two), (one + noun, two + noun)):
                if left in plain and right in plain and not plain.keys() <= {left, right}:
                    return plain[left], plain[right]
    return None


def _read_columns(rows: _Rows, columns: Mapping[str, Sequence[str | None]]) -> PairFile:
    """Read a table with a header."""
    name, listed = photo_text(str(rows.path)), ", ".join(columns)
    if (sides := _find_sides(list(columns))) is None:
        raise SourceError(
            f"{name} has no two columns with the photos of a pair, such as left and right, or path1 and "
            f"path2, beside a label; its columns are: {listed}"
        )
    plain = {re.sub("[ _.-]", "", column.lower()): column for column in columns}
    found = {
        column: columns[plain[other]]
        for column, names in _OTHERS.items()
        if (other := next((other for other in names.split("|") if other in plain), None))
    }
    if "same" not in found:
        raise SourceError(
            f"{name} has no column that says whether a pair shows one person, such as same or label; its "
            f"columns are: {listed}"
        )
    if not rows.lines:
        raise SourceError(f"{name} lists no pair")
    return rows.pairs({"left": columns[sides[0]], "right": columns[sides[1]], **found})


def _read_cells(rows: _Rows, counts: Sequence[int]) -> PairFile:
    """Read LFW's rows, or two photos and a label; ``counts`` are those of LFW's first line."""
    shapes = [
        len(cells) in (3, 4) and all(_NUMBER.fullmatch(cells[at]) for at in (1, len(cells) - 1))
        for cells in rows.cells
    ]
    ids = not counts and all(
        len(cells) == 3 and _NUMBER.fullmatch(cells[0]) and cells[2] in ("0", "1") for cells in rows.cells
    )
    if not ids and (counts or shapes[0]):
        if not all(shapes):
            rows.fail(shapes.index(False), "is not `name n m` or `name n other m`, as LFW's pairs are")
        people = [(cells[0], cells[0 if len(cells) == 3 else 2]) for cells in rows.cells]
        columns: dict[str, Sequence[str | None]] = {
            side: [
                f"{names[at]}/{names[at]}_{int(cells[1 if at == 0 else -1]):04d}"
                for names, cells in zip(people, rows.cells, strict=True)
            ]
            for at, side in enumerate(("left", "right"))
        }
        columns["same"] = ["1" if left == right else "0" for left, right in people]
        notes: tuple[str, ...] = ()
        if len(counts) == 2:
            columns["fold"], notes = find_folds(columns["same"], *counts)
        return rows.pairs(columns, notes)
    for index, cells in enumerate(rows.cells):
        if len(cells) != 3:
            rows.fail(
                index,
                f"{len(cells)} fields where a pair has 3, two photos and a label (1 or 0); names that hold "
                "blanks need tabs or commas between the fields",
            )
    first = all(cells[0].lower() in _LABELS for cells in rows.cells)
    label = 0 if first and not all(cells[2].lower() in _LABELS for cells in rows.cells) else 2
    left, right = (1, 2) if label == 0 else (0, 1)
    places = {"left": left, "right": right, "same": label}
    return rows.pairs({name: [cells[at] for cells in rows.cells] for name, at in places.items()})


def find_folds(same: Sequence[str | None], folds: int, each: int) -> tuple[list[str | None], tuple[str, ...]]:
    """Return the fold of each pair of LFW's View 2, and a note if it cannot be told, and no fold is given.

    A fold has ``each`` pairs of one person, then as many of two; where other numbers of them are left, it
    begins where pairs of one person do.

    >>> find_folds(["1", "0", "0", "1", "0"], folds=2, each=2)
    (['0', '0', '0', '1', '1'], ())
    """
    runs = [len(list(run)) for _, run in groupby(same)]
    if len(same) == 2 * each * folds:
        ends = [2 * each * (fold + 1) for fold in range(folds)]
    elif len(runs) == 2 * folds:
        ends = [sum(runs[: 2 * fold + 2]) for fold in range(folds)]
    else:
        note = (
            f"the first line says {folds} folds of {each} and {each} pairs, and there are {len(same):,}: the "
            "folds are left out"
        )
        return [None] * len(same), (note,)
    return [str(next(fold for fold, end in enumerate(ends) if at < end)) for at in range(len(same))], ()
