"""`check` with a model: what it does with whole, damaged and odd sets, and after it was stopped."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import facedata
from facedata import ClassManifest, PreparedSet, prepare
from facedata.checks.findings import Findings
from facedata.errors import LockedError, NotASetError, UsageError
from facedata.files.locks import locked
from facemodel import check
from facemodel.checks.official_pairs import OfficialPairs
from facemodel.checks.who.find import find_people_findings
from facemodel.config import CheckConfig
from facemodel.errors import ModelError, ScoreError, SpecError
from facemodel.models import embedding_file
from facemodel.models.embedding_file import read_embeddings
from tests.support.colour_embedder import ColourEmbedder
from tests.support.damaged_sets import alter_rows
from tests.support.facemodel_command import here
from tests.support.onnx_networks import MOBILEFACENET, matrix_net, mobilefacenet
from tests.support.people_set import people_set
from tests.support.processes import ROOT
from tests.support.set_bytes import snapshot
from tests.support.shared_data import SHARED, needs_shared
from tests.support.small_set import make_set

PEOPLE, PHOTOS = 8, 5
CROPS = PEOPLE * PHOTOS
PROGRAM = """
import os, sys
from facemodel import cli
from facemodel.models import embedding_file

signal, *arguments = sys.argv[1:]
embedding_file.PART_ROWS = 8
write = embedding_file.EmbeddingParts.write

def stop(parts, number, values):
    write(parts, number, values)
    if number == 2:
        os.kill(os.getpid(), int(signal))

