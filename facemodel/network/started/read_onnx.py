"""From an ONNX file to the list of its operators and their weights, so that the network can be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from facedata.errors import UsageError

from ...errors import ArchitectureError
from ...machine.extras import require_extra
from .operators import OPERATORS, Node

Constants = dict[str, NDArray[Any]]

_WEIGHTS: dict[str, tuple[str, ...]] = {
    "Conv": ("weight", "bias"),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
    "PRelu": ("weight",),
    "Gemm": ("weight", "bias"),
}
"""What an operator's inputs after the first are, where they are its module's weights."""

_BINARY = ("Add", "Sub", "Mul", "Div", "Pow", "MatMul")
_NUMBERS: dict[str, tuple[str, ...]] = {
    "Clip": ("min", "max"), "Reshape": ("shape",), "Pad": ("pads", "value"), "Squeeze": ("axes",),
    "Unsqueeze": ("axes",), "ReduceMean": ("axes",), "ReduceL2": ("axes",), "Dropout": ("ratio", "mode"),
}  # fmt: skip
"""What the inputs after the first are, if they are small constants; older files have them as attributes."""


@dataclass(frozen=True, eq=False)
class ReadGraph:
    """A network that was read.

    Attributes:
        nodes: its operators, in order.
        tensors: the weights of each, by the names that :class:`.graph.GraphNetwork` gives them.
    """

    nodes: tuple[Node, ...]
    tensors: Mapping[str, torch.Tensor]


def read_onnx(path: Path, source: str, target: str, channels_last: bool = False) -> ReadGraph:
    """Read an ONNX network's operators and weights.

    Numbers of 16 bits become float32. Dropout is left out. Only what leads from ``source`` to ``target`` is
    read.

    Args:
        path: the file; weights outside it are read too.
        source: the input that takes images.
        target: the output that gives embeddings.
        channels_last: the input takes ``(N, size, size, 3)``.

    Raises:
        ArchitectureError: it has an operator that cannot be trained here; the message names it.
        MissingExtraError: the package onnx is not installed.
    """
    require_extra("onnx", extra="export", what="training an ONNX network")
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    graph, axes = model.graph, count_axes(model)
    constants = {one.name: _as_float32(numpy_helper.to_array(one)) for one in graph.initializer}
    wanted = nodes_between(graph, target)
    if any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in wanted):
        raise ArchitectureError(
            f"{path} cannot be trained: it is in int8; start from the float network that it was made of"
        )
    numbers, nodes, tensors = {source: 0}, list[Node](), dict[str, torch.Tensor]()
    if channels_last:
        nodes.append(Node("Transpose", [0], 1, {"perm": [0, 2, 3, 1]}))
        numbers[source] = 1
    for number, node in enumerate(wanted):
        name = node.name if node.name and node.name.isprintable() else number
        where = f"{path} cannot be trained: its node {name}"
        if node.op_type == "Constant" or all(one in constants or not one for one in node.input):
            try:
                constants |= fold_node(node, constants)
            except Exception as error:  # onnx's evaluator raises whatever an operator does
                raise ArchitectureError(
                    f"{where} is the operator {node.op_type} of constants, and cannot be computed here: "
                    f"{first_line(error)}"
                ) from error
            continue
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            raise ArchitectureError(
                f"{where} is the operator {node.op_type}, which is not known here; there are "
                f"{', '.join(sorted(OPERATORS))}. Train another network, with this one as --teacher"
            )
        has_weights = any(one.weights for one in nodes)
        try:
            read, own = read_node(node, constants, numbers, has_weights)
            if (
                read.op == "BatchNormalization" and axes.get(node.input[0]) == 2
            ):  # torch has two kinds of BatchNorm
                read = replace(read, options={**read.options, "axes": 2})
            OPERATORS[read.op](read)
        except UsageError as error:
            raise ArchitectureError(f"{where} has {error}, which is not known here") from error
        except KeyError as error:
            raise ArchitectureError(
                f"{where}, the operator {node.op_type}, takes {error}, which is not constant"
            ) from error
        except Exception as error:  # shapes or options that torch, or numpy, has no layer for
            raise ArchitectureError(
                f"{where}, the operator {node.op_type}, cannot be made here: {first_line(error)}"
            ) from error
        read = replace(read, output=len(nodes) + 1)
        numbers[node.output[0]] = read.output
        prefix = "layer." if type(OPERATORS[read.op](read)).__name__ == "_Padded" else ""
        tensors |= {f"layers.{len(nodes)}.{prefix}{name}": value for name, value in own.items()}
        nodes.append(read)
    if not nodes or numbers.get(target) != nodes[-1].output:
        raise ArchitectureError(f"{path} cannot be trained: nothing leads from {source} to {target}")
    return ReadGraph(tuple(nodes), tensors)


def first_line(error: Exception) -> str:
    """Return what an error of a library says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def count_axes(model: Any) -> dict[str, int]:
    """Return how many axes each value has, of those where that can be inferred."""
    from onnx.shape_inference import infer_shapes

    graph = infer_shapes(model).graph
    known = (*graph.input, *graph.value_info, *graph.output)
    return {one.name: len(one.type.tensor_type.shape.dim) for one in known}


