"""Photos and sets behind URLs, on a real S3 server (moto's) on loopback, through Amazon's package."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from facedata import ClassManifest, PairManifest, TripletManifest, open_set, prepare
from facedata.errors import LockedError, NotASetError, SourceError, StoreError, UnfinishedSetError
from facedata.files import remote
from facedata.files.remote import Remote
from facedata.sets import working_folder
from facedata.sources.folder import FolderReader, FolderSource
from facedata.store import tars
from facedata.testing import FakeDetector
from tests.support.facedata_command import SMALL, done, here, run, start
from tests.support.inline_engine import STATEMENT, inline
from tests.support.object_store import BUCKET, ObjectStore, serve
from tests.support.processes import finish, wait_for
from tests.support.set_bytes import OUTSIDE_THE_PROMISE, set_bytes, snapshot

URL = f"s3://{BUCKET}/faces"
PHOTOS = f"s3://{BUCKET}/photos"
_QUICK = (
    "import facedata.files.remote as remote; remote.FIRST_WAIT_S = 0.01\n"
    "import facedata.store.tars as tars; tars.TAR_CROPS = 3\n" + STATEMENT
)
_FORKED = """
import os, sys
from facedata import ClassManifest
crops = ClassManifest.open(sys.argv[1])
assert crops[0].image().shape == (64, 64, 3)
child = os.fork()
if not child:
    os._exit(0 if crops[1].image().shape == (64, 64, 3) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def _server() -> Iterator[ObjectStore]:
    with serve() as store:
        yield store


@pytest.fixture
def store(_server: ObjectStore) -> ObjectStore:
    """The server with an empty bucket."""
    _server.well()
    _server.empty()
    _server.asked.clear()
    return _server


@pytest.fixture
def local(photos: Path, tmp_path: Path) -> Path:
    """The set of the photos, in a folder."""
    done("prepare", "folder", photos, "--out", tmp_path / "local", *SMALL, "--store", "tar")
    return tmp_path / "local"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Waits are short, tars small, the cache is the test's own."""
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(tars, "TAR_CROPS", 3)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _inline(request: pytest.FixtureRequest) -> Iterator[None]:
    """No worker processes, but for one test, which shows that they read from the server too."""
    with nullcontext() if "real_workers" in request.fixturenames else inline():
        yield


@pytest.fixture
def real_workers() -> None:
    """Let the workers be processes."""


def to_url(photos: object, *more: object) -> tuple[object, ...]:
    return ("prepare", "folder", photos, "--out", URL, *SMALL, "--store", "tar", *more)


def same(store: ObjectStore, local: Path, root: bool = True) -> None:
    """Check that the set at the URL has the bytes of the local one; dataset.json may name another root."""
    there = {name: data for name, data in store.objects("faces").items() if name not in OUTSIDE_THE_PROMISE}
    here_ = {name: (local / name).read_bytes() for name in set_bytes(local)}
    if not root:
        infos = [json.loads(found.pop("dataset.json")) for found in (there, here_)]
        assert infos[0]["source"].pop("root") == PHOTOS
        infos[1]["source"].pop("root")
        assert infos[0] == infos[1]
    assert there.keys() == here_.keys()
    assert [name for name in there if there[name] != here_[name]] == []


def failing(count: int, code: str, method: str = "PUT", part: str = "") -> Callable[[str, str], str | None]:
    """Let so many requests of a kind fail, then none."""
    left = [count]

    def failure(asked: str, key: str) -> str | None:
        if asked != method or part not in key or not left[0]:
            return None
        left[0] -= 1
        return code

    return failure


def test_photos_and_set_at_urls(
    store: ObjectStore, photos: Path, local: Path, tmp_path: Path, real_workers: None
) -> None:
    store.fill(photos, "photos")
    store.asked.clear()
    finished = done(*to_url(PHOTOS))
    assert f"set        {URL}" in finished.stdout
    same(store, local, root=False)
    puts = store.puts()
    assert len(puts) == len(set(puts))  # one request per object
    assert puts[0] == "faces/.work/claim.json"
    assert puts[-1] == "faces/dataset.json"
    assert not [key for method, key in store.asked if method == "POST"]  # nothing came in parts
    assert not list((tmp_path / "cache/facedata/staging").iterdir())


def test_a_set_is_read_where_it_is(store: ObjectStore, photos: Path, local: Path) -> None:
    done(*to_url(photos))
    assert open_set(URL).info == open_set(local).info
    for there, near in zip(ClassManifest.open(URL), ClassManifest.open(local), strict=True):
        assert there.bytes() == near.bytes()
    assert PairManifest.open(URL, split="test").table.equals(PairManifest.open(local, split="test").table)
    triplet = TripletManifest.open(f"{URL}/triplets.parquet")[0]
    assert triplet.anchor.image().shape == (64, 64, 3)
    near_lines = done("info", local).stdout.replace(str(local), "X").splitlines()
    near_lines.remove("page       X/report/index.html")  # at a URL there is none
    assert done("info", URL).stdout.replace(URL, "X").splitlines() == near_lines
    tar = len(store.objects("faces")["crops/00000.tar"])
    crop = ClassManifest.open(URL)[0]
    assert crop.length < tar
    before = len(store.asked)
    crop.bytes()
    assert [method for method, _ in store.asked[before:]] == ["GET"]


def test_a_forked_reader_has_connections_of_its_own(store: ObjectStore, photos: Path) -> None:
    """As the workers of a DataLoader are."""
    done(*to_url(photos))
    # in a program of its own: what other tests import here may not bear a fork
    assert subprocess.run([sys.executable, "-c", _FORKED, URL], timeout=60, check=False).returncode == 0


def test_manifests_drawn_from_a_set_at_a_url(store: ObjectStore, photos: Path, tmp_path: Path) -> None:
    done(*to_url(photos))
    drawn = TripletManifest.sample(ClassManifest.open(URL, split="train"), count=9, seed=7)
    drawn.write(tmp_path / "mine.parquet")
    assert len(TripletManifest.open(tmp_path / "mine.parquet", of=URL)) == 9


def test_nothing_to_do_changes_nothing(store: ObjectStore, photos: Path) -> None:
    done(*to_url(photos))
    before = store.objects("faces")
    store.asked.clear()
    assert f"nothing to do: {URL} is up to date" in done(*to_url(photos)).stderr
    assert store.puts() == ["faces/.work/claim.json"]
    assert store.objects("faces") == before


def test_a_grown_set_puts_only_what_differs(store: ObjectStore, photos: Path, tmp_path: Path) -> None:
    done(*to_url(photos))
    for old, new in (("03.png", "04.png"), ("02.png", "05.png")):
        (photos / "person-03" / old).rename(photos / "person-03" / new)  # the last two: earlier ids stay
    store.asked.clear()
    done(*to_url(photos))
    assert {key for key in store.puts() if key.endswith(".tar")} == {
        "faces/crops/00004.tar", "faces/crops/00005.tar",
    }  # fmt: skip
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *SMALL, "--store", "tar")
    same(store, tmp_path / "fresh")


