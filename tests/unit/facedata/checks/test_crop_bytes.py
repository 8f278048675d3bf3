"""Crops' bytes as they are on disk, in both stores and behind a URL, damaged or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from facedata.checks.crop_bytes import CropPlace, read_crop_bytes
from facedata.errors import StoreError
from facedata.files import remote
from facedata.files.remote import Location, Remote, parse_location

TAR = b"0123456789"


@pytest.fixture(params=["folder", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Location]:
    """A tar of ten bytes and a crop of three, here and behind a URL."""
    if request.param == "folder":
        (tmp_path / "crops/a").mkdir(parents=True)
        (tmp_path / "crops/0.tar").write_bytes(TAR)
        (tmp_path / "crops/a/1.jpg").write_bytes(b"abc")
        yield tmp_path
        return
    store = fsspec.filesystem("memory")
    store.pipe_file("/check-bytes/crops/0.tar", TAR)
    store.pipe_file("/check-bytes/crops/a/1.jpg", b"abc")
    yield parse_location("memory://check-bytes")
    store.rm("/check-bytes", recursive=True)


def test_crops_of_a_tar_in_any_order(root: Location) -> None:
    places = [CropPlace("crops/0.tar", offset, 3) for offset in (0, 4, 2, 7)]
    assert read_crop_bytes(root, places) == [b"012", b"456", b"234", b"789"]


def test_what_is_gone_or_cut_short(root: Location) -> None:
    places = [
        CropPlace("crops/0.tar", 8, 5),
        CropPlace("crops/0.tar", 0, 2),
        CropPlace("crops/1.tar", 0, 2),
        CropPlace("crops/a/1.jpg", 0, 3),
        CropPlace("crops/a/1.jpg", 0, 9),
        CropPlace("crops/a/2.jpg", 0, 9),
        CropPlace("crops/a", 0, 9),
    ]
    assert read_crop_bytes(root, places) == [b"89", b"01", None, b"abc", b"abc", None, None]


def test_an_offset_beyond_the_end(root: Location) -> None:
    (data,) = read_crop_bytes(root, [CropPlace("crops/0.tar", 1 << 40, 3)])
    assert not data


def test_places_that_cannot_be(root: Location) -> None:
    places = [
        CropPlace("crops/0.tar", -3, 3),
        CropPlace("crops/0.tar", 4, 3),
        CropPlace("crops/0.tar", 2, -1),
    ]
    first, second, third = read_crop_bytes(root, places)
    assert (first or b"", second, third or b"") == (b"", b"456", b"")


def test_a_file_that_is_too_long_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"abcdef")
    assert read_crop_bytes(tmp_path, [CropPlace("1.jpg", 0, 3)]) == [b"abcdef"]


def test_a_pipe_in_the_place_of_a_crop_does_not_stop_the_check(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.jpg")
    assert read_crop_bytes(tmp_path, [CropPlace("1.jpg", 0, 3)]) in ([b""], [None])


def test_a_store_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.001)

    def refuse(self: Remote, start: int | None = None, end: int | None = None) -> bytes:
        raise OSError(5, "no route to host")

    monkeypatch.setattr(Remote, "read_bytes", refuse)
    with pytest.raises(StoreError, match=r"the crops in memory://nowhere/0\.tar: no route to host"):
        read_crop_bytes(Remote("memory://nowhere"), [CropPlace("0.tar", 0, 3)])


def test_neighbours_in_a_remote_tar_take_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int | None, int | None]] = []

    def answer(self: Remote, start: int | None = None, end: int | None = None) -> bytes:
        asked.append((start, end))
        return TAR[start:end]

    monkeypatch.setattr(Remote, "read_bytes", answer)
    places = [CropPlace("0.tar", offset, 3) for offset in (1, 4, 6)]
    assert read_crop_bytes(Remote("memory://there"), places) == [b"123", b"456", b"678"]
    assert asked == [(1, 9)]
    # but not what lies far apart
    read_crop_bytes(Remote("memory://there"), [CropPlace("0.tar", 0, 3), CropPlace("0.tar", 1 << 22, 3)])
    assert asked[1:] == [(0, 3), (1 << 22, (1 << 22) + 3)]
