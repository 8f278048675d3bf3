"""Photos behind a URL are read ahead, in order, and what fails fails where it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest

from facedata.files.remote import Remote
from facedata.sources.base import PhotoReader, UnforgottenPhotos
from facedata.sources.folder import FolderReader
from facedata.tables.tombstones import Tombstones
from facedata.types import Photo, Row
from facedata.work.ahead import AHEAD, AheadReader, reading_ahead


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AHEAD) as pool:
        yield pool


@dataclass(frozen=True)
class _Stage:
    reader: PhotoReader

    def run(self, photos: Sequence[Photo]) -> list[Row]:
        return [{"data": self.reader(photo.photo)} for photo in photos]


def photo_of(name: str) -> Photo:
    return Photo(name, name, f"anna/{name}.jpg")


def test_the_next_ones_come_while_one_is_worked_on(pool: ThreadPoolExecutor) -> None:
    together, most = threading.Barrier(AHEAD, timeout=20), [0]

    def read(photo: str) -> bytes:
        most[0] = max(most[0], int(photo))
        if int(photo) < AHEAD:
            together.wait()  # passes only if so many are read at once
        return photo.encode()

    reader = AheadReader(read, [str(number) for number in range(50)], pool)
    assert reader("0") == b"0"
    assert most[0] <= AHEAD  # no more than these are begun
    assert [reader(str(number)) for number in range(1, 50)] == [b"%d" % number for number in range(1, 50)]


def test_what_cannot_be_read_fails_in_its_turn(pool: ThreadPoolExecutor) -> None:
    def read(photo: str) -> bytes:
        if photo == "b":
            raise OSError("gone")
        return photo.encode()

    reader = AheadReader(read, ["a", "b", "c"], pool)
    assert reader("a") == b"a"
    with pytest.raises(OSError, match="gone"):
        reader("b")
    assert reader("c") == b"c"


def test_photos_that_are_passed_over_repeated_or_unexpected(pool: ThreadPoolExecutor) -> None:
    reader = AheadReader(lambda photo: photo.encode(), ["a", "b", "b", "c", "d"], pool)
    assert [reader(photo) for photo in ("a", "b", "b", "d", "x", "a")] == [b"a", b"b", b"b", b"d", b"x", b"a"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_only_photos_behind_a_url_are_read_ahead(wrapped: bool, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/ahead/x", b"data")
    (tmp_path / "x").write_bytes(b"data")
    for root, is_far in ((Remote("memory://ahead"), True), (tmp_path, False)):
        reader: PhotoReader = FolderReader({"": root})
        if wrapped:
            reader = UnforgottenPhotos(reader, Tombstones())
        stage = _Stage(reader)
        with reading_ahead(stage, [photo_of("x")]) as given:
            assert isinstance(given.reader, AheadReader) is is_far
            assert given.run([photo_of("x")]) == [{"data": b"data"}]
        assert stage.reader is reader
