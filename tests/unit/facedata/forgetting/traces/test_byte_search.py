"""Many strings at once against a plain loop over all of them."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedata.forgetting.traces import byte_search
from facedata.forgetting.traces.byte_search import ByteSearch

LETTERS = st.binary(max_size=300) | st.text("ab./", max_size=300).map(str.encode)


def plain(data: bytes, strings: list[bytes]) -> list[tuple[int, bytes]]:
    return sorted((at, one) for one in {*strings} for at in range(len(data)) if data.startswith(one, at))


@settings(max_examples=150, deadline=None)
@given(
    LETTERS,
    st.lists(st.integers(0, 300), max_size=12),
    st.lists(st.integers(4, 40), min_size=12, max_size=12),
)
def test_all_that_a_loop_finds(data: bytes, starts: list[int], lengths: list[int]) -> None:
    for small in (0, 512):
        with patch.object(byte_search, "_SMALL_BYTES", small):
            compare(data, starts, lengths)


def compare(data: bytes, starts: list[int], lengths: list[int]) -> None:
    strings = [data[start : start + length] for start, length in zip(starts, lengths, strict=False)]
    strings = [one for one in strings if len(one) >= 4] + [b"nowhere at all", b"aaaa"]
    assert ByteSearch(strings).find(data) == plain(data, strings)


@pytest.mark.parametrize("step", [8, 64, 120])
def test_also_where_a_piece_ends(step: int) -> None:
    data = bytes(range(256)) * 2
    strings = [
        data[start : start + length] for start in range(256) for length in (4, 6, 7, 9, 11, 14, 15, 40)
    ]
    with patch.object(byte_search, "_STEP", step), patch.object(byte_search, "_SMALL_BYTES", 0):
        assert ByteSearch(strings).find(data) == plain(data, strings)


def test_nothing_to_look_for_and_nothing_to_look_in() -> None:
    assert ByteSearch([]).find(b"anything") == []
    assert ByteSearch([b"anything"]).find(b"") == []
    assert ByteSearch([]).longest == 0
