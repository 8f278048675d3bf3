"""Int8 candidates of ONNX networks: small, near to the float file, whatever goes in and comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from facemodel.errors import ExportError
from facemodel.models.embedder import open_model
from facemodel.models.int8.onnx_file import write_onnx_int8
from facemodel.models.int8.onnx_model import describe_network, network_file
from facemodel.models.onnx.network import OnnxEmbedder
from tests.support.onnx_networks import DIM, SIDE, SPEC, crops, matrix_net

_CHANNELS = 24


def conv_net(path: Path, opset: int = 11, layers: int = 3) -> Path:
    """Write a network of convolutions, BatchNorm and PReLU, as the older face networks are."""
    rng, nodes, weights, last, width = np.random.default_rng(0), [], [], "images", 3

    def constant(name: str, *shape: int, scale: float = 1.0, shift: float = 0.0) -> str:
        values = rng.normal(shift, scale, shape).astype(np.float32)
        weights.append(numpy_helper.from_array(np.abs(values) if shift else values, name))
        return name

    for at in range(layers):
        w = constant(f"w{at}", _CHANNELS, width, 3, 3, scale=(2 / (9 * width)) ** 0.5)
        nodes.append(helper.make_node("Conv", [last, w], [f"c{at}"], pads=[1, 1, 1, 1]))
        norm = [constant(f"{key}{at}", _CHANNELS, scale=0.1, shift=shift) for key, shift in
                (("g", 1.0), ("b", 0.0), ("m", 0.0), ("v", 1.0))]  # fmt: skip
        nodes.append(helper.make_node("BatchNormalization", [f"c{at}", *norm], [f"n{at}"]))
        slope = constant(f"s{at}", _CHANNELS, 1, 1, scale=0.1, shift=0.25)
        nodes.append(helper.make_node("PRelu", [f"n{at}", slope], [f"p{at}"]))
        last, width = f"p{at}", _CHANNELS
    nodes.append(helper.make_node("Flatten", [last], ["flat"]))
    w = constant("w", _CHANNELS * SIDE * SIDE, DIM, scale=0.05)
    nodes.append(helper.make_node("MatMul", ["flat", w], ["embeddings"]))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", DIM])], weights,
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7), str(path)
    )
    return path


IMAGES = np.random.default_rng(2).normal(size=(40, 3, SIDE, SIDE)).astype(np.float32)


def run(path: Path) -> Any:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": IMAGES})[0]


def cosines(ours: Any, theirs: Any) -> Any:
    return (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


@pytest.mark.parametrize("opset", [11, 17])
def test_all_layers_are_int8_per_channel_and_the_numbers_near(tmp_path: Path, opset: int) -> None:
    """Version 11 of ONNX, which has no scales per channel, is what older face networks come in."""
    source, out = conv_net(tmp_path / "f.onnx", opset), tmp_path / "q.onnx"
    before = source.read_bytes()
    texts = write_onnx_int8(source, IMAGES, out)
    assert next(texts) == "nothing"
    assert cosines(run(source), run(out)).mean() > 0.995
    model = onnx.load(out)
    kinds = {one.name: (one.data_type, numpy_helper.to_array(one)) for one in model.graph.initializer}
    scales = [
        kinds[node.input[1]][1]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and kinds.get(node.input[0], (0,))[0] == TensorProto.INT8
    ]
    assert sorted(scale.size for scale in scales) == sorted([_CHANNELS] * 3 + [DIM])
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    assert source.read_bytes() == before
    texts.close()


def test_more_in_float_comes_nearer_and_each_file_is_whole(tmp_path: Path) -> None:
    source, out = conv_net(tmp_path / "f.onnx", 17, layers=5), tmp_path / "q.onnx"
    found = [
        (text, float(cosines(run(source), run(out)).mean()), out.stat().st_size)
        for text in write_onnx_int8(source, IMAGES, out)
    ]
    texts, near, sizes = zip(*found, strict=True)
    assert texts[:3] == ("nothing", "the first layer", "the first and the last layer")
    assert texts[3].endswith("of 6 layers, the most sensitive")
    assert len(texts) == 7
    assert near[0] < near[-1]
    assert sizes[0] == min(sizes)
    assert sizes[0] < 0.4 * source.stat().st_size


@pytest.mark.parametrize(("batch", "last", "classes"), [("n", False, 0), (1, False, 3), (4, True, 0)])
def test_a_model_s_own_input_and_outputs_stay_as_they_are(
    tmp_path: Path, batch: int | str, last: bool, classes: int
) -> None:
    names = {"classes": ["a", "b", "c"]} if classes else {}
    net = matrix_net(tmp_path, batch, last, classes, spec=names)
    model = open_model(net)
    assert isinstance(model, OnnxEmbedder)
    source, out = network_file(model), tmp_path / "small.onnx"
    assert source.size_bytes == net.stat().st_size
    images = np.random.default_rng(5).normal(size=(10, 3, SIDE, SIDE)).astype(np.float32)
    assert next(source.write(net, images, out)) == "nothing"
    outputs, expected = source.read(out)(images), source.read(net)(images)
    assert [one.shape for one in outputs] == [(10, DIM), (10, classes)][: 2 if classes else 1]
    assert cosines(outputs[0], expected[0]).min() > 0.99
    # with the JSON that is written beside it, it is a model like any other
    (tmp_path / "small.json").write_text(json.dumps(describe_network(model)))
    small = open_model(out)
    assert small.spec == model.spec
    assert small.classes == model.classes
    assert np.allclose(cosines(small.embed(crops(7)), model.embed(crops(7))), 1, atol=0.02)
    assert small.fingerprint() != model.fingerprint()
    assert SPEC["template"] == small.spec.template


def test_a_network_without_layers_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Flatten", ["images"], ["embeddings"])
    graph = helper.make_graph(
        [node], "net", [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", 3 * SIDE * SIDE])],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        str(tmp_path / "f.onnx"),
    )
    with pytest.raises(ExportError, match="has no layer that could be int8"):
        next(write_onnx_int8(tmp_path / "f.onnx", IMAGES, tmp_path / "q.onnx"))
