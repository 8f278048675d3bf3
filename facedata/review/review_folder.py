"""The folder of a review: index.html, and its thumbnails; it appears when it is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import StoreError, UsageError, writing
from ..files.atomic import atomic_file
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location
from ..pages.packed import read_data
from ..pages.page import render_page
from ..pages.sheets import Sheets, make_sheets
from ..processes import cores
from ..store.read import read_crop

REVIEW = "review"
"""The folder of a set that holds the page."""

TILE_PX = 160
_MOST_INSIDE = 512
"""Up to so many thumbnails are in the page itself."""

_INDEX, _SHEETS = "index.html", "sheets"
_TEMPLATE = Path(__file__).with_name("review.html")
_SCRIPTS = (
    "review-names.js", "review-csv.js", "review-lines.js", "review-rules.js", "review-store.js",
    "review-pictures.js", "review-view.js", "review-choose.js", "review-saving.js", "review.js",
)  # fmt: skip


def choose_folder(location: Location, out: str | os.PathLike[str] | None) -> Path:
    """Return where the page goes.

    Args:
        location: the set's folder, or its URL.
        out: another folder than ``review`` in the set's.

    Raises:
        UsageError: it is at a URL, lies in the set beside what is the set's own, or holds something else.
    """
    folder = location / REVIEW if out is None else parse_location(out)
    if isinstance(folder, Remote):
        raise UsageError(f"{folder} is at a URL: name a folder on this machine for the page with --out")
    if isinstance(location, Path):
        mine, place = location.resolve(), folder.resolve()
        if place != mine / REVIEW and (mine in (place, *place.parents) or place in mine.parents):
            raise UsageError(
                f"--out {folder} lies in the set {location}, or holds it: choose a folder elsewhere"
            )
    if folder.is_dir() and folder.samefile("."):
        raise UsageError(f"{folder} is the working folder, and would be replaced: run this in another one")
    if folder.exists() and not holds_review(folder):
        raise UsageError(f"{folder} holds something else than a review: choose another folder with --out")
    return folder


def holds_review(folder: Path) -> bool:
    """Return whether a folder holds the page of a review and nothing else, so that it may be replaced."""
    if not folder.is_dir():
        return False
    inside = {entry.name for entry in folder.iterdir()}
    if not inside:
        return True
    if _INDEX not in inside or not inside <= {_INDEX, _SHEETS}:
        return False
    try:
        data = read_data((folder / _INDEX).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(data, dict) and data.get("kind") == "facedata review"


@contextlib.contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of another when the block ends, whole or not at all.

    Raises:
        StoreError: it cannot be written.
        LockedError: another review is being written there.
    """
    folder = folder.resolve()  # where a link leads is replaced, not the link
    staged, old = (folder.with_name(f".{folder.name}.{end}") for end in ("new", "old"))
    with writing(f"{folder}; name a folder elsewhere with --out"):
        staged.mkdir(parents=True, exist_ok=True)
    with locked(staged):
        try:
            with writing(folder):
                for entry in staged.iterdir():  # of a run that was killed
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            yield staged
            with writing(folder):
                shutil.rmtree(old, ignore_errors=True)
                if folder.exists():
                    folder.rename(old)
                staged.rename(folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


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
        _TEMPLATE, f"Review of {name}", data=data, styles=["review.css"], scripts=_SCRIPTS,
        is_served=is_served, served=is_served,
    )  # fmt: skip


def write_index(folder: Path, page: bytes) -> None:
    """Write the page into its folder.

    Raises:
        StoreError: it cannot be written.
    """
    with atomic_file(folder / _INDEX) as stream:
        stream.write(page)
