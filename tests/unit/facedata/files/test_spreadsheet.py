from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from facedata.files.spreadsheet import bare_cell, protect_cell


@given(st.text() | st.from_regex(r"'{0,3}[=+@0-9.,:/-]{0,6}", fullmatch=True))
def test_every_text_comes_back(text: str) -> None:
    assert bare_cell(protect_cell(text)) == text


@given(st.from_regex(r"[=+\-@].*", fullmatch=True))
def test_no_formula_is_left(text: str) -> None:
    assert protect_cell(text)[0] == "'"
