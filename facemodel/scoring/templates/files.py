"""The two files of templates: which photos they have, and which are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from facedata.errors import SourceError

_PHOTOS = ("photo", "template", "media")
"""IJB's order: ``1.jpg 1 69544``."""

_PAIRS = ("left_template", "right_template", "same")
_NAMES = {
    "photo": "photo path image image_name file filename record crop id",
    "template": "template template_id tid",
    "media": "media media_id mid sighting",
    "left_template": "left_template template1 template_1 left enroll_template_id t1",
    "right_template": "right_template template2 template_2 right verif_template_id t2",
    "same": "same label match is_same",
}
"""Headers, in small letters, that mean each column."""

_LABELS = {"1": True, "0": False, "true": True, "false": False, "1.0": True, "0.0": False}


def read_templates(path: Path) -> pa.Table:
    """Read which photos templates have: texts ``photo``, ``template`` and ``media`` (null if it has none).

    Raises:
        SourceError: the file cannot be read, or has no such columns.
    """
    return _read(path, _PHOTOS, optional=("media",))


def read_template_pairs(path: Path) -> pa.Table:
    """Read pairs of templates: the texts ``left_template`` and ``right_template``, and ``same``, bool.

    Raises:
        SourceError: the file cannot be read, has no such columns, or a label is not 1 or 0; with its row.
    """
    table = _read(path, _PAIRS)
    texts = pc.utf8_lower(table.column("same").cast(pa.string()))
    known = pc.index_in(texts, value_set=pa.array(_LABELS))
    if known.null_count:
        at = pc.index(pc.is_null(known), True).as_py()
        raise SourceError(
            f"{path}, pair {at + 1}: {texts[at].as_py()!r} does not say whether the two templates "
            "show one person: write 1 or 0"
        )
    return table.set_column(2, "same", pa.array(list(_LABELS.values())).take(known))


def _read(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """Read the columns as texts; by their names if there is a header, else in their order."""
    try:
        with path.open("rb") as file:
            first = file.readline().decode("utf-8-sig", "replace").strip()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    mark = next((one for one in ",\t;" if one in first), " ")
    cells = [cell.strip().strip('"').lower() for cell in first.split(mark)]
    found = {
        column: next((at for at, cell in enumerate(cells) if cell in _NAMES[column].split()), None)
        for column in columns
    }
    has_header = any(at is not None for at in found.values())
    if not has_header:
        found = dict.fromkeys(columns) | dict(zip(columns, range(len(cells)), strict=False))
    if lacks := [column for column, at in found.items() if at is None and column not in optional]:
        raise SourceError(
            f"{path} has no column {lacks[0]}: it needs {', '.join(columns)}, by these names or in this "
            f"order without a header; it begins {first[:80]!r}"
        )
    names = [f"c{at}" for at in range(len(cells))]
    try:
        table = csv.read_csv(
            path,
            csv.ReadOptions(column_names=names, skip_rows=int(has_header)),
            csv.ParseOptions(delimiter=mark),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid as error:
        raise SourceError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    if not table.num_rows:
        raise SourceError(f"{path} is empty")
    return pa.table(
        {
            column: pa.nulls(table.num_rows, pa.string()) if at is None else table.column(f"c{at}")
            for column, at in found.items()
        }
    )
