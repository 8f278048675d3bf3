"""The operators of ONNX that face networks are made of, each as a module of torch with the same numbers.

A row of :data:`OPERATORS` makes a node's module; :class:`Node` says of what. An operator that is not here is
refused by its name (:mod:`.read_onnx`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from facedata.errors import UsageError


@dataclass(frozen=True)
class Node:
    """A node of a network, as plain values that JSON can hold.

    Attributes:
        op: the operator.
        inputs: the values that go in, by number; 0 is the network's input.
        output: the value that comes out.
        options: the operator's attributes, and what small constants gave.
        weights: the shape of each tensor that its module holds, by the module's own name for it.
    """

    op: str
    inputs: Sequence[int]
    output: int
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Sequence[int]] = field(default_factory=dict)


class _Apply(nn.Module):
    """A function without weights."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *values: Tensor) -> Tensor:
        """Return the function's value."""
        return self.function(*values)


class _Padded(nn.Module):
    """A layer whose padding differs from side to side, which torch's layers do not know."""

    def __init__(self, layer: nn.Module, pads: Sequence[int], value: float = 0.0) -> None:
        super().__init__()
        self.layer, self.pads, self.value = layer, list(pads), value

    def forward(self, values: Tensor) -> Tensor:
        """Return the layer's output of padded values."""
        result: Tensor = self.layer(nn.functional.pad(values, self.pads, value=self.value))
        return result


class _WithConstant(nn.Module):
    """An operator of a value and a constant that trains, or stays where ``fixed`` says so.

    Attributes:
        value: the constant; None where it is a single number.
    """

    value: Tensor | None

    def __init__(self, node: Node, function: Callable[[Tensor, Any], Tensor]) -> None:
        super().__init__()
        self.function, self.first = function, bool(node.options.get("constant_first"))
        self.number: float | None = node.options.get("number")
        if self.number is not None:
            self.value = None
        elif node.options.get("fixed"):
            self.register_buffer("value", torch.empty(tuple(node.weights["value"])))
        else:
            self.value = nn.Parameter(torch.empty(tuple(node.weights["value"])))

    def forward(self, values: Tensor) -> Tensor:
        """Return the operator's value."""
        constant = self.number if self.value is None else self.value
        if not self.first:
            return self.function(values, constant)
        if isinstance(constant, float):
            constant = torch.full((), constant, dtype=values.dtype, device=values.device)
        return self.function(constant, values)  # type: ignore[arg-type]  # a tensor in either case


def make_conv(node: Node) -> nn.Module:
    """Return a convolution over one or two axes."""
    options, shape = node.options, node.weights["weight"]
    kinds = {3: nn.Conv1d, 4: nn.Conv2d}
    if len(shape) not in kinds:
        raise UsageError(f"the operator Conv with weights of {len(shape)} axes")
    groups, kernel = int(options.get("group", 1)), tuple(shape[2:])
    pads = _pads(options, len(kernel))
    even = _even_pads(pads)
    layer = kinds[len(shape)](
        int(shape[1]) * groups,
        int(shape[0]),
        kernel,  # type: ignore[arg-type]  # as many numbers as the kind has axes
        stride=tuple(options.get("strides", [1] * len(kernel))),  # type: ignore[arg-type]
        padding=even or 0,  # type: ignore[arg-type]
        dilation=tuple(options.get("dilations", [1] * len(kernel))),  # type: ignore[arg-type]
        groups=groups,
        bias="bias" in node.weights,
    )
    return layer if even is not None else _Padded(layer, _torch_pads(pads))


def make_norm(node: Node) -> nn.Module:
    """Return BatchNorm of rows or of images."""
    kind = nn.BatchNorm1d if node.options.get("axes") == 2 else nn.BatchNorm2d
    momentum = 1 - float(node.options.get("momentum", 0.9))  # ONNX counts what is kept
    return kind(
        int(node.weights["weight"][0]), eps=float(node.options.get("epsilon", 1e-5)), momentum=momentum
    )


def make_prelu(node: Node) -> nn.Module:
    """Return ReLU with learnt slopes."""
    return nn.PReLU(int(node.weights["weight"][0]))


def make_linear(node: Node) -> nn.Module:
    """Return a product by a matrix, with or without a bias."""
    rows, columns = node.weights["weight"]
    return nn.Linear(int(columns), int(rows), bias="bias" in node.weights)


