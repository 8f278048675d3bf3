"""The summary and the embeddings that a check with a model keeps beside a set's findings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, PreparedSet
from facedata.types import Float32Array
from facemodel.models.embedding_file import PART_ROWS, EmbeddingParts

MODEL = "ab" * 32


def write_kept(
    prepared: PreparedSet, vectors: Float32Array, value: float = 0.5, usual: float = 0.0, **changes: Any
) -> Path:
    """Write them; return the file of embeddings.

    Args:
        prepared: the set.
        vectors: ``(n, dim)`` float32, one for each crop.
        value: the threshold for two names with one photo each.
        usual: the cosine of the usual two people.
        **changes: other settings of the embeddings.
    """
    folder = Path(str(prepared.path)) / "check"
    folder.mkdir(exist_ok=True)
    table = ClassManifest.open(prepared).table
    file = folder / f"embeddings-{MODEL[:12]}.parquet"
    settings = {"fingerprint": prepared.fingerprint, "model": MODEL, **changes}
    parts = EmbeddingParts(file, settings, len(vectors), vectors.shape[1])
    parts.folder.mkdir(exist_ok=True)
    for number in parts.missing():
        parts.write(number, vectors[number * PART_ROWS : (number + 1) * PART_ROWS])
    parts.close(table.column("id").to_numpy(), table.column("path"), table.column("crop_sha256"))
    about = {
        "embeddings": file.name,
        "model": MODEL,
        "likelihood": {"usual": usual},
        "thresholds": [{"value": value, "by_chance": 0.1}, {"value": 0.9, "by_chance": 0.01}],
    }
    text = json.dumps({"fingerprint": prepared.fingerprint, "who_is_who": about})
    (folder / "summary.json").write_text(text, "utf-8")
    return file


def towards(degrees: list[float], dim: int = 4) -> Float32Array:
    """Return directions in one plane, ``(n, dim)``: the cosine of two is that of the angle between them."""
    vectors = np.zeros((len(degrees), dim), np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vectors