def test_a_smaller_set_leaves_no_tar_behind(store: ObjectStore, photos: Path, tmp_path: Path) -> None:
    done(*to_url(photos))
    for number in range(4):
        (photos / f"person-00/{number:02d}.png").unlink()
    done(*to_url(photos))
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *SMALL, "--store", "tar")
    same(store, tmp_path / "fresh")
    assert len([name for name in store.objects("faces") if name.endswith(".tar")]) == 4


def test_commands_on_a_url(store: ObjectStore, photos: Path, local: Path) -> None:
    done(*to_url(photos))
    tarred = {name: data for name, data in store.objects("faces").items() if name.endswith(".tar")}
    for words in (
        ("split", "--splits", "train=0.75,test=0.25", "--seed", "3"),
        ("pairs", "--count", "20"),
        ("triplets", "--per-photo", "2"),
    ):
        shown = [done(words[0], place_, *words[1:]).stdout for place_ in (URL, local)]
        assert shown[0] == shown[1]
    same(store, local)
    store.asked.clear()
    done("pairs", URL, "--count", "10")
    assert sorted(store.puts()) == ["faces/.work/claim.json", "faces/dataset.json", "faces/pairs.parquet"]
    assert {n: d for n, d in store.objects("faces").items() if n.endswith(".tar")} == tarred


