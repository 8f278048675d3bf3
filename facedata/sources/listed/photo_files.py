"""Which files the paths of a table mean: other spellings, Windows' folders, missing endings."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from ...photos.formats import IMAGE_ENDINGS, VIDEO_ENDINGS, ending
from ...photos.listed_paths import is_absolute, listed_spellings
from ...photos.paths import photo_path, photo_text
from ..walk import size_and_time
from .rows import TableRows


class PhotoFiles:
    """Finds the files that a table's paths mean.

    Attributes:
        on_disk: size and time of each photo that was looked for, by its path below the folder; None if it is
            not there, or is there only under another spelling.
    """

    def __init__(self, folder: Path, rows: TableRows) -> None:
        self._folder, self._rows = folder, rows
        self.on_disk: dict[str, tuple[int, int] | None] = {}
        # an absolute path may name the folder through symbolic links or without them
        self._tops = [
            posixpath.normpath(str(top)).rstrip("/") + "/" for top in (folder.absolute(), folder.resolve())
        ]
        self._names_by_stem: Callable[[str], dict[str, list[str]]] = lru_cache(64)(self._list_stems)
        self._added_endings = 0

    def find(self, index: int) -> str:
        """Return the photo that a row means: one that is there, else the path as it is written.

        Raises:
            SourceError: the path leaves the folder.
        """
        text = self._rows.paths[index]
        if _is_windows(text) and size_and_time(self._folder / text) is None:
            text = self._below_drive(index, text)
        first = None
        for spelling in listed_spellings(text):
            path = posixpath.normpath(photo_path(spelling))
            below = next((path[len(top) :] for top in self._tops if path.startswith(top)), path)
            photo = photo_text(below)
            if below == ".." or below.startswith(("/", "../")):
                if first is None:
                    root = photo_text(str(self._folder))
                    self._rows.cells.fail(
                        index, f"the path {text!r} leaves the root {root}; name a root above it"
                    )
                continue
            first = photo if first is None else first
            if photo not in self.on_disk:
                info = size_and_time(self._folder / below)
                if info is None and photo != first:
                    continue
                self.on_disk[photo] = info
            if self.on_disk[photo] is not None:
                return photo
        return self._with_ending(str(first))

    def _below_drive(self, index: int, text: str) -> str:
        """Return the part of an absolute Windows path below the folder that the root stands for.

        Raises:
            SourceError: no such path ends like a file below the root, or this one is in another folder.
        """
        slashed = text.strip().replace("\\", "/")
        if self.windows_root is None:
            self._rows.cells.fail(
                index,
                f"the path {text!r} is one of Windows, and no end of it is a photo below "
                f"{photo_text(str(self._folder))}; name another root, or write paths that start there",
            )
        if not slashed.lower().startswith(self.windows_root.lower()):
            self._rows.cells.fail(index, f"the path {text!r} is not below {self.windows_root} like others")
        return slashed[len(self.windows_root) :]

    @cached_property
    def windows_root(self) -> str | None:
        """What absolute Windows paths begin with, up to the longest part that is a file below the root."""
        for text in self._rows.paths:
            parts = text.strip().replace("\\", "/").split("/") if _is_windows(text) else []
            for start in range(1, len(parts)):
                if size_and_time(self._folder / photo_path("/".join(parts[start:]))) is not None:
                    return "/".join([*parts[:start], ""])
        return None

    def _with_ending(self, photo: str) -> str:
        """Return the one photo of this name with an ending, if the path has none; else the path."""
        if ending(photo) in IMAGE_ENDINGS | VIDEO_ENDINGS:
            return photo
        folder, _, stem = photo.rpartition("/")
        names = self._names_by_stem(folder).get(stem, [])
        if len(names) != 1:
            return photo
        self.on_disk.pop(photo, None)
        self._added_endings += 1
        named = f"{folder}/{names[0]}" if folder else names[0]
        self.on_disk[named] = size_and_time(self._folder / photo_path(named))
        return named

    def _list_stems(self, folder: str) -> dict[str, list[str]]:
        """Return the photos of a folder by their names without the ending."""
        stems: dict[str, list[str]] = {}
        try:
            names = sorted(os.listdir(self._folder / photo_path(folder)))  # noqa: PTH208
        except (OSError, ValueError):
            return {}
        for name in map(photo_text, names):
            if ending(name) in IMAGE_ENDINGS:
                stems.setdefault(name.rpartition(".")[0], []).append(name)
        return stems

    def notes(self) -> Iterator[str]:
        """Yield how paths were read that are not written as the files are."""
        if any(map(_is_windows, self._rows.paths)):
            yield f"paths: {self.windows_root} is taken as {photo_text(str(self._folder))}"
        if self._added_endings:
            yield f"paths: {self._added_endings:,} without an ending were found with one, such as .jpg"


def _is_windows(text: str) -> bool:
    r"""Return whether a path is absolute on Windows, such as ``C:\1.jpg``."""
    return is_absolute(text) and not text.strip().startswith("/")
