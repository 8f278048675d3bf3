"""Which files the paths of a table mean: other spellings, Windows' folders, missing endings."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...photos.formats import IMAGE_ENDINGS, VIDEO_ENDINGS, ending
from ...photos.listed_paths import is_absolute, listed_spellings
from ...photos.paths import photo_path, photo_text
from ...tables.blocks import OBJECT_ROWS, as_array, iter_texts
from ...types import BoolArray, Int64Array
from ..walk import size_and_time
from .rows import TableRows

_SizeAndTime = tuple[int, int]
_MOST_SEEN = 1 << 14
"""So many photos' sizes and times are remembered."""


@dataclass(frozen=True, eq=False)
class FoundPhotos:
    """The photos that a table's rows mean.

    Attributes:
        photos: ``(n,)``, their paths below the folder.
        size: ``(n,)`` int64, in bytes; -1 for a photo that is not there.
        mtime_ns: ``(n,)`` int64.
    """

    photos: pa.ChunkedArray
    size: Int64Array
    mtime_ns: Int64Array

    @property
    def is_there(self) -> BoolArray:
        """Which rows' photos are there, ``(n,)`` bool."""
        return self.size >= 0


class PhotoFiles:
    """Finds the files that a table's paths mean.

    Args:
        folder: that the paths are below.
        rows: the table's.
    """

    def __init__(self, folder: Path, rows: TableRows) -> None:
        self._folder, self._rows = folder, rows
        self._seen: dict[str, tuple[int, int] | None] = {}
        # an absolute path may name the folder through symbolic links or without them
        self._tops = [
            posixpath.normpath(str(top)).rstrip("/") + "/" for top in (folder.absolute(), folder.resolve())
        ]
        self._names_by_stem: Callable[[str], dict[str, list[str]]] = lru_cache(64)(self._list_stems)
        self._added_endings = 0

    def find(self) -> FoundPhotos:
        """Return the photo that each row means: one that is there, else the path as it is written.

        Raises:
            SourceError: a path leaves the folder.
        """
        count = len(self._rows.paths)
        found = FoundPhotos(self._rows.paths, np.full(count, -1, np.int64), np.zeros(count, np.int64))
        chunks: list[pa.Array] = []
        for start in range(0, count, OBJECT_ROWS):
            photos = []
            for index, text in enumerate(self._rows.paths.slice(start, OBJECT_ROWS).to_pylist(), start):
                photo, info = self._find(index, text)
                photos.append(photo)
                if info is not None:
                    found.size[index], found.mtime_ns[index] = info
            block = pa.array(photos, pa.string())
            written = as_array(self._rows.paths.slice(start, OBJECT_ROWS))
            chunks.append(written if block.equals(written) else block)  # one copy of the longest texts
        return replace(found, photos=pa.chunked_array(chunks, pa.string()))

    def _find(self, index: int, text: str) -> tuple[str, _SizeAndTime | None]:
        """Return the photo that a row means, and its size and time; None if it is not there."""
        if len(self._seen) > _MOST_SEEN:  # rows of one photo are mostly near each other
            self._seen.clear()
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
            if photo not in self._seen:
                info = size_and_time(self._folder / below)
                if info is None and photo != first:
                    continue
                self._seen[photo] = info
            if (info := self._seen[photo]) is not None:
                return photo, info
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
        for text in iter_texts(self._rows.paths):
            parts = text.strip().replace("\\", "/").split("/") if _is_windows(text) else []
            for start in range(1, len(parts)):
                if size_and_time(self._folder / photo_path("/".join(parts[start:]))) is not None:
                    return "/".join([*parts[:start], ""])
        return None

    def _with_ending(self, photo: str) -> tuple[str, _SizeAndTime | None]:
        """Return the one photo of this name with an ending, if the path has none; else the path."""
        if ending(photo) in IMAGE_ENDINGS | VIDEO_ENDINGS:
            return photo, None
        folder, _, stem = photo.rpartition("/")
        names = self._names_by_stem(folder).get(stem, [])
        if len(names) != 1:
            return photo, None
        self._added_endings += 1
        named = f"{folder}/{names[0]}" if folder else names[0]
        return named, size_and_time(self._folder / photo_path(named))

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
        if any(map(_is_windows, iter_texts(self._rows.paths))):
            yield f"paths: {self.windows_root} is taken as {photo_text(str(self._folder))}"
        if self._added_endings:
            yield f"paths: {self._added_endings:,} without an ending were found with one, such as .jpg"


def _is_windows(text: str) -> bool:
    r"""Return whether a path is absolute on Windows, such as ``C:\1.jpg``."""
    return is_absolute(text) and not text.strip().startswith("/")
