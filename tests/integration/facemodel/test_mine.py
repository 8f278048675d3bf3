"""`facemodel mine`: triplets whose negatives are the nearest, from any network, for `fit --triplets`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedata import ClassManifest, PreparedSet, TripletManifest
from facedata.checks.findings import Finding, Kind, Severity, findings_table
from facedata.config import SplitConfig
from facedata.errors import UsageError
from facedata.options import from_toml
from facedata.tables.parquet import read_table, write_table
from facedata.types import Float64Array, Int64Array
from facemodel.batches.people import TrainingPeople
from facemodel.commands.mine import mine
from facemodel.config import FitConfig, MineConfig
from facemodel.epochs.outliers import FINDINGS
from facemodel.epochs.sampler import make_sampler
from facemodel.errors import DataError, SpecError
from facemodel.spec import InputSpec
from tests.support.facemodel_command import done
from tests.support.small_set import SIZE_PX, make_set

onnx = pytest.importorskip("onnx", reason="facedata[export] is not installed")


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    people = {f"p{number:02d}": 1 + number % 4 for number in range(20)}
    return make_set(tmp_path / "faces", people, split=SplitConfig(splits="train=0.7,test=0.3"))


@pytest.fixture
def mean_colour(tmp_path: Path) -> Path:
    """A network whose embedding is a crop's mean colour: what it finds near can be computed by hand."""
    images = onnx.helper.make_tensor_value_info("images", 1, ["n", 3, SIZE_PX, SIZE_PX])
    means = onnx.helper.make_tensor_value_info("means", 1, ["n", 3])
    axes = onnx.helper.make_tensor("axes", 7, [2], [2, 3])
    node = onnx.helper.make_node("ReduceMean", ["images", "axes"], ["means"], keepdims=0)
    graph = onnx.helper.make_graph([node], "mean colour", [images], [means], [axes])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "net.onnx")
    InputSpec(SIZE_PX, "square", 3).write(tmp_path / "net.json")
    return tmp_path / "net.onnx"


def test_negatives_are_the_nearest_of_all_others(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    config = MineConfig(candidates=1000, batch=7)
    found = mine(
        mean_colour,
        str(prepared.path),
        tmp_path / "hard.parquet",
        config,
        on_progress=lambda *done: seen.append(done),
    )
    training = TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))
    colours = np.stack([crop.image().mean(axis=(0, 1)) / 127.5 for crop in training.classes])
    manifest = TripletManifest.open(tmp_path / "hard.parquet", of=prepared.path)
    able = np.flatnonzero(training.counts[training.person] > 1)
    assert sorted(manifest.anchor.tolist()) == training.ids[able].tolist()
    assert found["triplets"] == found["anchors"] == len(manifest) == len(able)
    assert seen[-1] == (len(training), len(training))
    rows, _ = training.rows_of(np.column_stack([manifest.anchor, manifest.positive, manifest.negative]))
    for anchor, positive, negative in rows.tolist():
        assert training.person[anchor] == training.person[positive] != training.person[negative]
        distance = np.linalg.norm(colours - colours[anchor], axis=1)
        distance[training.person == training.person[anchor]] = np.inf
        assert distance[negative] == pytest.approx(distance.min(), abs=1e-5)
    near = np.linalg.norm(colours[rows[:, 0]] - colours[rows[:, 2]], axis=1)
    assert found["negative"] == pytest.approx(near.mean(), abs=1e-5)


def test_the_same_seed_gives_the_same_file(prepared: PreparedSet, mean_colour: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.parquet" for number in range(3)]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        mine(mean_colour, str(prepared.path), file, MineConfig(candidates=3, count=30, seed=seed))
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != files[2].read_bytes()


def test_fit_trains_on_the_file(prepared: PreparedSet, mean_colour: Path, tmp_path: Path) -> None:
    mine(mean_colour, str(prepared.path), tmp_path / "hard.parquet", MineConfig(count=30))
    training = TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))
    manifest = TripletManifest.open(tmp_path / "hard.parquet", of=prepared.path)
    config = FitConfig(triplets=str(tmp_path / "hard.parquet"))
    assert len(make_sampler(config, training, manifest).epoch(1)) == len(manifest) == 30


