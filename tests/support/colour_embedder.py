"""An embedder of colours: quick, exact, and what it gives can be computed by hand. No torch."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import numpy as np

from facedata.types import Float32Array
from facemodel.spec import InputSpec
from tests.support.small_set import SIZE_PX


class ColourEmbedder:
    """Gives the mean of the left and of the right half of a crop, six numbers.

    Args:
        classes: a classifier's people; its logits favour the crop's red value modulo their number.
        pairs: it has a pair head, whose score falls with the distance.
        **spec: changes of its spec.
    """

    name = "colours.onnx"

    def __init__(self, classes: tuple[str, ...] = (), pairs: bool = False, **spec: Any) -> None:
        self.spec = InputSpec(**{"size_px": SIZE_PX, "template": "square", "dim": 6, **spec})
        self.device: Any = SimpleNamespace(type="cpu")
        self.classes, self.scores_pairs = classes, pairs
        self.seen = 0

    def embed(self, crops: np.ndarray[Any, np.dtype[np.uint8]]) -> Float32Array:
        self.seen += len(crops)
        half = crops.shape[2] // 2
        sides = [crops[:, :, :half], crops[:, :, half:]]
        values = np.concatenate([side.mean(axis=(1, 2)) for side in sides], axis=1) / 255 - 0.5
        if self.spec.normalised:
            values /= np.linalg.norm(values, axis=1, keepdims=True)
        return values.astype(np.float32)

    def logits(self, crops: np.ndarray[Any, np.dtype[np.uint8]]) -> Float32Array | None:
        if not self.classes:
            return None
        said = crops[:, 0, 0, 0].astype(np.int64) % len(self.classes)
        return np.eye(len(self.classes), dtype=np.float32)[said]

    def score_pairs(self, left: Float32Array, right: Float32Array) -> Float32Array | None:
        return np.exp(-np.linalg.norm(left - right, axis=1)).astype(np.float32) if self.scores_pairs else None

    def fingerprint(self) -> str:
        return hashlib.sha256(self.spec.to_json().encode()).hexdigest()
