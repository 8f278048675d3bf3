"""The weights of MTCNN's networks, from facenet-pytorch's wheel, read without torch.

Importing torch takes longer than finding the faces of a hundred photos. The files are torch's, of before 1.6:
a pickle of the tensors' names, then each tensor's length and its numbers, one after the other. Their content
is pinned, so where each tensor lies is known, and no pickle is loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from pathlib import Path

import numpy as np

from ...errors import DetectorError
from ...types import Float32Array

_SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}

_Tensors = tuple[tuple[str, tuple[int, ...]], ...]

_TENSORS: dict[str, _Tensors] = {
    "pnet": (
        ("conv2.weight", (16, 10, 3, 3)), ("conv4_1.weight", (2, 32, 1, 1)), ("conv4_2.bias", (4,)),
        ("conv4_2.weight", (4, 32, 1, 1)), ("conv3.bias", (32,)), ("prelu3.weight", (32,)),
        ("conv4_1.bias", (2,)), ("conv3.weight", (32, 16, 3, 3)), ("prelu1.weight", (10,)),
        ("conv1.bias", (10,)), ("conv2.bias", (16,)), ("conv1.weight", (10, 3, 3, 3)),
        ("prelu2.weight", (16,)),
    ),
    "rnet": (
        ("conv1.bias", (28,)), ("dense5_2.weight", (4, 128)), ("conv2.bias", (48,)),
        ("conv1.weight", (28, 3, 3, 3)), ("conv3.bias", (64,)), ("prelu2.weight", (48,)),
        ("conv3.weight", (64, 48, 2, 2)), ("dense5_1.weight", (2, 128)), ("dense4.weight", (128, 576)),
        ("dense5_2.bias", (4,)), ("prelu3.weight", (64,)), ("dense4.bias", (128,)),
        ("conv2.weight", (48, 28, 3, 3)), ("prelu4.weight", (128,)), ("prelu1.weight", (28,)),
        ("dense5_1.bias", (2,)),
    ),
    "onet": (
        ("dense6_2.bias", (4,)), ("prelu5.weight", (256,)), ("dense6_2.weight", (4, 256)),
        ("dense6_1.bias", (2,)), ("conv2.bias", (64,)), ("dense6_3.weight", (10, 256)),
        ("dense6_3.bias", (10,)), ("dense6_1.weight", (2, 256)), ("conv3.bias", (64,)),
        ("conv4.weight", (128, 64, 2, 2)), ("prelu2.weight", (64,)), ("conv3.weight", (64, 64, 3, 3)),
        ("conv4.bias", (128,)), ("prelu4.weight", (128,)), ("prelu3.weight", (64,)), ("dense5.bias", (256,)),
        ("conv1.weight", (32, 3, 3, 3)), ("conv1.bias", (32,)), ("conv2.weight", (64, 32, 3, 3)),
        ("prelu1.weight", (32,)), ("dense5.weight", (256, 1152)),
    ),
}  # fmt: skip
"""The tensors' names and shapes, in the order of the file; each lies there with its last axis first."""


def weights_file(network: str) -> Path:
    """Return the file of ``pnet``, ``rnet`` or ``onet``; its content is not looked at.

    Raises:
        DetectorError: facenet-pytorch is not installed.
    """
    found = importlib.util.find_spec("facenet_pytorch")  # found, not imported: it imports torch
    if found is None or not found.submodule_search_locations:
        raise DetectorError("facenet-pytorch is not installed: pip install facenet-pytorch==2.5.3")
    return Path(found.submodule_search_locations[0]) / "data" / f"{network}.pt"


def read_weights(network: str) -> dict[str, Float32Array]:
    """Return the weights of ``pnet``, ``rnet`` or ``onet`` by name, each in the shape that torch has it in.

    Raises:
        DetectorError: facenet-pytorch is not installed, or its file is not that of 2.5.3.
    """
    path = weights_file(network)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DetectorError(f"facenet-pytorch's {path} cannot be read: {error.strerror or error}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != _SHA256[network]:
        raise DetectorError(
            f"facenet-pytorch's {path.name} has SHA-256 {sha256}, not that of 2.5.3: "
            "pip install --force-reinstall facenet-pytorch==2.5.3"
        )
    at = len(data) - sum(8 + 4 * math.prod(shape) for _, shape in _TENSORS[network])
    weights = {}
    for name, shape in _TENSORS[network]:
        numbers = np.frombuffer(data, "<f4", math.prod(shape), at + 8)  # after its length, eight bytes
        weights[name] = np.array(numbers.reshape(shape[::-1]).T, np.float32, order="C")
        at += 8 + numbers.nbytes
    return weights
