"""The card's sentences that depend on what there is: a check, people who were removed, licences of photos."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from facedata.config import EXPORTS
from facedata.exports.cards.dataset_card import dataset_card
from facedata.exports.cards.set_facts import CheckFacts, SetFacts
from facedata.exports.cards.told_columns import ToldColumn
from facedata.interchange.export_note import ExportNote
from tests.support.carded_sets import body_of, shown_text

INFO: dict[str, Any] = {
    "source": {"kind": "folder", "root": "/home/anna/photos"},
    "settings": {"detector": "mtcnn", "min_score": 0.9, "min_face": 20.0, "face": "largest", "min_photos": 2},
    "drawing": {"split": {"split_by": "identity", "splits": "train=1", "seed": 3}},
    "counts": {
        "records": 20, "status": {"kept": 12, "no_face": 5, "forgotten": 3}, "people": 4,
        "photos_per_person": {"min": 2, "median": 3.0, "mean": 3.0, "max": 4},
        "copies": {
            "same_bytes": {"photos": 2, "named": [["anna/1.jpg", "ben/1.jpg"]]},
            "across_splits": {"photos": 1},
        },
        "corrections": {
            "dropped": 1, "moved": 2, "merged_people": 0, "merged_photos": 0, "kept": 0, "distinct": 1,
        },
    },
    "notes": ["Anna and anna differ by case"],
}  # fmt: skip
NOTE = ExportNote("csv", "f" * 64, "0.1.0", "arcface112", 112, {"train": {"crops": 12, "people": 4}})
FACTS = SetFacts("faces", NOTE, INFO, 12, 4, (), (), CheckFacts("none"))


def text_of(**changes: Any) -> str:
    return shown_text(body_of(dataset_card(replace(FACTS, **changes), {})))


def test_it_names_no_place_and_no_note_of_the_source() -> None:
    assert "anna" not in dataset_card(FACTS, {}).casefold()


def test_people_who_were_removed_are_counted() -> None:
    assert "3 photos were removed before, at the request of the people in them." in text_of()
    counts = {**INFO["counts"], "status": {"kept": 12}}
    assert "were removed before" not in text_of(info={**INFO, "counts": counts})


@pytest.mark.parametrize("form", EXPORTS)
def test_the_note_is_said_to_have_names_if_it_has(form: str) -> None:
    note = replace(NOTE, format=form)
    assert "facedata-export.json has names" not in text_of(note=note)
    text = text_of(note=replace(note, people={"train/0": "Anna"}))
    assert "facedata-export.json has names, too: its “people” says who" in text
    assert "Anna" not in text


def test_limits_and_corrections_are_told() -> None:
    text = text_of()
    assert (
        "Corrected: 1 photo dropped, 2 photos moved to another person, 1 pair of people confirmed as two."
        in text
    )
    assert "People with fewer than 2 photos were left out." in text
    assert "1 photo looks the same as one in another split." in text
    assert "2 photos have the same bytes as a photo of another person." in text
    assert "Not in the set are 8 of 20 photos" in text
    assert "Template arcface112: Turned, scaled" in text


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (CheckFacts("none"), "It was not checked: facedata check does it."),
        (CheckFacts("stale"), "It was checked before it changed; as it is now, it was not."),
        (CheckFacts("current"), "facedata check found nothing."),
        (
            CheckFacts("current", (("error", "swapped", 7), ("note", "dark", 1234))),
            "error swapped 7 note dark 1,234",
        ),
        (CheckFacts("current", settled=5), "5 more were looked at by a person and settled."),
        (CheckFacts("current", compared_faces=True), "A model compared the faces, too."),
        (CheckFacts("current"), "No model compared the faces"),
    ],
)
def test_what_a_check_found(check: CheckFacts, words: str) -> None:
    text = text_of(check=check)
    assert words in text
    assert ("was not checked as it is now" in text) == (check.state != "current")


def test_licences_of_single_photos_are_told_where_they_differ() -> None:
    same = ToldColumn("licence", (("CC0", 12),))
    note = replace(NOTE, licence="CC0")
    assert "single photos" not in text_of(told=(same,), note=note)
    mixed = ToldColumn("licence", (("CC0", 9), ("MIT", 2)), 1)
    said = "Licences of the single photos: CC0 (9 photos); MIT (2 photos); others (1 photo)."
    assert said in text_of(told=(mixed,), note=note)


@pytest.mark.parametrize(
    ("crops", "size"),
    [
        (1, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (3_000_000, "1M<n<10M"),
        (10**12, "100M<n<1B"),
    ],
)
def test_sizes_are_the_hub_s_classes(crops: int, size: str) -> None:
    head = yaml.safe_load(
        dataset_card(replace(FACTS, crops=crops), {"configs": [{"a": "*"}]}).split("---\n")[1]
    )
    assert head["size_categories"] == [size]
    assert head["configs"] == [{"a": "*"}]


def test_crops_in_no_split_and_finished_crops() -> None:
    note = replace(NOTE, splits={"": {"crops": 12, "people": 4}}, left_out=("24 pairs",))
    text = text_of(note=note)
    assert "in no split 12 4" in text
    assert "Not in this export: 24 pairs" in text
    finished = dataset_card(replace(FACTS, info={**INFO, "settings": {"as_crops": True}}), {})
    assert yaml.safe_load(finished.split("---\n")[1])["annotations_creators"] == ["found"]
