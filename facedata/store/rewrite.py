"""Tars that lose some of their crops, written again: the bytes of all others stay as they are."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import StoreError, writing
from ..files.atomic import atomic_file
from ..files.remote import Location, Remote
from ..tables.parquet import read_blocks
from .base import CROPS
from .read import read_crop
from .tars import group_by_tar, tar_name, write_tar

_Places = dict[str, tuple[int, int]]


def rewrite_tars(root: Location, before: Path, after: Path, tars: Collection[str]) -> None:
    """Write tars with the crops that a new classes table has.

    Args:
        root: where the tars are: a set's folder, or its URL, from which each is fetched whole.
        before: the folder with the classes table that they belong to.
        after: the folder with the new one; the new tars go below it. A tar without crops is not written.
        tars: the tars, as the column ``file`` names them.

    Raises:
        StoreError: a crop cannot be read, or a tar not be written.
    """
    places: dict[str, _Places] = {name: {} for name in tars}
    if not places:
        return
    names = pa.array(sorted(places), pa.string())
    for block in read_blocks(before / "classes.parquet", ["path", "file", "offset", "length"]):
        for row in block.filter(pc.is_in(block.column("file"), value_set=names)).to_pylist():
            places[row["file"]][row["path"]] = (row["offset"], row["length"])
    for number, rows in group_by_tar(read_blocks(after / "classes.parquet")):
        name = f"{CROPS}/{tar_name(number)}"
        if name not in places:
            continue
        here, fetched = root, after / ".fetched"
        if isinstance(root, Remote):
            try:
                (fetched / CROPS).mkdir(parents=True, exist_ok=True)
                (root / name).download(fetched / name)
            except OSError as error:
                raise StoreError(f"cannot fetch {root / name}: {error.strerror or error}") from error
            here = fetched
        with atomic_file(after / name) as stream:
            write_tar(stream, rows, partial(_read_by_path, here, name, places[name]))
        if isinstance(root, Remote):
            with writing(fetched):
                (fetched / name).unlink()
                (fetched / CROPS).rmdir()
                fetched.rmdir()


def _read_by_path(root: Location, tar: str, places: _Places, digest: str, path: str) -> bytes:
    return read_crop(root, tar, *places[path])