def test_crops_of_another_template_are_refused(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    InputSpec(SIZE_PX, "arcface112", 3).write(mean_colour.with_suffix(".json"))
    with pytest.raises(SpecError, match=r"arcface112 crops and .* square crops"):
        mine(mean_colour, str(prepared.path), tmp_path / "hard.parquet")
    assert not (tmp_path / "hard.parquet").exists()


def test_bad_splits_and_lost_crops_are_refused(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no split 'val'"):
        mine(mean_colour, str(prepared.path), tmp_path / "hard.parquet", MineConfig(split="val"))
    changed, lost = (ClassManifest.open(prepared.path, split="train")[row] for row in (2, 3))
    file = Path(str(changed.root)) / changed.file
    data = file.read_bytes()
    file.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])  # still an image, of the same length
    with pytest.raises(DataError, match=r"0 are gone and 1 changed"):
        mine(mean_colour, str(prepared.path), tmp_path / "hard.parquet")
    (Path(str(lost.root)) / lost.file).unlink()
    with pytest.raises(DataError, match=f"1 are gone and 1 changed.*{lost.path}"):
        mine(mean_colour, str(prepared.path), tmp_path / "hard.parquet")
    assert not (tmp_path / "hard.parquet").exists()


def test_no_negative_is_used_more_often_than_asked_and_the_summary_says_how_often(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    """All anchors would have the same few: each crop is a candidate of each anchor."""
    files = [tmp_path / "free.parquet", tmp_path / "capped.parquet"]
    free = mine(mean_colour, prepared.path, files[0], candidates=1000, per_negative=10**6)
    capped = mine(mean_colour, prepared.path, files[1], candidates=1000, per_negative=2)
    counts = [
        np.unique(TripletManifest.open(file, of=prepared.path).negative, return_counts=True)[1]
        for file in files
    ]
    assert free["most_used"] == counts[0].max() > 2
    assert capped["most_used"] == counts[1].max() == 2
    assert free["top_share"] == pytest.approx(counts[0].max() / free["triplets"])  # 1% of few crops is one
    assert capped["triplets"] == free["triplets"]
    assert capped["negative"] >= free["negative"]
    flags = ("--candidates", 1000, "--per-negative", 2)
    printed = done("mine", mean_colour, prepared.path, "--out", tmp_path / "again.parquet", *flags).stdout
    assert "negatives  the most used one 2 times, the top 1% " in printed
    assert (tmp_path / "again.parquet").read_bytes() == files[1].read_bytes()


def test_photos_that_check_doubts_are_no_negatives(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    config = MineConfig(candidates=1000)
    mine(mean_colour, prepared.path, tmp_path / "before.parquet", config)
    before = TripletManifest.open(tmp_path / "before.parquet", of=prepared.path).negative
    doubted = int(np.bincount(before).argmax())
    write_findings(prepared, Finding(Kind.STRANGER, Severity.SUSPECT, 0.9, "x", left=doubted))
    found = mine(mean_colour, prepared.path, tmp_path / "after.parquet", config)
    after = TripletManifest.open(tmp_path / "after.parquet", of=prepared.path).negative
    assert doubted not in after
    assert found["passed_over"] == 1
    assert np.array_equal(after[before != doubted], before[before != doubted])


def write_findings(prepared: PreparedSet, *findings: Finding) -> None:
    """Write what a check would have found."""
    file = Path(str(prepared.path)) / FINDINGS
    file.parent.mkdir(exist_ok=True)
    table = findings_table(findings, ClassManifest.open(prepared).table)
    write_table(file, table, kind="findings", schema=table.schema, fingerprint=prepared.fingerprint)


def read_triplets(prepared: PreparedSet, file: Path) -> Int64Array:
    """Return a file's triplets as rows of the train split, ``(m, 3)``."""
    manifest = TripletManifest.open(file, of=prepared.path)
    training = TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))
    return training.rows_of(np.column_stack([manifest.anchor, manifest.positive, manifest.negative]))[0]


def mean_colours(prepared: PreparedSet) -> tuple[Float64Array, Int64Array]:
    """Return the embeddings that the network gives, computed here, and whose they are."""
    training = TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))
    colours = np.stack([crop.image().mean(axis=(0, 1)) / 127.5 for crop in training.classes])
    return colours, training.person


def test_two_names_that_check_suspects_to_be_one_person_are_no_negatives_of_each_other(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    """People who are only said to look alike still are."""
    files = {name: tmp_path / f"{name}.parquet" for name in ("before", "after", "free")}
    mine(mean_colour, prepared.path, files["before"])
    rows = read_triplets(prepared, files["before"])
    training = TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))
    names = np.array(training.names)[training.person[rows]]
    one, other = names[0, [0, 2]].tolist()
    double = Finding(Kind.DOUBLE_NAME, Severity.SUSPECT, 0.9, "x", identity=other, to_identity=one)
    pairs = {frozenset(pair) for pair in names[:, [0, 2]].tolist()} - {frozenset((one, other))}
    alike = [
        Finding(Kind.LOOK_ALIKES, Severity.NOTE, 0.9, "x", identity=left, to_identity=right)
        for left, right in sorted(sorted(pair) for pair in pairs)
    ]
    write_findings(prepared, double, *alike)
    found = mine(mean_colour, prepared.path, files["after"])
    after = read_triplets(prepared, files["after"])
    kept = {frozenset(pair) for pair in np.array(training.names)[training.person[after]][:, [0, 2]].tolist()}
    assert frozenset((one, other)) not in kept
    assert pairs <= kept
    suspects = read_table(tmp_path / "after.suspects.parquet", "suspects")
    assert set(suspects["reason"].to_pylist()) == {"one_person"}
    sides = (suspects[f"{side}_identity"].to_pylist() for side in ("anchor", "candidate"))
    assert {frozenset(pair) for pair in zip(*sides, strict=True)} == {frozenset((one, other))}
    assert found["suspects"] == {"one_person": suspects.num_rows}
    free = mine(mean_colour, prepared.path, files["free"], allow_suspects=True)
    assert files["free"].read_bytes() == files["before"].read_bytes()
    assert free["suspects"] == {}


