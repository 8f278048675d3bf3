"""Lists of photos with a value each: the same answers as a dictionary."""

from __future__ import annotations

import pyarrow as pa
import pytest

from facedata.errors import SourceError
from facedata.sources.listed import photo_values
from facedata.sources.listed.photo_values import PhotoList, collect_texts, spell_again


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_values, "OBJECT_ROWS", 3)


def list_of(text: str, name: str = "l.txt") -> PhotoList:
    return PhotoList.read(name, text.encode)


def test_values_are_found_by_photo() -> None:
    text = "".join(f"{i}.jpg {i * i}\n" for i in range(10)) + "4.jpg 16\n"
    values = list_of("11\n" + text).by_photo("a number", 1, lambda fields: fields[0])
    assert values.of(pa.array(["9.jpg", "x.jpg", "0.jpg", "4.jpg"])).to_pylist() == ["81", None, "0", "16"]
    assert values.has(pa.array(["3.jpg", "3.png"])).to_pylist() == [True, False]


def test_count_and_columns_come_before_the_photos() -> None:
    heads = {"": [], "2\n": [], "image_id a b\n": ["a", "b"], "2\na b\n": ["a", "b"], "2\n\n": []}
    for head, columns in heads.items():
        found = list_of(head + "1.jpg x y\n")
        assert found.columns == columns
        assert found.has_photos
    assert list_of("image_id,a\n1.jpg,x\n", "l.csv").columns == ["a"]
    assert not list_of("2\n").has_photos
    assert not list_of("").has_photos


def test_a_wrong_line_is_named_by_its_number() -> None:
    good = "".join(f"{i}.jpg {i}\n" for i in range(7))
    wrong = {
        "3.jpg 4\n": "l.txt, line 10: '3.jpg 4' contradicts line 6 about the same photo",
        "9.jpg\n": "l.txt, line 10: '9.jpg' is not a photo's name and a number",
        "7\n": "l.txt, line 10: '7' does not begin with a photo's name",
    }
    for line, message in wrong.items():
        with pytest.raises(SourceError) as error:
            list_of("8\nimage_id number\n" + good + line).by_photo("a number", 1, lambda fields: fields[0])
        assert str(error.value) == message


def test_another_ending_is_tried_unless_it_is_a_photo_of_its_own() -> None:
    listed = list_of("".join(f"{name} x\n" for name in ("1.jpg", "2.jpg", "2.png", "3.jpg", "4.png")))
    values = listed.by_photo("a value", 1, lambda fields: fields[0])
    photos = pa.array(["1.png", "2.webp", "3.jpg", "3.png", "4.jpg", "5.jpg", "plain"])
    called = ["1.jpg", "2.jpg", "3.jpg", "3.png", "4.png", "5.jpg", "plain"]
    assert spell_again(photos, values).to_pylist() == called
    assert spell_again(photos.slice(2, 1), values).to_pylist() == ["3.jpg"]


def test_texts_are_collected_in_order() -> None:
    words = [str(i) for i in range(8)]
    assert collect_texts(iter(words)).to_pylist() == words
    assert collect_texts(iter([])).to_pylist() == []
