"""ONNX networks with a spec beside them: some that multiply by a matrix, one of colours, MobileFaceNet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support.shared_data import SHARED

SIDE, DIM = 8, 5
SPEC: dict[str, Any] = {
    "size_px": SIDE, "template": "square", "dim": DIM, "colour": "bgr",
    "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7], "normalised": False,
}  # fmt: skip
Crops = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

MOBILEFACENET = {
    "size_px": 112, "template": "arcface112", "colour": "rgb", "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225], "dim": 128, "normalised": False, "metric": "cosine", "threshold": 0.3,
}  # fmt: skip
"""The spec of the network in ../shared/weights, with a threshold that suits it."""

_SURE = 30.0
"""What squared distances of colours are multiplied by in the logits."""


def crops(count: int, side: int = SIDE) -> Crops:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def matrix_net(
    folder: Path,
    batch: int | str = "batch",
    last: bool = False,
    classes: int = 0,
    dim: int = DIM,
    spec: dict[str, Any] | None = None,
) -> Path:
    """Write a network that multiplies the pixels by a matrix; and its spec."""
    shape = [batch, SIDE, SIDE, 3] if last else [batch, 3, SIDE, SIDE]
    weights = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, dim)).astype(np.float32)
    if last:
        weights = weights.reshape(3, SIDE, SIDE, dim).transpose(1, 2, 0, 3).reshape(-1, dim).copy()
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["embedding"]),
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, dim])]
    if classes:
        nodes.append(helper.make_node("Slice", ["embedding", "start", "end", "axis"], ["logits"]))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes]))
    ends = {"start": [0], "end": [classes], "axis": [1]} if classes else {}
    constants = [numpy_helper.from_array(weights, "w")]
    constants += [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in ends.items()]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "net", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "net.onnx"))
    (folder / "net.json").write_text(json.dumps({**SPEC, **(spec or {})}))
    return folder / "net.onnx"


_TO_FLOAT = helper.make_node("Cast", ["x"], ["numbers"], to=TensorProto.FLOAT)


def odd_net(
    folder: Path,
    shape: Sequence[Any] = ("n", 3, SIDE, SIDE),
    takes: int = TensorProto.FLOAT,
    outputs: Mapping[str, Sequence[Any]] | None = None,
    nodes: Sequence[onnx.NodeProto] = (),
    inputs: Sequence[onnx.ValueInfoProto] = (),
    gives: int = TensorProto.FLOAT,
    **spec: Any,
) -> Path:
    """Write a network that multiplies the pixels by the matrix of :func:`matrix_net`, with odd ends.

    Args:
        folder: where.
        shape: of the input, as it is declared.
        takes: the input's type.
        outputs: each output's shape, as it is declared; ``embedding`` alone if None.
        nodes: what makes the other outputs, from ``embedding``, ``rows`` (float32) or more inputs.
        inputs: more inputs.
        gives: the type of ``embedding``.
        **spec: changes to the spec, and more names for its JSON.
    """
    weights = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, DIM)).astype(np.float32)
    all_nodes = [
        _TO_FLOAT,
        helper.make_node("Flatten", ["numbers"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["embedding"], to=gives),
        *nodes,
    ]
    shapes = outputs or {"embedding": ["n", DIM]}
    graph = helper.make_graph(
        all_nodes, "odd", [helper.make_tensor_value_info("x", takes, shape), *inputs],
        [
            helper.make_tensor_value_info(name, gives if name == "embedding" else TensorProto.FLOAT, sides)
            for name, sides in shapes.items()
        ],
        [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "net.onnx"))
    (folder / "net.json").write_text(json.dumps({**SPEC, **spec}))
    return folder / "net.onnx"


def mobilefacenet(folder: Path, **changes: Any) -> Path:
    """Return the shared network beside a spec of its own, in a folder of the test's."""
    folder.mkdir(parents=True, exist_ok=True)
    net = folder / "net.onnx"
    net.symlink_to(SHARED / "weights" / "mobilefacenet_112_ms1m.onnx")
    net.with_suffix(".json").write_text(json.dumps({**MOBILEFACENET, **changes}))
    return net


def colour_net(
    folder: Path, classes: Mapping[str, tuple[int, int, int]] | None = None, **changes: Any
) -> Path:
    """Return an ONNX network whose embedding of a crop is its mean colour, so that people are colours.

    With ``classes`` it has a second output, logits, by which the nearest of these colours is the surest.
    """
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 32, 32])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])
    outputs, weights = [embedding], []
    if classes is not None:
        centres = np.array(list(classes.values()), np.float32) / 255
        weights = [
            helper.make_tensor("w", TensorProto.FLOAT, centres.T.shape, 2 * _SURE * centres.T.reshape(-1)),
            helper.make_tensor("b", TensorProto.FLOAT, [len(centres)], -_SURE * (centres**2).sum(1)),
        ]
        nodes.append(helper.make_node("Gemm", ["embedding", "w", "b"], ["logits"]))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)]))
        changes = {"classes": list(classes), **changes}
    graph = helper.make_graph(nodes, "colour", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "colour.onnx"))
    spec = {
        "size_px": 32, "template": "arcface112", "dim": 3, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0],
        "metric": "euclidean", "threshold": 0.1,
    }  # fmt: skip
    (folder / "colour.json").write_text(json.dumps({**spec, **changes}))
    return folder / "colour.onnx"
