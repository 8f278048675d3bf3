"""Single objects of a real S3 server (moto's) on loopback: keys, ranges, stamps, refusals, memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from facedata.files import remote, s3
from facedata.files.remote import Remote
from tests.support.object_store import BUCKET, ObjectStore, serve

ROOT = Remote(f"s3://{BUCKET}/photos")
_KEYS = ("plain.png", "ü #?%41 [x].png", "a?versionId=1.png", "a//b.png", "./c.png", "../d.png", "e .png")
_PEAK = """
import sys
from pathlib import Path
from facedata.files.remote import Remote

def peak():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))

there = Remote(sys.argv[1])
there.write_bytes(b"warm")
before = peak()
there.upload(Path(sys.argv[2]))
there.download(Path(sys.argv[2] + ".back"))
print(peak() - before)
"""

_FORKED = """
import os, sys
from facedata.files import s3
from facedata.files.remote import Remote

there = Remote(sys.argv[1])
if sys.argv[2] == "after a request":
    assert there.read_bytes() == b"data"
s3.CLIENTS._lock.acquire()  # as a thread may have it, which the child has not
child = os.fork()
if not child:
    os._exit(0 if there.read_bytes() == b"data" else 1)
s3.CLIENTS._lock.release()
assert there.read_bytes() == b"data"
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def _server() -> Iterator[ObjectStore]:
    with serve() as store:
        yield store


@pytest.fixture
def store(_server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The server with an empty bucket; waits are short."""
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.01)
    _server.well()
    _server.empty()
    _server.asked.clear()
    return _server


def test_every_key_that_s3_allows_is_listed_and_read(store: ObjectStore) -> None:
    for key in _KEYS:
        store.client.put_object(Bucket=BUCKET, Key=f"photos/{key}", Body=key.encode())
    store.client.put_object(Bucket=BUCKET, Key="photos-of-others/x.png", Body=b"x")
    store.client.put_object(Bucket=BUCKET, Key="photos/folder/", Body=b"")
    listed = ROOT.files()
    assert listed.keys() == set(_KEYS)
    for key in _KEYS:
        assert (ROOT / key).read_bytes() == key.encode()
        assert (ROOT / key).entry() == listed[key]
    assert Remote(f"s3a://{BUCKET}/photos").files() == listed
    assert {f"photos/{key}" for key in _KEYS} < Remote(f"s3://{BUCKET}").files().keys()


def test_more_objects_than_one_answer_lists(store: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: (ROOT / f"{number:04d}").write_bytes(b"x"), range(1001)))
    store.asked.clear()
    assert sorted(ROOT.files()) == [f"{number:04d}" for number in range(1001)]
    assert len(store.asked) == 2


def test_a_stamp_is_the_etag_as_the_store_gives_it(store: ObjectStore) -> None:
    """Earlier versions keep it in the tables of sets: other text would have all photos read again."""
    (ROOT / "x").write_bytes(b"data")
    stamp = f'"{hashlib.md5(b"data").hexdigest()}"'
    assert ROOT.files()["x"].stamp == stamp == (ROOT / "x").entry().stamp


def test_ranges(store: ObjectStore) -> None:
    place = ROOT / "x"
    place.write_bytes(b"0123456789")
    assert place.read_bytes(2, 5) == b"234"
    assert place.read_bytes(8, 100) == b"89"
    assert place.read_bytes(4) == b"456789"
    assert place.read_bytes(None, 4) == b"0123"
    assert place.read_bytes(4, 4) == b""
    store.asked.clear()
    with pytest.raises(OSError, match="InvalidRange"):
        place.read_bytes(10, 20)
    assert len(store.asked) == 1


def test_what_lies_there(store: ObjectStore) -> None:
    (ROOT / "anna/x.png").write_bytes(b"x")
    assert (ROOT / "anna").is_dir()
    assert not (ROOT / "anna").is_file()
    assert (ROOT / "anna/x.png").is_file()
    assert not (ROOT / "ann").is_dir()
    assert Remote(f"s3://{BUCKET}").is_dir()
    assert not Remote("s3://no-such-bucket").is_dir()
    (ROOT / "anna/x.png").remove()
    (ROOT / "anna/x.png").remove()
    with pytest.raises(FileNotFoundError, match=r"there is no s3://faces-bucket/photos/anna/x\.png"):
        (ROOT / "anna/x.png").read_bytes()


def test_a_file_is_never_in_memory(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "tar"
    file.write_bytes(np.random.default_rng(0).bytes(100_000_000))
    finished = subprocess.run(
        [sys.executable, "-c", _PEAK, f"{ROOT}/tar", str(file)], capture_output=True, text=True, check=True
    )
    assert int(finished.stdout) < 30_000  # kB
    assert (tmp_path / "tar.back").read_bytes() == file.read_bytes()
    assert store.puts() == ["photos/tar", "photos/tar"]  # b"warm" was the first


def test_a_file_that_s3_takes_in_parts_only(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_SINGLE_PUT_BYTES", 9_000_000)
    file = tmp_path / "tar"
    file.write_bytes(np.random.default_rng(0).bytes(9_000_000))
    (ROOT / "tar").upload(file)
    assert [method for method, _ in store.asked].count("POST") == 2  # begun, and completed
    assert (ROOT / "tar").read_bytes() == file.read_bytes()


def test_credentials_lie_where_amazons_programs_look(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ROOT / "x").write_bytes(b"data")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    s3.CLIENTS.forget()
    try:
        store.asked.clear()
        with pytest.raises(OSError, match=r"Unable to locate credentials$"):  # and not after five tries
            (ROOT / "x").read_bytes()
        assert not store.asked
        text = "[profile mine]\naws_access_key_id = me\naws_secret_access_key = secret\n"
        (tmp_path / "AWS_CONFIG_FILE").write_text(text)
        monkeypatch.setenv("AWS_PROFILE", "mine")
        s3.CLIENTS.forget()
        assert (ROOT / "x").read_bytes() == b"data"
    finally:
        s3.CLIENTS.forget()


@pytest.mark.parametrize(
    ("code", "tries"), [("AccessDenied", 1), ("ServiceUnavailable", 5), ("InternalError", 5)]
)
def test_how_often_it_is_tried(code: str, tries: int, store: ObjectStore) -> None:
    store.failures = lambda method, key: code
    with pytest.raises(PermissionError if tries == 1 else OSError, match=r"the store refuses|5 tries"):
        (ROOT / "x").read_bytes()
    assert len(store.asked) == tries


@pytest.mark.parametrize("when", ["before any", "after a request"])
def test_a_process_may_be_forked(when: str, store: ObjectStore) -> None:
    (ROOT / "x").write_bytes(b"data")
    program = [sys.executable, "-c", _FORKED, str(ROOT / "x"), when]
    assert subprocess.run(program, timeout=60, check=False).returncode == 0


class _CutsOff(BaseHTTPRequestHandler):
    """Answers with half of what it announces, then with all of it."""

    answers = 0

    def do_GET(self) -> None:
        type(self).answers += 1
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"01234" if self.answers == 1 else b"0123456789")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  the name is the server's
        """Say nothing."""


def test_half_an_object_is_not_taken_for_all(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _CutsOff)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    s3.CLIENTS.forget()
    try:
        assert (ROOT / "x").read_bytes() == b"0123456789"
        assert _CutsOff.answers == 2
    finally:
        s3.CLIENTS.forget()
        server.shutdown()
        thread.join()
        server.server_close()
