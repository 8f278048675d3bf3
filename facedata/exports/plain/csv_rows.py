"""The rows of an export as CSV: of crops, photos, pairs and triplets."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ...store.base import CROPS
from ...tables.schema import KINDS
from ..base import Export
from .csv_cells import spread_lists
from .ledger_rows import ledger_with_splits, pair_rows

_OF_PHOTO = ("box", "landmarks", "tilt_deg", "score", "width", "height", "turned_deg")
_PATHS = {
    "pairs": ("left_path", "right_path"),
    "triplets": ("anchor_path", "positive_path", "negative_path"),
}


def crop_rows(export: Export) -> Iterator[pa.Table]:
    """Yield a row per crop of the exported splits, with the face in its photo.

    Raises:
        OtherSetError: the set's tables do not fit each other.
    """
    for crops, photos in pair_rows(export):
        columns = {
            "path": pc.binary_join_element_wise(CROPS, crops.column("path"), "/"),
            **{name: crops.column(name) for name in ("identity", "label", "split", "role", "id", "photo")},
            **{name: photos.column(name) for name in _OF_PHOTO},
            "sha256": crops.column("crop_sha256"),
            "bytes": crops.column("length"),
            **{name: photos.column(name) for name in photos.column_names if name.startswith("meta_")},
        }
        # a table's boxes are those of the photos that its paths name, and here the paths are the crops'
        rows = spread_lists(pa.table(columns))
        names = [
            name.replace("box_", "photo_") if name[:-1] in ("box_x", "box_y") else name
            for name in rows.column_names
        ]
        yield rows.rename_columns(names)


def photo_rows(export: Export) -> Iterator[pa.Table]:
    """Yield the ledger, so that its ``path`` is the photo's, as in a table of photos.

    Raises:
        OtherSetError: the set's tables do not fit each other.
    """
    for photos in ledger_with_splits(export):
        is_kept = pc.is_valid(photos.column("path"))
        path = pc.binary_join_element_wise(CROPS, photos.column("path"), "/")
        columns = {name: photos.column(name) for name in photos.column_names if name not in ("photo", "path")}
        record = columns.pop("record")
        yield pa.table(
            {
                "path": photos.column("photo"),
                **columns,
                "crop_file": pc.if_else(is_kept, path, pa.scalar(None, pa.string())),
                "record": record,
            }
        )


def drawn_rows(export: Export, kind: str) -> Iterator[pa.Table]:
    """Yield the pairs or triplets of the exported splits; first of all an empty table, for its columns."""
    yield _with_folders(KINDS[kind].empty_table(), kind)
    splits = pa.array(export.splits, pa.string())
    for block in export.prepared.blocks(kind):
        yield _with_folders(block.filter(pc.is_in(block.column("split").cast(pa.string()), splits)), kind)


def _with_folders(rows: pa.Table, kind: str) -> pa.Table:
    for name in _PATHS[kind]:
        at = rows.column_names.index(name)
        paths = rows.column(name).cast(pa.string())
        rows = rows.set_column(at, name, pc.binary_join_element_wise(CROPS, paths, "/"))
    return rows
