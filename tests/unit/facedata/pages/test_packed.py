from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.pages.packed import column, pack
from tests.support.packed_pages import read_column, read_data

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def page_of(packed: str) -> bytes:
    return f'<p>before</p><script type="text/plain" id="data">{packed}</script>'.encode()


@given(st.dictionaries(TEXTS, st.lists(TEXTS | st.integers(-(2**53), 2**53) | st.none() | st.booleans())))
def test_what_is_packed_is_read_back(value: dict[str, list[object]]) -> None:
    assert read_data(page_of(pack(value))) == value


def test_no_name_can_end_the_script_that_holds_it() -> None:
    assert re.fullmatch("[A-Za-z0-9+/=]+", pack(["</script><script>alert(1)</script>", "<!--", "\u2028"]))


def test_a_page_without_data_has_none() -> None:
    assert read_data(page_of("")) is None
    assert read_data(b"<p>no script</p>") is None


def test_a_number_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        pack([float("nan")])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("u1", [0, 255]),
        ("u2", [0, 65535]),
        ("u4", [0, 2**32 - 1]),
        ("i2", [-32768, 32767]),
        ("f4", [0.5, -1.25]),
    ],
)
def test_columns_keep_their_numbers(kind: str, values: list[float]) -> None:
    packed = column(values, kind)
    assert read_column(packed).tolist() == values
    assert read_column(packed).dtype == np.dtype(f"<{kind}")


def test_an_empty_column_is_empty() -> None:
    assert len(read_column(column(np.empty(0), "u4"))) == 0


@pytest.mark.parametrize(
    ("kind", "value"), [("u1", 256), ("u1", -1), ("u2", 70_000), ("i2", 40_000), ("u1", 0.5)]
)
def test_a_number_that_does_not_fit_is_refused(kind: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"does not fit in {kind}"):
        column([1, value], kind)
