"""Paths as text: lossless, and unchanged where they can be."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from facedata.photos.paths import photo_path, photo_text

# Unix names are bytes; the alphabet is weighted to what the escape itself is made of.
file_names = st.lists(
    st.sampled_from([b"\\", b"x", b"e9", b"5c", b"a", b"/", b"\n", b"'", b"\xe9", "é".encode()])
    | st.binary(min_size=1, max_size=3)
).map(b"".join)


@given(file_names)
def test_every_name_survives_as_text_and_comes_back(name: bytes) -> None:
    path = os.fsdecode(name)
    text = photo_text(path)
    assert text.encode("utf-8").decode("utf-8") == text
    assert photo_path(text) == path


@given(file_names, file_names)
def test_a_path_can_be_made_text_part_by_part(folder: bytes, name: bytes) -> None:
    whole = photo_text(os.fsdecode(folder + b"/" + name))
    assert whole == f"{photo_text(os.fsdecode(folder))}/{photo_text(os.fsdecode(name))}"


@given(st.text(alphabet=st.characters(exclude_characters="\\", exclude_categories=["Cs"])))
def test_text_without_backslash_is_left_alone(path: str) -> None:
    assert photo_text(path) == path
    assert photo_path(path) == path
