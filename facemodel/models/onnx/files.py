"""All files that make an ONNX model: weights may be stored outside ``net.onnx``."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ...errors import ModelError

_EXTERNAL = 1
"""``TensorProto.DataLocation.EXTERNAL``"""

_MESSAGES = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""The fields of each message of onnx.proto below which a tensor can be, by number, and their messages."""


def external_files(path: Path) -> list[str]:
    """Return the files that an ONNX file's tensors are stored in, relative to its folder, sorted.

    Reads the protobuf's structure only: neither the package onnx nor memory for the weights is needed.

    Raises:
        ModelError: the file cannot be parsed, or names a file outside its folder or one that is not there.
    """
    if not path.stat().st_size:
        raise ModelError(f"onnxruntime cannot read {path}: it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            found = set(_locations(data, 0, len(data), "model"))
        except (IndexError, ValueError, RecursionError) as error:
            raise ModelError(f"onnxruntime cannot read {path}: it is damaged ({error})") from None
    for location in found:
        place = PurePosixPath(location.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or not place.parts or ":" in place.parts[0]:
            raise ModelError(
                f"{path} keeps weights in {location}, which is outside its folder: save it again with the "
                "weights beside it"
            )
        if not (path.parent / location).is_file():
            raise ModelError(
                f"{path} keeps weights in {location}, and there is no {path.parent / location}: copy that "
                "file from where the model came from"
            )
    return sorted(found)


def _locations(data: mmap.mmap, at: int, end: int, message: str) -> Iterator[str]:
    """Yield where the external tensors below a message are stored."""
    location, is_external = "", False
    for number, start, stop in fields(data, at, end):
        below = _MESSAGES[message].get(number)
        if below == "entry":
            entry = {key: data[a:b].decode() for key, a, b in fields(data, start, stop)}
            location = entry.get(2, "") if entry.get(1) == "location" else location
        elif below:
            yield from _locations(data, start, stop, below)
        elif message == "tensor" and number == 14:
            is_external = data[start:stop] == bytes([_EXTERNAL])
    if is_external:
        yield location


def fields(data: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each field of a protobuf message, and where its content starts and ends.

    Raises:
        ValueError: it is no protobuf message.
    """
    while at < end:
        key, at = read_varint(data, at)
        wire = key & 7
        start = at
        if wire == 0:
            _, at = read_varint(data, at)
        elif wire == 2:
            length, start = read_varint(data, at)
            at = start + length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError(f"a field of wire type {wire}")
        if at > end:
            raise ValueError("cut off")
        yield key >> 3, start, at


def read_varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Return a protobuf integer and where it ends.

    Raises:
        ValueError: it has more than 64 bits.
    """
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
