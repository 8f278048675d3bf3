"""YuNet's network: the pinned file's layers and weights, and its numbers at every size."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime

from facedata.detect.mtcnn.onnx_bytes import read_model
from facedata.detect.one_shot.yunet_network import adapt_network
from tests.support.shared_data import SHARED, needs_shared

_WEIGHTS = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"


@needs_shared
def test_the_files_layers_and_weights_are_those_that_onnx_reads() -> None:
    data = _WEIGHTS.read_bytes()
    graph = onnx.load_from_string(data).graph
    nodes, weights = read_model(data)
    assert nodes == [node.SerializeToString() for node in graph.node]
    wanted = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    wanted = {name: values for name, values in wanted.items() if values.dtype == np.float32}
    assert weights.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(weights[name], values, strict=True)


@needs_shared
def test_one_head_gives_the_numbers_of_the_four() -> None:
    data = _WEIGHTS.read_bytes()
    pixels = np.random.default_rng(0).uniform(0, 256, (1, 3, 640, 640)).astype(np.float32)
    wanted, found = (
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"input": pixels})
        for model in (data, adapt_network(data))
    )
    classes, objects, boxes, points = (np.concatenate(wanted[at : at + 3], axis=1)[0] for at in (0, 3, 6, 9))
    (numbers,) = found
    sigmoids = 1 / (1 + np.exp(-numbers[:2]))
    np.testing.assert_allclose(sigmoids.T, np.column_stack([classes, objects]), atol=1e-5)
    np.testing.assert_allclose(numbers[2:].T, np.column_stack([boxes, points]), atol=1e-4)
    assert np.ptp(numbers, axis=1).min() > 0.5


@needs_shared
def test_it_takes_images_of_any_size() -> None:
    data = adapt_network(_WEIGHTS.read_bytes())
    onnx.checker.check_model(onnx.load_from_string(data))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for height, width in ((32, 32), (64, 512), (160, 96)):
        (found,) = session.run(None, {"input": np.zeros((1, 3, height, width), np.float32)})
        assert found.shape == (16, height * width * 21 // 1024)
