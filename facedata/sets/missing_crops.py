"""Whether a set's tables and crops are where they should be, by the sizes of their files; no crop is read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import StoreError
from ..store.base import CROPS
from ..tables.parquet import read_blocks
from .prepared import PreparedSet


def refuse_missing(prepared: PreparedSet) -> None:
    """Check that a set has all its tables, and for each crop a file that is long enough.

    Raises:
        NotASetError: a table is missing, or cannot be read.
        OtherSetError: a table belongs to another set, or to another state of this one.
        StoreError: crops are missing or cut short; says how many, one of them, and what to do.
    """
    for kind in prepared.info["tables"]:
        prepared.table(kind, [])
    root = prepared.path
    if isinstance(root, Path):
        sizes: dict[str, int] = {}
    else:
        sizes = {f"{CROPS}/{name}": entry.size for name, entry in (root / CROPS).files().items()}
    missing, total, some = 0, 0, ""
    for crops in read_blocks(root / "classes.parquet", ["file", "offset", "length"]):
        files = crops.column("file").to_pylist()
        on_disk = np.empty(len(files), np.int64)
        for index, file in enumerate(files):
            if isinstance(root, Path) and file not in sizes:  # a tar comes many times in a row
                try:
                    sizes = {file: os.stat(f"{root}/{file}").st_size}  # noqa: PTH116  millions of them
                except OSError:
                    sizes = {file: -1}
            on_disk[index] = sizes.get(file, -1)
        ends = crops.column("offset").to_numpy() + crops.column("length").to_numpy()
        short = np.flatnonzero(on_disk < ends)
        if len(short) and not missing:
            some = files[int(short[0])]
        missing, total = missing + len(short), total + len(files)
    if missing:
        raise StoreError(
            f"{missing:,} of the {total:,} crops of {prepared} are missing or cut short, such as {some}: run "
            "the `facedata prepare` that made the set again, which makes these again (of a set that "
            "`facedata crop` made, `facedata crop` with --overwrite)"
        )
