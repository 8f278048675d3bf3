"""SHA-256 texts as bytes and back."""

from __future__ import annotations

import hashlib

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


@pytest.mark.parametrize("text", ["c", "g" * 64, "A" * 64, "é" * 32])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        digest_bytes(pa.chunked_array([[text]]))
