"""The nearest of all other people against a plain loop: ties, odd sizes, people of any size, any memory."""

from __future__ import annotations

import tracemalloc

import faiss
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facedata.types import BoolArray, Float32Array, Int64Array
from facemodel.errors import ScoreError
from facemodel.mining import whole_set
from facemodel.mining.matches import COSINE, EUCLIDEAN, Matches
from facemodel.mining.whole_set import Comparison, nearest_others

METRICS = (COSINE, EUCLIDEAN)


def embeddings(count: int, dim: int = 24, seed: int = 0, metric: str = COSINE) -> Float32Array:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    if metric == COSINE:
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
    return np.asarray(rows * 4 + 30, np.float32)


def slow_others(
    vectors: Float32Array, person: Int64Array, count: int, metric: str, but: BoolArray | None = None
) -> tuple[list[list[int]], Float32Array]:
    """Sort all photos of other people by similarity, then by their number."""
    wide = vectors.astype(np.float64)
    columns, similar = [], np.full((len(vectors), count), -np.inf, np.float32)
    for row, whose in enumerate(person):
        apart = np.sqrt(np.square(wide - wide[row]).sum(axis=1))
        values = (wide @ wide[row] if metric == COSINE else -apart).astype(np.float32)
        able = (person != whose) if but is None else (person != whose) & ~but
        order = [at for at in np.argsort(-values, kind="stable").tolist() if able[at]][:count]
        columns.append(order + [-1] * (count - len(order)))
        similar[row, : len(order)] = values[order]
    return columns, similar


def assert_is(found: Matches, expected: tuple[list[list[int]], Float32Array]) -> None:
    assert found.columns.tolist() == expected[0]
    # the loop adds up in another order: the last bit of float64 may round another way
    np.testing.assert_allclose(found.similarities, expected[1], rtol=1e-6, atol=1e-7)


@pytest.fixture(params=[64, 128, 1024])
def side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Tiles from very small, so that there are many, to one."""
    monkeypatch.setattr(whole_set, "_SIDE", {"cpu": request.param, "cuda": request.param})
    return int(request.param)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("count", [1, 63, 64, 65, 333])
def test_it_finds_what_a_loop_finds(count: int, metric: str, side: int) -> None:
    vectors = embeddings(count, metric=metric)
    person = np.random.default_rng(1).integers(0, max(2, count // 7), count)
    assert_is(nearest_others(vectors, person, 5, Comparison(metric)), slow_others(vectors, person, 5, metric))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("copies", [2, 9, 40])
def test_of_equally_near_ones_the_lowest_rows_come_first(copies: int, metric: str, side: int) -> None:
    """More copies than are kept, spread over all tiles: neither the tiles nor the order of people chooses."""
    rng = np.random.default_rng(2)
    vectors = np.tile(embeddings(9, metric=metric), (copies, 1))[rng.permutation(9 * copies)]
    person = rng.integers(0, 30, len(vectors))
    assert_is(nearest_others(vectors, person, 3, Comparison(metric)), slow_others(vectors, person, 3, metric))


@pytest.mark.parametrize("metric", METRICS)
def test_a_person_with_nearly_all_photos(metric: str, side: int) -> None:
    """Others find them; they find the few others, and -1 where there are no more."""
    vectors, person = embeddings(300, metric=metric), np.zeros(300, np.int64)
    person[[40, 200, 299]] = 1, 1, 2
    found = nearest_others(vectors, person, 5, Comparison(metric))
    assert_is(found, slow_others(vectors, person, 5, metric))
    assert (np.sort(found.columns[0]) == [-1, -1, 40, 200, 299]).all()


def test_one_person_alone_has_no_others(side: int) -> None:
    found = nearest_others(embeddings(100), np.zeros(100, np.int64), 4)
    assert (found.columns == -1).all()
    assert np.isneginf(found.similarities).all()


@pytest.mark.parametrize("metric", METRICS)
def test_photos_that_are_passed_over_are_not_found_and_find_others(metric: str, side: int) -> None:
    vectors, rng = embeddings(250, metric=metric), np.random.default_rng(3)
    person, but = rng.integers(0, 40, 250), rng.random(250) < 0.4
    found = nearest_others(vectors, person, 4, Comparison(metric), but=but)
    assert_is(found, slow_others(vectors, person, 4, metric, but))
    assert not but[found.columns].any()
    nobody = nearest_others(vectors, person, 4, Comparison(metric), but=np.ones(250, np.bool_))
    assert (nobody.columns == -1).all()


def test_a_network_that_learnt_nothing(side: int) -> None:
    """All embeddings are equal, so all are near: the first rows of other people, in order."""
    person = np.repeat(np.arange(100), 4)
    found = nearest_others(np.repeat(embeddings(1), 400, axis=0), person, 3)
    assert found.columns[0].tolist() == [4, 5, 6]
    assert (found.columns[4:] == [0, 1, 2]).all()


@pytest.mark.parametrize("metric", METRICS)
def test_nearly_equal_ones_are_told_apart_in_float64(metric: str) -> None:
    """They differ by less than a float32 product may be wrong."""
    some = embeddings(20, 256, metric=metric)
    vectors = np.concatenate([some + np.float32(step * 1e-4) * embeddings(20, 256, 9) for step in range(9)])
    if metric == COSINE:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    person = np.arange(len(vectors))
    assert_is(nearest_others(vectors, person, 3, Comparison(metric)), slow_others(vectors, person, 3, metric))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 200), st.integers(1, 9), st.integers(1, 60), st.sampled_from(METRICS), st.integers(0, 99)
)
def test_the_memory_and_the_order_of_rows_change_nothing(
    count: int, wanted: int, people: int, metric: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = embeddings(count, 6, seed, metric)[rng.integers(0, count, count)]  # some are equal
    person = rng.integers(0, people, count)
    whole = nearest_others(vectors, person, wanted, Comparison(metric))
    assert_is(whole, slow_others(vectors, person, wanted, metric))

    class Narrow(Comparison):
        """Room for the best of a tile's rows at a time."""

        @property
        def memory_bytes(self) -> int:
            return 1

    narrow = nearest_others(vectors, person, wanted, Narrow(metric))
    np.testing.assert_array_equal(narrow.columns, whole.columns)
    np.testing.assert_array_equal(narrow.similarities, whole.similarities)