@pytest.mark.parametrize("puts", [5, 12])
def test_killed_in_the_middle_of_the_upload(
    puts: int, store: ObjectStore, photos: Path, local: Path, tmp_path: Path
) -> None:
    hold = threading.Event()
    seen = [0]

    def stall(method: str, key: str) -> None:
        if method == "PUT" and "claim" not in key:
            seen[0] += 1
            if seen[0] >= puts:
                hold.wait(60)

    store.failures = stall
    process = start(*to_url(photos), before=_QUICK)
    try:
        wait_for(lambda: seen[0] >= puts or process.poll() is not None)
        process.kill()
        assert finish(process).status == -signal.SIGKILL
    finally:
        store.failures = lambda method, key: None
        hold.set()
    with pytest.raises(UnfinishedSetError, match="is not finished: run the same"):
        open_set(URL)
    again = done(*to_url(photos))
    assert "was claimed by a run on" in again.stderr
    assert "nothing to do" in again.stderr  # but to upload
    same(store, local)


def test_failures_are_tried_again(store: ObjectStore, photos: Path, local: Path) -> None:
    store.fill(photos, "photos")
    store.asked.clear()
    failures = [
        failing(4, "InternalError", "PUT", "00001.tar"),
        failing(3, "ServiceUnavailable", "PUT", "dataset.json"),
        failing(4, "ServiceUnavailable", "GET", "photos/person-01/02.png"),
        failing(2, "InternalError", "DELETE", "claim"),
        failing(2, "InternalError", "HEAD", "00002.tar"),
    ]
    store.failures = lambda method, key: next(filter(None, (f(method, key) for f in failures)), None)
    done(*to_url(PHOTOS))
    same(store, local, root=False)
    assert store.puts().count("faces/crops/00001.tar") == 5


def test_a_store_that_keeps_failing(store: ObjectStore, photos: Path, local: Path) -> None:
    store.failures = failing(10_000, "ServiceUnavailable", "PUT", "00003.tar")
    with pytest.raises(StoreError, match=r"cannot write s3://.*/crops/00003.tar: .*\(5 tries\)"):
        prepare_here(photos)
    assert store.puts().count("faces/crops/00003.tar") == 5
    with pytest.raises(UnfinishedSetError):
        open_set(URL)
    store.well()
    done(*to_url(photos))
    assert 1 <= len([key for key in store.puts() if key.endswith(".tar")]) <= 5  # not all of them again
    same(store, local)


def prepare_here(photos: object, **changes: Any) -> None:
    options = {"size": 64, "splits": "train=0.5,test=0.5", "workers": 1, "store": "tar", **changes}
    prepare(str(photos), URL, detector=FakeDetector, **options)


def test_a_store_that_refuses_writes_says_so_at_once(store: ObjectStore, photos: Path) -> None:
    store.failures = failing(10_000, "AccessDenied")
    refused = run(*to_url(photos), before=_QUICK)
    assert refused.status == 1
    assert refused.error.startswith(f"facedata: error: cannot write {URL}: the store refuses it: ")
    assert len(store.puts()) == 1  # another try would be refused as well


def test_a_photo_that_cannot_be_read_is_unreadable(store: ObjectStore, photos: Path) -> None:
    store.fill(photos, "photos")
    store.failures = failing(10_000, "ServiceUnavailable", "GET", "person-01/02.png")
    done(*to_url(PHOTOS))
    rows = open_set(URL).table("photos", ["record", "status", "reason"]).to_pylist()
    (row,) = [row for row in rows if row["status"] != "kept"]
    assert (row["record"], row["status"]) == ("person-01/02.png", "unreadable")
    assert "5 tries" in row["reason"]
    store.well()
    done(*to_url(PHOTOS))  # and once it can be, it is taken
    assert open_set(URL).info["counts"]["status"] == {"kept": 16}


def test_a_changed_photo_is_seen_by_its_etag(store: ObjectStore, photos: Path, tmp_path: Path) -> None:
    store.fill(photos, "photos")
    done(*to_url(PHOTOS))
    first, second = photos / "person-01/02.png", photos / "person-02/02.png"
    first.write_bytes(second.read_bytes())
    store.fill(first.parent, "photos/person-01")
    store.asked.clear()
    done(*to_url(PHOTOS))
    read = [key for method, key in store.asked if method == "GET" and key.startswith("photos/")]
    assert set(read) == {"photos/person-01/02.png"}
    done("prepare", "folder", photos, "--out", tmp_path / "fresh", *SMALL, "--store", "tar")
    same(store, tmp_path / "fresh", root=False)


