from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from facedata.report.choice import choose_crops
from facedata.report.crop_columns import read_crop_columns
from facedata.report.facts import describe_set, list_cards, list_notes
from facedata.report.ledger_counts import count_statuses
from facedata.sets.prepared import PreparedSet, open_set
from tests.support.damaged_sets import alter_table
from tests.support.report_sets import prepare_photos
from tests.support.small_set import make_set


def _described(prepared: PreparedSet, most: int = 1000) -> dict[str, object]:
    crops = read_crop_columns(prepared)
    choice = choose_crops(crops, np.zeros(len(crops.people), np.int64), np.empty(0, np.int64), most)
    return describe_set(prepared, crops, choice, count_statuses(prepared), ["one more", ""])


def test_the_numbers_at_the_top_add_up(tmp_path: Path) -> None:
    prepared = prepare_photos(tmp_path)
    assert _described(prepared)["cards"] == [
        ("17", "photos"), ("12", "kept"), ("5", "rejected"), ("4", "people"), ("6", "crops in train"),
        ("6", "crops in test"),
    ]  # fmt: skip


def test_one_photo_and_one_person_are_not_several(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"anna": 1})
    alter_table(tmp_path, "photos", lambda table: table.slice(0, 1))
    prepared = open_set(tmp_path)
    cards = list_cards(read_crop_columns(prepared), count_statuses(prepared))
    assert cards[:4] == [("1", "photo"), ("1", "kept"), ("0", "rejected"), ("1", "person")]


def test_many_splits_are_counted_together(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 9})
    names = [*(f"split {number}" for number in range(8)), None]
    alter_table(
        tmp_path, "classes", lambda table: table.set_column(5, table.schema.field(5), pa.array(names))
    )
    prepared = open_set(tmp_path)
    cards = list_cards(read_crop_columns(prepared), count_statuses(prepared))
    assert cards[4:] == [("8", "splits"), ("8", "crops in a split"), ("1", "crops in no split")]


def test_notes_are_those_of_the_set_and_of_the_page(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"anna": 3, "ben": 3})
    prepared.info["notes"] = ["names differ"]
    prepared.info["counts"]["pairs"]["notes"] = ["test has no pairs: one person"]
    prepared.info["counts"]["triplets"]["notes"] = ["test has no pairs: one person", "no triplets"]
    notes = _described(prepared)["notes"]
    assert notes == ["one more", "names differ", "test has no pairs: one person", "no triplets"]


def test_a_page_of_some_crops_says_so(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {f"p{number}": 4 for number in range(10)})
    crops = read_crop_columns(prepared)
    choice = choose_crops(crops, np.zeros(10, np.int64), np.empty(0, np.int64), 8)
    first, *others = list_notes(prepared, crops, choice)
    assert first.startswith("The page shows 8 of 40 crops, of 2 of 10 people:")
    assert others == list_notes(
        prepared, crops, choose_crops(crops, np.zeros(10, np.int64), np.empty(0, np.int64))
    )


def test_facts_say_where_the_photos_are_from_and_what_they_may_be_used_for(tmp_path: Path) -> None:
    prepared = prepare_photos(tmp_path, licence="<i>with consent</i>")
    described = _described(prepared)
    facts = dict(described["facts"])  # type: ignore[call-overload]
    assert facts["source"] == f"folder {tmp_path / 'photos'}"
    assert facts["licence"] == "<i>with consent</i>"
    assert facts["fingerprint"] == prepared.fingerprint
    assert facts["crops"] == "48 px, template square, one file each"
    assert facts["version of facedata"] == prepared.info["versions"]["facedata"]
    assert "photos by source" not in facts
    assert described["consent"] is None
    assert described["set_name"] == "faces"
    settings = dict(described["settings"])  # type: ignore[call-overload]
    assert settings["min-score"] == "0.9"
    assert settings["stable"] == "no"
    assert settings["pairs: strategy"] == "random"
    assert settings["exclude"] == settings["corrections"] == "–"


def test_several_licences_are_counted(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 3})

    def add(table: pa.Table) -> pa.Table:
        for name, values in (("licence", ["CC0", None, "CC0", "own"]), ("source", ["a", "b", "a", "a"])):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(at), pa.array(values).dictionary_encode())
        return table

    alter_table(tmp_path, "photos", add)
    facts = dict(_described(open_set(tmp_path))["facts"])  # type: ignore[call-overload]
    assert facts["licence"] == "CC0 (2 photos); not known (1 photos); own (1 photos)"
    assert facts["photos by source"] == "a (3 photos); b (1 photos)"
