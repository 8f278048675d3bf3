"""The ledger rows of a set's crops, found by the crops' paths, whatever order they are in; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables.schema import PHOTOS
from ..tables.text_hash import hash_texts
from ..types import Int64Array

_NEEDED = ("record", "photo", "path")
_COLUMNS = (
    *_NEEDED, "width", "height", "turned_deg", "all_boxes", "all_scores", "score", "box", "landmarks",
    "tilt_deg", "matrix",
)  # fmt: skip
"""What a check needs of a crop's ledger row."""


def find_ledger_rows(classes: pa.Table, ledger: Iterable[pa.Table]) -> Iterator[tuple[Int64Array, pa.Table]]:
    """Yield row numbers of the classes, ascending in each piece, with their ledger rows.

    Args:
        classes: the crops, with ``path``.
        ledger: in pieces; one that is damaged may lack columns. Rows without a crop are passed over.

    Yields:
        Every row of the classes once: last those that the ledger does not have, with rows of nulls.
    """
    keys = hash_texts(classes.column("path"))
    order = np.argsort(keys, kind="stable")
    ranked, is_open = keys[order], np.ones(len(keys), np.bool_)
    for block in ledger if len(keys) else ():
        types = {field.name: field.type for field in block.schema}
        if any(types.get(name) != pa.string() for name in _NEEDED):
            continue
        rows = block.select([name for name in _COLUMNS if name in types])
        rows = rows.filter(pc.is_valid(rows.column("path")))
        mine = hash_texts(rows.column("path"))
        place = np.minimum(np.searchsorted(ranked, mine), len(ranked) - 1)
        is_crop = (ranked[place] == mine) & is_open[order[place]]
        at, first = np.unique(np.where(is_crop, order[place], -1), return_index=True)
        is_open[at[at >= 0]] = False
        yield at[at >= 0], rows.take(pa.array(first[at >= 0]))
    at = np.flatnonzero(is_open)
    yield at, pa.table({name: pa.nulls(len(at), PHOTOS.field(name).type) for name in _COLUMNS})
