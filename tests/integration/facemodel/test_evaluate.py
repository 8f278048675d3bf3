"""Figures of a set, whatever the model: which pairs, which threshold, what is written, what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from facedata import ClassManifest, PairManifest
from facedata.config import SplitConfig
from facedata.errors import MissingExtraError, OtherSetError, UsageError
from facemodel.commands.evaluate import evaluate
from facemodel.errors import DataError, ScoreError, SpecError
from facemodel.scoring import pairs as pairs_module
from facemodel.scoring.thresholds import MOST_CHOOSING_PAIRS
from tests.support.colour_embedder import ColourEmbedder
from tests.support.ledger_columns import add_ledger_column
from tests.support.page_text import PageText
from tests.support.small_set import make_set

PEOPLE = {f"p{number:02d}": 1 + number % 5 for number in range(40)}
THREE = SplitConfig(splits="test=0.4,train=0.4,val=0.2")
Splits = dict[str, tuple[Any, Any]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "faces"
    make_set(folder, PEOPLE, split=THREE, reference=["p04/3.jpg", "p09/2.jpg"])
    return folder


@pytest.fixture(scope="module")
def without_val(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "faces"
    make_set(folder, PEOPLE)
    return folder


@pytest.fixture(scope="module")
def only_test(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "faces"
    make_set(folder, PEOPLE, split=SplitConfig(splits="test=1"))
    return folder


def scores(folder: Path, metric: str, split: str) -> tuple[Any, Any]:
    """Each pair's likeness, one by one, and whether it is genuine."""
    found = []
    for pair in PairManifest.open(folder, split=split):
        left, right = (
            ColourEmbedder().embed(row.image()[None])[0].astype(np.float64) for row in (pair.left, pair.right)
        )
        if metric == "cosine":
            found.append(left @ right / (np.linalg.norm(left) * np.linalg.norm(right)))
        else:
            found.append(-np.linalg.norm(left - right))
    return np.array(found), PairManifest.open(folder, split=split).same


def best(likeness: Any, same: Any) -> float:
    """The strictest of the thresholds that are right most often."""
    return float(max(sorted(likeness, reverse=True), key=lambda at: ((likeness >= at) == same).sum()))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_figures_are_those_of_the_pairs_one_by_one(faces: Path, metric: str) -> None:
    found = evaluate(ColourEmbedder(metric=metric), faces, None, batch=7)
    likeness, same = scores(faces, metric, "test")
    figures = found["figures"][metric]
    assert found["metric"] == metric
    assert figures["auc"] == pytest.approx(roc_auc_score(same, likeness), abs=1e-9)
    threshold = best(*scores(faces, metric, "val"))
    assert figures["accuracy"] == pytest.approx(accuracy_score(same, likeness >= threshold), abs=1e-9)
    assert figures["threshold"]["value"] == pytest.approx(threshold if metric == "cosine" else -threshold)
    assert figures["threshold"]["sentence"].endswith("val pairs of the set")
    assert found["pairs"]["genuine"] == same.sum()
    assert figures["confusion"]["true_accepts"] == (same & (likeness >= threshold)).sum()


def test_the_threshold_is_chosen_on_train_pairs_where_there_is_no_val(without_val: Path) -> None:
    found = evaluate(ColourEmbedder(), without_val, None)["figures"]["cosine"]["threshold"]
    assert found["from"] == "train pairs"
    assert found["pairs"] == len(PairManifest.open(without_val, split="train"))
    assert found["value"] == pytest.approx(best(*scores(without_val, "cosine", "train")))


@pytest.mark.parametrize(("split", "source"), [("val", "train pairs"), ("train", "val pairs")])
def test_it_is_never_chosen_on_what_is_reported(faces: Path, split: str, source: str) -> None:
    found = evaluate(ColourEmbedder(), faces, None, split=split)["figures"]
    assert {figures["threshold"]["from"] for figures in found.values()} == {source}


