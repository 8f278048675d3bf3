"""SHA-256 texts as bytes and back."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.tables.digests import digest_bytes, digest_texts


@given(st.lists(st.one_of(st.none(), st.binary(max_size=4)), max_size=20))
def test_digests_come_back(data: list[bytes | None]) -> None:
    written = [None if one is None else hashlib.sha256(one).hexdigest() for one in data]
    found = digest_bytes(pa.chunked_array([written[:2], written[2:]], pa.string()))
    assert digest_texts(found).to_pylist() == [text or "0" * 64 for text in written]


def test_nulls_are_zeros_whatever_bytes_lie_under_them() -> None:
    """A mask may hide texts whose bytes are still in the column."""
    texts = pa.array([letter * 64 for letter in "abcdef0123456789"] * 200)
    is_valid = np.arange(len(texts)) % 3 > 0
    bitmap = pa.py_buffer(np.packbits(is_valid, bitorder="little").tobytes())
    column = pa.Array.from_buffers(pa.string(), len(texts), [bitmap, *texts.buffers()[1:]])
    found = digest_bytes(pa.chunked_array([column.slice(0, 5), column.slice(5)]))
    expected = [bytes.fromhex(text or "0" * 64) for text in column.to_pylist()]
    assert [digest.tobytes() for digest in found] == expected
    assert expected[0] == bytes(32)


@pytest.mark.parametrize("text", ["c", "g" * 64, "A" * 64, "é" * 32])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        digest_bytes(pa.chunked_array([[text]]))
