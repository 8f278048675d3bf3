"""Tombstones: hashes that say no name, and ids that stay unused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import SetError
from facedata.tables.tombstones import FORGOTTEN_FILE, Tombstones, read_tombstones


@pytest.fixture
def graves() -> Tombstones:
    """Somebody and her photo."""
    return Tombstones().bury(people=["Ann Lee"], records=["Ann Lee/1 a.jpg"], photos=["ab" * 32], ids=[3, 1])


def test_what_is_written_says_nothing_and_is_read_again(graves: Tombstones, tmp_path: Path) -> None:
    assert not read_tombstones(tmp_path)
    (tmp_path / FORGOTTEN_FILE).write_bytes(graves.to_bytes())
    text = graves.to_bytes().decode()
    assert "Ann" not in text
    assert "ab" * 32 not in text
    assert read_tombstones(tmp_path) == graves
    salt = bytes.fromhex(json.loads(text)["salt"])
    by_hand = hashlib.sha256(salt + b"people\0" + b"Ann Lee").hexdigest()
    assert json.loads(text)["people"] == [by_hand]


def test_salts_differ_and_stay() -> None:
    one, other = Tombstones().bury(people=["Ann"]), Tombstones().bury(people=["Ann"])
    assert one.people != other.people
    more = one.bury(people=["Ben"], ids=[2])
    assert more.salt == one.salt
    assert more.include(one)
    assert not one.include(more)
    assert not other.include(one)
    assert one.include(Tombstones())
    assert not Tombstones().include(one)


def test_who_is_among_them(graves: Tombstones) -> None:
    assert graves.has_person("Ann Lee")
    assert graves.has_person("Ann\u00a0 Lee ")
    assert not graves.has_person("Ann\u00a0 Lee ", merge=False)
    assert not graves.has_person("ann lee")
    assert not graves.has("people", "Ann Lee/1 a.jpg")  # a hash counts in its own list only
    assert not Tombstones().has_person("Ann Lee")


def test_paths(graves: Tombstones) -> None:
    for path in ("Ann Lee/1 a.jpg", "x/Ann Lee/7.jpg", "Ann Lee/deep/er.jpg"):
        assert graves.has_path(path), path
    for path in ("Ann Lee.jpg", "Ann/Lee/1.jpg", "Ann Lee Smith/1.jpg", "x/1 a.jpg"):
        assert not graves.has_path(path), path
    assert Tombstones().bury(people=["2019/Ann"]).has_path("2019/Ann/x/1.jpg")


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("all photos are of one person, 'Ann Lee'", True),
        ("people who differ: 'Ann Lee' (also written 'Ann Lee\\u200b')", True),
        ("photos of Ann Lee, 2019", True),
        ("gone: Ann Lee/1 a.jpg", True),
        ("in 'x/Ann Lee/3.jpg'", True),
        ("photos of Anna Lee", False),
        ("lee ann", False),
        ("", False),
    ],
)
def test_texts_that_name_them(graves: Tombstones, text: str, is_said: bool) -> None:
    assert graves.mentions(text) == is_said


@given(st.sets(st.integers(0, 60)), st.integers(0, 40))
def test_ids_skip_those_that_are_gone(gone: set[int], count: int) -> None:
    graves = Tombstones("00", ids=tuple(sorted(gone)))
    slowly = [one for one in range(200) if one not in gone][:count]
    assert graves.number(0, count).tolist() == slowly
    middle = count // 2
    assert np.array_equal(
        np.concatenate([graves.number(0, middle), graves.number(middle, count)]), graves.number(0, count)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "facedata set"}, {"version": 2}, {"salt": "12"}, {"people": "abc"}, {"records": ["x"]},
        {"photos": [1]}, {"ids": [-1]}, {"ids": [True]}, {"ids": {}}, {"crops": None},
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(graves: Tombstones, tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / FORGOTTEN_FILE).write_text(json.dumps({**json.loads(graves.to_bytes()), **change}))
    with pytest.raises(SetError, match="would come back"):
        read_tombstones(tmp_path)