def test_the_models_own_threshold_goes_first(faces: Path) -> None:
    found = evaluate(ColourEmbedder(threshold=0.25), faces, None)["figures"]
    likeness, same = scores(faces, "euclidean", "test")
    assert found["euclidean"]["threshold"]["from"] == "model"
    assert found["euclidean"]["threshold"]["value"] == 0.25
    assert found["euclidean"]["accuracy"] == pytest.approx(accuracy_score(same, likeness >= -0.25))
    assert found["cosine"]["threshold"]["from"] == "val pairs"  # it says nothing of cosines


def test_of_embeddings_of_length_one_it_says_both(faces: Path) -> None:
    embedder = ColourEmbedder(normalised=True, threshold=0.8, metric="cosine")
    found = evaluate(embedder, faces, None)["figures"]
    assert found["euclidean"]["threshold"]["value"] == pytest.approx(np.sqrt(2 - 1.6))
    assert found["euclidean"]["confusion"] == found["cosine"]["confusion"]
    rows = {*PairManifest.open(faces, split="test").left, *ClassManifest.open(faces, split="test").ids}
    assert embedder.seen == len(rows)  # no pair of another split was needed


@pytest.mark.parametrize("split", ["val", "train"])
def test_a_threshold_chosen_on_this_set_is_not_used_on_its_own_pairs(faces: Path, split: str) -> None:
    own = ClassManifest.open(faces).prepared.fingerprint
    found = evaluate(ColourEmbedder(threshold=0.25, set_fingerprint=own), faces, None, split=split)
    assert found["figures"]["euclidean"]["threshold"]["from"] != "model"
    found = evaluate(ColourEmbedder(threshold=0.25, set_fingerprint=own), faces, None)
    assert found["figures"]["euclidean"]["threshold"]["from"] == "model"


def test_with_nothing_to_choose_it_on_the_folds_decide(only_test: Path) -> None:
    found = evaluate(ColourEmbedder(), only_test, None)
    for figures in found["figures"].values():
        assert figures["threshold"]["value"] is None
        assert "none" in figures["threshold"]["sentence"]
        assert figures["threshold"]["decided_by"].startswith("each fold's threshold")
        counts = figures["folds"]["pairs"]
        right = np.dot(figures["folds"]["accuracies"], counts) / sum(counts)
        assert figures["accuracy"] == pytest.approx(right)
    assert found["naming"]["rank1"] is not None
    assert found["naming"]["wrong"] is None


def test_only_some_of_very_many_pairs_choose_it(without_val: Path) -> None:
    with patch.object(pairs_module, "MOST_CHOOSING_PAIRS", 50):
        found = evaluate(ColourEmbedder(), without_val, None)["figures"]["cosine"]["threshold"]
    assert found["pairs"] == 50 < len(PairManifest.open(without_val, split="train")) < MOST_CHOOSING_PAIRS


def test_every_needed_crop_is_embedded_once(faces: Path) -> None:
    embedder = ColourEmbedder()
    evaluate(embedder, faces, None, batch=5)
    pairs = [PairManifest.open(faces, split=split) for split in ("test", "val")]
    needed = {*ClassManifest.open(faces, split="test").ids}.union(
        *(p.left for p in pairs), *(p.right for p in pairs)
    )
    assert embedder.seen == len(needed)


