"""YuNet's network as ONNX Runtime takes it: for images of any size, and with heads that its fast kernels fit.

The pinned file is for images of 640 px, and its heads have 1, 1, 4 and 10 channels. They become one head of
16, and the layers after it, which only transpose and squash, are left out. That saves a quarter of the
network's time at 160 px, and a tenth at 640 px.
"""

from __future__ import annotations

from itertools import takewhile

import numpy as np

from ..mtcnn.onnx_bytes import make_model, make_node, read_model

_FEATURES = ("256", "246", "236")
"""The file's names of what the heads look at, at each stride."""
_HEADS = ("cls", "obj", "bbox", "kps")
_CHANNELS = 16


def adapt_network(weights: bytes) -> bytes:
    """Return the network as the bytes of an ONNX file.

    Args:
        weights: the bytes of the pinned ONNX file.

    Returns:
        It takes ``input``, ``(1, 3, h, w)`` float32 BGR in 0 … 255, with sides that are multiples of 32, and
        gives ``found``, ``(16, cells)`` float32. Cells are squares of 8 px, row by row, then of 16 px, then
        of 32 px. Of each: the logits of class and objectness; x and y of the box's centre; the logarithms of
        its width and height; x and y of the five landmarks. Lengths are in cells, from the cell's corner.
    """
    nodes, held = read_model(weights)
    nodes = list(takewhile(lambda node: b"bbox_head" not in node, nodes))
    for level, at in enumerate(_FEATURES):
        for layer, side, groups in (("conv1", 1, 1), ("conv2", 3, _CHANNELS)):
            name = f"{layer}.{level}"
            for part in ("weight", "bias"):
                held[f"{name}.{part}"] = np.concatenate(
                    [held[f"bbox_head.multi_level_{head}.{level}.{layer}.{part}"] for head in _HEADS]
                )
            inputs, pads = [at, f"{name}.weight", f"{name}.bias"], [side // 2] * 4
            nodes.append(make_node("Conv", inputs, name, kernel_shape=[side] * 2, pads=pads, group=groups))
            at = name
        nodes.append(make_node("Flatten", [at], f"flat.{level}", axis=2))
    flat = [f"flat.{level}" for level in range(len(_FEATURES))]
    nodes.append(make_node("Concat", flat, "found", axis=1))
    return make_model(nodes, held, ("input", (1, 3, "h", "w")), ("found", (_CHANNELS, "cells")))
