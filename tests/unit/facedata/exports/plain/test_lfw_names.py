"""The names of people and crops in LFW's layout."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facedata.exports.plain.lfw_names import LfwNames, name_crops
from facedata.plan.crop_names import safe_name


def _named(crops: list[tuple[str, str]], rows_each: int = 100) -> LfwNames:
    """Name crops given as person and file stem, some rows at a time."""
    table = pa.table(
        {
            "id": pa.array(range(5, 5 + 3 * len(crops), 3), pa.int64()),
            "path": pa.array(
                [f"{safe_name(person, person)}/{stem}.jpg" for person, stem in crops], pa.string()
            ),
            "identity": pa.array([person for person, _ in crops], pa.string()),
        }
    )
    return name_crops(table.slice(at, rows_each) for at in range(0, len(crops), rows_each))


def _files(crops: list[tuple[str, str]], rows_each: int = 100) -> list[str]:
    return _named(crops, rows_each).files(np.arange(len(crops)))


def test_numbers_by_lfws_rule_are_kept_and_the_others_get_the_free_ones() -> None:
    crops = [
        ("Al_Gore", "Al_Gore_0001"),
        ("Al_Gore", "Al_Gore_0003"),
        ("Al_Gore", "x"),
        ("Bo", "9"),
        ("Al_Gore", "y"),
    ]
    assert _files(crops) == [
        "Al_Gore/Al_Gore_0001.jpg",
        "Al_Gore/Al_Gore_0003.jpg",
        "Al_Gore/Al_Gore_0002.jpg",
        "Bo/Bo_0001.jpg",
        "Al_Gore/Al_Gore_0004.jpg",
    ]


def test_only_numbers_as_lfw_writes_them_are_kept() -> None:
    stems = ["Al_00007", "Al_7", "Al_0000", "al_0009", "Bo_0008", "Al_12345", "Al_0005x"]
    numbers = [int(file[-8:-4]) for file in _files([("Al", stem) for stem in stems if stem != "Al_12345"])]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert _files([("Al", "Al_12345")]) == ["Al/Al_12345.jpg"]


def test_blanks_of_every_kind_become_underscores() -> None:
    names = _named(
        [("George W  Bush", "a"), (" Al\u00a0Gore\t", "a"), ("\u3000", "a"), ("x\u2028y", "a")]
    ).names
    assert names == ["George_W_Bush", "Al_Gore", "_", "x_y"]


def test_a_number_is_kept_where_only_the_blanks_of_the_name_change() -> None:
    assert _files([("Al Gore", "Al Gore_0004")]) == ["Al_Gore/Al_Gore_0004.jpg"]


def test_who_is_called_so_already_keeps_the_name() -> None:
    names = _named([("Al Gore", "a"), ("Al_Gore", "a"), ("al_gore", "a")])
    found = dict(zip(names.identities, names.names, strict=True))
    assert found["Al_Gore"] == "Al_Gore"
    assert {name.partition("~")[0].lower() for name in found.values()} == {"al_gore"}
    assert len({name.lower() for name in found.values()}) == 3


people = st.sampled_from(["a", "b c", "b\tc", "b\nc", "B_C", "b_c", "é", "a/b", "..", "a_0001", "con", "7"])


@given(
    st.lists(st.tuples(people, st.sampled_from(["1", "2", "x", "#"])), max_size=30),
    st.integers(1, 7),
    st.data(),
)
def test_no_two_crops_share_a_name_and_readers_find_them(
    crops: list[tuple[str, str]], rows_each: int, data: st.DataObject
) -> None:
    crops = [
        (who, f"{safe_name(who, who)}_{at + 1:04d}" if data.draw(st.booleans()) else stem)
        for at, (who, stem) in enumerate(crops)
    ]
    files = _files(crops, rows_each)
    assert files == _files(crops)
    assert len({file.lower() for file in files}) == len(files)
    owners = defaultdict(set)
    for (who, _), file in zip(crops, files, strict=True):
        folder, name = file.split("/")
        number = name.removeprefix(f"{folder}_").removesuffix(".jpg")
        assert name == f"{folder}_{int(number):04d}.jpg"
        assert folder.split() == [folder]
        owners[folder].add(who)
    assert all(len(who) == 1 for who in owners.values())
