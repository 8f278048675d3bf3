"""What a path in somebody's list may mean."""

from __future__ import annotations

import unicodedata

import pytest

from facedata.photos.listed_paths import is_absolute, listed_spellings

NFD = unicodedata.normalize("NFD", "Zoë/1.jpg")


@pytest.mark.parametrize(
    ("text", "photo"),
    [
        ("anna/1.jpg", "anna/1.jpg"),
        ("./anna//x/../1.jpg", "anna/1.jpg"),
        (" anna/1.jpg\t", "anna/1.jpg"),
        ("anna\\1.jpg", "anna/1.jpg"),
        (".\\anna\\1.jpg ", "anna/1.jpg"),
        ("anna\\xabc/1.jpg", "anna/xabc/1.jpg"),  # not the byte \xab
        ("C:\\photos\\anna\\1.jpg", "anna/1.jpg"),
        ("\\\\server\\photos\\anna\\1.jpg", "anna/1.jpg"),
        ("/home/me/photos/anna/1.jpg", "anna/1.jpg"),
        ('"C:\\photos\\anna\\1.jpg"', "anna/1.jpg"),
        ("'anna/1.jpg' ", "anna/1.jpg"),
        ("Zoë/1.jpg", NFD),
        (NFD, "Zoë/1.jpg"),
        ("caf\\xe9/1.jpg", "caf\\xe9/1.jpg"),
    ],
)
def test_another_spelling_means_the_photo(text: str, photo: str) -> None:
    assert photo in listed_spellings(text)


@pytest.mark.parametrize("name", [" a.jpg", "back\\slash.jpg", "caf\\xe9.jpg", "C:\\1.jpg"])
def test_a_file_of_exactly_that_name_comes_first(name: str) -> None:
    assert next(iter(listed_spellings(name))) == name


def test_of_an_absolute_path_the_longest_part_comes_first() -> None:
    parts = list(listed_spellings("/a/b/1.jpg"))
    assert parts.index("a/b/1.jpg") < parts.index("b/1.jpg") < parts.index("1.jpg")
    assert [is_absolute(text) for text in ("/a", "c:/a", "\\\\a", "a/b", "c:a")] == [True] * 3 + [False] * 2