def test_the_rules_are_kept_and_what_has_no_negative_is_dropped(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    out, (colours, person) = tmp_path / "hard.parquet", mean_colours(prepared)
    able = int(np.count_nonzero(np.bincount(person)[person] > 1))
    found = mine(mean_colour, prepared.path, out, margin=0.1)
    rows = read_triplets(prepared, out)
    near, far = (np.linalg.norm(colours[rows[:, 0]] - colours[rows[:, side]], axis=1) for side in (1, 2))
    assert (far >= near + 0.1 - 1e-4).all()
    assert found["triplets"] + found["dropped"] == able
    mine(mean_colour, prepared.path, out, max_score=0.3)
    rows = read_triplets(prepared, out)
    assert np.linalg.norm(colours[rows[:, 0]] - colours[rows[:, 2]], axis=1).min() >= 0.3 - 1e-4
    mine(mean_colour, prepared.path, out, range_min=3, per_negative=10**6)
    for anchor, _, negative in read_triplets(prepared, out).tolist():
        apart = np.linalg.norm(colours - colours[anchor], axis=1)
        fourth = np.sort(apart[person != person[anchor]])[3]
        assert apart[negative] == pytest.approx(fourth, abs=1e-5)
    with pytest.raises(DataError, match="the rules leave no negative for any triplet"):
        mine(mean_colour, prepared.path, out, max_score=1000.0)


def test_several_triplets_of_an_anchor_have_several_negatives(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    out, (colours, person) = tmp_path / "three.parquet", mean_colours(prepared)
    found = mine(mean_colour, prepared.path, out, per_anchor=3, per_negative=10**6)
    rows = read_triplets(prepared, out)
    assert found["triplets"] == len(rows) == 3 * found["anchors"]
    for anchor in np.unique(rows[:, 0]).tolist():
        apart = np.linalg.norm(colours - colours[anchor], axis=1)
        apart[person == person[anchor]] = np.inf
        nearest = np.argsort(apart, kind="stable")[:3]
        assert sorted(rows[rows[:, 0] == anchor, 2].tolist()) == sorted(nearest.tolist())


def test_enough_random_candidates_and_all_of_them_choose_the_same(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    files = [tmp_path / "all.parquet", tmp_path / "many.parquet"]
    for file, candidates in zip(files, (0, 1000), strict=True):
        mine(mean_colour, prepared.path, file, candidates=candidates, per_negative=99)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_an_old_config_names_the_cap_as_it_did(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    (tmp_path / "old.toml").write_text("max_per_negative = 2\ncandidates = 1000\n")
    config = from_toml(MineConfig, tmp_path / "old.toml")
    mine(mean_colour, prepared.path, tmp_path / "hard.parquet", config)
    negatives = read_triplets(prepared, tmp_path / "hard.parquet")[:, 2]
    assert np.bincount(negatives).max() == 2


def test_the_suspects_go_where_they_are_wanted_and_over_no_other_file(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "hard.parquet", tmp_path / "doubts.parquet"
    found = mine(mean_colour, prepared.path, out, suspects=str(elsewhere))
    assert found["suspects_file"] == str(elsewhere)
    assert elsewhere.is_file()
    assert not (tmp_path / "hard.suspects.parquet").exists()
    with pytest.raises(UsageError, match="is the file of triplets"):
        mine(mean_colour, prepared.path, tmp_path / "new.parquet", suspects=str(tmp_path / "new.parquet"))
    with pytest.raises(UsageError, match="a file of suspects"):
        mine(mean_colour, prepared.path, tmp_path / "new.parquet", suspects=str(out))


def test_a_cap_that_cannot_be_kept_is_said(
    prepared: PreparedSet, mean_colour: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """More triplets than crops, and each may be used once."""
    mined = mine(mean_colour, prepared.path, tmp_path / "hard.parquet", count=200, per_negative=1)
    said = f"--per-negative 1 leaves too few photos: one is used {mined['most_used']} times; raise it"
    assert said in caplog.text
    assert mined["most_used"] > 1
