"""What somebody who meant harm to `facemodel fit` and `mine` found, one test each."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from facedata import ClassManifest, TripletManifest, TripletsConfig, triplets_set
from facedata.errors import FacedataError, NotASetError, UsageError
from facedata.options import read_toml
from facedata.sets.prepared import PreparedSet
from facemodel import fit, mine
from facemodel.config import FitConfig, MineConfig
from facemodel.epochs.holdout import hold_out
from facemodel.errors import DataError, RunError, SpecError, TrainingError
from facemodel.models.known_people import read_people
from facemodel.models.saved import load_objective
from facemodel.spec import read_spec
from tests.support.people_set import people_set
from tests.support.tiny_fit import FEW


def contents(folder: Path) -> Mapping[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "nosuch"},
        {"freeze": "first:999"},
        {"triplets": "nosuch.parquet"},
        {"weights": "nosuch.pt"},
    ],
)
def test_a_run_survives_an_overwrite_that_cannot_begin(
    faces: PreparedSet, run: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    before = contents(Path(shutil.copytree(run, tmp_path / "run")))
    with pytest.raises(FacedataError):
        fit(faces.path, tmp_path / "run", **{**FEW, **options}, overwrite=True)
    assert contents(tmp_path / "run") == before


def test_a_run_may_begin_from_the_weights_it_takes_the_place_of(
    faces: PreparedSet, run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "run")
    weights = str(tmp_path / "run" / "best.safetensors")
    fit(faces.path, tmp_path / "run", **{**FEW, "weights": weights}, overwrite=True)
    assert load_objective(tmp_path / "run").model.pretrained.kind == "file"


def test_nobody_who_trains_judges_an_open_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A set divided by photo has the same people in all its splits."""
    by_photo = people_set(
        tmp_path / "set", people=12, photos=12, splits="train=0.6,val=0.2,test=0.2", split_by="photo"
    )
    found = hold_out(by_photo, FitConfig(**FEW))
    judges, train = ({row.identity for row in crops} for crops in (found.validation, found.training))
    assert judges
    assert not judges & train
    assert "of the split val show people that train: they are left out (--closed is for" in found.notes[1]
    with caplog.at_level(logging.INFO):
        fit(by_photo.path, tmp_path / "run", **FEW)
    assert "show people that train" in caplog.text
    people = read_people(tmp_path / "run")
    assert (set(people.trained), set(people.judged)) == (train, judges)
    closed = hold_out(by_photo, FitConfig(**FEW, closed=True))
    assert {row.identity for row in closed.validation} <= {row.identity for row in closed.training}


def test_validation_by_very_few_pairs_is_said(tmp_path: Path) -> None:
    few = people_set(tmp_path / "set", people=6, photos=2)
    assert any("validation pairs are few to choose" in note for note in hold_out(few, FitConfig(**FEW)).notes)


