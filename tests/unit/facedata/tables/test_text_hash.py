"""Hashes of texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facedata.tables.text_hash import (
    find_repeated,
    find_repeated_by_spans,
    hash_texts,
    mix_bits,
    order_numbers,
)

texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=30)


@given(texts, st.integers(0, 5))
def test_equal_texts_and_no_others_have_equal_hashes(words: list[str], skipped: int) -> None:
    hashes = hash_texts(pa.array(words, pa.string()).slice(skipped)).tolist()
    words = words[skipped:]
    assert len(set(hashes)) == len(set(words))
    assert len(set(zip(words, hashes, strict=True))) == len(set(words))
    chunked = pa.chunked_array([words[:3], words[3:]], pa.string())
    assert hash_texts(chunked).tolist() == hashes


def test_many_paths_have_as_many_hashes() -> None:
    paths = pa.array([f"p{i % 997:06}/{i:06}.jpg" for i in range(300_000)])
    assert len(np.unique(hash_texts(paths))) == len(paths)
    assert (hash_texts(paths)[150_000:150_050] == hash_texts(paths.slice(150_000, 50))).all()
    assert len(np.unique(mix_bits(np.arange(300_000, dtype=np.uint64)))) == len(paths)


@given(st.lists(st.integers(0, 9), max_size=40))
def test_every_index_of_a_repeated_number_is_found(values: list[int]) -> None:
    wanted = [index for index, value in enumerate(values) if values.count(value) > 1]
    numbers = np.array(values, np.uint64)
    assert find_repeated(numbers).tolist() == wanted
    numbers = numbers << np.uint64(60) | numbers  # upper bits that are equal, and not
    spans = [numbers[start : start + 7] for start in range(0, len(numbers), 7)]
    assert find_repeated_by_spans(len(numbers), lambda: spans).tolist() == wanted


_few_and_wide = st.integers(0, 3) | st.integers(0, (1 << 64) - 1) | st.integers(0, 3).map(lambda n: n << 62)


@given(st.lists(_few_and_wide, max_size=60))
def test_the_order_is_the_stable_one(values: list[int]) -> None:
    numbers = np.array(values, np.uint64)
    assert order_numbers(numbers).tolist() == np.argsort(numbers, kind="stable").tolist()


def test_the_order_of_many_numbers_is_the_stable_one() -> None:
    rng = np.random.default_rng(5)
    numbers = rng.integers(0, 1 << 64, 200_000, np.uint64)
    numbers[rng.integers(0, len(numbers), 50_000)] = numbers[7]
    numbers[::9] ^= np.uint64(1)  # the upper bits stay equal
    assert (order_numbers(numbers) == np.argsort(numbers, kind="stable")).all()