def test_what_a_source_at_a_url_lists(store: ObjectStore, photos: Path) -> None:
    store.fill(photos, "photos")
    body = (photos / "person-00/00.png").read_bytes()
    for key, data in {
        "anna/no-ending": body, "anna/empty.jpg": b"", "anna/notes.txt": b"hello", "anna/film.mp4": b"x",
        "anna/ü #?%41 [x].png": body, ".hidden/x.png": body, "loose.png": body, "anna/": b"",
        "set/dataset.json": json.dumps({"kind": "facedata set"}).encode(), "set/crops/a.png": body,
        "begun/.work/claim.json": b"{}", "begun/crops/a.png": body,
    }.items():  # fmt: skip
        store.client.put_object(Bucket=BUCKET, Key=f"photos/{key}", Body=data)
    scan = FolderSource({"": Remote(PHOTOS)}).scan()
    rows = {row["record"]: row for row in scan.photos.to_pylist() if not row["record"].startswith("person-")}
    assert rows.keys() == {
        "anna/no-ending", "anna/empty.jpg", "anna/film.mp4", "anna/ü #?%41 [x].png", "loose.png",
    }  # fmt: skip
    assert {key: row["status"] for key, row in rows.items() if row["status"]} == {
        "anna/film.mp4": "unsupported", "loose.png": "no_identity",
    }  # fmt: skip
    assert scan.other_files == 1
    assert rows["anna/no-ending"]["size"] == len(body)
    assert rows["anna/no-ending"]["mtime_ns"] == rows["loose.png"]["mtime_ns"]  # the same ETag
    assert isinstance(scan.reader, FolderReader)
    assert scan.reader("anna/ü #?%41 [x].png") == body
    store.asked.clear()
    assert scan.reader("anna/empty.jpg") == b""
    assert len(store.asked) <= 3  # it has no range that could be read: to ask five times takes seconds
    with pytest.raises(OSError, match="could leave"):
        scan.reader("../faces/dataset.json")


def test_sources_that_are_not_there(store: ObjectStore) -> None:
    with pytest.raises(SourceError, match="there is nothing below"):
        FolderSource({"": Remote(PHOTOS)}).scan()
    with pytest.raises(SourceError, match=r"(nothing below|cannot list) s3://no-such-bucket/x"):
        FolderSource({"": Remote("s3://no-such-bucket/x")}).scan()
    with pytest.raises(NotASetError, match=f"there is nothing at {URL}"):
        open_set(URL)
    for words in (("celeba", PHOTOS), ("lfw", PHOTOS), ("table", f"{PHOTOS}/t.csv")):
        refused = here("prepare", *words, "--out", "nowhere")
        assert refused.status == 2
        assert "reads from this machine only" in refused.error


def test_what_is_refused(store: ObjectStore, photos: Path) -> None:
    refused = here("prepare", "folder", photos, "--out", URL, *SMALL)
    assert refused.status == 2
    assert "add --store tar" in refused.error
    store.client.put_object(Bucket=BUCKET, Key="faces/thesis.doc", Body=b"mine")
    refused = here(*to_url(photos))
    assert refused.status == 1
    assert f"{URL} is not empty and holds no prepared set ('thesis.doc')" in refused.error
    assert list(store.objects("faces")) == ["thesis.doc"]
    store.fill(photos, "photos")
    refused = here("prepare", "folder", PHOTOS, "--out", PHOTOS, *SMALL, "--store", "tar")
    assert refused.status == 2
    assert "lies in the output" in refused.error


def test_other_settings_are_refused_and_named_with_the_url(store: ObjectStore, photos: Path) -> None:
    done(*to_url(photos))
    before = store.objects("faces")
    refused = here(*to_url(photos, "--min-score", ".5"))
    assert refused.status == 1
    assert f"{URL} was made with other settings (min_score: 0.9 before, 0.5 now)" in refused.error
    assert store.objects("faces") == before  # no claim stays behind
    done(*to_url(photos, "--min-score", ".5", "--overwrite"))
    assert open_set(URL).info["settings"]["min_score"] == 0.5


