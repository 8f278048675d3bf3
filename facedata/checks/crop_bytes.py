"""Reads the bytes of some crops, whatever is left of them: what is gone or cut short is no error here."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..errors import StoreError
from ..files.remote import Location, Remote
from ..store.read import crop_location

_TAR = ".tar"
_MOST_BYTES = 1 << 26
"""A crop's file is read to its end up to here; of a longer one only enough to see that it is too long."""

_GAP = 1 << 20
"""Neighbours in a remote tar are read in one request if that reads at most twice their bytes and this."""


class CropPlace(NamedTuple):
    """Where a crop should be: its file below the set's folder, its first byte, and how many."""

    file: str
    offset: int
    length: int


def read_crop_bytes(root: Location, places: Sequence[CropPlace]) -> list[bytes | None]:
    """Read some crops; neighbours in one tar are read from one open file, or by one request.

    Args:
        root: the set's folder, or its URL.
        places: where the crops should be, best in the order of their files.

    Returns:
        Each crop's bytes, which may be fewer or more than they should be; None where nothing can be read.

    Raises:
        StoreError: a remote store does not answer, which says nothing about the crops.
    """
    found: list[bytes | None] = []
    for file, group in groupby(places, key=lambda place: place.file):
        path = crop_location(root, file)
        read = read_remote if isinstance(path, Remote) else read_here
        found += read(path, list(group))  # type: ignore[arg-type]  # each gets its own kind of location
    return found


def read_here(path: Path, places: list[CropPlace]) -> Iterator[bytes | None]:
    """Yield the bytes of crops in a file of this machine; of one that is a crop itself, all of them."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a damaged table may name a pipe
    except (OSError, ValueError):
        yield from [None] * len(places)
        return
    try:
        size = os.fstat(number).st_size
        for place in places:
            if path.suffix != _TAR and size <= _MOST_BYTES:
                start, count = 0, size
            else:
                start, count = place.offset, max(0, min(place.length + 1, size - place.offset))
                count = min(count, place.length) if path.suffix == _TAR else count
            try:
                yield os.pread(number, count, start)
            except (OSError, ValueError, OverflowError):
                yield None
    finally:
        os.close(number)


def read_remote(path: Remote, places: list[CropPlace]) -> Iterator[bytes | None]:
    """Yield the bytes of crops in a remote file, by one request where they are neighbours."""
    # of a damaged table; a store would take a negative offset as one from the end
    good = dict.fromkeys(place for place in places if place.offset >= 0 and place.length > 0)
    first = min((place.offset for place in good), default=0)
    end = max((place.offset + place.length for place in good), default=0)
    if end - first > 2 * sum(place.length for place in good) + _GAP:
        every = {place: _request(path, place.offset, place.offset + place.length) for place in good}
        yield from (every.get(place) for place in places)
        return
    data = _request(path, first, end) if good else None
    for place in places:
        start = place.offset - first
        yield data[start : start + place.length] if data is not None and place in good else None


def _request(path: Remote, start: int, end: int) -> bytes | None:
    try:
        return path.read_bytes(start, end)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # the object ends before the range
            return None
        raise StoreError(f"cannot read the crops in {path}: {error.strerror or error}") from error
