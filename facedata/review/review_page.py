"""A review's page and its thumbnails."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import StoreError, writing
from ..files.remote import Location
from ..pages.page import render_page
from ..pages.page_folder import PageKind
from ..pages.sheets import Sheets, make_sheets
from ..processes import cores
from ..store.read import read_crop

TILE_PX = 160
_MOST_INSIDE = 512
"""Up to so many thumbnails are in the page itself."""

_SHEETS = "sheets"
REVIEW = PageKind("review", frozenset({_SHEETS}))

_TEMPLATE = Path(__file__).with_name("review.html")
_SCRIPTS = (
    "review-names.js", "review-csv.js", "review-lines.js", "review-rules.js", "review-store.js",
    "review-pictures.js", "review-view.js", "review-choose.js", "review-saving.js", "review.js",
)  # fmt: skip


def make_thumbnails(
    crops: pa.Table, root: Location, folder: Path, on_progress: Callable[[int, int], None] | None = None
) -> Sheets:
    """Make the thumbnails of some crops: in the page where they are few, else in sheets beside it.

    Args:
        crops: rows of the classes. One that is gone is grey.
        root: the set's folder, or its URL.
        folder: the page's.
        on_progress: called with how many are done, and the total.

    Raises:
        StoreError: a sheet cannot be written.
    """
    places = [crops.column(name).to_pylist() for name in ("file", "offset", "length")]
    done, lock = 0, threading.Lock()

    def read(number: int) -> bytes | None:
        nonlocal done
        if on_progress is not None:
            with lock:
                done += 1
                on_progress(done, crops.num_rows)
        with contextlib.suppress(StoreError):  # the check's finding, not ours
            return read_crop(root, *(column[number] for column in places))
        return None

    inside = crops.num_rows <= _MOST_INSIDE
    if not inside:
        with writing(folder):
            (folder / _SHEETS).mkdir()
    return make_sheets(
        crops.num_rows, read, TILE_PX, None if inside else folder / _SHEETS, threads=min(cores(), 8)
    )


def render_review(data: dict[str, Any], name: str, is_served: bool = False) -> bytes:
    """Return the page.

    Args:
        data: what its scripts read.
        name: the set's, as the user gave it.
        is_served: it is on the server that saves, not on disk.
    """
    return render_page(
        _TEMPLATE, f"Review of {name}", kind=REVIEW.generator, data=data, styles=["review.css"],
        scripts=_SCRIPTS, is_served=is_served, served=is_served,
    )  # fmt: skip
