"""Reads a shard's photos ahead where each read waits for the answer of a store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from ..files.remote import Remote
from ..sources.base import PhotoReader, UnforgottenPhotos
from ..sources.folder import FolderReader
from ..types import Photo
from .stage import Stage

AHEAD = 8
"""How many photos are asked for at once; as many wait in memory."""


class AheadReader:
    """Reads photos in a known order: while one is worked on, the next ones come.

    What a read raises is raised where the photo is asked for. A photo that is asked for out of order is read
    when it is asked for.
    """

    def __init__(self, reader: PhotoReader, photos: Sequence[str], pool: ThreadPoolExecutor) -> None:
        self._reader, self._pool = reader, pool
        self._left = deque(photos)
        self._begun: deque[tuple[str, Future[bytes]]] = deque()

    def __call__(self, photo: str) -> bytes:
        """Read a photo; see :class:`facedata.sources.base.PhotoReader`."""
        self._begin()
        if all(name != photo for name, _ in self._begun):
            return self._reader(photo)
        while True:
            name, data = self._begun.popleft()
            if name == photo:
                self._begin()
                return data.result()
            data.cancel()

    def _begin(self) -> None:
        while self._left and len(self._begun) < AHEAD:
            photo = self._left.popleft()
            self._begun.append((photo, self._pool.submit(self._reader, photo)))


@contextmanager
def reading_ahead(stage: Stage, photos: Sequence[Photo]) -> Iterator[Stage]:
    """Give a stage a reader that reads these photos ahead, if they lie behind a URL."""
    reader = stage.reader
    while isinstance(reader, UnforgottenPhotos):
        reader = reader.reader
    is_far = isinstance(reader, FolderReader) and any(isinstance(at, Remote) for at in reader.roots.values())
    if not is_far:
        yield stage
        return
    pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="photos")
    try:
        ahead = AheadReader(stage.reader, [photo.photo for photo in photos], pool)
        yield replace(cast(Any, stage), reader=ahead)
    finally:
        pool.shutdown(cancel_futures=True)
