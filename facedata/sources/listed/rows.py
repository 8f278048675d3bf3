"""A table's rows, after all checks that need no access to the photos."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError
from ...tables.blocks import BLOCK_ROWS, as_array, iter_texts, map_texts
from ...tables.text_hash import find_repeated, hash_texts
from ...types import Int64Array
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
        identities: the people; all null where the photo's folder names the person.
        roles: ``reference``, or null.
        splits: the official splits, or null.
        meta: the other columns, named ``meta_…``.
    """

    cells: Cells
    columns: Columns
    paths: pa.ChunkedArray
    identities: pa.ChunkedArray
    roles: pa.ChunkedArray
    splits: pa.ChunkedArray
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
        paths, roles = cells.text_column(columns.path), cells.text_column("role", strip=True)
        splits = cells.text_column("split", strip=not keep_names)
        if columns.identity is None:
            identities = pa.chunked_array([pa.nulls(len(cells.lines), pa.string())])
        else:
            identities = cells.text_column(columns.identity, strip=not keep_names)
        if not cells.has_header and _are_labels(identities):
            identities = map_texts(identities, lambda name: name and name.partition(".")[0])
        _refuse_wrong_rows(cells, paths, roles)
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

    def records(self, photos: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the rows' keys: the photo, or ``photo#n`` where it has several rows.

        Raises:
            SourceError: another photo already has such a name.
        """
        hashes = hash_texts(photos)
        again = find_repeated(hashes)  # nearly always all rows of the photos that have several
        shared = as_array(photos.take(pa.array(again)))
        face, rows = _number_faces(shared)
        again, face, shared = again[rows > 1], face[rows > 1], shared.filter(pa.array(rows > 1))
        if not len(again):
            return photos
        names = pc.binary_join_element_wise(shared, pa.array(face).cast(pa.string()), "#")
        maybe = photos.filter(pa.array(np.isin(hashes, hash_texts(names))))
        taken = pc.is_in(names, value_set=as_array(maybe))
        if (at := pc.index(taken, True).as_py()) >= 0:
            photo, name = shared[at].as_py(), names[at].as_py()
            self.cells.fail(
                int(again[at]), f"face {face[at]} of {photo!r} would be called {name!r}, like another photo"
            )
        chunks = []
        for start in range(0, len(photos), BLOCK_ROWS):
            block = as_array(photos.slice(start, BLOCK_ROWS))
            first, last = np.searchsorted(again, [start, start + len(block)]).tolist()
            mask = np.zeros(len(block), np.bool_)
            mask[again[first:last] - start] = True
            chunks.append(pc.replace_with_mask(block, pa.array(mask), names[first:last]))
        return pa.chunked_array(chunks, pa.string())


def _number_faces(photos: pa.Array) -> tuple[Int64Array, Int64Array]:
    """Return of each row which row of its photo it is, from 1, and how many rows its photo has."""
    code = photos.dictionary_encode().indices.to_numpy()
    order = np.argsort(code, kind="stable")
    rows = np.bincount(code)
    face = np.empty(len(code), np.int64)
    face[order] = np.arange(len(code)) - np.repeat(np.cumsum(rows) - rows, rows) + 1
    return face, rows[code]


def _are_labels(identities: pa.ChunkedArray) -> bool:
    """Return whether all people are MXNet's labels, such as ``7.0``."""
    return all(re.fullmatch(r"\d+\.0+", name or "") for name in iter_texts(identities))


def _refuse_wrong_rows(cells: Cells, paths: pa.ChunkedArray, roles: pa.ChunkedArray) -> None:
    for index, (path, role) in enumerate(zip(iter_texts(paths), iter_texts(roles), strict=True)):
        if path is None:
            cells.fail(index, "the path is empty")
        if role not in (None, "reference"):
            cells.fail(index, f"the role is {role!r}; it takes reference, or nothing")
