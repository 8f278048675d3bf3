"""A file's pairs, mapped to crops by whatever names they use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facedata.config import SplitConfig
from facedata.errors import SourceError
from facedata.sampling.own_pairs import match_pairs, pairs_again
from facedata.sampling.pair_file import PAIR_FILE, PairFile
from facedata.tables import schema
from tests.support.small_set import class_table, divide_classes, ledger_of

SPLITS = {"anna/0.jpg": "train", "anna/1.jpg": "train", "ben/0.jpg": "train", "cara/0.jpg": "test"}
BARE = class_table({"anna": 2, "ben": 1, "cara": 1}, skip_ids=1)
LEDGER = ledger_of(BARE, SPLITS)  # its photos are photos/anna/0.jpg …, and one that was not kept
CLASSES = divide_classes(BARE, LEDGER, SplitConfig(split_by="official"))[0]


def listed(*rows: tuple[Any, ...]) -> PairFile:
    full = [(*row, None, None)[:5] for row in rows]
    table = pa.Table.from_pylist([dict(zip(PAIR_FILE.names, row, strict=True)) for row in full], PAIR_FILE)
    return PairFile(Path("mine.csv"), table, range(2, len(rows) + 2), "line")


def match(*rows: tuple[Any, ...]) -> tuple[list[tuple[int, int, bool]], dict[str, Any]]:
    table, section = match_pairs(listed(*rows), CLASSES, LEDGER.select(["record", "photo", "path"]))
    assert table.schema.equals(schema.PAIRS)
    return [(row["left"], row["right"], row["same"]) for row in table.to_pylist()], section


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("photos/anna/0.jpg", "photos/ben/0.jpg"),
        ("anna/0.jpg", "ben/0.jpg"),  # the crops
        (".\\anna\\0.jpg", "./ben/0.jpg"),
        ("anna/0.png", "ben/0"),
        ("/data/mine/photos/anna/0.jpg", "/data/mine/photos/ben/0.jpg"),
        ("0", "4"),
    ],
)
def test_photos_go_by_many_names(left: str, right: str) -> None:
    rows, section = match((left, right, False), (right, left, False))
    assert rows == [(0, 4, False), (4, 0, False)]
    assert section["splits"] == {"train": {"asked": 2, "rows": 2, "same": 0}}
    assert section["listed"] == section["complete"] == 2


def test_names_in_another_unicode_form_and_pairs_of_lfw() -> None:
    classes = class_table({"Jos\u00e9": 1, "Ann": 1})
    photos = [
        ("lfw/Jose\u0301/Jose\u0301_0001.jpg", "Jos\u00e9/0.jpg"),
        ("lfw/Ann/Ann_0001.png", "Ann/0.jpg"),
    ]
    ledger = pa.Table.from_pylist(
        [{"record": photo, "photo": photo, "status": "kept", "path": path} for photo, path in photos],
        schema=schema.PHOTOS,
    )
    classes = classes.set_column(5, "split", pa.array(["train", "train"]))
    pairs, _ = match_pairs(listed(("Jos\u00e9/Jos\u00e9_0001", "Ann/Ann_0001", False)), classes, ledger)
    assert (pairs["left_path"][0].as_py(), pairs["right_path"][0].as_py()) == ("Jos\u00e9/0.jpg", "Ann/0.jpg")


def test_photos_that_were_not_kept_are_counted_and_named() -> None:
    rows, section = match(("photos/lost.jpg", "anna/0.jpg", False), ("anna/0.jpg", "anna/1.jpg", True))
    assert rows == [(0, 2, True)]
    assert section["missing"] == [
        {"left": "photos/lost.jpg", "right": "photos/anna/0.jpg", "missing": ["photos/lost.jpg"]}
    ]
    assert "1 of 2 pairs of the file need a photo that was not kept (photos/lost.jpg)" in section["notes"][0]


def test_pairs_across_splits_and_of_another_split_than_they_say_are_counted() -> None:
    rows, section = match(
        ("anna/0.jpg", "cara/0.jpg", False),
        ("anna/0.jpg", "anna/1.jpg", True, "test", 1),
        ("anna/0.jpg", "ben/0.jpg", False, "train", 0),
    )
    assert rows == [(0, 4, False)]
    assert section["other_split"] == 2
    assert "2 of 3 pairs" in section["notes"][0]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("anna/0.jpg", "dora/0.jpg", False), r"line 3: 'dora/0.jpg' is no photo of this set"),
        (("photos/anna/0.jpg", "anna/0.jpg", True), "line 3: its two photos are one and the same"),
        (("anna/0.jpg", "ben/0.jpg", True), "line 3: it contradicts the set, which has two people here"),
        (("anna/0.jpg", "anna/1.jpg", False), "line 3: it contradicts the set, which has one person here"),
        (("0.jpg", "anna/1.jpg", True), r"line 3: '0.jpg' may be 'photos/anna/0.jpg' or 'photos/ben/0.jpg'"),
    ],
)
def test_what_does_not_fit_the_set_is_refused_with_the_line(row: tuple[Any, ...], why: str) -> None:
    with pytest.raises(SourceError, match=why):
        match(("anna/0.jpg", "anna/1.jpg", True), row)


def test_a_set_s_pairs_are_matched_again_without_those_that_are_gone() -> None:
    file = listed(("anna/0.jpg", "anna/1.jpg", True), ("anna/0.jpg", "ben/0.jpg", False))
    table, _ = match_pairs(file, CLASSES, LEDGER)
    left = CLASSES.filter(pa.array([True, True, False, True]))
    again = pairs_again(table, left, Path("pairs.parquet"))
    assert again.table.to_pylist() == [{"left": "0", "right": "2", "same": True, "split": None, "fold": None}]
    assert again.notes[0].startswith("1 of 2 pairs are left out")
