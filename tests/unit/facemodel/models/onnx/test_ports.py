"""What ONNX networks take and give in the wild: it works, or the message says what to write into the JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from facedata.types import Float32Array
from facemodel.errors import ModelError, SpecError
from facemodel.models.embedder import open_model
from tests.support.onnx_networks import DIM, SIDE, SPEC, Crops, crops, mobilefacenet, odd_net
from tests.support.shared_data import SHARED, needs_shared

PLAIN: dict[str, Any] = {"mean": [0.0] * 3, "std": [1.0] * 3}
"""The spec of a network that normalises by itself."""


def wanted(images: Crops, last: bool = False, plain: bool = False) -> Float32Array:
    """What the network gives, computed by hand; ``plain``: of BGR pixels from 0 to 255."""
    weights = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, DIM)).astype(np.float32)
    scaled = images[..., ::-1] if plain else (images[..., ::-1] / 255 - SPEC["mean"]) / SPEC["std"]
    axes = scaled if last else scaled.transpose(0, 3, 1, 2)
    found: Float32Array = axes.reshape(len(images), -1).astype(np.float32) @ weights
    return found


def says(path: Path) -> str:
    """The message with which a network is refused, and that it names the JSON."""
    with pytest.raises(SpecError) as caught:
        open_model(path)
    assert str(path.with_suffix(".json")) in str(caught.value)
    return str(caught.value)


def add(path: Path, **values: Any) -> None:
    """Write more into the JSON beside a network."""
    spec = path.with_suffix(".json")
    spec.write_text(json.dumps(json.loads(spec.read_text()) | values))


@pytest.mark.parametrize(
    ("takes", "tolerance"),
    [(TensorProto.FLOAT, 1e-4), (TensorProto.DOUBLE, 1e-4), (TensorProto.FLOAT16, 0.05)],
)
def test_floats_of_any_width_go_in(tmp_path: Path, takes: int, tolerance: float) -> None:
    found = open_model(odd_net(tmp_path, takes=takes)).embed(crops(7))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted(crops(7)), atol=tolerance)


@pytest.mark.parametrize(
    ("gives", "tolerance"),
    [(TensorProto.FLOAT, 1e-4), (TensorProto.DOUBLE, 1e-4), (TensorProto.FLOAT16, 0.05)],
)
def test_floats_of_any_width_come_out(tmp_path: Path, gives: int, tolerance: float) -> None:
    found = open_model(odd_net(tmp_path, gives=gives)).embed(crops(7))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted(crops(7)), atol=tolerance)


@pytest.mark.parametrize("last", [False, True])
def test_pixels_go_into_a_network_that_normalises_them_itself(tmp_path: Path, last: bool) -> None:
    shape = ["n", SIDE, SIDE, 3] if last else ["n", 3, SIDE, SIDE]
    path = odd_net(tmp_path, shape, TensorProto.UINT8, **PLAIN)
    found = open_model(path).embed(crops(5))
    np.testing.assert_allclose(found, wanted(crops(5), last, plain=True), rtol=1e-4, atol=0.1)


def test_a_network_of_pixels_says_what_its_mean_and_std_must_be(tmp_path: Path) -> None:
    path = odd_net(tmp_path, takes=TensorProto.UINT8)
    assert 'write "mean": [0, 0, 0] and "std": [1, 1, 1]' in says(path)
    add(path, mean=[0, 0, 0], std=[1, 1, 1])
    assert open_model(path).embed(crops(1)).shape == (1, DIM)


def test_other_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"takes tensor\(int8\), and crops come as float32"):
        open_model(odd_net(tmp_path, takes=TensorProto.INT8))
    with pytest.raises(SpecError, match=r"returns tensor\(int64\), not floating-point"):
        open_model(odd_net(tmp_path, gives=TensorProto.INT64))


@pytest.mark.parametrize("shape", [("n", "c", "h", "w"), (None, None, None, None), (3, "c", "h", "w")])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_network_that_takes_either_order_asks_which(
    tmp_path: Path, shape: Sequence[Any], layout: str
) -> None:
    path = odd_net(tmp_path, shape)
    message = says(path)
    assert '"layout": "NCHW"' in message
    assert '"layout": "NHWC"' in message
    add(path, layout=layout)
    model = open_model(path)
    np.testing.assert_allclose(model.embed(crops(4)), wanted(crops(4), layout == "NHWC"), atol=1e-4)
    add(path, layout="NHWC" if layout == "NCHW" else "NCHW")
    assert open_model(path).fingerprint() != model.fingerprint()


@pytest.mark.parametrize("layout", ["nchw", "CHW", 3, ["NCHW"]])
def test_a_layout_that_there_is_not_is_refused(tmp_path: Path, layout: object) -> None:
    assert "layout is" in says(odd_net(tmp_path, ("n", "c", "h", "w"), layout=layout))


def test_a_layout_that_the_network_contradicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"takes images n × 3 × 8 × 8, .* in the order NHWC"):
        open_model(odd_net(tmp_path, layout="NHWC"))


@pytest.mark.parametrize("last", [False, True])
def test_where_all_sides_vary_a_run_tells_the_order_if_one_can(tmp_path: Path, last: bool) -> None:
    """A convolution of three channels takes one order only."""
    weights = np.random.default_rng(2).normal(size=(DIM, 3, 1, 1)).astype(np.float32)
    turn = [helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2])] if last else []
    nodes = [
        *turn,
        helper.make_node("Conv", ["first" if last else "x", "w"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes, "conv", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", "a", "b", "c"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", "d", "e", "f"])],
        [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(tmp_path / "net.onnx"))
    (tmp_path / "net.json").write_text(json.dumps(SPEC))
    found = open_model(tmp_path / "net.onnx").embed(crops(3))  # (n, dim, 1, 1)
    scaled = (crops(3)[..., ::-1] / 255 - SPEC["mean"]) / SPEC["std"]
    np.testing.assert_allclose(found, scaled.mean(axis=(1, 2)) @ weights[:, :, 0, 0].T, atol=1e-4)


def test_embeddings_in_four_axes_are_flattened(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([-1, DIM, 1, 1], np.int64), "shape")
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["rows", "shape"], ["maps"]),
    ]
    path = odd_net(tmp_path, outputs={"maps": ["n", DIM, 1, 1]}, nodes=nodes)
    np.testing.assert_allclose(open_model(path).embed(crops(4)), wanted(crops(4)), atol=1e-4)


def halves(*names: str) -> list[onnx.NodeProto]:
    """Nodes that give other outputs as wide as the embedding."""
    return [helper.make_node("Neg", ["rows"], [name]) for name in names]


def test_of_several_outputs_the_one_of_the_right_width_is_taken(tmp_path: Path) -> None:
    mean = helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0)
    path = odd_net(tmp_path, outputs={"mean": ["n"], "embedding": [None, None]}, nodes=[mean])
    np.testing.assert_allclose(open_model(path).embed(crops(4)), wanted(crops(4)), atol=1e-4)


def test_of_several_outputs_of_one_width_the_json_names_one(tmp_path: Path) -> None:
    shapes = {"embedding": ["n", DIM], "other": ["n", DIM]}
    path = odd_net(tmp_path, outputs=shapes, nodes=halves("other"))
    message = says(path)
    assert '"output": "embedding"' in message
    assert "other (1 × 5)" in message
    add(path, output="embedding")
    first = open_model(path)
    add(path, output="other")
    other = open_model(path)
    np.testing.assert_allclose(first.embed(crops(3)), wanted(crops(3)), atol=1e-4)
    np.testing.assert_allclose(other.embed(crops(3)), -wanted(crops(3)), atol=1e-4)
    assert first.fingerprint() != other.fingerprint()
    add(path, output="gone")
    assert re.search(r'"output": "gone", and .* returns embedding \(1 × 5\), other', says(path))


def test_outputs_none_of_which_is_an_embedding_are_listed(tmp_path: Path) -> None:
    shapes = {"embedding": ["n", DIM], "other": ["n", DIM]}
    message = says(odd_net(tmp_path, outputs=shapes, nodes=halves("other"), dim=6))
    assert "embedding (1 × 5), other (1 × 5); none of these is an embedding of 6 numbers" in message


def test_the_json_names_the_logits_too(tmp_path: Path) -> None:
    shapes: dict[str, list[Any]] = {"other": ["n", DIM], "embedding": ["n", DIM], "logits": [None, None]}
    ends = {"start": [0], "end": [2], "axis": [1]}
    nodes = [
        *halves("other"),
        *(
            helper.make_node(
                "Constant", [], [key], value=numpy_helper.from_array(np.array(value, np.int64), key)
            )
            for key, value in ends.items()
        ),
        helper.make_node("Slice", ["rows", *ends], ["logits"]),
    ]
    path = odd_net(tmp_path, outputs=shapes, nodes=nodes, output="embedding", classes=["Ana", "Bo"])
    model = open_model(path)
    logits = model.logits(crops(3))
    assert logits is not None
    np.testing.assert_allclose(logits, wanted(crops(3))[:, :2], atol=1e-4)
    add(path, logits="other")
    assert (
        'its output other is 1 × 5: give the right list, or write the output of that width as "logits"'
        in (says(path))
    )


def test_other_inputs_get_values_from_the_json(tmp_path: Path) -> None:
    more = [
        helper.make_tensor_value_info("scale", TensorProto.FLOAT, []),
        helper.make_tensor_value_info("shift", TensorProto.FLOAT, ["n", 1]),
    ]
    nodes = [
        helper.make_node("Mul", ["rows", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["moved"]),
    ]
    path = odd_net(tmp_path, outputs={"moved": ["n", DIM]}, nodes=nodes, inputs=more)
    assert 'such as "input": "x", "other_inputs": {"scale": 0, "shift": 0}' in says(path)
    add(path, other_inputs={"scale": 2.0, "shift": 5})
    model = open_model(path)
    np.testing.assert_allclose(model.embed(crops(4)), 2 * wanted(crops(4)) + 5, atol=1e-3)
    add(path, other_inputs={"scale": 3.0, "shift": 5})
    assert open_model(path).fingerprint() != model.fingerprint()
    for values, text in (
        ({"scale": 1, "shift": 0, "gone": 1}, "other_inputs gone; the network has x, scale, shift"),
        ({"scale": [1, 2], "shift": 0}, "gives scale the value [1, 2]"),
        ({"scale": "much", "shift": 0}, "gives scale the value 'much'"),
        ([1], "other_inputs is [1]"),
    ):
        add(path, other_inputs=values)
        assert text in says(path)


def test_of_several_inputs_of_images_the_json_names_the_crops(tmp_path: Path) -> None:
    more = [helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])]
    nodes = [
        helper.make_node("Flatten", ["mask"], ["covered"]),
        helper.make_node("ReduceMean", ["covered"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["rows", "mean"], ["masked"]),
    ]
    path = odd_net(tmp_path, outputs={"masked": ["n", DIM]}, nodes=nodes, inputs=more)
    assert "has 2 inputs, x, mask" in says(path)
    add(path, input="x", other_inputs={"mask": 0.5})
    np.testing.assert_allclose(open_model(path).embed(crops(4)), wanted(crops(4)) / 2, atol=1e-3)
    add(path, input="gone")
    assert 'has "input": "gone"' in says(path)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_batch_fits_any_number_of_crops_of_any_kind(tmp_path: Path, batch: int) -> None:
    shape, outputs = [batch, SIDE, SIDE, 3], {"embedding": [batch, DIM]}
    path = odd_net(tmp_path, shape, TensorProto.FLOAT16, outputs, gives=TensorProto.DOUBLE)
    for count in (1, 3, 7):
        np.testing.assert_allclose(
            open_model(path).embed(crops(count)), wanted(crops(count), last=True), atol=0.05
        )


def test_a_network_that_cannot_be_run_says_so_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be run on 1 images of 9 px"):
        open_model(odd_net(tmp_path, ("n", 3, "h", "w"), size_px=9))


def test_an_input_that_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"the input x of .* is n × 192: it takes no images"):
        open_model(odd_net(tmp_path, ("n", 3 * SIDE * SIDE)))


@needs_shared
def test_mobilefacenet_in_half_precision_is_near_the_original(tmp_path: Path) -> None:
    """Its weights and arithmetic as float16, with float16 in and out, as converters make it."""
    whole = open_model(mobilefacenet(tmp_path / "whole"))
    model = onnx.load(str(SHARED / "weights" / "mobilefacenet_112_ms1m.onnx"))
    graph = model.graph
    for weights in graph.initializer:
        if weights.data_type == TensorProto.FLOAT:
            weights.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(weights).astype(np.float16), weights.name)
            )
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(
                    numpy_helper.from_array(numpy_helper.to_array(attribute.t).astype(np.float16))
                )
    half = tmp_path / "half"
    half.mkdir()
    onnx.save(model, str(half / "net.onnx"))
    (half / "net.json").write_text((tmp_path / "whole" / "net.json").read_text())
    session = onnxruntime.InferenceSession(str(half / "net.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(float16)"
    one, other = whole.embed(crops(2, 112)), open_model(half / "net.onnx").embed(crops(2, 112))
    cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosine.min() > 0.999
