"""A network as the bytes of an ONNX file, which is how ONNX Runtime takes one, and back.

The few messages of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that a plain network needs, in
protobuf's encoding (https://protobuf.dev/programming-guides/encoding). The package onnx would do, but it is
an extra, and a detector that is always there must not need one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...types import Float32Array

_OPSET, _IR_VERSION = 11, 7
_Shape = Sequence[int | str]
_FLOAT, _INT, _INTS = 1, 2, 7
"""ONNX's numbers for the type of a tensor's numbers, and for two kinds of attributes."""


def make_node(op: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    """Return a layer: its operator, the names of what it takes and gives, and its attributes."""
    return (
        _texts(1, inputs) + _texts(2, [output]) + _texts(4, [op])
        + b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())
    )  # fmt: skip


def make_model(
    nodes: Sequence[bytes],
    weights: Mapping[str, Float32Array],
    image: tuple[str, _Shape],
    output: tuple[str, _Shape],
) -> bytes:
    """Return the file.

    Args:
        nodes: the layers, in order.
        weights: by the names that the layers use.
        image: name and shape of the input, float32; a side that has a name instead may have any length.
        output: likewise, of what the network gives.
    """
    graph = (
        b"".join(_field(1, node) for node in nodes) + _texts(2, ["network"])
        + b"".join(_field(5, _tensor(name, values)) for name, values in weights.items())
        + _field(11, _value(*image)) + _field(12, _value(*output))
    )  # fmt: skip
    return _number(1, _IR_VERSION) + _field(7, graph) + _field(8, _number(2, _OPSET))


def read_model(model: bytes) -> tuple[list[bytes], dict[str, Float32Array]]:
    """Return a file's layers, in order, as :func:`make_node` gives them, and its float32 weights by name."""
    (graph,) = (content for tag, _, content in _read_fields(model) if tag == 7)
    nodes, weights = [], {}
    for tag, _, content in _read_fields(graph):
        if tag == 1:
            nodes.append(content)
        elif tag == 5:
            fields = list(_read_fields(content))
            shape = [side for part, side, _ in fields if part == 1]
            parts = {part: (number, numbers) for part, number, numbers in fields}
            if parts[2][0] == _FLOAT:
                weights[parts[8][1].decode()] = np.frombuffer(parts[9][1], np.float32).reshape(shape)
    return nodes, weights


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _texts(1, [name]) + _number(3, value) + _number(20, _INT)
    return _texts(1, [name]) + b"".join(_number(8, one) for one in value) + _number(20, _INTS)


def _tensor(name: str, values: Float32Array) -> bytes:
    sides = b"".join(_number(1, side) for side in values.shape)
    return sides + _number(2, _FLOAT) + _texts(8, [name]) + _field(9, values.tobytes())


def _value(name: str, shape: _Shape) -> bytes:
    """Return the name, type and shape of an input or output."""
    sides = (_number(1, side) if isinstance(side, int) else _texts(2, [side]) for side in shape)
    kind = _number(1, _FLOAT) + _field(2, b"".join(_field(1, side) for side in sides))
    return _texts(1, [name]) + _field(2, _field(1, kind))


def _texts(tag: int, texts: Sequence[str]) -> bytes:
    return b"".join(_field(tag, text.encode()) for text in texts)


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _field(tag: int, content: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def _read_fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the tag of each field with its number, or with its length and content."""
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        number, at = _read_varint(message, at)
        end = at + (number if key & 7 == 2 else 0)
        yield key >> 3, number, message[at:end]
        at = end


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at a byte, and where the next one starts."""
    number = shift = 0
    while message[at] > 127:
        number |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1
