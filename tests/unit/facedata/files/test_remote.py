"""Remote places, on fsspec's own stores in memory and on disk; tests/integration has a real S3 server."""

from __future__ import annotations

import errno
import io
import pickle
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import MissingExtraError, StoreError, UsageError, writing
from facedata.files import remote as remote_module
from facedata.files.remote import Remote, is_url, parse_location


@pytest.fixture
def remote() -> Iterator[Remote]:
    root = Remote("memory://faces")
    yield root
    fsspec.filesystem("memory").rm("/faces", recursive=True) if root.is_dir() else None


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def fail(monkeypatch: pytest.MonkeyPatch, method: str, errors: list[Exception]) -> list[int]:
    """Let the store in memory raise these errors, one after the other, before it works."""
    store = fsspec.filesystem("memory")
    whole: Callable[..., Any] = getattr(type(store), method)
    calls = [0]

    def failing(self: Any, *arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] <= len(errors):
            raise errors[calls[0] - 1]
        return whole(self, *arguments, **options)

    monkeypatch.setattr(type(store), method, failing)
    return calls


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *((text, True) for text in ("s3://b/x", "memory://x", "simplecache::s3://b/x", "file:///x")),
        *((text, False) for text in ("photos", "/a/b", "lfw=s3://b/x", "a::b", "C:/x")),
    ],
)
def test_what_is_a_url(text: str, is_one: bool) -> None:
    assert is_url(text) is is_one
    assert isinstance(parse_location(text), Remote if is_one else Path)


def test_a_path_object_is_never_a_url() -> None:
    assert parse_location(Path("s3://bucket/x")) == Path("s3:/bucket/x")


def test_joins_names_and_parents() -> None:
    root = parse_location("s3://bucket/faces/")
    assert isinstance(root, Remote)
    table = root / "photos.parquet"
    assert (str(table), table.name, table.suffix) == (
        "s3://bucket/faces/photos.parquet", "photos.parquet", ".parquet",
    )  # fmt: skip
    assert table.parent == root
    assert pickle.loads(pickle.dumps(root)) == root


def test_writes_reads_lists_and_removes(remote: Remote, tmp_path: Path) -> None:
    (remote / "a/b.txt").write_bytes(b"0123456789")
    (tmp_path / "file").write_bytes(b"x" * 100)
    (remote / "c.bin").upload(tmp_path / "file")
    assert (remote / "a/b.txt").read_bytes() == b"0123456789"
    assert (remote / "a/b.txt").read_bytes(2, 5) == b"234"
    assert {name: entry.size for name, entry in remote.files().items()} == {"a/b.txt": 10, "c.bin": 100}
    assert remote.is_dir()
    assert (remote / "c.bin").is_file()
    assert not (remote / "a").is_file()
    (remote / "a/b.txt").download(tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"0123456789"
    (remote / "c.bin").remove()
    (remote / "c.bin").remove()
    assert list(remote.files()) == ["a/b.txt"]
    assert (remote / "none").files() == {}


def test_an_object_that_changes_changes_its_stamp(remote: Remote) -> None:
    (remote / "x").write_bytes(b"1")
    before = (remote / "x").entry()
    assert (remote / "x").entry() == before
    assert remote.files()["x"] == before
    (remote / "x").write_bytes(b"2")
    assert (remote / "x").entry().stamp != before.stamp
    assert (remote / "x").entry().stamp_ns != before.stamp_ns


def test_tables_are_read_by_ranges(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "_RANGE_BYTES", 1 << 10)
    letters = np.random.default_rng(0).bytes(2_000_000).hex()
    texts = [letters[start : start + 400] for start in range(0, len(letters), 400)]
    table = pa.table({"number": range(len(texts)), "text": texts})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=2000)
    (remote / "t.parquet").write_bytes(sink.getvalue())
    read: list[int] = []
    whole = Remote.read_bytes

    def counted(self: Remote, start: int | None = None, end: int | None = None) -> bytes:
        data = whole(self, start, end)
        read.append(len(data))
        return data

    monkeypatch.setattr(Remote, "read_bytes", counted)
    with (remote / "t.parquet").open() as file:
        assert pq.read_table(file).equals(table)
    read.clear()
    with (remote / "t.parquet").open() as file:
        assert pq.read_table(file, columns=["number"]).num_columns == 1
    assert 0 < sum(read) < len(sink.getvalue()) / 4


def test_a_failure_is_tried_again_with_doubled_waits(
    remote: Remote, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fail(monkeypatch, "pipe_file", [OSError("503"), TimeoutError("slow"), RuntimeError("odd")])
    (remote / "x").write_bytes(b"data")
    assert (remote / "x").read_bytes() == b"data"
    assert calls == [4]
    assert waits == [0.5, 1.0, 2.0]


def test_after_five_tries_it_says_so(
    remote: Remote, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fail(monkeypatch, "pipe_file", [OSError("the disk is on fire")] * 9)
    with (
        pytest.raises(StoreError, match=r"cannot write memory://faces/x: the disk is on fire \(5 tries\)"),
        writing(remote / "x"),
    ):
        (remote / "x").write_bytes(b"data")
    assert calls == [5]
    assert waits == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "error", [PermissionError("Forbidden"), ValueError("bad name"), OSError(errno.EINVAL, "no such range")]
)
def test_what_another_try_cannot_mend_is_tried_once(
    error: Exception, remote: Remote, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fail(monkeypatch, "pipe_file", [error] * 9)
    with pytest.raises(OSError, match=re.escape(str(error))):
        (remote / "x").write_bytes(b"data")
    assert calls == [1]
    assert waits == []


def test_what_is_not_there(remote: Remote, waits: list[float]) -> None:
    with pytest.raises(FileNotFoundError, match="there is no memory://faces/none"):
        (remote / "none").read_bytes()
    assert not (remote / "none").is_file()
    assert not remote.is_dir()
    assert waits == []


def test_unknown_schemes_and_missing_packages() -> None:
    with pytest.raises(UsageError, match="nowhere://x is not a URL that fsspec knows"):
        Remote("nowhere://x").files()


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"s3:// needs the extra facedata\[s3\]: pip install"):
        Remote("s3://bucket/x").files()
    with pytest.raises(MissingExtraError, match="s3a:// needs the extra"):
        Remote("s3a://bucket/x").read_bytes()


def test_a_missing_package_without_an_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(url: str, **_: Any) -> Any:
        raise ImportError("Please install gcsfs to access Google Storage")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(MissingExtraError, match=r"gs:// needs a package that is not installed: .*gcsfs"):
        Remote("gs://bucket/x").files()
