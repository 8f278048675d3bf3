"""A name is a name: what stands for a ready model, and what is said of one that nearly does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facedata.config import TEMPLATES
from facedata.crops.align import Template
from facedata.options import look_up
from facemodel import open_model
from facemodel.batches.to_input import ToInput
from facemodel.errors import ModelError
from facemodel.models.header import training_set_path
from facemodel.models.known_people import read_people
from facemodel.models.ready.table import READY, is_ready
from tests.support.onnx_networks import crops


def test_a_name_is_that_word_alone() -> None:
    assert is_ready("sface")
    for other in (Path("sface"), "./sface", "sface/", "Sface", "sface.onnx", "", None, 3):
        assert not is_ready(other)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sfcae", "there is no model at sfcae; did you mean the ready model sface?"),
        ("facenet_vggface2", "did you mean the ready model facenet-vggface2?"),
        ("mymodel", "there is no model at mymodel; ready models: sface, facenet-vggface2"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ModelError) as raised:
        open_model(name)
    assert hint in str(raised.value)


@pytest.mark.parametrize("path", ["runs/sfcae", "sface2.safetensors"])
def test_what_is_a_path_is_not_taken_for_a_misspelt_name(path: str) -> None:
    with pytest.raises(ModelError) as raised:
        open_model(path)
    assert "ready" not in str(raised.value)


def test_files_that_lie_around_are_not_a_ready_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Path("sface").parent` is the current folder, which may be a run's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.parquet").write_bytes(b"of a run")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "settings.json").write_text('{"set_path": "faces"}')
    assert not read_people("sface").trained
    assert not read_people("sface").is_told
    assert training_set_path("sface") is None
    assert training_set_path("net.onnx") == "faces"


def test_sface_is_fed_as_opencv_feeds_it() -> None:
    """OpenCV's FaceRecognizerSF.feature: blobFromImage(BGR, 1, (112, 112), 0, swapRB=True)."""
    rgb = crops(3, 112)
    theirs = np.concatenate(
        [
            cv2.dnn.blobFromImage(
                np.ascontiguousarray(one[:, :, ::-1]), 1.0, (112, 112), (0, 0, 0), swapRB=True, crop=False
            )
            for one in rgb
        ]
    )
    ours = ToInput(READY["sface"].spec)(rgb, None).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_sfaces_template_has_opencvs_five_points() -> None:
    """``dst`` in getSimilarityTransformMatrix of OpenCV's face_recognize.cpp."""
    template: Template = look_up(TEMPLATES, READY["sface"].spec.template)
    theirs = [
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ]
    assert template.points is not None
    np.testing.assert_allclose(template.points, theirs, atol=1e-4)
