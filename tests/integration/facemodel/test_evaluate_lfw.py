"""LFW's photos, cropped by facedata and scored by a real network, against scikit-learn on the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from facedata import PreparedSet, prepare
from facemodel.commands.evaluate import evaluate
from facemodel.spec import InputSpec
from tests.support.scikit_scores import ScikitScores
from tests.support.shared_data import SHARED, needs_shared

pytestmark = needs_shared
LFW = SHARED / "data/lfw"
NETWORK = SHARED / "weights/mobilefacenet_112_ms1m.onnx"
EQUAL = 1e-9
FOLD_PAIRS = 2


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MobileFaceNet with its spec beside it, as foamliu/MobileFaceNet says."""
    path = tmp_path_factory.mktemp("network") / "mobilefacenet.onnx"
    path.symlink_to(NETWORK.resolve())
    spec = InputSpec(112, "arcface112", 128, "rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    spec.with_threshold(None, "cosine").write(path.with_suffix(".json"))
    return path


@pytest.fixture(scope="module")
def small_lfw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first pairs of View 1 with their photos, and the same as folds of a View 2."""
    folder = tmp_path_factory.mktemp("lfw")
    lines = []
    for name, count in (("Train", 12), ("Test", 8)):
        pairs = (LFW / f"protocol/pairsDev{name}.txt").read_text().splitlines()[1:]
        some = [*pairs[:count], *pairs[len(pairs) // 2 :][:count]]
        (folder / f"pairsDev{name}.txt").write_text("\n".join([str(count), *some]) + "\n")
        lines += [[line.split("\t") for line in part] for part in (some[:count], some[count:])]
    for line in [line for part in lines for line in part]:
        for person, number in ((line[0], line[1]), (line[-2] if len(line) == 4 else line[0], line[-1])):
            photo = f"lfw-deepfunneled/{person}/{person}_{int(number):04d}.jpg"
            (folder / photo).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(LFW / photo, folder / photo)
    same, other = lines[0] + lines[2], lines[1] + lines[3]
    view_2 = [["10", str(FOLD_PAIRS)]]
    for fold in range(10):
        view_2 += same[fold * FOLD_PAIRS :][:FOLD_PAIRS] + other[fold * FOLD_PAIRS :][:FOLD_PAIRS]
    (folder / "pairs.txt").write_text("\n".join("\t".join(line) for line in view_2) + "\n")
    return folder


def prepared(source: Path, out: Path, view: int = 1, workers: int = 1) -> PreparedSet:
    return prepare(
        source, out, kind="lfw", template="arcface112", view=view, triplets_per_photo=0, workers=workers
    )


def check_equal(folder: Path, network: Path, out: Path) -> None:
    """Both metrics of View 1: threshold from the train pairs, figures of the test pairs."""
    found = json.loads((out / "scores.json").read_text())
    scikit = ScikitScores(folder, network)
    for metric in ("cosine", "euclidean"):
        ours, theirs = found["figures"][metric], scikit.figures(metric)
        assert ours["threshold"]["from"] == "train pairs"
        assert ours["threshold"]["value"] == pytest.approx(theirs["threshold"], abs=1e-4)  # of float32's
        for name in ("accuracy", "precision", "recall", "f1", "auc"):
            assert ours[name] == pytest.approx(theirs[name], abs=EQUAL), (metric, name)
        counts = ours["confusion"]
        assert theirs["confusion"] == [
            [counts["true_rejects"], counts["false_accepts"]],
            [counts["false_rejects"], counts["true_accepts"]],
        ]


def test_view_1_of_a_part_is_scikit_learns(small_lfw: Path, network: Path, tmp_path: Path) -> None:
    prepared(small_lfw, tmp_path / "faces")
    found = evaluate(network, tmp_path / "faces", tmp_path / "scores", workers=2)
    assert found["figures"]["cosine"]["accuracy"] > 0.9
    check_equal(tmp_path / "faces", network, tmp_path / "scores")


def test_view_2_of_a_part_is_lfws_ten_folds(small_lfw: Path, network: Path, tmp_path: Path) -> None:
    prepared(small_lfw, tmp_path / "faces", view=2)
    found = evaluate(network, tmp_path / "faces", tmp_path / "scores", workers=2)
    for metric in ("cosine", "euclidean"):
        figures = found["figures"][metric]
        mean, error = ScikitScores(tmp_path / "faces", network).over_folds(metric)
        assert figures["folds"]["official"]
        assert figures["folds"]["accuracy"] == pytest.approx(mean, abs=EQUAL)
        assert figures["folds"]["standard_error"] == pytest.approx(error, abs=EQUAL)
        # there is no other pair that could choose a threshold: the folds' decisions are the ones told
        assert figures["threshold"]["value"] is None
        assert figures["accuracy"] == pytest.approx(mean, abs=EQUAL)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_view_1_reaches_its_figure(network: Path, tmp_path: Path) -> None:
    prepared(LFW, tmp_path / "faces", workers=2)
    found = evaluate(network, tmp_path / "faces", tmp_path / "scores", workers=2)
    assert found["figures"]["cosine"]["accuracy"] >= 0.987
    assert found["pairs"]["genuine"] + found["pairs"]["impostors"] >= 998
    check_equal(tmp_path / "faces", network, tmp_path / "scores")