def nodes_between(graph: Any, target: str) -> list[Any]:
    """Return the nodes that a value depends on, in the order of the file."""
    needed, wanted = {target}, list[Any]()
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            wanted.append(node)
    return wanted[::-1]


def read_node(
    node: Any, constants: Constants, numbers: Mapping[str, int], has_weights: bool
) -> tuple[Node, dict[str, torch.Tensor]]:
    """Return a node, and its tensors by the module's names for them.

    Raises:
        UsageError: it uses its operator in a way that is not known.
        KeyError: an input that should be constant is not.
    """
    from onnx import helper

    op, inputs = node.op_type, list(node.input)
    options: dict[str, Any] = {one.name: _plain(helper.get_attribute_value(one)) for one in node.attribute}
    tensors: dict[str, NDArray[Any]] = {}
    if op in _BINARY:
        dynamic = [one for one in inputs if one in numbers]
        if len(dynamic) == 1:
            constant = constants[next(one for one in inputs if one not in numbers)]
            options |= {
                "constant_first": inputs[0] not in numbers,
                "fixed": not has_weights and op != "MatMul",
            }
            if constant.size == 1 and op != "MatMul":
                options["number"] = float(constant.reshape(()))
            else:
                tensors["value"] = constant
        inputs = dynamic
    elif op in _WEIGHTS:
        tensors = {name: constants[one] for name, one in zip(_WEIGHTS[op], inputs[1:], strict=False) if one}
        inputs = inputs[:1]
        shape_weights(op, options, tensors)
    elif op in _NUMBERS:
        for name, one in zip(_NUMBERS[op], inputs[1:], strict=False):
            if one:
                options[name] = _plain(
                    constants[one].reshape(-1 if name in ("shape", "pads", "axes") else ())
                )
        inputs = inputs[:1]
    shapes = {name: list(value.shape) for name, value in tensors.items()}
    made = Node(op, [numbers[one] for one in inputs], -1, options, shapes)
    return made, {name: torch.from_numpy(np.array(value, np.float32)) for name, value in tensors.items()}


def shape_weights(op: str, options: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> None:
    """Bring an operator's weights into the shapes of torch's module."""
    if op == "PRelu":
        tensors["weight"] = tensors["weight"].reshape(-1)
    if op == "BatchNormalization" and options.get("training_mode"):
        raise UsageError("the operator BatchNormalization in training mode")
    if op != "Gemm":
        return
    if options.get("transA"):
        raise UsageError("the operator Gemm with transA")
    weight = tensors["weight"] if options.get("transB") else tensors["weight"].T
    tensors["weight"] = np.ascontiguousarray(weight * float(options.get("alpha", 1.0)))
    if "bias" in tensors:
        bias = tensors["bias"].reshape(-1) * float(options.get("beta", 1.0))
        tensors["bias"] = np.ascontiguousarray(np.broadcast_to(bias, weight.shape[:1]))


def fold_node(node: Any, constants: Constants) -> Constants:
    """Return the values of a node whose inputs are all constant."""
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    if node.op_type == "Constant" and node.attribute[0].name == "value":
        value = numpy_helper.to_array(node.attribute[0].t)
        return {node.output[0]: _as_float32(value)}
    inputs = {one: constants[one] for one in node.input if one}
    graph = helper.make_graph(
        [node],
        "folded",
        [
            helper.make_value_info(one, helper.make_tensor_type_proto(TensorProto.UNDEFINED, None))
            for one in inputs
        ],
        [helper.make_value_info(node.output[0], helper.make_tensor_type_proto(TensorProto.UNDEFINED, None))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    (result,) = ReferenceEvaluator(model).run(None, inputs)
    return {node.output[0]: _as_float32(np.asarray(result))}


def _as_float32(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float32) if values.dtype in (np.float16, np.float64) else values


def _plain(value: Any) -> Any:
    """Return an attribute's or constant's value as JSON can hold it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
