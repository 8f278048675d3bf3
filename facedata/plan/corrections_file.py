"""Files of corrections, as spreadsheets write them: a header, then a line for each thing to correct."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from ..errors import CorrectionsError, SourceError, UsageError
from ..files.spreadsheet import bare_cell
from ..options import nearest
from ..photos.listed_paths import listed_spellings
from ..photos.paths import photo_text
from ..sources.table_file import SURPLUS, Cells, read_cells
from ..tables.schema import CORRECTIONS
from ..tables.tombstones import Tombstones
from .correction_rules import Problem
from .corrections import Action, correct_file, place
from .corrections import CorrectionLine as CorrectionLine

logger = logging.getLogger(__name__)

COLUMNS = ("action", "photo", "identity", "to_identity", "note")
"""The columns of a file of corrections."""

_NEEDED = {
    Action.DROP: ("photo",),
    Action.MOVE: ("photo", "to_identity"),
    Action.MERGE: ("identity", "to_identity"),
    Action.DISTINCT: ("identity", "to_identity"),
    Action.KEEP: ("photo",),
}
"""The columns that a line of each action fills in."""

_UNUSED = {
    Action.DROP: ("to_identity",),
    Action.MOVE: (),
    Action.MERGE: ("photo",),
    Action.DISTINCT: ("photo",),
    Action.KEEP: ("to_identity",),
}
"""Those that it must leave empty; of a photo, ``identity`` may say whose it is now."""


def read_corrections(path: Path, number: int = 1) -> list[CorrectionLine]:
    """Read a file of corrections: CSV as any spreadsheet writes it, or whatever ``read_cells`` reads.

    The header's words may be in any order and case; other columns are not read. Names and paths are left as
    they are written, blanks and all.

    Args:
        path: the file.
        number: the file's number among those that are applied in turn, from 1.

    Raises:
        UsageError: it cannot be read.
        CorrectionsError: lines have no action or an unknown one, or lack what their action needs, or say more
            than it takes; it names all of them.
    """
    lines, problems = _read(path, number)
    if problems:
        raise CorrectionsError([place(_name(path), *problem) for problem in problems])
    return lines


def correct_from_files(
    records: pa.Table, paths: Sequence[str | Path], first: int = 1, tombstones: Tombstones | None = None
) -> tuple[pa.Table, pa.Table]:
    """Apply files of corrections in turn; see :func:`.corrections.correct_records`.

    Lines about people who were forgotten play no part where they name nobody any more.

    Args:
        records: as it takes them.
        paths: the files.
        first: the number of the first one: one more than how many were applied to the records before.
        tombstones: who was forgotten.

    Raises:
        UsageError: a file cannot be read.
        CorrectionsError: lines of a file cannot be understood or applied; it names all of them, and those of
            later files that cannot be understood.
    """
    files = [(Path(path), *_read(Path(path), number)) for number, path in enumerate(paths, first)]
    tables, wrong = [CORRECTIONS.empty_table()], list[str]()
    for path, lines, problems in files:
        if wrong:  # what these would be applied to is not known
            wrong += [place(_name(path), *problem) for problem in problems]
            continue
        try:
            try:
                records, table = correct_file(records, lines, _name(path), problems)
            except CorrectionsError:
                others = [line for line in lines if not _is_forgotten(line, tombstones)]
                if len(others) == len(lines):
                    raise
                records, table = correct_file(records, others, _name(path), problems)
            tables.append(table)
        except CorrectionsError as error:
            wrong += error.lines
    if wrong:
        raise CorrectionsError(wrong)
    return records, pa.concat_tables(tables)


def _is_forgotten(line: CorrectionLine, tombstones: Tombstones | None) -> bool:
    """Return whether a line is about somebody, or a photo of somebody, who was forgotten."""
    if not tombstones:
        return False
    names = [name for text in (line.identity, line.to_identity) if text for name in (text, text.strip())]
    paths = listed_spellings(line.photo) if line.photo else ()
    return any(map(tombstones.has_person, names)) or any(map(tombstones.has_path, paths))


def _name(path: Path) -> str:
    return photo_text(str(path))


def _read(path: Path, number: int) -> tuple[list[CorrectionLine], list[Problem]]:
    """Read a file's lines, and what is wrong with others."""
    try:
        cells = read_cells(path, loose=True)
    except SourceError as error:
        raise UsageError(f"corrections: {error}") from error
    columns, problems = _find_columns(cells)
    lines: list[CorrectionLine] = []
    for at, row in _rows(cells, columns):
        found, wrong = _understand(row, columns)
        if found is not None and not wrong:
            row = {**row, "note": row["note"] and row["note"].strip()}
            lines.append(CorrectionLine(number, at, found, *(row[name] for name in COLUMNS[1:])))
        problems += [(at, text) for text in wrong]
    return lines, problems


def _find_columns(cells: Cells) -> tuple[dict[str, str], list[Problem]]:
    """Return this file's names of our columns, and what is wrong with its header."""
    names = [name for name in cells.columns.column_names if name != SURPLUS]
    found: dict[str, str] = {}
    problems = []
    for name in names:
        plain = re.sub(r"[\W_]+", "_", name.strip().lower()).strip("_")
        if plain in found:
            problems.append((1, f"the columns {found[plain]!r} and {name!r} are both {plain}"))
        elif plain in COLUMNS:
            found[plain] = name
    others = [name for name in names if name not in found.values()]
    if "action" not in found:
        has = ", ".join(map(repr, names)) if cells.has_header and names else "no header"
        text = (
            f"there is no column action: the first line names the columns, {','.join(COLUMNS)}; it has {has}"
        )
        return {}, [(1, text)]
    if others:
        logger.info("%s: not read: %s", cells.name, ", ".join(map(repr, others)))
    return found, problems


def _rows(cells: Cells, columns: dict[str, str]) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Yield the line and the cells of each row that has any of ours."""
    if not columns:
        return
    empty: list[str | None] = [None] * len(cells.lines)
    names = (*COLUMNS, SURPLUS)
    own = {**columns, SURPLUS: SURPLUS}
    texts = [
        cells.texts(own[name]) if own.get(name) in cells.columns.column_names else empty for name in names
    ]
    for line, *row in zip(cells.lines, *texts, strict=True):
        if any(row):
            yield line, {name: text and bare_cell(text) for name, text in zip(names, row, strict=True)}


def _understand(row: dict[str, str | None], columns: dict[str, str]) -> tuple[Action | None, list[str]]:
    """Return what a row says to do, and what is wrong with it."""
    if surplus := row[SURPLUS]:
        text = f"has more fields than the header, {surplus!r}: a field that holds the separator needs quotes"
        return None, [text]
    word = (row["action"] or "").strip().lower()
    known = [action.value for action in Action]
    if word not in known:
        said = f"{word!r} is no action" if word else "has no action"
        return None, [f"{said}: write one of {', '.join(known)}{nearest(word, known) if word else ''}"]
    action = Action(word)
    wrong = []
    for name in _NEEDED[action]:
        if row[name] is None:
            missing = "" if name in columns else ", and the file has no such column"
            wrong.append(f"{word} needs {name}{missing}")
    wrong += [f"{word} takes no {name}, here {row[name]!r}" for name in _UNUSED[action] if row[name]]
    return action, wrong
