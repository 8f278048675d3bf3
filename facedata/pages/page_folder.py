"""The folder of a page: nothing of somebody else's is replaced by it, and it appears when it is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, writing
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location

INDEX = "index.html"


@dataclass(frozen=True)
class PageKind:
    """A kind of page that a set can have.

    Attributes:
        name: of its folder in the set, and what messages call it: ``report``.
        folders: what the page's folder may hold beside index.html.
    """

    name: str
    folders: frozenset[str]

    @property
    def generator(self) -> str:
        """What the page says that it is; by this it is known."""
        return f"facedata {self.name}"


def choose_page_folder(
    kind: PageKind, home: Location, shown: str, out: str | os.PathLike[str] | None
) -> Path:
    """Return where a set's page goes; it may hold an earlier one of the kind, and nothing else.

    Args:
        kind: of the page.
        home: the set's folder, or its URL.
        shown: the set as the user named it.
        out: another folder than the one in the set.

    Raises:
        UsageError: the set is at a URL and there is no ``out``; or ``out`` is a URL, lies in the set, holds
            the set or something else, or is the working folder.
    """
    if out is None:
        if isinstance(home, Remote):
            raise UsageError(
                f"{shown} is at a URL, where no {kind.name} is written: name a folder here with --out"
            )
        given = Path(shown)  # as it was typed, unless the working folder has changed since
        folder: Location = (given if given.absolute() == home.absolute() else home) / kind.name
    else:
        folder = parse_location(out)
    if isinstance(folder, Remote):
        raise UsageError(f"--out {folder} is a URL; a {kind.name} is written to a folder on this machine")
    if isinstance(home, Path):
        mine, place = home.resolve(), folder.resolve()
        if place != mine / kind.name and (mine in (place, *place.parents) or place in mine.parents):
            raise UsageError(
                f"--out {folder} lies in the set {shown}, or holds it: choose a folder elsewhere"
            )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another --out")
    if folder.is_dir() and folder.samefile("."):
        raise UsageError(f"{folder} is the working folder, and would be replaced: run this in another one")
    inside = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    others = inside - {INDEX, *kind.folders}
    page = folder / INDEX
    is_ours = page.is_file() and f'content="{kind.generator}"'.encode() in page.read_bytes()
    if others or (inside and not is_ours):
        name = sorted(others or inside)[0]
        raise UsageError(
            f"{folder} holds something other than a {kind.name} ({name!r}): choose another --out"
        )
    return folder


@contextlib.contextmanager
def new_page_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder, locked, that takes the place of ``folder`` when the block ends well.

    A run that is killed leaves it beside, under a name that begins with a dot; the next one clears it.

    Raises:
        LockedError: another run is writing this page.
        StoreError: the folder cannot be written.
    """
    folder = folder.resolve()  # where a link leads is replaced, not the link
    made, old = _beside(folder)
    with writing(f"{folder}; name a folder elsewhere with --out"):
        made.mkdir(parents=True, exist_ok=True)
    with locked(made), writing(folder):
        for entry in made.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        try:
            yield made
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.replace(old)
        made.replace(folder)
        shutil.rmtree(old, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Remove what killed runs left beside a page's folder."""
    for beside in _beside(folder.resolve()):
        shutil.rmtree(beside, ignore_errors=True)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Return the folders of a page while it is replaced: the new one, and the old one."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