def test_nan_is_refused() -> None:
    vectors = embeddings(90)
    vectors[7, 3] = np.nan
    with pytest.raises(ScoreError, match="NaN"):
        nearest_others(vectors, np.arange(90), 2)


def test_the_memory_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """6,000 by 6,000 similarities would take 144 MB. Torch's tensors are counted as they are made."""
    monkeypatch.setattr(whole_set, "_MEGABYTE", 1 << 16)  # 64 MB then are 4
    vectors, person, made = embeddings(6000, 8), np.arange(6000) // 3, [0]
    how = Comparison(memory_mb=64)
    assert how.memory_bytes == 4 << 20
    full, empty = torch.full, torch.empty

    def counting(make: object) -> object:
        def count(*given: object, **named: object) -> torch.Tensor:
            tensor: torch.Tensor = make(*given, **named)  # type: ignore[operator]
            made[0] = max(made[0], tensor.element_size() * tensor.numel())
            return tensor

        return count

    monkeypatch.setattr(torch, "full", counting(full))
    monkeypatch.setattr(torch, "empty", counting(empty))
    tracemalloc.start()  # sees what numpy takes
    found = nearest_others(vectors, person, 2, how)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made[0] <= 2 << 20
    outside = vectors.nbytes * 2 + found.columns.nbytes + found.similarities.nbytes  # sorted, and the result
    assert peak < outside + (6 << 20)
    monkeypatch.setattr(torch, "full", full)
    monkeypatch.setattr(torch, "empty", empty)
    np.testing.assert_array_equal(found.columns, nearest_others(vectors, person, 2).columns)


def test_progress_reaches_all_rows(side: int) -> None:
    seen: list[tuple[int, int]] = []
    nearest_others(embeddings(300), np.arange(300), 2, on_progress=lambda *done: seen.append(done))
    assert seen[-1] == (300, 300)
    assert seen == sorted(seen)


def test_faiss_finds_the_same() -> None:
    """Its exact index knows nobody: it is asked for more, and each anchor's own photos are left out."""
    rng = np.random.default_rng(5)
    person = rng.integers(0, 400, 3000)
    centres = embeddings(400, 64, 6)
    vectors = centres[person] + 0.4 * embeddings(3000, 64, 7)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for metric, index in ((COSINE, faiss.IndexFlatIP(64)), (EUCLIDEAN, faiss.IndexFlatL2(64))):
        index.add(vectors)
        values, columns = index.search(vectors, 10 + int(np.bincount(person).max()))
        found, different = nearest_others(vectors, person, 10, Comparison(metric)), 0
        for row in range(len(vectors)):
            others = person[columns[row]] != person[row]
            near = values[row][others][:10]
            theirs = near if metric == COSINE else -np.sqrt(np.maximum(near, 0))
            np.testing.assert_allclose(found.similarities[row], theirs, atol=2e-6)
            different += np.count_nonzero(found.columns[row] != columns[row][others][:10])
        assert different <= 4  # neighbours whose similarities float32 cannot tell apart
