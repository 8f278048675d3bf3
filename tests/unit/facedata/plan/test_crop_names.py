"""Crop names are safe, unique and lasting."""

from __future__ import annotations

import hashlib
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.plan import crop_names
from facedata.plan.crop_names import safe_name

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120)


def crop_paths(records: list[str], photos: list[str], identities: list[str]) -> list[str]:
    """The crop paths of a table in which all rows are wanted."""
    columns = [pa.array(column, pa.string()) for column in (records, photos, identities)]
    rows = pa.table(columns, ["record", "photo", "identity"])
    return [
        str(path)
        for path in crop_names.crop_paths(rows, pa.chunked_array([[True] * len(records)])).to_pylist()
    ]


short = st.sampled_from(["00", "a", "A", "é", "e\u0301", "con", "x" * 200, "x" * 210])
endings = st.sampled_from([".jpg", ".png", ".webp"])


def with_hash(name: str, key: str) -> str:
    """A name as ours are told apart."""
    return f"{name}~{hashlib.sha256(key.encode()).hexdigest()[:8]}"


@st.composite
def libraries(draw: st.DrawFn) -> list[str]:
    """Records of few people and names that nearly collide, some named as if they came from here."""
    name = texts.map(lambda text: text.replace("/", "_")) | short
    people = draw(st.lists(name, min_size=1, max_size=4))
    people += [with_hash(who, who) for who in draw(st.lists(st.sampled_from(people)))]
    photo = st.tuples(st.sampled_from(people), name, endings)
    photos = draw(st.lists(photo, min_size=1, max_size=12))
    for who, stem, _ in draw(st.lists(st.sampled_from(photos), max_size=4)):
        for end in draw(st.permutations([".jpg", ".png", ".webp"])):
            hashed = with_hash(stem, f"{who}/{stem}{end}")
            photos += [(who, stem, end), (who, draw(st.sampled_from([hashed, hashed.upper()])), end)]
    return sorted({f"{who}/{stem}{end}" for who, stem, end in photos}, key=str.encode)


@given(libraries())
def test_paths_are_unique_even_where_case_and_composition_do_not_count(records: list[str]) -> None:
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


def test_a_photo_named_like_one_that_was_told_apart_does_not_collide_with_it() -> None:
    records = ["a/00.png", "a/00.webp", f"a/{with_hash('00', 'a/00.webp')}.png"]
    paths = crop_paths(records, records, ["a"] * 3)
    assert paths[:2] == ["a/00.jpg", f"a/{with_hash('00', 'a/00.webp')}.jpg"]
    assert paths[2] == f"a/{with_hash(with_hash('00', 'a/00.webp'), records[2])}.jpg"


def test_a_person_named_like_one_who_was_told_apart_gets_a_folder_of_their_own() -> None:
    people = ["Anna", "anna", with_hash("anna", "anna").upper()]
    records = [f"{who}/1.jpg" for who in people]
    folders = {path.partition("/")[0].casefold() for path in crop_paths(records, records, people)}
    assert len(folders) == 3


@pytest.mark.parametrize("name", ["CON", "nul", "Com1", "lpt9", "aux.2020", "PRN .x", "com¹"])
def test_names_that_windows_takes_for_devices_are_encoded(name: str) -> None:
    assert safe_name(name, name).startswith(f"%{ord(name[0]):02X}{name[1:3]}")


@pytest.mark.parametrize("name", ["Conny", "com", "com10", "auxiliary", "x con"])
def test_names_that_only_look_like_devices_stay(name: str) -> None:
    assert safe_name(name, name) == name


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


_PARTS = st.sampled_from(
    [
        "a",
        "B",
        "con",
        "COM",
        "lpt1",
        "nulls",
        "x" * 90,
        ".",
        "/",
        "-",
        "_",
        " ",
        "é",
        "\n",
        "%",
        "~8630ea93",
        "7",
    ]
)


@given(st.lists(st.lists(_PARTS, min_size=1, max_size=5).map("".join), min_size=1, max_size=20, unique=True))
def test_stems_made_by_numbers_are_those_made_one_by_one(photos: list[str]) -> None:
    records = [f"{photo}#1" for photo in photos]
    stems = crop_names._safe_stems(pa.table({"photo": photos, "record": records}))
    wanted = []
    for photo, record in zip(photos, records, strict=True):
        name = photo.rpartition("/")[2]
        stem, dot, _ = name.rpartition(".")
        wanted.append(safe_name(stem if dot and stem else name, record))
    assert stems.to_pylist() == wanted
