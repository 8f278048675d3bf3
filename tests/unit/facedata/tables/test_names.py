"""Names that look the same: one spelling for all of them, whatever the order; case alone is not enough."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.tables.names import clean_name, find_case_twins, join_names, name_notes, show_name

NFC, NFD = "Jos\u00e9", "Jose\u0301"

names = st.lists(
    st.text(st.sampled_from("aAé\u0301e \t\u00a0\u200b\u3000\ufeffﬁ/")).filter(bool), max_size=12, unique=True
)


@pytest.mark.parametrize(
    "alike",
    [
        "Anna Berg ",
        " Anna Berg",
        "Anna  Berg",
        "Anna\u00a0Berg",  # no-break
        "Anna\u2007Berg",  # as wide as a figure
        "Anna\u3000Berg",  # as wide as a Chinese character
        "Anna\tBerg\n",
        "Anna Berg\u200b",  # of no width
        "\ufeffAnna Berg",  # a byte order mark
        "An\u00adna Berg",  # a soft hyphen
        "\u202aAnna Berg\u202c",  # as Windows copies names
    ],
)
def test_what_cannot_be_seen_makes_no_other_name(alike: str) -> None:
    assert join_names([alike, "Anna Berg"]) == {alike: "Anna Berg"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "anna"),
        ("Anna", "\uff21nna"),  # a full-width A
        ("Sofia", "So\ufb01a"),  # a ligature
        ("Anna", "Аnna"),  # a Cyrillic A
        ("Anna Berg", "AnnaBerg"),
        ("Anna_Berg", "Anna Berg"),
        ("\u0645\u06cc\u200c\u0631", "\u0645\u06cc\u0631"),  # the joiner is seen
    ],
)
def test_what_can_be_seen_does(one: str, other: str) -> None:
    assert join_names([one, other]) == {}


def test_a_name_that_is_like_no_other_keeps_its_spelling() -> None:
    assert join_names([NFD, "Ben ", "Anna"]) == {}
    assert join_names([]) == {}


def test_twins_take_the_clean_spelling_whether_it_is_there_or_not() -> None:
    assert join_names([NFC, NFD]) == {NFD: NFC}
    assert join_names([" Ben", "Ben  "]) == {" Ben": "Ben", "Ben  ": "Ben"}
    assert join_names(["a /b", "a/b", "a/ b"]) == {"a /b": "a/b", "a/ b": "a/b"}


def test_a_name_of_blanks_alone_is_not_made_empty() -> None:
    assert [clean_name(name) for name in (" ", "\u200b", "a/ /b")] == [" ", "\u200b", "a/ /b"]


@given(names)
def test_joining_depends_on_the_names_alone_and_is_done_once(some: list[str]) -> None:
    joined = join_names(some)
    assert join_names(some[::-1]) == joined
    after = [joined.get(name, name) for name in some]
    assert join_names(after) == {}
    cleaned = [clean_name(name) for name in some]
    for name, clean, now in zip(some, cleaned, after, strict=True):
        assert clean_name(clean) == clean
        assert unicodedata.is_normalized("NFC", clean)
        assert now == (clean if cleaned.count(clean) > 1 else name)


def test_case_twins_are_found_after_blanks_and_form() -> None:
    assert find_case_twins(["Ben", NFD.upper(), "ben", NFC, "Zoe"]) == [
        ["Ben", "ben"],
        sorted([NFD.upper(), NFC]),
    ]


def test_the_notes_show_what_differs() -> None:
    some = ["Anna", "Anna\u00a0", NFC, NFD, "ben", "Ben", "Zoe"]
    merged, kept_apart = name_notes(some, join_names(some))
    assert r"'Anna' (also written 'Anna\xa0')" in merged
    assert r"'José' (also written 'Jose\u0301')" in merged
    assert "--names exact" in merged
    assert "'Ben' and 'ben'" in kept_apart
    assert name_notes(["Anna", "Zoe"], {}) == []


def test_many_twins_are_named_up_to_five() -> None:
    some = [f"{letter}{blank}" for letter in "abcdefg" for blank in ("", " ")]
    (note,) = name_notes(some, join_names(some))
    assert "'e' (also written 'e ') and 2 more" in note
    assert "'f'" not in note


def test_a_quote_or_backslash_in_a_name_is_shown_as_python_does() -> None:
    assert show_name("d'Arc") == '"d\'Arc"'
    assert show_name("a\\b") == r"'a\\b'"
