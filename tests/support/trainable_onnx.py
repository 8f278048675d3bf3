"""Small ONNX embedding networks of the operators that face networks use, with a spec beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE, DIM = 24, 6
SPEC: dict[str, Any] = {
    "size_px": SIDE, "template": "square", "dim": DIM, "colour": "rgb", "mean": [0.5, 0.4, 0.3],
    "std": [0.5, 0.6, 0.7], "normalised": False, "metric": "cosine", "threshold": 0.3,
}  # fmt: skip

Step = tuple[str, dict[str, Any], dict[str, NDArray[Any]]]
"""An operator, its attributes, and its constant inputs in order."""


def node_net(
    folder: Path,
    steps: Sequence[Step],
    batch: int | str = "batch",
    opset: int = 17,
    shape: Sequence[Any] | None = None,
    name: str = "net",
    **spec: Any,
) -> Path:
    """Write a network of operators, each fed with the one before; and its spec.

    Args:
        folder: where.
        steps: the operators. One whose constant has the key ``first`` gets it before what went before; the
            key ``again`` stands for the first step's output, such as for a residual sum.
        batch: the first axis of the input and the output.
        opset: the version of the operators.
        shape: of the input; images with channels first if None.
        name: of the file.
        **spec: changes to the spec, and more names for its JSON.
    """
    nodes, constants, value = [], list[Any](), "x"
    for number, (op, attributes, given) in enumerate(steps):
        inputs = [] if "first" in given else [value]
        for key, constant in given.items():
            if key == "again":
                inputs.append("v0")
                continue
            constants.append(numpy_helper.from_array(constant, f"c{number}{key}"))
            inputs.append(f"c{number}{key}")
        inputs += [value] if "first" in given else []
        value = "embedding" if number + 1 == len(steps) else f"v{number}"
        nodes.append(helper.make_node(op, inputs, [value], name=f"n{number}", **attributes))
    dim = {**SPEC, **spec}["dim"]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape or [batch, 3, SIDE, SIDE]))],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, dim])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / f"{name}.onnx"))
    (folder / f"{name}.json").write_text(json.dumps({**SPEC, **spec}))
    return folder / f"{name}.onnx"


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Return random weights that keep values in their range."""
    scale = 1 / max(math.prod(shape[1:]), 1) ** 0.5
    return np.asarray(np.random.default_rng([seed, *shape]).normal(size=shape) * scale, np.float32)


def whole(*numbers: int) -> NDArray[np.int64]:
    """Return whole numbers as ONNX wants shapes and axes."""
    return np.array(numbers, np.int64)


def face_net(folder: Path, **options: Any) -> Path:
    """Write a little face network: a convolution, BatchNorm, PReLU, a residual sum, a product by a matrix."""
    positive = np.abs(normal(8, seed=3)) + 0.5
    steps: list[Step] = [
        ("Conv", {"pads": [1, 1, 1, 1], "strides": [2, 2]}, {"w": normal(8, 3, 3, 3), "b": normal(8)}),
        (
            "BatchNormalization",
            {"epsilon": 1e-3},
            {"s": positive, "b": normal(8, seed=1), "m": normal(8, seed=2), "v": positive},
        ),
        ("PRelu", {}, {"slope": np.full((8, 1, 1), 0.25, np.float32)}),
        ("Conv", {"pads": [1, 1, 1, 1], "group": 8}, {"w": normal(8, 1, 3, 3, seed=4)}),
        ("Add", {}, {"again": whole(0)}),
        ("GlobalAveragePool", {}, {}),
        ("Flatten", {}, {}),
        ("Gemm", {"transB": 1}, {"w": normal(DIM, 8, seed=5), "b": normal(DIM, seed=6)}),
    ]
    return node_net(folder, steps, **options)
