"""The bytes of check/corrections.csv, as spreadsheets open and keep them.

UTF-8 with a byte-order mark, by which Excel knows the encoding; LibreOffice, Numbers and pandas take it too.
Commas, lines that end in a line feed. A cell that a spreadsheet would run or rewrite (``=1+1``, ``007``) gets
an apostrophe in front, which reading takes off again; see :mod:`facedata.files.spreadsheet`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..files.spreadsheet import protect_cell
from ..plan.corrections_file import COLUMNS
from ..sources.table_file import SURPLUS, read_cells
from .proposals import ProposedLine, is_own

CORRECTIONS_CSV = "corrections.csv"

_QUOTED = re.compile(r'[,;|"\s]')
"""In such a cell is a separator, or a blank that a reader might take off."""


def render_lines(lines: Iterable[ProposedLine]) -> bytes:
    """Return the file's bytes: a header, then a line each."""
    rows: list[Sequence[str]] = [COLUMNS]
    for line in lines:
        cells = map(protect_cell, line)
        rows.append(['"' + c.replace('"', '""') + '"' if _QUOTED.search(c) else c for c in cells])
    return "".join(",".join(row) + "\n" for row in rows).encode("utf-8-sig")


def files_to_write(
    folder: Path, before: Sequence[ProposedLine], lines: Sequence[ProposedLine]
) -> dict[str, bytes]:
    """Return names and contents of the files that put other lines into a folder's corrections.csv.

    A file with lines of the user's stays as it is, in whatever form, if no line comes or goes. If it has to
    be written, and more is in it than its lines (other columns, another encoding), a copy is kept.

    Args:
        folder: the check's.
        before: the lines of the file that is there; empty if there is none.
        lines: those that it is to have.
    """
    file, is_edited = folder / CORRECTIONS_CSV, not all(map(is_own, before))
    if is_edited and lines == before:
        return {}
    files = {CORRECTIONS_CSV: render_lines(lines)}
    if before and (content := file.read_bytes()) != render_lines(before):
        names = {name.strip().lower() for name in read_cells(file, loose=True).columns.column_names}
        if is_edited or not names <= {*COLUMNS, SURPLUS, ""}:
            files[f"corrections-{hashlib.sha256(content).hexdigest()[:8]}.csv"] = content
    return files
