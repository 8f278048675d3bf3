"""The thumbnails of a page's crops, in sheets, and the names of these crops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..checks.crop_bytes import CropPlace, read_crop_bytes
from ..files.remote import Location
from ..pages.sheets import Sheets, make_sheets
from ..sets.prepared import PreparedSet
from ..tables.parquet import read_blocks
from ..types import BoolArray
from .choice import Choice

OnProgress = Callable[[int, int], None]
"""Called with the number of thumbnails made, and the total."""

MOST_IN_PAGE = 512
"""Up to so many crops, all pictures are in the page; of more they are beside it."""

_MANY_CROPS = 20_000
_TILE_PX, _SMALL_TILE_PX = 96, 64
_AT_ONCE = 256


def read_shown_crops(prepared: PreparedSet, choice: Choice) -> tuple[list[CropPlace], pa.Table]:
    """Return where the page's crops are, and their columns ``photo`` and ``path``, both in its order."""
    tables, start = [], 0
    columns = ["photo", "path", "file", "offset", "length"]
    for block in read_blocks(prepared.path / "classes.parquet", columns):
        is_shown: BoolArray = choice.place[start : start + len(block)] >= 0
        tables.append(block.filter(pa.array(is_shown)))
        start += len(block)
    if not len(choice.crops):
        return [], pa.table({"photo": pa.array([], pa.string()), "path": pa.array([], pa.string())})
    rows = pa.concat_tables(tables)
    order = np.argsort(choice.place[choice.place >= 0])
    rows = rows.take(pa.array(order))
    places = zip(*(rows.column(name).to_pylist() for name in ("file", "offset", "length")), strict=True)
    return [CropPlace(*place) for place in places], rows.select(["photo", "path"])


def make_thumbnails(
    root: Location,
    places: list[CropPlace],
    folder: Path | None,
    threads: int,
    on_progress: OnProgress | None = None,
) -> Sheets:
    """Make the sheets of a page's crops; one that is gone is grey.

    Args:
        root: the set's folder, or its URL.
        places: where the crops are, in the page's order.
        folder: where the sheets go; None to have them in the page.
        threads: how many sheets are made at a time.
        on_progress: called with the number of thumbnails made, and the total.

    Raises:
        StoreError: a sheet cannot be written, or a remote store does not answer.
    """
    tile_px = _SMALL_TILE_PX if len(places) > _MANY_CROPS else _TILE_PX
    reader = _CropReader(root, places, on_progress)
    return make_sheets(len(places), reader, tile_px, folder, threads=threads)


class _CropReader:
    """Reads crops by their places on the page; neighbours are read together.

    A thread asks for one crop after another, so what it will ask for next is read with the first.
    """

    def __init__(self, root: Location, places: list[CropPlace], on_progress: OnProgress | None) -> None:
        self._root, self._places, self._on_progress = root, places, on_progress
        self._mine, self._lock, self._done = threading.local(), threading.Lock(), 0

    def __call__(self, number: int) -> bytes | None:
        """Return a crop's bytes; None if there are none."""
        first = number - number % _AT_ONCE
        if getattr(self._mine, "first", None) != first:
            some = self._places[first : first + _AT_ONCE]
            self._mine.first, self._mine.data = first, read_crop_bytes(self._root, some)
            if self._on_progress is not None:
                with self._lock:
                    self._done += len(some)
                    self._on_progress(self._done, len(self._places))
        data: bytes | None = self._mine.data[number - first]
        return data
