"""A table's rows, after all checks that need no access to the photos."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ...errors import SourceError
from ..table_file import Cells, check_names
from .box_formats import FORMS
from .boxes import BoxColumns
from .columns import Columns, find_columns


@dataclass(frozen=True)
class TableRows:
    """What a table says of each of its rows.

    Attributes:
        cells: the table.
        columns: which column is which.
        paths: each row's photo, as it is written.
        identities: the people; all None where the photo's folder names the person.
        roles: ``reference``, or None.
        splits: the official splits, or None.
        meta: the other columns, named ``meta_…``.
    """

    cells: Cells
    columns: Columns
    paths: list[str]
    identities: list[str | None]
    roles: list[str | None]
    splits: list[str | None]
    meta: pa.Table

    @classmethod
    def check(cls, cells: Cells, keep_names: bool = False) -> TableRows:
        """Check every row.

        Args:
            cells: the table.
            keep_names: leave blanks at the ends of people's and splits' names.

        Raises:
            SourceError: a required column is missing, or a row is wrong; it names the first one.
        """
        columns = find_columns(cells)
        if not cells.lines:
            raise SourceError(f"{cells.name} lists no photos: it has no rows")
        nobody: list[str | None] = [None] * len(cells.lines)
        identities = cells.texts(columns.identity) if columns.identity else nobody
        splits, roles = cells.texts("split"), _strip(cells.texts("role"))
        if not keep_names:
            identities, splits = _strip(identities), _strip(splits)
        if not cells.has_header and all(re.fullmatch(r"\d+\.0+", name or "") for name in identities):
            identities = [name and name.partition(".")[0] for name in identities]  # MXNet's labels
        paths = []
        for index, (path, role) in enumerate(zip(cells.texts(columns.path), roles, strict=True)):
            if path is None:
                cells.fail(index, "the path is empty")
            if role not in (None, "reference"):
                cells.fail(index, f"the role is {role!r}; it takes reference, or nothing")
            paths.append(path)
        ours = {columns.path, columns.identity, *columns.box.names}
        ours |= {cells.name_of(name) for name in ("role", "split", "box")}
        others = [name for name in cells.columns.column_names if name not in ours]
        others = others if cells.has_header else []
        meta = [name if name.startswith("meta_") else f"meta_{name}" for name in others]
        check_names(cells.path, meta)
        table = cells.columns.select(others).rename_columns(meta)
        return cls(cells, columns, paths, identities, roles, splits, table)

    def box_notes(self, box_format: str | None) -> Iterator[str]:
        """Yield what was understood of the boxes, unless they are as our own column holds them."""
        box: BoxColumns = self.columns.box
        if box_format and (box.names not in (("box",), ("bbox",)) or box_format != "xyxy"):
            s = "s" if len(box.names) > 1 else ""
            is_object = len(box.names) == 1 and box.form is not None
            form = (
                FORMS[box_format].replace("x0 y0 x1 y1", "named numbers") if is_object else FORMS[box_format]
            )
            yield f"boxes: column{s} {', '.join(box.names)}, {form}"
        if box.unused:
            s, verb = (
                ("s", "look like boxes and are") if len(box.unused) > 1 else ("", "looks like a box and is")
            )
            instead = (
                f"the boxes are those of {', '.join(box.names)}"
                if box.names
                else "boxes are read from column box, x0 y0 x1 y1"
            )
            yield f"column{s} {', '.join(box.unused)} {verb} not used; {instead}"

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
                    index, f"face {seen[photo]} of {photo!r} would be called {record!r}, like another photo"
                )
            records.append(record)
        return records


def _strip(values: Sequence[str | None]) -> list[str | None]:
    return [value and value.strip() for value in values]
