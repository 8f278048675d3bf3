"""Boxes of many photos at once: the numbers of `detect.boxes`, photo by photo."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedata.detect import boxes
from facedata.detect.mtcnn.on_gpu import tensor_boxes
from facedata.types import Float32Array


def draw_boxes(count: int, seed: int) -> Float32Array:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 60, (count, 2))
    return np.concatenate([low, low + random.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)


def test_squares_and_shifts_are_the_same_numbers() -> None:
    drawn, shifts = draw_boxes(50, 0), np.random.default_rng(1).normal(0, 0.2, (50, 4)).astype(np.float32)
    tensors = torch.from_numpy(drawn), torch.from_numpy(shifts)
    np.testing.assert_array_equal(tensor_boxes.square(tensors[0]).numpy(), boxes.square_boxes(drawn))
    np.testing.assert_array_equal(tensor_boxes.shift(*tensors).numpy(), boxes.shift_boxes(drawn, shifts))


@pytest.mark.parametrize("of_smaller", [False, True])
@pytest.mark.parametrize("overlap", [0.1, 0.5, 0.7])
def test_each_photo_keeps_what_it_keeps_alone(overlap: float, of_smaller: bool) -> None:
    counts = (0, 1, 2, 7, 40, 64)
    table, alive = (
        torch.zeros((len(counts), max(counts), 4)),
        torch.zeros((len(counts), max(counts)), dtype=torch.bool),
    )
    drawn = [draw_boxes(count, count) for count in counts]
    for row, some in enumerate(drawn):
        table[row, : len(some)], alive[row, : len(some)] = torch.from_numpy(some), True
    kept = tensor_boxes.suppress(table, alive, overlap, of_smaller=of_smaller).numpy()
    for row, some in enumerate(drawn):
        wanted = boxes.suppress(some, overlap, of_smaller=of_smaller)
        assert np.flatnonzero(kept[row]).tolist() == wanted.tolist()
    assert 0 < kept.sum() < sum(counts)
