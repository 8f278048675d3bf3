"""ONNX networks with a spec beside them: any batch, both layouts, and refusals; the real MobileFaceNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from facedata.files.atomic import file_sha256
from facedata.types import Float32Array
from facemodel.errors import DeviceError, ModelError, SpecError
from facemodel.models.embedder import open_model
from tests.support.onnx_networks import DIM, SIDE, SPEC, Crops, crops, matrix_net, mobilefacenet
from tests.support.shared_data import needs_shared


def wanted(images: Crops) -> Float32Array:
    """What the network gives, computed by hand: BGR, normalised, channels first, times the matrix."""
    weights = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, DIM)).astype(np.float32)
    scaled = (images[..., ::-1] / 255 - SPEC["mean"]) / SPEC["std"]
    found: Float32Array = scaled.transpose(0, 3, 1, 2).reshape(len(images), -1).astype(np.float32) @ weights
    return found


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("batch", ["batch", 1, 3, 16])
def test_any_batch_in_either_layout_gives_what_the_matrix_gives(
    tmp_path: Path, batch: int | str, last: bool
) -> None:
    model = open_model(matrix_net(tmp_path, batch, last))
    for count in (1, 3, 7):
        found = model.embed(crops(count))
        assert found.shape == (count, DIM)
        assert found.dtype == np.float32
        assert np.allclose(found, wanted(crops(count)), atol=1e-3)
    assert model.embed(crops(0)).shape == (0, DIM)
    assert model.classes == ()
    assert model.logits(crops(1)) is None


def test_a_second_output_names_people_where_the_json_does(tmp_path: Path) -> None:
    model = open_model(named(tmp_path, 2))
    logits = model.logits(crops(4))
    assert model.classes == ("Ana", "Bo")
    assert logits is not None
    assert np.allclose(logits, wanted(crops(4))[:, :2], atol=1e-3)


def named(folder: Path, classes: int) -> Path:
    return matrix_net(folder, classes=classes, spec={"classes": ["Ana", "Bo"]})


def test_classes_without_an_output_for_them_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="names classes, but the network has no output for them"):
        open_model(named(tmp_path, 0))


@pytest.mark.parametrize("classes", [None, "Ana", {"Ana": 0}, [1, 2], [None]])
def test_classes_that_are_no_names_are_refused(tmp_path: Path, classes: object) -> None:
    with pytest.raises(SpecError, match="classes must be a list of names"):
        open_model(matrix_net(tmp_path, spec={"classes": classes}))


def test_a_spec_that_was_written_for_another_file_is_refused(tmp_path: Path) -> None:
    path = matrix_net(tmp_path)
    digest = file_sha256(path)
    matrix_net(tmp_path, spec={"sha256": digest})
    assert open_model(path).spec.dim == DIM
    matrix_net(tmp_path, spec={"sha256": digest[::-1]})
    with pytest.raises(SpecError, match=r"net.json belongs to another file than .*net.onnx"):
        open_model(path)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"size_px": 9}, "takes images batch × 3 × 8 × 8, and its spec says 3 channels of 9 × 9 px"),
        ({"dim": 6}, "returns embeddings of 5, and its spec says 6"),
        ({"size_px": None}, "size_px is None"),
    ],
)
def test_a_spec_that_is_not_the_networks_is_refused(tmp_path: Path, spec: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError, match=text):
        open_model(matrix_net(tmp_path, spec=spec))


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    path = matrix_net(tmp_path)
    with pytest.raises(ModelError, match=r"there is no model at .*gone.onnx"):
        open_model(tmp_path / "gone.onnx")
    for data in (path.read_bytes()[: len(path.read_bytes()) // 2], b"", b"junk" * 9):
        path.write_bytes(data)
        with pytest.raises(ModelError, match="onnxruntime cannot read"):
            open_model(path)
    matrix_net(tmp_path)
    (tmp_path / "net.json").unlink()
    with pytest.raises(SpecError, match="there is no input spec"):
        open_model(path)


def test_a_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="ONNX networks run on the CPU"):
        open_model(matrix_net(tmp_path), "cuda")


def test_its_id_is_that_of_its_file(tmp_path: Path) -> None:
    path = matrix_net(tmp_path)
    before = open_model(path).fingerprint()
    assert before == open_model(path).fingerprint()
    matrix_net(tmp_path, dim=6, spec={"dim": 6})
    assert open_model(path).fingerprint() != before


@needs_shared
def test_mobilefacenet_gives_what_onnxruntime_gives_of_images_normalised_by_hand(tmp_path: Path) -> None:
    path = mobilefacenet(tmp_path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = (crops(3, 112) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    name = session.get_inputs()[0].name
    rows: Sequence[Any] = [
        session.run(None, {name: image.transpose(2, 0, 1)[None].astype(np.float32)})[0] for image in images
    ]
    found = open_model(path).embed(crops(3, 112))
    assert found.shape == (3, 128)
    assert np.allclose(found, np.concatenate(rows), atol=1e-3)