embedding_file.EmbeddingParts.write = stop
sys.exit(cli.main(arguments))
"""
"""A check that gets a signal once three parts of eight crops are embedded."""


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    people_set(tmp_path / "faces", PEOPLE, PHOTOS)
    return tmp_path / "faces"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return matrix_net(tmp_path_factory.mktemp("net"))


def who(found: Findings) -> dict[str, Any]:
    return dict(found.summary["who_is_who"])


def kinds(found: Findings) -> set[str]:
    return set(found.table.column("kind").to_pylist())


def without_check(folder: Path) -> dict[str, bytes | None]:
    return {name: data for name, data in snapshot(folder).items() if not name.startswith("check")}


def test_a_whole_set(faces: Path) -> None:
    before = snapshot(faces)
    seen: list[tuple[int, int]] = []
    steps: list[str] = []
    embedder = ColourEmbedder()
    found = check(
        faces, embedder, batch=7, flip=False, on_progress=lambda *two: seen.append(two),
        on_step=steps.append,
    )  # fmt: skip
    assert without_check(faces) == before
    assert who(found)["crops"] == embedder.seen == CROPS
    assert who(found)["model"] == embedder.fingerprint()
    assert steps.index("reading the crops") < steps.index("embedding the crops")
    assert (CROPS, CROPS) in seen
    kept = read_embeddings(faces / "check" / who(found)["embeddings"])
    rows = ClassManifest.open(faces)
    np.testing.assert_array_equal(
        kept.values, np.stack([embedder.embed(row.image()[None])[0] for row in rows])
    )
    assert json.loads((faces / "check/summary.json").read_text()) == found.summary


def test_the_same_again_embeds_nothing_and_finds_the_same(faces: Path) -> None:
    first = check(faces, ColourEmbedder())
    files = snapshot(faces / "check")
    embedder = ColourEmbedder()
    again = check(str(faces), embedder)
    assert embedder.seen == 0
    assert again.table.equals(first.table)
    assert snapshot(faces / "check") == files


def test_without_a_model_it_is_facedata_s(faces: Path, tmp_path: Path) -> None:
    ours = check(faces, out=tmp_path / "ours", workers=1)
    theirs = facedata.check(faces, out=tmp_path / "theirs", workers=1)
    assert ours.table.equals(theirs.table)
    assert "who_is_who" not in ours.summary
    assert not list((tmp_path / "ours").glob("embeddings*"))


def test_facedata_s_with_a_model_is_this_one(faces: Path, tmp_path: Path) -> None:
    theirs = facedata.check(faces, ColourEmbedder(), out=tmp_path / "theirs", batch=9)
    ours = check(faces, ColourEmbedder(), out=tmp_path / "ours", config=CheckConfig(batch=9))
    assert theirs.table.equals(ours.table)
    assert who(theirs) == who(ours)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_it_goes_on_from_what_is_embedded(
    faces: Path, net: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(faces)
    words = ["check", str(net), str(faces), "--workers", "1"]
    stopped = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(int(number)), *words],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert stopped.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130), stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert without_check(faces) == before
    assert not (faces / "check/findings.parquet").exists()
    monkeypatch.setattr(embedding_file, "PART_ROWS", 8)
    finished = here(*words)
    assert finished.status in (0, 1), finished.stderr
    assert f"24 of {CROPS} crops were embedded by an earlier check" in finished.stderr
    assert json.loads((faces / "check/summary.json").read_text())["who_is_who"]["crops"] == CROPS
    assert without_check(faces) == before
    assert not list((faces / "check").glob(".*parts"))


def test_crops_that_are_gone_or_changed_are_findings_and_left_out(faces: Path) -> None:
    rows = ClassManifest.open(faces).take([3, 11])
    (faces / rows[0].file).unlink()
    data = (faces / rows[1].file).read_bytes()
    (faces / rows[1].file).write_bytes(data[:-4] + b"wxyz")
    embedder = ColourEmbedder()
    found = check(faces, embedder, flip=False)
    assert {"crop_missing", "crop_changed"} <= kinds(found)
    assert embedder.seen == who(found)["crops"] == CROPS - 2
    kept = read_embeddings(faces / "check" / who(found)["embeddings"])
    assert set(kept.ids.tolist()) == set(ClassManifest.open(faces).ids.tolist()) - {rows[0].id, rows[1].id}


def test_a_crop_whose_bytes_are_no_picture_is_left_out(tmp_path: Path) -> None:
    """It has the recorded SHA-256, as when the set was made of garbage."""
    people_set(tmp_path / "faces", PEOPLE, PHOTOS)
    row = ClassManifest.open(tmp_path / "faces")[4]
    (tmp_path / "faces" / row.file).write_bytes(b"x" * row.length)

    def alter(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[4]["crop_sha256"] = sha256(b"x" * row.length).hexdigest()
        return rows

    alter_rows(tmp_path / "faces", "classes", alter)
    found = check(tmp_path / "faces", ColourEmbedder())
    assert who(found)["crops"] == CROPS - 1


@pytest.mark.parametrize("how", ["no dataset.json", "half written", "of another set", "no classes"])
def test_a_damaged_set_is_checked_as_far_as_it_can_be(
    how: str, faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if how == "no dataset.json":
        (faces / "dataset.json").unlink()
    elif how == "half written":
        for file in (*faces.glob("*.parquet"), faces / "dataset.json"):
            file.unlink()
        (faces / ".work").mkdir()
    elif how == "of another set":
        people_set(tmp_path / "other", PEOPLE - 1, PHOTOS)
        shutil.copy(tmp_path / "other/classes.parquet", faces)
    else:
        (faces / "classes.parquet").write_bytes(b"PAR1 cut short")
    before = snapshot(faces)
    found = check(faces, ColourEmbedder())
    assert found.undecided
    assert without_check(faces) == before
    if "not_looked_at" in who(found):
        assert who(found)["not_looked_at"] in caplog.text


def test_another_template_is_refused_before_any_crop_is_read(faces: Path) -> None:
    steps: list[str] = []
    with pytest.raises(SpecError, match=r"arcface112 crops and .* has square crops: add --cut, which"):
        check(faces, ColourEmbedder(template="arcface112"), on_step=steps.append)
    assert not steps
    assert not (faces / "check").exists()


def test_no_model_and_no_set(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        check(faces, tmp_path / "nowhere")
    with pytest.raises(NotASetError, match="there is no folder"):
        check(tmp_path / "nowhere", ColourEmbedder())
    with pytest.raises(UsageError, match="bach"):
        check(faces, ColourEmbedder(), bach=3)
    assert not (faces / "check").exists()


def test_a_model_that_gives_nan_only(faces: Path) -> None:
    class Silent(ColourEmbedder):
        def embed(self, crops: Any) -> Any:
            return np.full((len(crops), 6), np.nan, np.float32)

    with pytest.raises(ScoreError, match="no usable numbers"):
        check(faces, Silent())
    assert not (faces / "check/findings.parquet").exists()


@pytest.mark.parametrize(
    "people",
    [
        {"ada": 12},
        {f"p{number:02}": 1 for number in range(15)},
        {"ada": 2, "bo": 2},
        {"ada": 1},
        {"ada": 40, "bo": 1},
    ],
    ids=["one person", "a photo each", "two with two", "one photo", "one with many"],
)
def test_few_people_or_photos_are_no_reason_to_fail(people: dict[str, int], tmp_path: Path) -> None:
    make_set(tmp_path / "faces", people)
    found = check(tmp_path / "faces", ColourEmbedder())
    assert who(found)["crops"] == sum(people.values())
    assert not {"double_name", "swapped"} & kinds(found) or len(people) > 1


def test_no_crop_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_set(tmp_path / "faces", {"ada": 2})
    alter_rows(tmp_path / "faces", "classes", lambda rows: [])
    found = check(tmp_path / "faces", ColourEmbedder())
    assert who(found)["not_looked_at"] == "no crop can be read"
    assert "who is who is not looked at" in caplog.text


def test_many_photos_of_one_person() -> None:
    """100,000 embeddings of one person under one name: in seconds, and nobody else is found."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.1, (100_000, 64)) + np.eye(64)[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    count = len(vectors)
    crops = pa.table(
        {
            "id": np.arange(count),
            "photo": [f"{at}.jpg" for at in range(count)],
            "identity": ["ada"] * count,
            "split": ["train"] * count,
        }
    )
    nothing = np.empty(0, np.int64)
    pairs = OfficialPairs(nothing, nothing, np.empty(0, np.bool_))
    findings, _ = find_people_findings(vectors.astype(np.float32), crops, CheckConfig(), pairs=pairs)
    assert not {one.kind.value for one in findings} & {"wrong_person", "swapped", "double_name"}


