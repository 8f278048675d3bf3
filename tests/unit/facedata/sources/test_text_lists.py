"""List files: lines numbered as an editor does, errors by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import SourceError
from facedata.sources.text_lists import bad_line, list_bytes, text_lines


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"]))))
def test_lines_are_numbered_as_an_editor_does(lines: list[str]) -> None:
    text = "\n".join([*lines, "end"])
    assert text_lines("x", text.encode()) == list(enumerate([*lines, "end"], 1))


def test_bytes_that_are_not_utf_8_are_named_with_their_line() -> None:
    with pytest.raises(SourceError, match=r"^x\.txt, line 2: 'caf\\\\xe9' is not UTF-8$"):
        text_lines("x.txt", b"a\ncaf\xe9\nb\n")


def test_a_long_line_is_shortened() -> None:
    assert str(bad_line("x", 3, "y" * 500, "is long")) == f"x, line 3: '{'y' * 79}…' is long"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    with pytest.raises(SourceError, match=r"cannot read .*list\.txt: No such file"):
        list_bytes(str(file), file.read_bytes)
    file.write_bytes(b"a 1\n")
    assert list_bytes(str(file), file.read_bytes) == b"a 1\n"
