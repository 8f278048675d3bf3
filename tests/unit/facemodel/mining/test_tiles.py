"""The best of tiles against a plain sort, whichever way the tiles lie and in whichever order they come."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedata.types import Float32Array
from facemodel.mining.tiles import GROUP, Tops, best_of_tile


def numbers(height: int, width: int, seed: int = 3) -> Float32Array:
    return np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)


@pytest.mark.parametrize("width", [1, 5, 64, 65, 300])
def test_the_best_of_a_tile_are_those_of_a_sort(width: int) -> None:
    tile = numbers(20, width)
    values, columns = (found.numpy() for found in best_of_tile(torch.from_numpy(tile), 5))
    order = np.argsort(-tile, axis=1)[:, :5]
    np.testing.assert_array_equal(columns[:, : order.shape[1]], order)
    np.testing.assert_array_equal(values[:, : order.shape[1]], np.take_along_axis(tile, order, 1))
    assert np.isneginf(values[:, order.shape[1] :]).all()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("widths", [(300,), (64, 64, 172), (1, 130, 5, 164)])
def test_the_best_of_many_tiles_are_those_of_a_sort(widths: tuple[int, ...], turned: bool) -> None:
    whole, kept = numbers(70, sum(widths)), 6
    tops = Tops(80, kept)
    for number in np.random.default_rng(1).permutation(len(widths)).tolist():
        first = sum(widths[:number])
        part = np.ascontiguousarray(whole[:, first : first + widths[number]])
        tile = torch.from_numpy(np.ascontiguousarray(part.T)).T if turned else torch.from_numpy(part)
        assert tile.is_contiguous() != turned or 1 in tile.shape
        tops.update(tile, 10, first)
    order = np.argsort(-whole, axis=1)[:, :kept]
    np.testing.assert_array_equal(tops.at[10:].numpy(), order)
    np.testing.assert_array_equal(tops.values[10:].numpy(), np.take_along_axis(whole, order, 1))
    assert np.isneginf(tops.values[:10].numpy()).all()


def test_a_tile_with_few_better_values_is_not_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a good tile, a worse one costs no sort; single better values are taken all the same."""
    tops = Tops(50, 3)
    tops.update(torch.from_numpy(numbers(50, 10 * GROUP) + 10), 0, 0)
    monkeypatch.setattr(Tops, "_sort_all", None)
    worse = numbers(50, 10 * GROUP, seed=4)
    worse[7, 100] = 99
    before = tops.values.clone()
    tops.update(torch.from_numpy(worse), 0, 640)
    assert tops.values[7, 0] == 99
    assert tops.at[7, 0] == 740
    np.testing.assert_array_equal(np.delete(tops.values.numpy(), 7, 0), np.delete(before.numpy(), 7, 0))