@pytest.mark.parametrize(
    ("side", "by"), [("negative", "positive"), ("positive", "negative"), ("positive", "anchor")]
)
def test_triplets_that_are_none_do_not_train(faces: PreparedSet, tmp_path: Path, side: str, by: str) -> None:
    manifest = TripletManifest.sample(ClassManifest.open(faces.path, split="train"), count=50, seed=1)
    manifest.write(tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    place = table.column_names.index(side)
    pq.write_table(
        table.set_column(place, table.schema.field(side), table.column(by)), tmp_path / "t.parquet"
    )
    with pytest.raises(
        DataError, match="triplets are wrong: the positive is the anchor's own photo or another"
    ):
        fit(faces.path, tmp_path / "run", **FEW, triplets=_with_set(faces, tmp_path / "t.parquet"))


def test_triplets_without_a_column_or_with_ids_that_are_none(faces: PreparedSet, tmp_path: Path) -> None:
    manifest = TripletManifest.sample(ClassManifest.open(faces.path, split="train"), count=50, seed=1)
    manifest.write(file := tmp_path / "t.parquet")
    whole = pq.read_table(file)
    pq.write_table(whole.drop_columns(["negative"]), file)
    with pytest.raises(NotASetError, match="is not a file of triplets: it lacks negative"):
        TripletManifest.open(file, of=faces.path)
    place = whole.column_names.index("anchor")
    for words in (["x"], ["1.5"]):
        pq.write_table(whole.set_column(place, "anchor", [words * len(whole)]), file)
        with pytest.raises(NotASetError, match="its column anchor is not int64"):
            TripletManifest.open(file, of=faces.path)
    pq.write_table(whole.set_column(place, "anchor", [whole.column("anchor").cast("string")]), file)
    assert TripletManifest.open(file, of=faces.path)[0] == manifest[0]


def _with_set(faces: PreparedSet, file: Path) -> str:
    """Put a file into the set's folder, which it is of."""
    return str(shutil.copy(file, Path(str(faces.path)) / "mine.parquet"))


def test_mine_writes_over_nothing_else(faces: PreparedSet, run: Path, tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_text("precious")
    for name in ("m.parquet", "m.txt", "."):
        with pytest.raises(UsageError, match=r"exists and is not|must end in \.parquet"):
            mine(run, str(faces.path), tmp_path / name)
    assert (tmp_path / "m.parquet").read_text() == "precious"
    mine(run, str(faces.path), tmp_path / "new.parquet", MineConfig(count=5))
    mine(run, str(faces.path), tmp_path / "new.parquet", MineConfig(count=7))
    assert len(TripletManifest.open(tmp_path / "new.parquet", of=faces.path)) == 7


def test_impossible_hashes_are_refused() -> None:
    for text in ("abc", "", "x" * 64, "0" * 65):
        with pytest.raises(UsageError):
            FitConfig(weights_sha256=text)
    with pytest.raises(UsageError, match="choose one"):
        FitConfig(weights="none", weights_sha256="0" * 64)


def test_a_run_that_a_guard_stopped_stays_stopped(faces: PreparedSet, tmp_path: Path) -> None:
    stuck = {
        **FEW,
        "epochs": 3,
        "lr": 1e-12,
        "stop_on": "collapse",
        "freeze": "backbone",
        "freeze_random": True,
    }
    for resume in (False, True, True):
        with pytest.raises(TrainingError, match="stopped by --stop-on collapse"):
            fit(faces.path, tmp_path / "run", **{**stuck, "margin": 1e6}, resume=resume)
    assert (
        fit(faces.path, tmp_path / "run", **{**stuck, "margin": 1e6, "stop_on": ""}, resume=True).epochs == 3
    )


@pytest.mark.parametrize("out", ["s3://bucket/run", "o\udcff", ""])
def test_no_run_is_made_where_none_can_be(
    faces: PreparedSet, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="--out"):
        fit(faces.path, out, **FEW)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        {"batches": "photos", "loss": "focal", "batch": 1},
        {"batches": "photos", "loss": "focal", "rows_per_epoch": 1},
        {"rows_per_epoch": 2**63 - 1},
        {"hard_candidates": 2**63 - 1},
        {"batches": "people", "photos_per_person": 3_000_000_000, "batch": 9_000_000_000},
        {"clip": 0},
        {"lr": 0},
        {"gamma": 1e30},
        {"scale": 1e30},
        {"batches": "people", "loss": "arcface", "margin": 500},
        {"batches": "people", "loss": "cosface", "margin": 50},
        {"weights": ""},
        {"triplets": ""},
    ],
)
def test_values_that_train_nothing_are_wrong_use(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FitConfig(**options)


def test_one_option_said_twice_in_a_config_file(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("weight-decay = 1.0\nweight_decay = 2.0\n")
    with pytest.raises(UsageError, match="has weight-decay twice"):
        read_toml(tmp_path / "c.toml")


@pytest.mark.parametrize("text", ["", "{}", '{"lines": []}', '{"lines": [], "path": "x", "sixth": 1}'])
def test_a_finished_run_that_does_not_say_what_it_came_to(
    faces: PreparedSet, run: Path, tmp_path: Path, text: str
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "state" / "done.json").write_text(text)
    if "lines" in text:
        with pytest.raises(RunError, match="cannot be read: start over"):
            fit(faces.path, tmp_path / "run", **FEW, resume=True)
    else:  # as if it had been stopped one step before
        assert fit(faces.path, tmp_path / "run", **FEW, resume=True).best == 1


def test_a_finished_run_is_where_it_is_now(faces: PreparedSet, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    assert fit(faces.path, tmp_path / "copy", **FEW, resume=True).path == str(tmp_path / "copy")
    (tmp_path / "copy" / "best.safetensors").unlink()
    for name in ("state/done.json", "spec.json"):  # finished, and stopped one step before that
        with pytest.raises(RunError, match=r"lacks best\.safetensors.*: start over with --overwrite"):
            fit(faces.path, tmp_path / "copy", **FEW, resume=True)
        (tmp_path / "copy" / name).unlink()


@pytest.mark.parametrize(
    ("name", "value"),
    [("crop_px", "-1"), ("crop_px", '"x"'), ("margin", "-1"), ("class_threshold", "1e30"), ("size_px", "0")],
)
def test_a_spec_that_says_what_cannot_be(run: Path, tmp_path: Path, name: str, value: str) -> None:
    spec = {**json.loads((run / "spec.json").read_text()), name: json.loads(value)}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    with pytest.raises(SpecError, match=name):
        read_spec(tmp_path / "spec.json")


def test_a_spec_of_bottomless_depth(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(SpecError, match="cannot read the input spec"):
        read_spec(tmp_path / "spec.json")


def test_a_set_drawn_anew_is_another_set_to_go_on_with(faces: PreparedSet, tmp_path: Path) -> None:
    """Its fingerprint is of the crops, and they are the same."""
    shutil.copytree(str(faces.path), tmp_path / "set")
    fit(tmp_path / "set", tmp_path / "run", **FEW)
    (tmp_path / "run" / "state" / "done.json").unlink()
    triplets_set(tmp_path / "set", TripletsConfig(seed=5))
    with pytest.raises(RunError, match=r"the splits, pairs or triplets of the set .* were made again"):
        fit(tmp_path / "set", tmp_path / "run", **FEW, resume=True)
    assert fit(faces.path, tmp_path / "run", **FEW, resume=True).epochs == 1
