"""Where a photo is from and its licence, row by row against what a person would say."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from facedata.tables.origin import Origin
from facedata.tables.schema import PHOTOS


def columns_of(origin: Origin, records: list[str], **meta: Any) -> tuple[list[Any], list[Any]]:
    table = pa.table(
        {"record": pa.array(records, pa.string()), **{name: pa.array(v) for name, v in meta.items()}}
    )
    made = origin.columns(table)
    assert {name: column.type for name, column in made.items()} == {
        name: PHOTOS.field(name).type for name in ("source", "licence")
    }
    return made["source"].to_pylist(), made["licence"].to_pylist()


@pytest.mark.parametrize(
    ("kind", "root", "records", "wanted"),
    [
        ("folder", "photos", ["a/1.jpg", "b/2.jpg"], ["folder", "folder"]),
        ("demo", "demo", ["Amara/01.jpg"], ["demo"]),
        ("folder", "lfw=/d/lfw,mine=/d/x", ["lfw/a/1.jpg", "mine/a/1.jpg"], ["lfw", "mine"]),
        ("folder", "mine=/d/x", ["mine/a/1.jpg"], ["mine"]),
        # a name that begins like another one, and a path with commas and equals signs
        ("folder", "a=/x,ab=/y,z=/w", ["a/ab/1.jpg", "ab/a/1.jpg", "z/1.jpg"], ["a", "ab", "z"]),
        ("folder", "/data/run,x=1/y", ["x/1.jpg"], ["folder"]),
        ("table", "table=t.csv,root=photos", ["table/1.jpg", "root/1.jpg"], ["table", "table"]),
        ("folder", "photos", [], []),
    ],
)
def test_a_photo_is_from_the_root_that_its_record_names(
    kind: str, root: str, records: list[str], wanted: list[str]
) -> None:
    assert columns_of(Origin(kind, root), records) == (wanted, [None] * len(wanted))


def test_a_photo_s_own_licence_comes_before_the_set_s() -> None:
    records = ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    own = ["CC0", None, "", " \t"]
    for name in ("meta_licence", "meta_license", "meta_Licence"):
        assert columns_of(Origin("table", "t.csv", "mine"), records, **{name: own})[1] == [
            "CC0",
            *["mine"] * 3,
        ]
        assert columns_of(Origin("table", "t.csv"), records, **{name: own})[1] == ["CC0", None, None, None]
    assert columns_of(Origin("folder", "photos", "mine"), records)[1] == ["mine"] * 4
    # numbers are no licences
    assert columns_of(Origin("table", "t", "mine"), records, meta_license=[1, 2, 3, 4])[1] == ["mine"] * 4


def test_columns_of_one_value_cost_next_to_nothing() -> None:
    table = pa.table({"record": pa.array([f"{number}.jpg" for number in range(10_000)])})
    made = Origin("folder", "photos", "a licence of quite some length " * 20).columns(table)
    assert [len(column.dictionary) for column in made.values()] == [1, 1]
