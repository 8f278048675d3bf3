"""fit from a set to a run folder: its files, the people it is validated on, and every bad input."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facedata import ClassManifest, PairManifest, TripletManifest, open_set, split_set
from facedata.config import SplitConfig
from facedata.errors import NotASetError, OtherSetError, UsageError
from facedata.sets.prepared import PreparedSet
from facemodel import evaluate, fit, read_spec
from facemodel.batches.people import TrainingPeople
from facemodel.commands.fit import FitResult
from facemodel.errors import DataError, DeviceError, RunError, TrainingError, WeightsError
from facemodel.models.header import read_header
from facemodel.models.known_people import read_people
from facemodel.training.history import COLUMNS
from facemodel.training.state import Progress
from tests.support.fit_files import read_fit_config
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.small_set import make_set
from tests.support.tiny_fit import TINY

Run = tuple[Path, FitResult, list[Progress]]
FEW = {**TINY, "rows_per_epoch": 36, "epochs": 2}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=12)


@pytest.fixture(scope="module")
def run(faces: PreparedSet, tmp_path_factory: pytest.TempPathFactory) -> Run:
    seen: list[Progress] = []
    out = tmp_path_factory.mktemp("runs") / "run"
    return out, fit(faces.path, out, on_progress=seen.append, **FEW), seen


def test_the_run_folder_holds_all_of_it(run: Run) -> None:
    out = run[0]
    names = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    assert {
        "config.toml", "history.csv", "history.xlsx", "curves.png", "usage.png", "first_batch.png",
        "spec.json", "best.safetensors", "last.safetensors", "people.parquet", "validation.parquet",
        "state/done.json",
    } <= names  # fmt: skip
    assert sum(name.startswith("events/") for name in names) == 1
    assert not [name for name in names if ".tmp" in name]
    assert read_fit_config(out / "config.toml").rows_per_epoch == 36
    events = EventAccumulator(str(out / "events"))
    events.Reload()
    rows = read_csv(out / "history.csv")
    assert [event.value for event in events.Scalars("val/auc")] == pytest.approx(
        [row.val_auc for row in rows]
    )


def test_people_trained_on_are_told_from_people_never_seen(
    faces: PreparedSet, run: Run, tmp_path: Path
) -> None:
    """A set split again has people in `test` that the model knows, and its fingerprint cannot tell."""
    assert not [note for note in evaluate(run[0], faces.path, None)["notes"] if "trained on" in note]
    other = tmp_path / "other"
    shutil.copytree(str(faces.path), other)
    split_set(other, SplitConfig(seed=5))
    trained = read_people(run[0]).trained
    tested = {row.identity for row in ClassManifest.open(other, split="test")}
    assert 0 < len(trained & tested) < len(trained)
    said = f"was trained on photos of {len(trained & tested)} of the {len(tested)} people tested here"
    assert [note for note in evaluate(run[0], other, None)["notes"] if said in note]


def test_the_history_begins_before_epoch_1(run: Run) -> None:
    rows = read_csv(run[0] / "history.csv")
    assert [row.epoch for row in rows] == [0, 1, 2]
    assert rows[0].loss is None
    assert all(row.val_loss is not None and row.val_auc is not None for row in rows)
    assert [row.images for row in rows] == [0, 108, 108]
    assert rows[2].used_mean == pytest.approx(216 / 48)
    assert (run[0] / "history.csv").read_text().startswith(",".join(COLUMNS))


def test_progress_tells_of_every_step(run: Run) -> None:
    steps = [(progress.epoch, progress.step, progress.steps) for progress in run[2]]
    assert steps == [(epoch, step, 3) for epoch in (1, 2) for step in (1, 2, 3)]
    assert run[2][-1].images == 216
    assert run[2][-1].left_s == 0
    assert all(progress.left_s > 0 and progress.images_per_s > 0 for progress in run[2][:-1])


def test_the_spec_has_the_threshold_of_the_best_epoch(faces: PreparedSet, run: Run) -> None:
    out, result, _ = run
    spec, rows = read_spec(out / "spec.json"), read_csv(out / "history.csv")
    best = max(rows[1:], key=lambda row: row.val_auc or 0)
    assert (result.best, result.value) == (best.epoch, best.val_auc)
    assert spec.threshold == best.threshold == result.threshold
    assert (spec.size_px, spec.dim, spec.template, spec.crop_px) == (32, 16, "square", 24)
    assert spec.set_fingerprint == faces.fingerprint
    assert read_header(out / "best.safetensors")["extra"]["epoch"] == best.epoch
    assert read_header(out / "last.safetensors")["extra"]["epoch"] == 2


def test_validation_is_of_people_set_aside_and_written_down(faces: PreparedSet, run: Run) -> None:
    pairs = PairManifest.open(run[0] / "validation.parquet", of=faces.path)
    people = {row.left.identity for row in pairs} | {row.right.identity for row in pairs}
    train = {row.identity for row in ClassManifest.open(faces.path, split="train")}
    assert len(people) == 2
    assert people < train


def test_the_set_is_only_read(faces: PreparedSet, run: Run) -> None:
    assert open_set(faces.path).is_intact()


def test_the_first_batch_is_drawn_as_the_network_sees_it(run: Run) -> None:
    page = cv2.imread(str(run[0] / "first_batch.png"))
    assert page is not None
    assert page.shape == (8 * 34 + 2, 3 * 34 + 2, 3)  # eight triplets of 32 px


def test_the_test_split_is_never_read(faces: PreparedSet, run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    shutil.copytree(str(faces.path), copy)
    gone = [row.file for row in ClassManifest.open(copy, split="test")]
    for file in gone:
        (copy / file).unlink()
    assert len(gone) >= 12
    fit(copy, tmp_path / "run", **FEW)
    ours, theirs = (load_file(out / "last.safetensors") for out in (tmp_path / "run", run[0]))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_sets_own_val_split_is_used(tmp_path: Path) -> None:
    faces = people_set(tmp_path / "set", people=9, splits="train=0.6,val=0.2,test=0.2")
    fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 1})
    assert not (tmp_path / "run" / "validation.parquet").exists()


def test_same_seed_same_weights_and_another_seed_others(faces: PreparedSet, run: Run, tmp_path: Path) -> None:
    for seed in (0, 1):
        fit(faces.path, tmp_path / f"run{seed}", **FEW, seed=seed)
    same, other = (load_file(tmp_path / f"run{seed}" / "last.safetensors") for seed in (0, 1))
    want = load_file(run[0] / "last.safetensors")
    assert all(torch.equal(want[name], same[name]) for name in want)
    assert not all(torch.equal(want[name], other[name]) for name in want)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler")
def test_a_compiled_network_learns_the_same(faces: PreparedSet, run: Run, tmp_path: Path) -> None:
    fit(faces.path, tmp_path / "run", **FEW, compile=True)
    same, plain = (read_csv(folder / "history.csv") for folder in (tmp_path / "run", run[0]))
    assert [row.val_loss for row in same] == pytest.approx([row.val_loss for row in plain], rel=1e-2)
    want, found = (load_file(folder / "last.safetensors") for folder in (run[0], tmp_path / "run"))
    assert want.keys() == found.keys()  # no name tells of the compiler


def test_overwrite_starts_afresh(faces: PreparedSet, tmp_path: Path) -> None:
    fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 1})
    result = fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 1, "dim": 8}, overwrite=True)
    assert result.epochs == 1
    assert read_spec(tmp_path / "run" / "spec.json").dim == 8


def test_a_closed_set_is_judged_on_photos_never_seen(tmp_path: Path) -> None:
    faces = people_set(tmp_path / "set", people=4, photos=12, split_by="photo")
    options = {**TINY, "batches": "photos", "loss": "cross-entropy", "closed": True, "best_by": "accuracy"}
    fit(faces.path, tmp_path / "run", **{**options, "epochs": 3})
    rows = read_csv(tmp_path / "run" / "history.csv")
    assert rows[0].val_loss == pytest.approx(np.log(4), abs=0.5)
    assert (rows[-1].val_loss or 9) < (rows[0].val_loss or 0)
    header = read_header(tmp_path / "run" / "best.safetensors")
    assert header["classes"] == ["p00", "p01", "p02", "p03"]


def test_a_file_of_triplets_trains(faces: PreparedSet, tmp_path: Path) -> None:
    classes = ClassManifest.open(faces.path, split="train")
    some = TripletManifest.sample(classes, count=200, seed=5)
    some.write(tmp_path / "mine.parquet")
    fit(faces.path, tmp_path / "run", **{**TINY, "epochs": 1}, triplets=str(tmp_path / "mine.parquet"))
    row = read_csv(tmp_path / "run" / "history.csv")[1]
    assert 0 < row.images // 3 < 200  # without those of people set aside
    other = people_set(tmp_path / "other", people=5)
    with pytest.raises(OtherSetError, match="belongs to the set"):
        fit(other.path, tmp_path / "run2", **TINY, triplets=str(tmp_path / "mine.parquet"))


def test_reference_photos_are_the_anchors(tmp_path: Path) -> None:
    names = [f"p{number:02d}/0.jpg" for number in range(10)]
    faces = people_set(tmp_path / "set", reference=names)
    fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 1}, strategy="reference")
    plain = people_set(tmp_path / "plain")
    with pytest.raises(DataError, match="no reference photo here"):
        fit(plain.path, tmp_path / "run2", **FEW, strategy="reference")


# what is refused


def refused(faces: PreparedSet, tmp_path: Path, **options: Any) -> None:
    fit(faces.path, tmp_path / "run", **{**FEW, **options})


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"device": "cuda:7"}, DeviceError, "no such GPU"),
        ({"device": "gpu"}, UsageError, "it takes auto, cpu"),
        ({"recipe": "none such"}, UsageError, "no recipe"),
        ({"backbone": "resnet19"}, UsageError, "did you mean resnet18"),
        ({"weights": "/nowhere.pth"}, WeightsError, "cannot read the weights"),
        ({"schedule": "restarts", "step_factor": 0.0}, UsageError, "above 0"),
        ({"loss": "bce"}, UsageError, "--batches triplets trains with triplet"),
        ({"triplets": "/nowhere.parquet"}, Exception, "nowhere.parquet"),
        ({"freeze": "last:99"}, UsageError, "blocks"),
    ],
)
def test_options_that_cannot_be(
    faces: PreparedSet, tmp_path: Path, options: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        refused(faces, tmp_path, **options)


def test_no_set(tmp_path: Path) -> None:
    with pytest.raises(NotASetError):
        fit(tmp_path / "nowhere", tmp_path / "run", **FEW)


def test_crops_gone_or_changed_are_counted(faces: PreparedSet, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    shutil.copytree(str(faces.path), copy)
    rows = list(ClassManifest.open(copy, split="train"))
    for row in rows[:3]:
        (copy / row.file).unlink()
    data = (copy / rows[5].file).read_bytes()
    (copy / rows[5].file).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # as long as before
    with pytest.raises(DataError, match=r"crops 3 are gone and 1 changed"):
        fit(copy, tmp_path / "run", **FEW)
    with pytest.raises(DataError, match=r"crops 3 are gone and 0 changed"):  # their bytes are not read
        fit(copy, tmp_path / "run", **FEW, trust_crops=True, resume=True)


def test_one_person_only(tmp_path: Path) -> None:
    faces = make_set(tmp_path / "set", {"a": 6})
    with pytest.raises(DataError, match="too few"):
        fit(faces.path, tmp_path / "run", **FEW)


def test_everybody_with_one_photo(tmp_path: Path) -> None:
    faces = make_set(tmp_path / "set", {f"p{number}": 1 for number in range(12)})
    with pytest.raises(DataError, match="needs a positive and a negative pair"):
        fit(faces.path, tmp_path / "run", **FEW)


def test_a_person_with_one_photo_is_a_negative(tmp_path: Path) -> None:
    people = {**{f"p{number:02d}": 4 for number in range(8)}, "single": 1}
    faces = make_set(tmp_path / "set", people)
    fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 1})
    assert TrainingPeople.of(ClassManifest.open(faces.path)).counts.min() == 1


def test_validation_without_a_positive_pair(tmp_path: Path) -> None:
    official = {f"t{i}/{k}.jpg": "train" for i in range(4) for k in range(3)}
    official |= {"v0/0.jpg": "val", "v1/0.jpg": "val"}
    people = {**{f"t{i}": 3 for i in range(4)}, "v0": 1, "v1": 1}
    faces = make_set(tmp_path / "set", people, official=official, split=SplitConfig(split_by="official"))
    with pytest.raises(DataError, match="needs a positive and a negative pair"):
        fit(faces.path, tmp_path / "run", **FEW)


def test_nan_stops_with_what_to_do_and_a_checkpoint_that_is_good(faces: PreparedSet, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"NaN|infinite|no usable numbers"):
        refused(faces, tmp_path, optimizer="sgd", lr=1e30, epochs=3)
    state = json.loads((tmp_path / "run" / "state" / "settings.json").read_text())
    assert state["settings"]["lr"] == 1e30
    with pytest.raises(RunError, match="unfinished run"):
        refused(faces, tmp_path, optimizer="sgd", lr=1e30, epochs=3)


def test_a_guard_stops_where_asked_and_warns_else(
    faces: PreparedSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = {"lr": 1e-12, "margin": 50.0, "epochs": 2}  # nothing is learnt, so the loss stays at the margin
    with caplog.at_level(logging.WARNING):
        refused(faces, tmp_path, **stuck)
    assert "collapse: the loss stays at the margin" in caplog.text
    with pytest.raises(TrainingError, match=r"stopped by --stop-on collapse.*Lower --lr"):
        fit(faces.path, tmp_path / "run2", **{**FEW, **stuck}, stop_on="collapse")
    assert len(read_csv(tmp_path / "run2" / "history.csv")) == 2


def test_no_better_than_before_is_said(faces: PreparedSet, tmp_path: Path) -> None:
    result = fit(faces.path, tmp_path / "run", **{**FEW, "lr": 1e-12, "epochs": 1})
    assert "no epoch was better than before training" in result.lines[-1]
