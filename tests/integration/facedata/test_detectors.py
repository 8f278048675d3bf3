"""`facedata prepare --detector yunet|retinaface` as a whole, on real photos, with the user's own weights."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from facedata import PrepareConfig, find_crops, open_set, prepare
from facedata.work import shards
from tests.benchmark.accuracy import EYES
from tests.support.facedata_command import done, run
from tests.support.set_bytes import set_bytes
from tests.support.shared_data import SHARED, needs_shared

_WEIGHTS = {
    "yunet": SHARED / "weights" / "face_detection_yunet_2023mar.onnx",
    "retinaface": SHARED / "weights" / "retinaface_mobilenet0.25_Final.pth",
}
_SIZE = 96
pytestmark = needs_shared


@pytest.fixture(scope="module")
def celeba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some photos of several sizes, as files of three people."""
    folder = tmp_path_factory.mktemp("celeba")
    for index, path in enumerate(sorted((SHARED / "data/celeba/img_celeba").glob("*.jpg"))[::16]):
        person = folder / f"person-{index % 3}"
        person.mkdir(exist_ok=True)
        shutil.copy(path, person / path.name)
    return folder


@pytest.fixture(scope="module", params=_WEIGHTS)
def detector(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def faces(detector: str, celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of these photos, by the command line."""
    out = tmp_path_factory.mktemp(detector) / "faces"
    done(
        "prepare", "folder", celeba, "--out", out, "--workers", "2", "--pairs", "6", "--size", _SIZE,
        "--detector", detector, "--weights", _WEIGHTS[detector],
    )  # fmt: skip
    return out


def test_photos_as_photographed_are_kept(detector: str, faces: Path) -> None:
    info = open_set(faces).info
    assert info["settings"]["detector"] == detector
    assert info["counts"]["records"] == 25
    assert info["counts"]["status"]["kept"] >= 24


def test_other_workers_shards_and_a_cached_file_give_the_same_bytes(
    detector: str, faces: Path, celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_PHOTOS", 7)
    names = {"yunet": "face_detection_yunet_2023mar.onnx", "retinaface": "mobilenet0.25_Final.pth"}
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    shutil.copy(_WEIGHTS[detector], tmp_path / "cache" / "weights" / names[detector])
    config = PrepareConfig(workers=1, pairs="6", size=_SIZE, cache=str(tmp_path / "cache"))
    prepare(celeba, tmp_path / "faces", config, detector=detector)  # by its name, as any option
    assert set_bytes(tmp_path / "faces") == set_bytes(faces)


def test_find_crops_gives_what_prepare_gave(detector: str, faces: Path, celeba: Path) -> None:
    for row in open_set(faces).table("photos").to_pandas().query("status == 'kept'")[:8].itertuples():
        (crop,) = find_crops(
            (celeba / str(row.photo)).read_bytes(), face="largest", size=_SIZE,
            detector=detector, weights=str(_WEIGHTS[detector]),
        )  # fmt: skip
        np.testing.assert_array_equal(crop.matrix.ravel(), np.asarray(row.matrix))


def test_the_smallest_face_is_an_option(detector: str, faces: Path, celeba: Path) -> None:
    rows = open_set(faces).table("photos").to_pandas().query("status == 'kept'")
    sides = {row.photo: min(np.subtract(row.box[2:], row.box[:2])) for row in rows.itertuples()}
    photo, side = max(sides.items(), key=lambda item: item[1])
    for min_face, count in ((side * 0.9, 1), (side * 1.5, 0)):
        crops = find_crops(
            (celeba / photo).read_bytes(), face="largest", min_face=float(min_face),
            detector=detector, weights=str(_WEIGHTS[detector]),
        )  # fmt: skip
        assert len(crops) == count


def test_eyes_end_level_on_labelled_frames(detector: str) -> None:
    """A third of the frames; `make bench-accuracy` measures all."""
    source = SHARED / "data" / "keypoints"
    with (source / "training_frames_keypoints.csv").open() as file:
        rows = {name: np.array(values, np.float64) for name, *values in list(csv.reader(file))[1::3]}
    errors = []
    for name, values in rows.items():
        left, right = (values.reshape(68, 2)[eye].mean(axis=0) for eye in EYES)
        (crop,) = find_crops(
            (source / "training" / name).read_bytes(), face="largest",
            detector=detector, weights=str(_WEIGHTS[detector]),
        )  # fmt: skip
        across, down = crop.matrix[:, :2] @ (right - left)
        errors.append(abs(np.degrees(np.arctan2(down, across))))
    assert len(errors) == 98
    assert np.median(errors) <= 1.5
    assert np.quantile(errors, 0.9) <= 4.3


def test_other_weights_are_refused_by_name(celeba: Path, tmp_path: Path) -> None:
    finished = run(
        "prepare", "folder", celeba, "--out", tmp_path / "faces",
        "--detector", "retinaface", "--weights", _WEIGHTS["yunet"],
    )  # fmt: skip
    assert finished.status == 2
    assert "retinaface takes mobilenet0.25_Final.pth" in finished.error
    assert not (tmp_path / "faces").exists()
