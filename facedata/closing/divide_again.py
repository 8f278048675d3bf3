"""A finished set's crops divided anew, in memory that grows by some 150 bytes a crop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..config import SplitConfig
from ..errors import UsageError
from ..progress.folder import read_picture_hashes
from ..progress.ledger_rows import read_at
from ..sampling.divide import Crops, Division, divide_crops
from ..sampling.tables import read_crops
from ..sets.prepared import PreparedSet
from ..tables.blocks import iter_texts, regroup
from ..tables.people import person_codes
from ..tables.schema import CLASSES
from .copies import describe_copies, find_twins


def read_set_crops(prepared: PreparedSet) -> pa.Table:
    """Read the columns of the crops that dividing and drawing need."""
    prepared.table("classes", [])  # checks that the file is this set's
    return read_crops(prepared.path / "classes.parquet")


def divide_again(prepared: PreparedSet, config: SplitConfig) -> tuple[pa.Table, Division]:
    """Divide a set's crops as these options say; nobody keeps an earlier split.

    Returns:
        The crops of :func:`read_set_crops` with their new splits, and these with the labels.

    Raises:
        UsageError: the splits are to be official, and the source gave none.
    """
    official = prepared.table("photos", ["official_split"]).column(0)
    any_official = official.null_count < len(official)
    if config.split_by == "official" and not any_official:
        raise UsageError(
            "--split-by official: the source gave no photo a split; use --split-by identity or photo, or "
            "prepare the set with --split-from"
        )
    del official
    crops = read_set_crops(prepared)
    paths = crops.column("path")
    person, people = person_codes(crops.column("identity"))
    division = divide_crops(
        Crops(
            person,
            people,
            paths=lambda: iter_texts(paths),
            official=lambda: _official_splits(prepared, paths),
            any_official=any_official,
        ),
        config,
    )
    split = division.split_column().dictionary_encode()
    return crops.set_column(crops.schema.get_field_index("split"), "split", split), division


def _official_splits(prepared: PreparedSet, paths: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the official splits of the crops with these paths."""
    photos = prepared.table("photos", ["path", "official_split"])
    kept = photos.filter(pc.is_valid(photos.column("path")))
    if kept.column("path").equals(paths):  # both are in the records' order
        return kept.column("official_split")
    rows = pc.index_in(paths, value_set=kept.column("path").combine_chunks())
    return kept.column("official_split").take(rows)


def divided_classes(prepared: PreparedSet, division: Division) -> Iterator[pa.Table]:
    """Yield the set's classes with their new splits and labels, a row group at a time."""
    start = 0
    for block in regroup(prepared.blocks("classes")):
        span = slice(start, start + block.num_rows)
        for name, values in (
            ("split", division.split_column(span)),
            ("label", division.label_column(span)),
        ):
            block = block.set_column(block.schema.get_field_index(name), CLASSES.field(name), values)
        yield block
        start = span.stop


def count_copies_again(
    prepared: PreparedSet, paths: pa.ChunkedArray, split: NDArray[np.int16]
) -> dict[str, Any]:
    """Return the set's copies with those that are in two splits now; without these if they are not known.

    Args:
        prepared: the set.
        paths: of its crops.
        split: ``(n,)`` int16, each crop's split as a number, -1 for none.
    """
    copies = {**prepared.info["counts"]["copies"]}
    copies.pop("across_splits", None)
    hashes = read_picture_hashes(prepared.path, prepared.table("photos", ["record"]).column(0))
    path = prepared.table("photos", ["path"]).column(0)
    if hashes is not None and isinstance(prepared.path, Path) and path.drop_null().equals(paths):
        kept = np.flatnonzero(pc.is_valid(path).to_numpy())
        del path
        twins = find_twins(hashes[kept], split)
        rows = np.unique(twins)
        columns = ["record", "photo", "given_box"]
        named = read_at(prepared.path / "photos.parquet", columns, kept[rows])
        copies["across_splits"] = describe_copies(np.searchsorted(rows, twins), named)
    return copies
