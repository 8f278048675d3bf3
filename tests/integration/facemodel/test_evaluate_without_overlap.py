"""`evaluate --without-overlap`: figures with and without what the training set has, against a loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import facedata
from facedata import ClassManifest, PairManifest, open_set
from facedata.config import SplitConfig
from facedata.errors import UsageError
from facemodel.commands.evaluate import evaluate
from tests.support.colour_embedder import ColourEmbedder
from tests.support.facemodel_command import here
from tests.support.onnx_networks import matrix_net
from tests.support.small_set import make_set

PEOPLE = {f"p{number:02d}": 2 + number % 4 for number in range(40)}
TRAINED = "f" * 64


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "faces"
    make_set(folder, PEOPLE, split=SplitConfig(splits="test=0.8,train=0.2"))
    return folder


def people_in_test(faces: Path) -> list[str]:
    return sorted(set(ClassManifest.open(faces, split="test").table.column("identity").to_pylist()))


def write_certificate(
    file: Path, faces: Path, people: list[str], photos: list[str], *, back: bool = False, model: bool = True
) -> str:
    """Write what a check of the faces against the training set would, or one the other way round."""
    mine, theirs = open_set(faces).fingerprint, TRAINED
    names = [{"identity": name, "other": f"other {name}", "by": ["face"]} for name in people]
    shared = [{"record": photo} for photo in photos]
    if back:
        mine, theirs = theirs, mine
        names = [{"identity": row["other"], "other": row["identity"], "by": row["by"]} for row in names]
    content = {
        "kind": "facedata overlap",
        "version": 1,
        "set": {"fingerprint": mine},
        "other": {"fingerprint": theirs},
        "model": "m" * 64 if model else None,
        "by": {"bytes": {"photos": len(photos)}},
        "people": names,
        "photos": [] if back else shared,
        "other_photos": shared if back else [],
    }
    file.write_text(json.dumps(content))
    return str(file)


@pytest.mark.parametrize("back", [False, True])
def test_the_figures_without_are_those_of_the_other_pairs(faces: Path, tmp_path: Path, back: bool) -> None:
    people = people_in_test(faces)[:6]
    photo = f"photos/{people_in_test(faces)[10]}/0.jpg"
    file = write_certificate(tmp_path / "overlap.json", faces, people, [photo], back=back)
    embedder = ColourEmbedder(set_fingerprint=TRAINED)
    found = evaluate(embedder, faces, tmp_path / "out", without_overlap=file)
    pairs = PairManifest.open(faces, split="test")
    gone, values = [], []
    for pair in pairs:
        sides = (pair.left, pair.right)
        gone.append(any(side.identity in people or side.photo == photo for side in sides))
        ends = [ColourEmbedder().embed(side.image()[None])[0].astype(np.float64) for side in sides]
        values.append(-float(np.linalg.norm(ends[0] - ends[1])))
    kept, same = ~np.array(gone), pairs.same
    without: dict[str, Any] = found["without_overlap"]
    assert without["left_out"]["pairs"] == int(np.sum(gone)) > 0
    assert without["left_out"]["genuine"] == int((same & ~kept).sum())
    assert without["pairs"]["genuine"] == int((same & kept).sum())
    one, two = found["figures"]["euclidean"], without["figures"]["euclidean"]
    assert one["auc"] == pytest.approx(roc_auc_score(same, values), abs=1e-9)
    assert two["auc"] == pytest.approx(roc_auc_score(same[kept], np.array(values)[kept]), abs=1e-9)
    assert two["threshold"] == one["threshold"]
    accepted = -np.array(values) <= one["threshold"]["value"]
    assert two["accuracy"] == pytest.approx(float((accepted == same)[kept].mean()), abs=1e-9)
    assert without["left_out"]["people"] == len(people) + 1
    assert without["other"] == TRAINED
    plain = evaluate(embedder, faces, None)
    assert {name: found[name] for name in plain} == plain
    table = pd.read_parquet(tmp_path / "out/scores.parquet")
    assert table["shared"].tolist() == gone
    text = (tmp_path / "out/scores.md").read_text(encoding="utf-8")
    assert "| | all pairs | without shared people and photos |" in text
    assert f"| AUC | {one['auc']:.5f}" in text
    assert f"{two['auc']:.5f}" in text
    assert json.loads((tmp_path / "out/scores.json").read_text())["without_overlap"] == without


def test_files_about_other_sets_are_refused_by_name(faces: Path, tmp_path: Path) -> None:
    other = make_set(tmp_path / "other", {"anna": 3, "bert": 3})
    about_other = write_certificate(tmp_path / "other.json", tmp_path / "other", [], [])
    with pytest.raises(
        UsageError, match=rf"compares the sets {other.fingerprint[:12]} and ffffffffffff, and "
    ):
        evaluate(ColourEmbedder(set_fingerprint=TRAINED), faces, None, without_overlap=about_other)
    file = write_certificate(tmp_path / "overlap.json", faces, [], [])
    with pytest.raises(
        UsageError, match="with the set ffffffffffff, and the model was trained on eeeeeeeeeeee"
    ):
        evaluate(ColourEmbedder(set_fingerprint="e" * 64), faces, None, without_overlap=file)
    own = ColourEmbedder(set_fingerprint=open_set(faces).fingerprint)
    with pytest.raises(UsageError, match=r"the model was trained on .* itself"):
        evaluate(own, faces, None, without_overlap=file)
    with pytest.raises(UsageError, match=r"there is no .*nothing\.json"):
        evaluate(own, faces, None, without_overlap=str(tmp_path / "nothing.json"))


def test_a_model_that_does_not_say_its_training_set_is_believed_with_a_note(
    faces: Path, tmp_path: Path
) -> None:
    file = write_certificate(tmp_path / "overlap.json", faces, people_in_test(faces)[:2], [], model=False)
    notes = evaluate(ColourEmbedder(), faces, None, without_overlap=file)["without_overlap"]["notes"]
    assert any("does not say what it was trained on" in note for note in notes)
    assert any("by bytes and by picture only" in note for note in notes)


def test_too_few_pairs_left_are_said(faces: Path, tmp_path: Path) -> None:
    embedder = ColourEmbedder(set_fingerprint=TRAINED)
    people = people_in_test(faces)
    for left, message in ((0, "no pair is left"), (1, "pairs are genuine pairs")):
        file = write_certificate(tmp_path / "overlap.json", faces, people[left:], [])
        found = evaluate(embedder, faces, tmp_path / "out", without_overlap=file)
        assert found["without_overlap"]["figures"] is None
        assert message in found["without_overlap"]["no_figures"]
        assert message in (tmp_path / "out/scores.md").read_text(encoding="utf-8")
    file = write_certificate(tmp_path / "overlap.json", faces, people[4:], [])
    found = evaluate(embedder, faces, None, without_overlap=file)["without_overlap"]
    assert found["figures"] is not None
    assert any("only 4 people are left" in note for note in found["notes"])


def test_nothing_shared_gives_the_same_figures_twice(faces: Path, tmp_path: Path) -> None:
    file = write_certificate(tmp_path / "overlap.json", faces, [], [])
    found = evaluate(ColourEmbedder(set_fingerprint=TRAINED), faces, None, without_overlap=file)
    assert found["without_overlap"]["figures"] == found["figures"]
    assert found["without_overlap"]["left_out"]["pairs"] == 0


def test_the_certificate_of_a_real_check_is_read(tmp_path: Path) -> None:
    """Two sets that share photos by their bytes; the command line shows both columns."""
    people = {f"p{number:02d}": 4 for number in range(20)}

    def noise(path: str, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        rng = np.random.default_rng([int(path[1:3]), int(path[4])])
        return rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)

    make_set(tmp_path / "train", dict.fromkeys([*people][:3], 4), picture=noise)
    make_set(tmp_path / "faces", people, picture=noise, split=SplitConfig(splits="test=1"))
    facedata.check(tmp_path / "faces", against=tmp_path / "train", workers=1)
    net = matrix_net(tmp_path, spec={"set_fingerprint": open_set(tmp_path / "train").fingerprint})
    file = tmp_path / "faces/check/overlap.json"
    finished = here("evaluate", net, tmp_path / "faces", "--out", tmp_path / "out", "--without-overlap", file)
    assert finished.status == 0, finished.stderr
    assert "12 of the tested photos, of 3 people" in finished.stdout
    assert "| people | 20 | 17 |" in finished.stdout