def test_out_elsewhere_leaves_the_set_untouched(faces: Path, tmp_path: Path) -> None:
    before = snapshot(faces)
    found = check(faces, ColourEmbedder(), out=tmp_path / "found")
    assert snapshot(faces) == before
    assert found.folder == tmp_path / "found"
    assert {one.name for one in found.folder.iterdir()} >= {"findings.parquet", who(found)["embeddings"]}
    embedder = ColourEmbedder()
    check(faces, embedder, out=tmp_path / "found")
    assert embedder.seen == 0


def test_a_set_at_a_url(faces: Path, tmp_path: Path) -> None:
    before = snapshot(faces)
    url = f"file://{faces}"
    with pytest.raises(UsageError, match="--out"):
        check(url, ColourEmbedder())
    found = check(url, ColourEmbedder(), out=tmp_path / "found")
    local = check(faces, ColourEmbedder(), out=tmp_path / "local")
    assert found.table.equals(local.table)
    assert who(found) == who(local)
    assert snapshot(faces) == before


def test_two_checks_at_once(faces: Path) -> None:
    (faces / "check").mkdir()
    with locked(faces / "check"), pytest.raises(LockedError, match="another run"):
        check(faces, ColourEmbedder())


def test_a_grown_set_embeds_what_is_new(tmp_path: Path) -> None:
    people_set(tmp_path / "one", PEOPLE, PHOTOS)
    people_set(tmp_path / "more", PEOPLE + 2, PHOTOS)
    check(tmp_path / "one", ColourEmbedder(), out=tmp_path / "found", flip=False)
    embedder = ColourEmbedder()
    found = check(tmp_path / "more", embedder, out=tmp_path / "found", flip=False)
    assert embedder.seen == 2 * PHOTOS
    assert who(found)["crops"] == (PEOPLE + 2) * PHOTOS


def test_findings_are_bound_to_the_set(faces: Path) -> None:
    found = check(faces, ColourEmbedder())
    metadata = pq.read_schema(faces / "check/findings.parquet").metadata
    assert metadata[b"facedata.fingerprint"].decode() == found.summary["fingerprint"]
    assert found.summary["fingerprint"] == PreparedSet(faces).fingerprint


def test_as_it_is_typed(faces: Path, net: Path) -> None:
    finished = here("check", net, faces, "--batch", 16)
    assert finished.status in (0, 1), finished.stderr
    assert f"embedded   {CROPS:>9,} crops, of the model" in finished.stdout
    again = here("check", net, faces)
    assert again.stdout == finished.stdout
    assert f"{CROPS} of {CROPS} crops were embedded by an earlier check" in again.stderr
    as_json = here("check", net, faces, "--json")
    assert json.loads(as_json.stdout)["who_is_who"]["crops"] == CROPS
    assert finished.status == as_json.status == int(bool(check(faces, net).undecided))


def test_the_model_comes_first(faces: Path, net: Path) -> None:
    assert "the model comes first: facemodel check" in here("check", faces, net).error


def test_nan_of_some_crops_is_said(faces: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ColourEmbedder):
        def embed(self, crops: Any) -> Any:
            found = super().embed(crops)
            found[found[:, 0] < -0.25] = np.nan
            return found

    caplog.set_level(logging.WARNING, "facemodel")
    found = check(faces, Broken())
    assert 0 < who(found)["unusable"] < CROPS / 2
    assert who(found)["crops"] + who(found)["unusable"] == CROPS
    assert f"{who(found)['unusable']} of {CROPS} crops are left out" in caplog.text


@needs_shared
def test_a_real_network_on_real_photos(tmp_path: Path) -> None:
    """What is kept is what onnxruntime gives for the crops, one by one."""
    ort = pytest.importorskip("onnxruntime")
    photos = SHARED / "data/lfw/lfw-deepfunneled"
    several = [folder for folder in sorted(photos.iterdir()) if len(list(folder.iterdir())) >= 3][:3]
    for folder in several:
        for photo in sorted(folder.iterdir())[:3]:
            (tmp_path / "photos" / folder.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, tmp_path / "photos" / folder.name)
    prepare(tmp_path / "photos", tmp_path / "faces", template="arcface112", workers=1)
    net = mobilefacenet(tmp_path / "net")
    found = check(tmp_path / "faces", net, workers=1, flip=False)
    kept = read_embeddings(tmp_path / "faces/check" / who(found)["embeddings"])
    rows = list(ClassManifest.open(tmp_path / "faces"))
    assert len(kept.ids) == len(rows) >= 8
    session = ort.InferenceSession(str(net), providers=["CPUExecutionProvider"])
    mean, std = (np.array(MOBILEFACENET[name], np.float32) for name in ("mean", "std"))
    for row, values in zip(rows, kept.values, strict=True):
        pixels = ((row.image().astype(np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None]
        (wanted,) = session.run(None, {session.get_inputs()[0].name: pixels})
        np.testing.assert_allclose(values, wanted[0], rtol=1e-3, atol=1e-4)
