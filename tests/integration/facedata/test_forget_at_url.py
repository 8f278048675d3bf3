"""`facedata forget` of a set behind a URL, on a real S3 server (moto's) on loopback."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from facedata import ClassManifest, forget_set, open_set, prepare
from facedata.errors import StoreError, UnfinishedSetError, UsageError
from facedata.files import remote
from facedata.store import tars
from facedata.testing import FakeDetector, marked_folder
from tests.support.forget_traces import find_traces
from tests.support.forgetting import expect
from tests.support.inline_engine import inline
from tests.support.object_store import BUCKET, ObjectStore, serve

URL = f"s3://{BUCKET}/faces"
ANNA = "person-01"


@pytest.fixture(scope="module")
def _server() -> Iterator[ObjectStore]:
    with serve() as store:
        yield store


@pytest.fixture
def store(_server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """The server with a set of four people, five tars, a check; and that set in a folder."""
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(tars, "TAR_CROPS", 3)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    _server.well()
    _server.empty()
    marked_folder(tmp_path / "photos", people=4, photos=3)
    with inline():
        prepare_to(URL, tmp_path)
        prepare_to(tmp_path / "local", tmp_path)
        for name in ("check/summary.json", "report/index.html"):
            _server.client.put_object(Bucket=BUCKET, Key=f"faces/{name}", Body=ANNA.encode())
        _server.asked.clear()
        yield _server


def prepare_to(out: str | Path, home: Path) -> None:
    options = {"size": 32, "splits": "train=0.5,test=0.5", "store": "tar", "report": False}
    prepare(home / "photos", out, detector=FakeDetector, **options)  # type: ignore[arg-type]


def fetched(store: ObjectStore, folder: Path) -> Path:
    """Return a folder with all that is at the URL."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in store.objects("faces").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_set_at_a_url_forgets_too(store: ObjectStore, tmp_path: Path) -> None:
    expected = expect(tmp_path / "local", [ANNA])
    outcome = forget_set(URL, ANNA)
    assert (outcome.photos, outcome.crops) == (3, 3)
    assert find_traces(fetched(store, tmp_path / "there"), expected.sought) == []
    crops = {one.path: (one.id, one.split, one.bytes()) for one in ClassManifest.open(URL)}
    assert crops == expected.kept
    assert [key for key in store.puts() if key.endswith(".tar")] == []  # one goes, the others stay
    assert store.puts()[1] == "faces/forgotten.json"
    assert store.puts()[-1] == "faces/dataset.json"
    before = store.objects("faces")
    prepare_to(URL, tmp_path)
    assert store.objects("faces") == before
    options = {"size": 32, "splits": "train=0.5,test=0.5", "store": "tar", "overwrite": True}
    prepare(tmp_path / "photos", URL, detector=FakeDetector, **options)  # type: ignore[arg-type]
    assert open_set(URL).info["counts"]["status"] == {"kept": 9, "forgotten": 3}
    assert not any(tmp_path.glob("cache/facedata/staging/*/*"))


def test_a_tar_that_loses_a_crop_is_written_again(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("person-02/01.png\n")
    expected = expect(tmp_path / "local", [], ["person-02/01.png"])
    forget_set(URL, photos=str(tmp_path / "list.txt"))
    assert [key for key in store.puts() if key.endswith(".tar")] == ["faces/crops/00002.tar"]
    assert find_traces(fetched(store, tmp_path / "there"), expected.sought) == []
    assert {one.path: (one.id, one.split, one.bytes()) for one in ClassManifest.open(URL)} == expected.kept


@pytest.mark.parametrize("part", ["forgotten.json", "photos.parquet", "dataset.json"])
def test_an_upload_that_breaks_off_is_finished(store: ObjectStore, tmp_path: Path, part: str) -> None:
    expected, before = expect(tmp_path / "local", [ANNA]), store.objects("faces")
    store.failures = lambda method, key: "AccessDenied" if method == "PUT" and part in key else None
    with pytest.raises(StoreError):
        forget_set(URL, ANNA)
    store.well()
    if part == "forgotten.json":
        del before["check/summary.json"]
        assert {name: data for name, data in store.objects("faces").items() if "claim" not in name} == before
    else:
        with pytest.raises(UnfinishedSetError):
            open_set(URL)
    forget_set(URL, [ANNA] if part == "forgotten.json" else [])
    assert find_traces(fetched(store, tmp_path / "there"), expected.sought) == []
    with pytest.raises(UsageError, match="nobody is named"):
        forget_set(URL)
    # another machine, which knows nothing
    shutil.rmtree(tmp_path / "cache")
    os.sync()
    prepare_to(URL, tmp_path)
    assert open_set(URL).info["counts"]["status"] == {"kept": 9, "forgotten": 3}