def make_pool(node: Node) -> nn.Module:
    """Return the maximum or the mean over windows."""
    options = node.options
    kernel = [int(side) for side in options["kernel_shape"]]
    if len(kernel) != 2 or any(one != 1 for one in options.get("dilations", [])):
        raise UsageError(f"the operator {node.op} over {len(kernel)} axes, or with dilations")
    pads, ceil = _pads(options, 2), bool(options.get("ceil_mode", 0))
    even, strides = _even_pads(pads), list(options.get("strides", [1, 1]))
    if node.op == "MaxPool":
        if even is not None and all(2 * pad <= side for pad, side in zip(even, kernel, strict=True)):
            return nn.MaxPool2d(kernel, strides, even, ceil_mode=ceil)  # type: ignore[arg-type]
        layer = nn.MaxPool2d(kernel, strides, ceil_mode=ceil)  # type: ignore[arg-type]
        return _Padded(layer, _torch_pads(pads), float("-inf"))
    counts = bool(options.get("count_include_pad", 0))
    if even is None:
        raise UsageError("the operator AveragePool with another padding on each side")
    return nn.AvgPool2d(kernel, strides, even, ceil_mode=ceil, count_include_pad=counts)  # type: ignore[arg-type]


def make_reshape(node: Node) -> nn.Module:
    """Return what gives each image another shape."""
    shape = [int(side) for side in node.options["shape"]]

    def reshape(values: Tensor) -> Tensor:
        sides = [values.shape[i] if side == 0 else side for i, side in enumerate(shape)]
        return values.reshape(
            values.shape[0], *sides[1:]
        )  # the first axis counts images, however it is written

    return _Apply(reshape)


