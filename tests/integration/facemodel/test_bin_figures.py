"""A .bin of real photos, scored by a real network, against InsightFace's verification done by hand."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize

from facedata import prepare
from facedata.errors import UsageError
from facemodel import evaluate
from facemodel.scoring.report import score_notes
from facemodel.spec import InputSpec
from tests.support.inline_engine import inline
from tests.support.pickled_pairs import pickle_pairs
from tests.support.shared_data import SHARED, needs_shared

pytestmark = needs_shared
LFW = SHARED / "data/lfw"
NETWORK = SHARED / "weights/mobilefacenet_112_ms1m.onnx"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PAIRS_A_FOLD = 4


@pytest.fixture(scope="module")
def lfw_bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first pairs of View 1's lists, one person and two people in turn: the middle of each photo."""
    pairs: dict[bool, list[list[str]]] = {True: [], False: []}
    for name in ("Train", "Test"):
        for line in (LFW / f"protocol/pairsDev{name}.txt").read_text().splitlines()[1:]:
            fields = line.split("\t")
            pairs[len(fields) == 3].append(
                [fields[0], fields[1], fields[-2] if len(fields) == 4 else fields[0], fields[-1]]
            )
    images, same = [], []
    for number in range(10 * PAIRS_A_FOLD):
        same.append(number % 2 == 0)
        one, its, other, others = pairs[same[-1]][number // 2]
        for person, photo in ((one, its), (other, others)):
            image = cv2.imread(str(LFW / f"lfw-deepfunneled/{person}/{person}_{int(photo):04d}.jpg"))
            middle = np.asarray(image)[66:184, 66:184]
            images.append(cv2.imencode(".jpg", cv2.resize(middle, (112, 112)))[1].tobytes())
    return pickle_pairs(tmp_path_factory.mktemp("bin") / "lfw.bin", images, same, protocol=2)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MobileFaceNet with its spec beside it, as foamliu/MobileFaceNet says."""
    path = tmp_path_factory.mktemp("network") / "mobilefacenet.onnx"
    path.symlink_to(NETWORK.resolve())
    spec = InputSpec(112, "arcface112", 128, "rgb", MEAN, STD)
    spec.with_threshold(None, "cosine").write(path.with_suffix(".json"))
    return path


@pytest.fixture(scope="module")
def pairs(lfw_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "lfw-pairs"
    with inline():
        prepare(lfw_bin, out, kind="bin", as_crops=True, template="arcface112", workers=1, report=False)
    return out


def verify_again(file: Path, *, flip: bool) -> tuple[list[float], list[float]]:
    """Return InsightFace's accuracies and thresholds: nothing of ours is called."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(NETWORK), providers=["CPUExecutionProvider"])
    images, same = pickle.loads(file.read_bytes(), encoding="bytes")
    sides = []
    for image in images:
        pixels = np.asarray(cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR))[:, :, ::-1]
        both = [pixels, pixels[:, ::-1]] if flip else [pixels]
        rows = [((one / 255 - MEAN) / STD).transpose(2, 0, 1)[None].astype(np.float32) for one in both]
        name = session.get_inputs()[0].name
        sides.append(sum(session.run(None, {name: row})[0][0].astype(np.float64) for row in rows))
    embeddings = normalize(np.stack(sides))
    distances = np.sum(np.square(embeddings[0::2] - embeddings[1::2]), axis=1)
    steps, answers = np.arange(0, 4, 0.01), np.array(same)
    accuracies, thresholds = [], []
    for train, test in KFold(n_splits=10, shuffle=False).split(np.arange(len(answers))):
        right = [float(np.mean(answers[train] == (distances[train] < step))) for step in steps]
        thresholds.append(float(steps[int(np.argmax(right))]))
        accuracies.append(float(np.mean(answers[test] == (distances[test] < thresholds[-1]))))
    return accuracies, thresholds


@pytest.mark.parametrize("flip", [False, True])
def test_the_figures_are_those_of_insightface(lfw_bin: Path, pairs: Path, network: Path, flip: bool) -> None:
    scores = evaluate(network, pairs, None, flip=flip, workers=1)
    accuracies, thresholds = verify_again(lfw_bin, flip=flip)
    found = scores["insightface"]
    assert found["accuracies"] == pytest.approx(accuracies, abs=1e-6)
    assert found["thresholds"] == pytest.approx(thresholds, abs=1e-6)
    assert found["accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert found["std"] == pytest.approx(np.std(accuracies), abs=1e-6)
    assert 0.6 < found["accuracy"] < 1  # so the test says something: these are faces, and not aligned
    line = f"accuracy {100 * found['accuracy']:.2f}% ± {100 * found['std']:.2f}%"
    assert any("InsightFace's verification" in note and line in note for note in score_notes(scores))
    assert scores["pairs"]["genuine"] == scores["pairs"]["impostors"] == 5 * PAIRS_A_FOLD


def test_a_bin_as_pairs_of_another_set_says_what_to_do(lfw_bin: Path, pairs: Path, network: Path) -> None:
    with pytest.raises(UsageError, match=r"facedata prepare bin lfw\.bin --as-crops"):
        evaluate(network, pairs, None, pairs=str(lfw_bin), workers=1)