def with_folds(folder: Path, file: Path) -> Path:
    pairs = PairManifest.open(folder, split="test")
    fold = pa.array(np.arange(len(pairs)) // 2 % 10, pa.int32())
    place = pairs.table.schema.get_field_index("fold")
    PairManifest(pairs.prepared, pairs.table.set_column(place, pairs.table.schema.field(place), fold)).write(
        file
    )
    return file


def test_folds_of_a_pairs_file_are_the_protocols(faces: Path, tmp_path: Path) -> None:
    file = with_folds(faces, tmp_path / "view2.parquet")
    found = evaluate(ColourEmbedder(), faces, None, pairs=str(file))["figures"]["cosine"]["folds"]
    likeness, same = scores(faces, "cosine", "test")
    fold = np.arange(len(same)) // 2 % 10
    slow = []
    for number in range(10):
        threshold = best(likeness[fold != number], same[fold != number])
        slow.append(accuracy_score(same[fold == number], likeness[fold == number] >= threshold))
    assert found["official"]
    assert found["accuracies"] == pytest.approx(slow)
    assert found["accuracy"] == pytest.approx(np.mean(slow))
    assert found["standard_error"] == pytest.approx(np.std(slow, ddof=1) / 10**0.5)


def test_dealt_folds_say_so(faces: Path) -> None:
    found = evaluate(ColourEmbedder(), faces, None)["figures"]["cosine"]["folds"]
    assert not found["official"]
    assert "each person is put into one at random" in found["how"]
    assert sum(found["pairs"]) == len(PairManifest.open(faces, split="test"))


def test_mirror_images_are_asked_for(faces: Path) -> None:
    plain, mirrored = ColourEmbedder(), ColourEmbedder()
    evaluate(plain, faces, None)
    evaluate(mirrored, faces, None, flip=True)
    assert mirrored.seen == 2 * plain.seen


def test_figures_that_are_not_what_they_look_like_have_a_note(faces: Path) -> None:
    own = ClassManifest.open(faces).prepared.fingerprint
    trained = ColourEmbedder(threshold=0.25, set_fingerprint=own)
    assert not evaluate(trained, faces, None)["notes"]
    assert "trained on these very photos" in evaluate(trained, faces, None, split="train")["notes"][0]
    assert "without mirror images" in evaluate(trained, faces, None, flip=True)["notes"][0]


def test_a_pair_head_is_a_metric_of_its_own(faces: Path) -> None:
    found = evaluate(ColourEmbedder(pairs=True), faces, None)
    likeness, same = scores(faces, "euclidean", "test")
    head = found["figures"]["head"]
    assert found["metric"] == "head"
    assert head["auc"] == pytest.approx(roc_auc_score(same, likeness), abs=1e-3)  # but for float32's ties
    assert head["threshold"]["value"] == 0.5
    assert head["accuracy"] == pytest.approx(accuracy_score(same, np.exp(likeness) >= 0.5))
    assert found["naming"]["metric"] == "euclidean"
    assert evaluate(ColourEmbedder(pairs=True), faces, None, metric="cosine")["metric"] == "cosine"


def test_a_classifier_is_judged_on_its_own_people(faces: Path) -> None:
    test = ClassManifest.open(faces, split="test")
    names = tuple(sorted(set(test.table.column("identity").to_pylist())))[1:4]
    found = evaluate(ColourEmbedder(classes=names), faces, None)["classes"]
    right = {name: [0, 0] for name in names}
    for row in test:
        if row.identity in right:
            said = names[int(row.image()[0, 0, 0]) % 3]
            right[row.identity][0] += 1
            right[row.identity][1] += said == row.identity
    photos, hits = (sum(one[place] for one in right.values()) for place in (0, 1))
    assert found["photos"] == photos
    assert found["accuracy"] == pytest.approx(hits / photos)
    shares = [one[1] / one[0] for one in right.values()]
    assert found["accuracy_over_classes"] == pytest.approx(np.mean(shares))
    listed = {one["identity"]: [one["photos"], one["right"]] for one in found["per_class"]}
    assert listed == right


def test_a_classifier_of_others_has_no_accuracy_and_says_so(faces: Path) -> None:
    found = evaluate(ColourEmbedder(classes=("nobody", "else")), faces, None)
    assert found["classes"] is None
    assert any("classifier" in note for note in found["notes"])


def test_its_folder_has_the_same_bytes_each_time(faces: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        evaluate(ColourEmbedder(), faces, tmp_path / name, batch=3 if name == "a" else 50)
    files = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert files == ["report.html", "roc.png", "scores.json", "scores.md", "scores.parquet", "scores.png"]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_what_it_writes_says_what_it_returns(faces: Path, tmp_path: Path) -> None:
    found = evaluate(ColourEmbedder(classes=("p00", "p01"), pairs=True), faces, tmp_path / "out")
    text = (tmp_path / "out/scores.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(found))
    assert "NaN" not in text
    assert "Infinity" not in text
    assert str(faces) not in text
    table = (tmp_path / "out/scores.md").read_text(encoding="utf-8")
    for words in (
        "accuracy over folds",
        "val pairs",
        "rank1",
        "| Euclidean | cosine | pair head |",
        "too few",
    ):
        assert words in table
    pairs = pd.read_parquet(tmp_path / "out/scores.parquet")
    people = ["left_identity", "right_identity"]
    assert list(pairs.columns) == ["left", "right", *people, "same", "euclidean", "cosine", "head"]
    crops = ClassManifest.open(faces)
    names = dict(zip(crops.ids.tolist(), crops.table.column("identity").to_pylist(), strict=True))
    for side in ("left", "right"):
        assert pairs[f"{side}_identity"].tolist() == [names[one] for one in pairs[side]]
        assert set(pairs[f"{side}_identity"].cat.categories) <= {
            names[one] for one in [*pairs.left, *pairs.right]
        }
    assert ((pairs.left_identity.astype(str) == pairs.right_identity.astype(str)) == pairs.same).all()
    assert roc_auc_score(pairs.same, -pairs.euclidean) == pytest.approx(found["figures"]["euclidean"]["auc"])
    wanted = PairManifest.open(faces, split="test")
    assert pairs.left.tolist() == wanted.left.tolist()


def test_a_second_evaluation_replaces_the_first(faces: Path, tmp_path: Path) -> None:
    evaluate(ColourEmbedder(), faces, tmp_path)
    evaluate(ColourEmbedder(), faces, tmp_path, split="val")
    assert json.loads((tmp_path / "scores.json").read_text())["split"] == "val"


def test_naming_is_told_with_the_mean_over_people(faces: Path) -> None:
    naming = evaluate(ColourEmbedder(), faces, None)["naming"]
    identity = ClassManifest.open(faces, split="test").table.column("identity").to_pandas().value_counts()
    assert naming["people"] == (identity > 1).sum()
    assert naming["known"] == identity[identity > 1].sum() - naming["people"]
    assert naming["strangers"] == (identity == 1).sum()
    assert naming["right"] + naming["wrong"] + naming["unknown"] == pytest.approx(1)
    over = naming["over_people"]
    assert over["right"] + over["wrong"] + over["unknown"] == pytest.approx(1)


def test_another_template_is_refused(faces: Path) -> None:
    with pytest.raises(SpecError, match=r"arcface112 crops and .* square crops"):
        evaluate(ColourEmbedder(template="arcface112"), faces, None)


def test_no_such_split(faces: Path) -> None:
    with pytest.raises(UsageError, match="'holdout'"):
        evaluate(ColourEmbedder(), faces, None, split="holdout")


def test_a_split_without_pairs(tmp_path: Path) -> None:
    make_set(tmp_path / "faces", {"a": 1, "b": 1, "c": 1, "d": 1})
    with pytest.raises(DataError, match="no pair of the split test"):
        evaluate(ColourEmbedder(), tmp_path / "faces", None)


def test_pairs_of_one_kind(faces: Path, tmp_path: Path) -> None:
    pairs = PairManifest.open(faces, split="test")
    PairManifest(pairs.prepared, pairs.table.filter(pairs.table.column("same"))).write(tmp_path / "p.parquet")
    with pytest.raises(ScoreError, match="need both kinds"):
        evaluate(ColourEmbedder(), faces, None, pairs=str(tmp_path / "p.parquet"))


def test_pairs_of_another_set(faces: Path, without_val: Path, tmp_path: Path) -> None:
    PairManifest.open(without_val).write(tmp_path / "p.parquet")
    with pytest.raises(OtherSetError, match="belongs to the set"):
        evaluate(ColourEmbedder(), faces, None, pairs=str(tmp_path / "p.parquet"))


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    make_set(tmp_path / "faces", PEOPLE, split=THREE)
    test = ClassManifest.open(tmp_path / "faces", split="test")
    (tmp_path / "faces" / test[0].file).unlink()
    (tmp_path / "faces" / test[2].file).write_bytes(bytes(reversed(test[2].bytes())))
    return tmp_path / "faces"


def test_crops_gone_and_changed_are_counted(damaged: Path) -> None:
    embedder = ColourEmbedder()
    with pytest.raises(DataError, match="1 are gone and 1 changed"):
        evaluate(embedder, damaged, None)
    assert not embedder.seen


def test_without_matplotlib_nothing_is_embedded_for_nothing(faces: Path, tmp_path: Path) -> None:
    embedder = ColourEmbedder()
    with (
        patch.dict(sys.modules, {"matplotlib": None}),
        pytest.raises(MissingExtraError, match=r"facedata\[train\]"),
    ):
        evaluate(embedder, faces, tmp_path / "out")
    assert not embedder.seen
    with patch.dict(sys.modules, {"matplotlib": None}):
        assert evaluate(embedder, faces, None)["figures"]


def test_nan_is_an_error(faces: Path) -> None:
    class Broken(ColourEmbedder):
        def embed(self, crops: Any) -> Any:
            return super().embed(crops) * np.float32(np.nan)

    with pytest.raises(ScoreError, match="NaN or infinity"):
        evaluate(Broken(), faces, None)


def test_slices_are_in_all_files_and_leave_the_other_figures_alone(tmp_path: Path) -> None:
    people = {f"p{number:02d}": 4 for number in range(60)}
    faces = make_set(tmp_path / "faces", people, split=SplitConfig(splits="test=0.8,val=0.2"))
    faces = add_ledger_column(faces, "meta_half", lambda person, _: "first" if person < "p30" else "second")
    plain = evaluate(ColourEmbedder(), faces.path, None)
    found = evaluate(ColourEmbedder(), faces.path, tmp_path / "out", by=("meta_half", "split"))
    assert {**found, "slices": None} == {**plain, "slices": None}
    half, split = found["slices"]
    (test,) = split["groups"]
    assert (test["genuine"], test["impostors"]) == (found["pairs"]["genuine"], found["pairs"]["impostors"])
    assert test["figures"]["auc"] == pytest.approx(found["figures"]["euclidean"]["auc"])
    assert test["figures"]["accuracy"] == pytest.approx(found["figures"]["euclidean"]["accuracy"])
    names = {one["name"]: one for one in half["groups"]}
    assert sorted(names) == ["first", "second"]
    pairs = pd.read_parquet(tmp_path / "out/scores.parquet")
    sides = [pairs[f"{side}_identity"].astype(str) < "p30" for side in ("left", "right")]
    assert names["first"]["impostors"] == (sides[0] & sides[1] & ~pairs.same).sum()
    assert half["mixed"] == (sides[0] != sides[1]).sum()
    assert "| by meta_half |" in (tmp_path / "out/scores.md").read_text(encoding="utf-8")
    page = PageText((tmp_path / "out/report.html").read_bytes())
    table = {row[0]: row for row in page.tables["Figures by meta_half"]}
    for name, one in names.items():
        assert table[name][2] == f"{one['genuine']}, {one['impostors']}"
        assert table[name][4].startswith(f"{one['figures']['auc']:.4f} (")
    assert "--by meta_half --by split" in page.sections["made"]


def test_a_column_that_is_not_there_is_refused_before_anything_is_embedded(faces: Path) -> None:
    model = ColourEmbedder()
    with pytest.raises(UsageError, match=r"--by meta_age: there is no such column.*there are split, "):
        evaluate(model, faces, None, by="meta_age")
    assert model.seen == 0