def make_pad(node: Node) -> nn.Module:
    """Return what pads images."""
    pads, mode = node.options["pads"], str(node.options.get("mode", "constant"))
    value = float(node.options.get("value", 0.0))
    if mode not in ("constant", "reflect"):
        raise UsageError(f"the operator Pad with the mode {mode}")
    if any(pads[axis] or pads[axis + len(pads) // 2] for axis in range(len(pads) // 2 - 2)):
        raise UsageError("the operator Pad across images or channels")
    sides = _torch_pads([*pads[len(pads) // 2 - 2 : len(pads) // 2], *pads[-2:]])
    extra: dict[str, Any] = {"value": value} if mode == "constant" else {}
    return _Apply(lambda values: nn.functional.pad(values, sides, mode, **extra))


def make_clip(node: Node) -> nn.Module:
    """Return what keeps values between two numbers."""
    low, high = node.options.get("min"), node.options.get("max")
    if low is None and high is None:
        return nn.Identity()
    return _Apply(lambda values: values.clamp(low, high))


def make_mean(node: Node) -> nn.Module:
    """Return the mean over axes."""
    axes, keeps = _reduced_axes(node), bool(node.options.get("keepdims", 1))
    return _Apply(lambda values: values.mean(axes, keepdim=keeps))


def make_norm_of_rows(node: Node) -> nn.Module:
    """Return what divides rows by their length, or gives their length."""
    if node.op == "LpNormalization":
        power, axis = float(node.options.get("p", 2)), int(node.options.get("axis", -1))
        return _Apply(lambda values: nn.functional.normalize(values, power, axis))
    axes, keeps = _reduced_axes(node), bool(node.options.get("keepdims", 1))
    return _Apply(lambda values: torch.linalg.vector_norm(values, dim=axes, keepdim=keeps))


def make_binary(node: Node) -> nn.Module:
    """Return an operator of two values, or of a value and a constant."""
    function = _BINARY[node.op]
    return _Apply(function) if len(node.inputs) == 2 else _WithConstant(node, function)


def make_plain(node: Node) -> nn.Module:
    """Return a function without options."""
    return _Apply(_PLAIN[node.op])


def make_with_axes(node: Node) -> nn.Module:
    """Return what exchanges, drops or adds axes."""
    options = node.options
    axes = [int(axis) for axis in options.get("axes", options.get("perm", []))]
    if node.op == "Transpose":
        return _Apply(lambda values: values.permute(axes))
    if node.op == "Squeeze":
        return _Apply(lambda values: values.squeeze(axes))

    def unsqueeze(values: Tensor) -> Tensor:
        for axis in sorted(axes):
            values = values.unsqueeze(axis)
        return values

    return _Apply(unsqueeze)


def make_concat(node: Node) -> nn.Module:
    """Return what joins values along an axis."""
    axis = int(node.options["axis"])
    return _Apply(lambda *values: torch.cat(values, axis))


def make_flatten(node: Node) -> nn.Module:
    """Return what makes one row of each image."""
    if int(node.options.get("axis", 1)) != 1:
        raise UsageError(f"the operator Flatten at the axis {node.options['axis']}")
    return nn.Flatten(1)


def make_softmax(node: Node) -> nn.Module:
    """Return the softmax along an axis."""
    return nn.Softmax(int(node.options.get("axis", -1)))


def make_leaky(node: Node) -> nn.Module:
    """Return ReLU with a fixed slope below 0."""
    return nn.LeakyReLU(float(node.options.get("alpha", 0.01)))


def make_elu(node: Node) -> nn.Module:
    """Return ELU."""
    return nn.ELU(float(node.options.get("alpha", 1.0)))


def make_hard_sigmoid(node: Node) -> nn.Module:
    """Return a sigmoid of straight lines."""
    slope, shift = float(node.options.get("alpha", 0.2)), float(node.options.get("beta", 0.5))
    return _Apply(lambda values: (values * slope + shift).clamp(0, 1))


_BINARY: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow,
    "MatMul": torch.matmul,
}  # fmt: skip
_PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "Relu": nn.functional.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Sqrt": torch.sqrt,
    "Exp": torch.exp, "Abs": torch.abs, "Neg": torch.neg, "HardSwish": nn.functional.hardswish,
    "Softplus": nn.functional.softplus, "Erf": torch.erf,
    "Reciprocal": torch.reciprocal,
    "GlobalAveragePool": lambda values: values.mean((2, 3), keepdim=True),
    "GlobalMaxPool": lambda values: values.amax((2, 3), keepdim=True),
    **dict.fromkeys(("Identity", "Dropout", "Cast"), lambda values: values),
}  # fmt: skip

OPERATORS: dict[str, Callable[[Node], nn.Module]] = {
    "Conv": make_conv,
    "BatchNormalization": make_norm,
    "PRelu": make_prelu,
    "Gemm": make_linear,
    **dict.fromkeys(("MaxPool", "AveragePool"), make_pool),
    "Reshape": make_reshape,
    "Pad": make_pad,
    "Clip": make_clip,
    "ReduceMean": make_mean,
    **dict.fromkeys(("LpNormalization", "ReduceL2"), make_norm_of_rows),
    "Concat": make_concat,
    "Flatten": make_flatten,
    "Softmax": make_softmax,
    "LeakyRelu": make_leaky,
    "Elu": make_elu,
    "HardSigmoid": make_hard_sigmoid,
    **dict.fromkeys(("Transpose", "Squeeze", "Unsqueeze"), make_with_axes),
    **dict.fromkeys(_BINARY, make_binary),
    **dict.fromkeys(_PLAIN, make_plain),
}
"""Operator → what makes a node's module. Dropout passes everything: a finished network is changed gently."""


def _reduced_axes(node: Node) -> list[int]:
    """Return the axes that an operator sums up; never that of the images, whose embeddings would mix."""
    axes = [int(axis) for axis in node.options.get("axes", [])]
    if not axes or 0 in axes:
        raise UsageError(f"the operator {node.op} over all images")
    return axes


def _pads(options: Mapping[str, Any], axes: int) -> list[int]:
    """Return the padding at the beginning of each axis, then at the end of each, as ONNX lists it."""
    if options.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise UsageError(f"padding by auto_pad {options['auto_pad']}")
    return [int(pad) for pad in options.get("pads", [0] * 2 * axes)]


def _even_pads(pads: Sequence[int]) -> list[int] | None:
    """Return the padding of each axis; None if its two ends differ."""
    before, after = list(pads[: len(pads) // 2]), list(pads[len(pads) // 2 :])
    return before if before == after else None


def _torch_pads(pads: Sequence[int]) -> list[int]:
    """Return ONNX's padding in torch's order: the last axis first, its two ends together."""
    half = len(pads) // 2
    return [pad for axis in reversed(range(half)) for pad in (pads[axis], pads[axis + half])]
