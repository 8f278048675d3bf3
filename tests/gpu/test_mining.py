"""The nearest of all others: exactly the CPU's, as what rounding could confuse is measured in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facemodel.mining.whole_set import Comparison, nearest_others


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("memory_mb", [None, 8])
def test_the_nearest_are_the_same_on_both_devices(
    device: torch.device, metric: str, memory_mb: int | None
) -> None:
    rng = np.random.default_rng(3)
    person = np.sort(rng.integers(400, size=3000))
    vectors = rng.standard_normal((400, 32))[person] + rng.standard_normal((3000, 32))
    vectors[-5:] = vectors[0]  # ties
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    some = vectors.astype(np.float32)
    found = nearest_others(some, person, 7, Comparison(metric, str(device), memory_mb))
    want = nearest_others(some, person, 7, Comparison(metric))
    assert np.array_equal(found.columns, want.columns)
    assert np.array_equal(found.similarities, want.similarities)
