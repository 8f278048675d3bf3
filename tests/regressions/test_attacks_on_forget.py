"""People with names that break programs are forgotten and proved gone: in sets, exports, buckets."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import ExportConfig, PreparedSet, check, export_set, forget_set, open_set, prepare, report_set
from facedata.config import EXPORTS
from facedata.files import remote
from facedata.forgetting.needles import collect_needles
from facedata.forgetting.search import search_folders
from facedata.forgetting.traces.patterns import NAME, Needles
from facedata.photos.paths import photo_path
from facedata.testing import FakeDetector
from tests.support.facedata_command import here
from tests.support.hiding_places import LONG_NAMES, NAMES
from tests.support.inline_engine import inline
from tests.support.marked_photos import write_marked
from tests.support.object_store import BUCKET, ObjectStore, serve

ODD = (
    "O'Hara \"Bo\" <b>&amp;", "line\nbreak\ttab", "\U0001f642\u200d\U0001f467", "\u00e9" * 100, "#1 & %2F",
    "x..", "-rf", "a\\b\\x5cx41", "Zoe\u0308", "\u738b\u83f2", "con", "12", "Al", "=1+1", "$(id)",
    "\u202egnp.x",
)  # fmt: skip
"""As the ledger has them."""
ALIKE = ("Ann", "Anna", "Ann Lee", "Ann Lee Smith", "nn")
OPTIONS: dict[str, Any] = {
    "size": 48, "splits": "train=0.5,test=0.5", "detector": FakeDetector, "names": "exact", "report": False,
}  # fmt: skip


def make(folder: Path, people: tuple[str, ...], **options: Any) -> PreparedSet:
    for number, person in enumerate(people):
        for photo in range(3):
            write_marked(folder / "photos" / photo_path(person) / f"{photo}.png", seed=number * 3 + photo)
    with inline():
        return prepare(folder / "photos", folder / "faces", **{**OPTIONS, **options})


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    faces = make(folder, ODD)
    check(faces)
    report_set(faces)
    return folder / "faces"


@pytest.mark.parametrize("person", ODD, ids=[str(number) for number in range(len(ODD))])
def test_whatever_somebody_is_called_they_go_and_nothing_stays(
    odd: Path, tmp_path: Path, person: str
) -> None:
    faces = tmp_path / "faces"
    shutil.copytree(odd, faces)
    needles = collect_needles(open_set(faces), [person], [])
    assert {one.what for one in search_folders(needles, [faces]).traces} >= {NAME, "path", "crop"}
    before = {
        row["id"]: row["crop_sha256"]
        for row in open_set(faces).table("classes").to_pylist()
        if row["identity"] != person
    }
    with inline():
        done = forget_set(faces, [person], prove=[str(faces)])
        report_set(faces)
    (proof,) = done.searched
    assert proof.is_clean, proof
    assert search_folders(needles, [faces]).is_clean  # the new page too
    rows = open_set(faces).table("classes").to_pylist()
    assert {row["id"]: row["crop_sha256"] for row in rows} == before
    for row in rows:
        assert hashlib.sha256((faces / row["file"]).read_bytes()).hexdigest() == row["crop_sha256"]


@pytest.mark.parametrize("person", ALIKE)
def test_names_that_begin_alike(tmp_path: Path, person: str) -> None:
    faces = make(tmp_path, ALIKE)
    with inline():
        done = forget_set(str(faces.path), person, prove=[str(faces.path)])
    assert done.searched[0].is_clean, done.searched[0]
    assert sorted({*open_set(faces.path).table("classes").column("identity").to_pylist()}) == sorted(
        {*ALIKE} - {person}
    )


@pytest.mark.parametrize("form", sorted(EXPORTS))
def test_an_export_has_traces_and_one_made_afterwards_has_none(tmp_path: Path, form: str) -> None:
    person = "Annabella O'Hara"
    faces = make(tmp_path, (person, "Berta", "Cem", "Dora"))
    export_set(faces, tmp_path / "before", ExportConfig(to=form))
    with inline():
        done = forget_set(str(faces.path), person, prove=[str(tmp_path / "before")])
    found = {one.what for one in done.searched[0].traces}
    assert found >= ({NAME, "path"} if form in ("csv", "coco") else {NAME, "crop"}), found
    assert [(one.kind, one.path) for one in done.made_with] == [("export", str(tmp_path / "before"))]
    export_set(open_set(faces.path), tmp_path / "after", ExportConfig(to=form))
    again = forget_set(str(faces.path), person, prove=[str(tmp_path / "after"), str(faces.path)])
    assert again.searched[0].is_clean, again.searched[0]


def test_a_trace_is_status_1_and_zero_is_0(tmp_path: Path) -> None:
    faces = make(tmp_path, ("Annabella", "Berta", "Cem"))
    (tmp_path / "notes.txt").write_text("Annabella asked us")
    with inline():
        found = here("forget", faces.path, "Annabella", "--prove", tmp_path / "notes.txt")
    assert found.status == 1
    assert "trace      name in " in found.stdout
    assert "1 trace was found" in found.stderr
    clean = here("forget", faces.path, "Annabella", "--prove", faces.path, "--json")
    assert clean.status == 0
    assert json.loads(clean.stdout)["searched"][0]["traces"] == []


_READ = """
import hashlib, sys
from facedata import ClassManifest, open_set
from facedata.errors import FacedataError
print("ready", flush=True)
while True:
    try:
        faces = open_set(sys.argv[1])
        for row in ClassManifest.open(faces):
            row.image()
    except FacedataError as error:
        if type(error).__name__ not in ("UnfinishedSetError", "NotASetError", "OtherSetError", "StoreError"):
            print(type(error).__name__, error, flush=True)
