"""Downloads against a real server that resumes, breaks off, ignores ranges, refuses and lies."""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path

import pytest

from facedata.errors import DownloadError, StoreError
from facedata.files.download import default_cache, fetch
from facedata.files.locks import exclusive
from facedata.sources.lfw import LFW_IMAGES, LFW_PROTOCOL
from tests.support.local_server import CONTENT, Server


def fetched(server: Server, folder: Path, attempts: int = 3) -> Path:
    return fetch(server.remote, folder, timeout_s=5, attempts=attempts, backoff_s=0.001)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_a_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        assert fetched(server, tmp_path / "a" / "b").read_bytes() == CONTENT
    assert server.requests == [None]
    assert names(tmp_path / "a" / "b") == {"x.bin"}


def test_a_damaged_cached_file_is_downloaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(CONTENT[:-1])
    assert fetched(server, tmp_path).read_bytes() == CONTENT


def test_a_part_left_by_an_earlier_run_is_resumed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(CONTENT[:600_000])
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=600000-"]


def test_a_connection_that_keeps_breaking_gets_there_as_long_as_it_moves(
    server: Server, tmp_path: Path
) -> None:
    server.break_after = 120_000
    assert fetched(server, tmp_path, attempts=2).read_bytes() == CONTENT
    assert server.requests == [None, *(f"bytes={n}-" for n in range(120_000, 1_000_000, 120_000))]


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "x.bin.part").write_bytes(b"something else")
    assert fetched(server, tmp_path).read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_and_breaks_off_is_given_up(server: Server, tmp_path: Path) -> None:
    server.ranges, server.break_after = False, 120_000
    with pytest.raises(DownloadError, match="broke off after 120000 of 1000000 bytes"):
        fetched(server, tmp_path, attempts=3)
    assert len(server.requests) == 3


def test_a_part_that_is_whole_needs_only_its_name(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(CONTENT)
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=1000000-"]


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(CONTENT + b"!")
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert server.requests == ["bytes=1000001-", None]


def test_wrong_bytes_are_removed_and_both_hashes_named(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[::-1]
    got = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(DownloadError, match=f"expected SHA-256 {server.remote.sha256}, got {got}"):
        fetched(server, tmp_path)
    assert names(tmp_path) == set()


def test_a_truncated_body_of_untold_length_is_not_taken_for_whole(server: Server, tmp_path: Path) -> None:
    server.say_length, server.break_after = False, 500_000
    with pytest.raises(DownloadError, match="SHA-256"):
        fetched(server, tmp_path)
    assert names(tmp_path) == set()


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_server_in_trouble_is_asked_again(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status, status]
    assert fetched(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_final_and_says_what_to_do(server: Server, tmp_path: Path, status: int) -> None:
    server.statuses = [status] * 9
    with pytest.raises(DownloadError) as raised:
        fetched(server, tmp_path)
    assert len(server.requests) == 1
    for part in (server.remote.url, str(status), str(tmp_path / "x.bin"), "by hand", "folder"):
        assert part in str(raised.value)


def test_no_network_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        remote = server.remote
    with pytest.raises(DownloadError, match="refused") as raised:
        fetch(remote, tmp_path, timeout_s=5, attempts=2, backoff_s=0.001)
    assert "\n" not in str(raised.value)


def test_what_came_before_a_break_stays_for_the_next_run(server: Server, tmp_path: Path) -> None:
    server.break_after = 120_000
    with pytest.raises(DownloadError):
        fetched(server, tmp_path, attempts=1)
    assert (tmp_path / "x.bin.part").read_bytes() == CONTENT[:120_000]


def test_a_cache_that_cannot_be_written_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="--cache"):
        fetched(server, tmp_path / "file" / "cache")
    (tmp_path / "x.bin.part").mkdir()
    with pytest.raises(StoreError, match=r"x\.bin\.part"):
        fetched(server, tmp_path)


def test_two_fetches_at_once_download_once(server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetched, args=(server, tmp_path)) for _ in range(3)]
    with exclusive(tmp_path):
        for thread in threads:
            thread.start()
        assert names(tmp_path) == set()
    for thread in threads:
        thread.join()
    assert server.requests == [None]


def test_the_default_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "facedata"
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache() == Path.home() / ".cache" / "facedata"


def test_the_pinned_files_are_distinct_and_well_formed() -> None:
    remotes = [*LFW_IMAGES.values(), *LFW_PROTOCOL]
    assert all(re.fullmatch("[0-9a-f]{64}", remote.sha256) for remote in remotes)
    assert all(remote.url.startswith("https://") for remote in remotes)
    for field in ("name", "url", "sha256"):
        assert len({getattr(remote, field) for remote in remotes}) == 5
