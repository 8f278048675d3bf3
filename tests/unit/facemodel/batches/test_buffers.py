"""Memory is used again only when no view of it is left."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from facemodel.batches import buffers
from facemodel.batches.buffers import Buffers

_VIEWS: dict[str, Callable[[Any], Any]] = {
    "slice": lambda array: array[2:4],
    "transposed": lambda array: array.T,
    "tensor": torch.from_numpy,
    "slice of a slice": lambda array: array[1:][1],
    "tensor's view": lambda array: torch.from_numpy(array)[3].view(2, 2),
}


def _place(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
    return int(array.ctypes.data)


def test_memory_is_used_again() -> None:
    some = Buffers()
    first = some.array((4, 5, 3))
    first[...] = 7
    place = _place(first)
    del first
    second = some.array((3, 2))  # a smaller one fits, too
    assert _place(second) == place
    assert second.flags.writeable
    assert second.flags.c_contiguous


@pytest.mark.parametrize("view", _VIEWS)
def test_memory_is_kept_while_a_view_of_it_is_left(view: str) -> None:
    some = Buffers()
    first = some.array((6, 4))
    first[...] = 9
    held = _VIEWS[view](first)
    place = _place(first)
    del first
    gc.collect()
    others = [some.array((6, 4)) for _ in range(3)]
    for other in others:
        assert _place(other) != place
        other[...] = 1
    assert (np.asarray(held) == 9).all()
    del held
    assert _place(some.array((6, 4))) == place


def test_a_larger_array_gets_memory_of_its_own() -> None:
    some = Buffers()
    del [some.array((2, 2))][0]
    large = some.array((100, 100))
    large[...] = 3
    assert large.sum() == 30_000


def test_not_all_memory_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "_MOST_FREE", 2)
    some = Buffers()
    arrays = [some.array((8,)) for _ in range(5)]
    arrays.clear()
    assert len(some._free) == 2


def test_empty_arrays_can_be_had() -> None:
    some = Buffers()
    assert some.array((0, 24, 24, 3)).shape == (0, 24, 24, 3)
    assert some.array((0, 24, 24, 3)).shape == (0, 24, 24, 3)