"""


def test_who_reads_meanwhile_sees_a_set_or_an_error_and_nothing_else(tmp_path: Path) -> None:
    people = tuple(f"person {number}" for number in range(12))
    faces = make(tmp_path, people)
    with subprocess.Popen(
        [sys.executable, "-c", _READ, str(faces.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stderr is not None
        assert reader.stdout.readline() == "ready\n"
        with inline():
            for person in people[:6]:
                forget_set(str(faces.path), person)
                time.sleep(0.1)
        reader.send_signal(signal.SIGTERM)
        assert (reader.stdout.read(), reader.stderr.read()) == ("", "")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.01)
    with serve() as store:
        store.well()
        yield store


def test_a_bucket_is_searched_and_what_it_refuses_is_told(bucket: ObjectStore, tmp_path: Path) -> None:
    faces = make(tmp_path, ("Annabella", "Berta"), store="tar")
    needles = collect_needles(faces, ["Annabella"], [])
    for file in sorted(path for path in (tmp_path / "faces").rglob("*") if path.is_file()):
        key = f"faces/{file.relative_to(tmp_path / 'faces').as_posix()}"
        bucket.client.put_object(Bucket=BUCKET, Key=key, Body=file.read_bytes())
    local = search_folders(needles, [tmp_path / "faces"])
    there = search_folders(needles, [f"s3://{BUCKET}/faces"])
    names = [
        sorted(
            (Path(one.file).name, one.inside, one.what, one.count) for one in found.traces if "." in one.file
        )
        for found in (local, there)
    ]
    assert names[0] == names[1]
    assert (there.files, there.bytes) == (local.files, local.bytes)
    bucket.failures = lambda _, key: "AccessDenied" if key.endswith("photos.parquet") else None
    refused = search_folders(Needles(("Nobody at all",)), [f"s3://{BUCKET}/faces"])
    assert not refused.traces
    assert [Path(one.file).name for one in refused.not_searched] == ["photos.parquet"]


_EVERY = {**NAMES, **LONG_NAMES}


@pytest.mark.parametrize("place", sorted(_EVERY))
def test_a_search_survives_files_that_lie(tmp_path: Path, place: str) -> None:
    """Bytes changed anywhere, lengths above all: it ends, and what cannot be read is told."""
    file = tmp_path / place
    _EVERY[place](file, "Berta Bogen")
    whole, rng = file.read_bytes(), random.Random(place)
    needles = Needles(("Annabella", "Al", "12"), embeddings=(np.ones((1, 8), np.float32),))
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 5))):
            at = rng.choice((rng.randrange(len(data)), rng.randrange(min(64, len(data))), len(data) - 1))
            data[at : at + 4] = rng.choice(
                (b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f", rng.randbytes(1), b"")
            )
            data += b"\n" * (not data)
        file.write_bytes(data)
        assert not search_folders(needles, [file]).traces


def test_statistics_that_lie_do_not_end_the_process(tmp_path: Path) -> None:
    """Of such a file pyarrow 26 aborts when it is asked for them."""
    pq.write_table(pa.table({"who": [["Ann"], ["Annabella", "Al"]]}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for at in range(4, len(whole) - 8):
        (tmp_path / "t.parquet").write_bytes(whole[:at] + bytes([whole[at] ^ 6]) + whole[at + 1 :])
        search_folders(Needles(("Annabella",)), [tmp_path])
