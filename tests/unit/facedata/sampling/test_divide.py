"""Splits and labels of a table of crops."""

from __future__ import annotations

from facedata.config import SplitConfig
from tests.support.small_set import class_table, divide_classes, ledger_of

PEOPLE = {"zoe": 4, "adam": 3, "Éva": 2, "bob": 1}
HALF = SplitConfig(splits="train=0.5,test=0.5")


def test_people_are_divided_whole_and_the_table_keeps_its_schema() -> None:
    bare = class_table(PEOPLE)
    classes, section = divide_classes(bare, ledger_of(bare), HALF)
    assert classes.schema.equals(bare.schema)
    rows = set(zip(*(classes.column(name).to_pylist() for name in ("identity", "split")), strict=True))
    assert len(rows) == len(PEOPLE)
    assert {name: split["people"] for name, split in section["splits"].items()} == {"train": 2, "test": 2}
    assert sum(split["photos"] for split in section["splits"].values()) == classes.num_rows


def test_labels_are_dense_in_byte_order_over_training_people_only() -> None:
    bare = class_table(PEOPLE)
    classes, _ = divide_classes(bare, ledger_of(bare), HALF)
    training = sorted(
        {row["identity"] for row in classes.to_pylist() if row["split"] == "train"}, key=str.encode
    )
    for row in classes.to_pylist():
        expected = training.index(row["identity"]) if row["identity"] in training else None
        assert row["label"] == expected


def test_the_first_split_has_the_labels_where_none_is_called_train() -> None:
    bare = class_table(PEOPLE)
    classes, _ = divide_classes(bare, ledger_of(bare), SplitConfig(splits="fit=0.5,hold=0.5"))
    assert {(row["split"], row["label"] is None) for row in classes.to_pylist()} == {
        ("fit", False),
        ("hold", True),
    }


def test_earlier_splits_are_kept() -> None:
    bare = class_table(PEOPLE)
    previous = {"zoe": "test", "adam": "test"}
    classes, _ = divide_classes(bare, ledger_of(bare), HALF, previous)
    found = {row["identity"]: row["split"] for row in classes.to_pylist()}
    assert found == {"zoe": "test", "adam": "test", "Éva": "train", "bob": "train"}


def test_by_photo_people_are_in_every_split_and_too_small_ones_are_counted() -> None:
    bare = class_table(PEOPLE)
    config = SplitConfig(splits="train=0.5,test=0.5", split_by="photo")
    classes, section = divide_classes(bare, ledger_of(bare), config)
    splits = {(row["identity"], row["split"]) for row in classes.to_pylist()}
    assert splits == {(name, split) for name in PEOPLE for split in ("train", "test")} - {("bob", "test")}
    assert classes.column("label").null_count == 0  # everybody has training crops
    assert section["notes"] == ["1 people have fewer photos than there are splits: theirs are all in one"]


def test_official_splits_are_taken_as_they_are_and_gaps_are_said() -> None:
    bare = class_table({"anna": 2, "ben": 1})
    official = {"anna/0.jpg": "train", "ben/0.jpg": "test"}
    classes, section = divide_classes(bare, ledger_of(bare, official), SplitConfig(split_by="official"))
    assert classes.column("split").to_pylist() == ["train", None, "test"]
    assert classes.column("label").to_pylist() == [0, 0, None]
    assert section["unassigned"] == 1
    assert any("1 photos have no official split" in note for note in section["notes"])


def test_official_splits_without_train_give_nobody_a_label() -> None:
    bare = class_table({"anna": 1, "ben": 1})
    official = {"anna/0.jpg": "test", "ben/0.jpg": "test"}
    classes, section = divide_classes(bare, ledger_of(bare, official), SplitConfig(split_by="official"))
    assert classes.column("label").null_count == 2
    assert section["notes"] == ["no crop is in the split train, so nobody has a label"]


def test_official_without_any_official_split_leaves_all_photos_unassigned() -> None:
    bare = class_table({"anna": 1})
    _, section = divide_classes(bare, ledger_of(bare), SplitConfig(split_by="official"))
    assert section["unassigned"] == 1
    assert any("no official split" in note for note in section["notes"])


def test_official_splits_that_are_not_used_are_said() -> None:
    bare = class_table({"anna": 2, "ben": 2})
    _, section = divide_classes(bare, ledger_of(bare, {"anna/0.jpg": "train"}), SplitConfig())
    assert any("--split-by official" in note for note in section["notes"])


def test_an_empty_split_is_said() -> None:
    bare = class_table({"anna": 2})
    _, section = divide_classes(bare, ledger_of(bare), SplitConfig())
    assert section["splits"]["test"] == {"people": 0, "photos": 0}
    assert any(note.startswith("test is empty") for note in section["notes"])


def test_no_crops_are_divided_into_nothing() -> None:
    bare = class_table({})
    classes, section = divide_classes(bare, ledger_of(bare), SplitConfig())
    assert (classes.num_rows, section["unassigned"]) == (0, 0)