def test_two_runs_at_once(store: ObjectStore, photos: Path, tmp_path: Path) -> None:
    """The later one wins, whatever the machine; the earlier one stops before it writes."""
    place_ = Remote(URL)
    earlier = ExitStack()
    folder = earlier.enter_context(working_folder.working_copy(place_, tmp_path / "one"))
    done("prepare", "folder", photos, "--out", folder, *SMALL, "--store", "tar")
    done(*to_url(photos))  # with a cache of its own, as on another machine
    before = store.objects("faces")
    with pytest.raises(LockedError, match=f"has taken over {URL}; nothing was uploaded"):
        earlier.close()
    assert store.objects("faces") == before
    with working_folder.working_copy(place_, tmp_path / "two"):
        refused = subprocess_try(tmp_path)
    assert f"another run is working on {URL}" in refused


def subprocess_try(tmp_path: Path) -> str:
    """Try to work on the URL from another process with the same cache."""
    program = (
        "from pathlib import Path; from facedata.sets.working_folder import working_copy\n"
        "from facedata.files.remote import Remote\n"
        f"with working_copy(Remote({URL!r}), Path({str(tmp_path / 'two')!r})): pass"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    return finished.stderr


def test_work_is_dropped_when_the_set_has_changed_elsewhere(
    store: ObjectStore, photos: Path, local: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    done(*to_url(photos))
    place_ = Remote(URL)
    with suppress(KeyboardInterrupt), working_folder.working_copy(place_, tmp_path / "one") as folder:
        (folder / "photos.parquet").write_bytes(b"half done")
        raise KeyboardInterrupt
    done("split", URL, "--seed", "8")  # by another machine
    done("split", local, "--seed", "8")
    with working_folder.working_copy(place_, tmp_path / "one"):
        pass
    assert "has changed since this machine worked on it" in caplog.text
    same(store, local)


@pytest.mark.parametrize("scheme", ["memory://test-sets", "file://{}"])
def test_other_file_systems_do_as_well(scheme: str, photos: Path, local: Path, tmp_path: Path) -> None:
    base = scheme.format(tmp_path / "elsewhere")
    for path in photos.rglob("*.png"):
        (Remote(base) / f"photos/{path.relative_to(photos).as_posix()}").upload(path)
    command = ("prepare", "folder", f"{base}/photos", "--out", f"{base}/faces", *SMALL, "--store", "tar")
    done(*command)
    assert "nothing to do" in done(*command).stderr
    assert ClassManifest.open(f"{base}/faces").table.equals(ClassManifest.open(local).table)
    assert ClassManifest.open(f"{base}/faces")[3].bytes() == ClassManifest.open(local)[3].bytes()
    done("split", f"{base}/faces", "--seed", "2")
    left = [name for name in Remote(f"{base}/faces").files() if name not in OUTSIDE_THE_PROMISE]
    assert sorted(left) == sorted(path for path in set_bytes(local))


def test_a_missing_server_is_one_clear_line(photos: Path, tmp_path: Path) -> None:
    nowhere = 'import os; os.environ.update(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_ACCESS_KEY_ID="x", '
    nowhere += 'AWS_SECRET_ACCESS_KEY="x")\n'
    refused = run("prepare", "folder", PHOTOS, "--out", tmp_path / "set", *SMALL, before=nowhere + _QUICK)
    assert refused.status == 1
    assert f"cannot list {PHOTOS}: " in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr


def test_a_check_reads_each_tar_once_in_its_order(
    store: ObjectStore, photos: Path, local: Path, tmp_path: Path
) -> None:
    done(*to_url(photos))
    store.asked.clear()
    found = [here("check", *words).status for words in ((URL, "--out", tmp_path / "there"), (local,))]
    assert found[0] == found[1]
    tar_reads = [key for method, key in store.asked if method == "GET" and key.endswith(".tar")]
    # what follows are single crops, of which two may be copies
    assert tar_reads[:6] == [f"faces/crops/{number:05d}.tar" for number in range(6)]
    assert snapshot(tmp_path / "there") == snapshot(local / "check")
    assert not [name for name in store.objects("faces") if name.startswith("check/")]
