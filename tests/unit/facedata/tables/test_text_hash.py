"""Numbers of texts, and SHA-256 texts as bytes."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.tables.digests import digest_bytes, digest_texts
from facedata.tables.text_hash import mixed, repeated, text_numbers

texts = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=30)


@given(texts, st.integers(0, 5))
def test_equal_texts_and_no_others_have_equal_numbers(words: list[str], skipped: int) -> None:
    numbers = text_numbers(pa.array(words, pa.string()).slice(skipped)).tolist()
    words = words[skipped:]
    assert len(set(numbers)) == len(set(words))
    assert len(set(zip(words, numbers, strict=True))) == len(set(words))
    chunked = pa.chunked_array([words[:3], words[3:]], pa.string())
    assert text_numbers(chunked).tolist() == numbers


def test_a_million_paths_have_a_million_numbers() -> None:
    paths = pa.array([f"p{i % 997:06}/{i:06}.jpg" for i in range(300_000)])
    assert len(np.unique(text_numbers(paths))) == len(paths)
    assert len(np.unique(mixed(np.arange(300_000, dtype=np.uint64)))) == len(paths)


@given(st.lists(st.integers(0, 9), max_size=40))
def test_repeated_names_every_place_of_a_number_that_is_there_twice(values: list[int]) -> None:
    wanted = [place for place, value in enumerate(values) if values.count(value) > 1]
    assert repeated(np.array(values, np.uint64)).tolist() == wanted


@given(st.lists(st.one_of(st.none(), st.binary(max_size=4)), max_size=20))
def test_digests_come_back(data: list[bytes | None]) -> None:
    written = [None if one is None else hashlib.sha256(one).hexdigest() for one in data]
    found = digest_bytes(pa.chunked_array([written[:2], written[2:]], pa.string()))
    assert digest_texts(found).to_pylist() == [text or "0" * 64 for text in written]


@pytest.mark.parametrize("text", ["c", "g" * 64, "A" * 64, "é" * 32])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        digest_bytes(pa.chunked_array([[text]]))
