"""Crop names are safe, unique and lasting."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from facedata.names import crop_paths, safe_name

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=20, unique=True))
def test_paths_are_unique_even_where_case_and_composition_do_not_count(photos: list[tuple[str, str]]) -> None:
    records = sorted({f"{who}/{name.replace('/', '_')}.jpg" for who, name in photos}, key=str.encode)
    people = [record.rpartition("/")[0] for record in records]
    paths = crop_paths(records, records, people)
    folded = {unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold()) for path in paths}
    assert len(folded) == len(records)


@given(texts)
def test_a_name_is_safe_everywhere(name: str) -> None:
    safe = safe_name(name, name)
    assert 0 < len(safe.encode()) <= 200
    assert not set(safe) & set('/\\:*?"<>|\0\n\r\t')
    assert not safe.startswith(".")
    assert not safe.endswith((".", " "))


@given(texts, texts)
def test_different_names_stay_different(left: str, right: str) -> None:
    assert (left == right) == (safe_name(left, left) == safe_name(right, right))


def test_only_the_first_of_a_collision_keeps_the_plain_name() -> None:
    records = ["a/john/1.jpg", "b/john/1.jpg", "b/john/1.png", "b/john/2.jpg"]
    first, second, third, fourth = crop_paths(records, records, ["john"] * 4)
    assert (first, fourth) == ("john/1.jpg", "john/2.jpg")
    assert second.startswith("john/1~")
    assert third.startswith("john/1~")
    assert second != third


def test_people_who_differ_in_case_only_get_folders_of_their_own() -> None:
    anna, lower = crop_paths(["Anna/1.jpg", "anna/1.jpg"], ["Anna/1.jpg", "anna/1.jpg"], ["Anna", "anna"])
    assert anna == "Anna/1.jpg"
    assert lower.startswith("anna~")


def test_several_records_of_one_photo_get_names_of_their_own() -> None:
    paths = crop_paths(["g.jpg#1", "g.jpg#2"], ["g.jpg", "g.jpg"], ["ann", "ann"])
    assert paths[0] == "ann/g.jpg"
    assert paths[1].startswith("ann/g~")


def test_long_names_are_cut_with_their_hash() -> None:
    long = "x" * 255
    path = crop_paths([long], [long], ["p" * 255])[0]
    folder, name = path.split("/")
    assert len(folder) == 200
    assert len(name) == 204
    assert folder[-9] == name[-13] == "~"
