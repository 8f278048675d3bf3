"""The nearest vectors, found in blocks, against a plain loop over all pairs."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from facedata.types import Float32Array, Int64Array
from facemodel.errors import ScoreError
from facemodel.mining import matches
from facemodel.mining.matches import Matches, best_matches

BLOCKS = [1, 300, 20_000, 1 << 20, None]
"""From one row and 64 columns at a time to all at once."""


def directions(count: int, dim: int = 32, seed: int = 0) -> Float32Array:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def slow_matches(
    vectors: Float32Array, centres: Float32Array, own: Int64Array, count: int
) -> tuple[list[list[int]], list[list[float]]]:
    """Sort every row's centres by their similarity, then by their number."""
    columns, similarities = [], []
    for vector, mine in zip(vectors, own, strict=True):
        dots = [(-np.float32(vector.astype(float) @ one.astype(float)), at) for at, one in enumerate(centres)]
        ordered = sorted(pair for pair in dots if pair[1] not in mine)[:count]
        missing = count - len(ordered)
        columns.append([at for _, at in ordered] + [-1] * missing)
        similarities.append([-float(value) for value, _ in ordered] + [-np.inf] * missing)
    return columns, similarities


def assert_is(found: Matches, columns: list[list[int]], similarities: list[list[float]]) -> None:
    assert found.columns.tolist() == columns
    # the loop adds up in another order: the last bit of float64 may round another way
    np.testing.assert_allclose(found.similarities, similarities, atol=6e-8, rtol=0)


@pytest.mark.parametrize("block_floats", BLOCKS)
@pytest.mark.parametrize("centres", [1, 5, 63, 64, 65, 300])
def test_it_finds_what_a_loop_finds(centres: int, block_floats: int | None) -> None:
    vectors, others = directions(70), directions(centres, seed=1)
    own = np.random.default_rng(2).integers(-1, centres, (70, 1))
    found = best_matches(vectors, others, own[:, 0], 4, block_floats=block_floats)
    assert_is(found, *slow_matches(vectors, others, own, 4))


@pytest.mark.parametrize("block_floats", BLOCKS)
def test_several_centres_may_be_left_out_of_a_row(block_floats: int | None) -> None:
    vectors, others = directions(40), directions(90, seed=1)
    nearest = best_matches(vectors, others, count=3).columns
    own = np.column_stack([nearest, np.full(40, -1)])  # the three nearest
    found = best_matches(vectors, others, own, 2, block_floats=block_floats)
    assert not np.isin(found.columns, nearest[0]).all()
    assert_is(found, *slow_matches(vectors, others, own, 2))


@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_by_distance_vectors_of_any_length_are_told_apart(offset: float) -> None:
    """Far from the origin a float32 product would have lost all digits that matter."""
    rows, centres = directions(60) * 5 + np.float32(offset), directions(90, seed=1) * 5 + np.float32(offset)
    found = best_matches(rows, centres, count=4, metric="euclidean", block_floats=2000)
    apart = np.linalg.norm(rows[:, None].astype(float) - centres[None], axis=2).astype(np.float32)
    order = np.argsort(apart, axis=1, kind="stable")[:, :4]
    assert found.columns.tolist() == order.tolist()
    np.testing.assert_allclose(-found.similarities, np.take_along_axis(apart, order, 1), rtol=1e-6)


@pytest.mark.parametrize("block_floats", BLOCKS)
@pytest.mark.parametrize("copies", [2, 9, 200])
def test_of_equal_centres_the_lowest_numbers_come_first(copies: int, block_floats: int | None) -> None:
    """More copies than candidates are kept, in several blocks: chance must not choose among them."""
    some = directions(30)
    others = np.tile(some, (copies, 1))
    own = np.arange(30)[:, None]
    found = best_matches(some, others, own[:, 0], 2, block_floats=block_floats)
    assert found.columns[:, 0].tolist() == [30 + row for row in range(30)]
    if copies > 2:
        assert found.columns[:, 1].tolist() == [60 + row for row in range(30)]


@pytest.mark.parametrize("block_floats", BLOCKS)
def test_nearly_equal_centres_are_told_apart_in_float64(block_floats: int | None) -> None:
    """They differ by less than a float32 product may be wrong."""
    vectors = directions(20, dim=512)
    turned = [vectors + np.float32(step * 1e-4) * directions(20, 512, seed=9) for step in range(8)]
    others = np.concatenate(turned)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    own = np.full((20, 1), -1)
    found = best_matches(vectors, others, count=3, block_floats=block_floats)
    assert_is(found, *slow_matches(vectors, others, own, 3))


def test_all_alike_as_a_network_that_learnt_nothing_gives_them() -> None:
    same = np.repeat(directions(1), 3000, axis=0)
    found = best_matches(same, same, np.arange(3000), 2, block_floats=1 << 16)
    assert found.columns[:3].tolist() == [[1, 2], [0, 2], [0, 1]]
    assert (found.columns[2:] == [0, 1]).all()


@pytest.mark.parametrize(("rows", "centres"), [(0, 5), (5, 0), (0, 0), (3, 1)])
def test_none(rows: int, centres: int) -> None:
    found = best_matches(directions(rows), directions(centres), np.zeros(rows, np.int64), 2)
    assert found.columns.shape == found.similarities.shape == (rows, 2)
    assert (found.columns == -1).all() or centres == 5
    assert np.isneginf(found.similarities).all() or centres == 5


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_is_refused(bad: float) -> None:
    vectors = directions(9)
    vectors[4, 2] = bad
    with pytest.raises(ScoreError, match="NaN"):
        best_matches(vectors, directions(20))


def test_vectors_in_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    vectors = directions(500)
    vectors.tofile(tmp_path / "vectors")
    there = np.memmap(tmp_path / "vectors", np.float32, "r", shape=vectors.shape)
    own = np.arange(500)
    for one, other in zip(
        vars(best_matches(there, there, own, 3)).values(),
        vars(best_matches(vectors, vectors, own, 3)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """8,000 by 8,000 similarities would take 256 MB, and as float64 twice that."""
    vectors = directions(8000, dim=8)
    monkeypatch.setattr(matches, "_BLOCK_FLOATS", {"cpu": 1 << 18})
    tracemalloc.start()  # sees what numpy takes; torch's part is the block
    best_matches(vectors, vectors, np.arange(8000), 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
