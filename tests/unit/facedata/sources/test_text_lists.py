"""List files: lines numbered as an editor does, errors by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import SourceError
from facedata.sources.text_lists import bad_line, read_lines, undecodable_line


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"]))))
def test_lines_are_numbered_as_an_editor_does(lines: list[str]) -> None:
    text = "\n".join([*lines, "end"])
    assert read_lines("x", text.encode) == list(enumerate([*lines, "end"], 1))


def test_bytes_that_are_not_utf_8_are_named_with_their_line() -> None:
    with pytest.raises(SourceError, match=r"^x\.txt, line 2: 'caf\\\\xe9' is not UTF-8$"):
        read_lines("x.txt", lambda: b"a\ncaf\xe9\nb\n")


def test_a_long_line_is_shortened() -> None:
    assert str(bad_line("x", 3, "y" * 500, "is long")) == f"x, line 3: '{'y' * 79}…' is long"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    with pytest.raises(SourceError, match=r"cannot read .*list\.txt: No such file"):
        read_lines(str(file), file.read_bytes)
    file.write_bytes(b"a 1\n")
    assert read_lines(str(file), file.read_bytes) == [(1, "a 1")]


@given(st.lists(st.sampled_from([b"a", b"\n", b"\xe9", "é".encode()])).map(b"".join))
def test_the_first_line_that_is_not_utf_8_is_found(data: bytes) -> None:
    bad = [number for number, line in enumerate(data.split(b"\n"), 1) if undecodable_line(line)]
    assert undecodable_line(data) == min(bad, default=0)
