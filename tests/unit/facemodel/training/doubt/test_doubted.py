"""Doubted photos: which are left out, which get another name, and that nobody changes the split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata import ClassManifest, PreparedSet
from facedata.config import SplitConfig
from facemodel.errors import DataError, RunError
from facemodel.training.doubt.doubted import DOUBTED, DROP, MOVE, Doubted, find_doubted, read_doubted_of
from tests.support.findings import write_findings
from tests.support.small_set import make_set


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    names = {f"p{number:02d}": 4 for number in range(20)}
    return make_set(tmp_path / "faces", names, split=SplitConfig(splits="train=0.5,val=0.2,test=0.3"))


class People:
    """Crops of a set, by split, their person's number in it, and their number."""

    def __init__(self, faces: PreparedSet) -> None:
        self.rows: list[dict[str, Any]] = ClassManifest.open(faces).table.to_pylist()

    def names(self, split: str) -> list[str]:
        return sorted({row["identity"] for row in self.rows if row["split"] == split})

    def crop(self, split: str, person: int, photo: int) -> dict[str, Any]:
        name = self.names(split)[person]
        return [row for row in self.rows if row["identity"] == name][photo]


def finding(kind: str, left: dict[str, Any], right: Any = None, **more: Any) -> dict[str, Any]:
    sides = {"left": left["id"], "left_identity": left["identity"]}
    sides |= {} if right is None else {"right": right["id"], "right_identity": right["identity"]}
    return {"kind": kind, **sides, **more}


def labels(faces: PreparedSet, doubted: Doubted) -> dict[int, tuple[str, str]]:
    rows = doubted.apply(ClassManifest.open(faces)).table.to_pylist()
    return {row["id"]: (row["identity"], row["split"]) for row in rows}


def plant(faces: PreparedSet) -> tuple[People, dict[str, dict[str, Any]]]:
    people = People(faces)
    names = {split: people.names(split) for split in ("train", "val", "test")}
    at = {
        "moved": people.crop("train", 0, 0), "unsure": people.crop("train", 1, 0),
        "stranger": people.crop("train", 2, 0), "left": people.crop("train", 3, 1),
        "right": people.crop("train", 4, 2), "to_val": people.crop("train", 5, 0),
        "to_test": people.crop("train", 6, 0), "judge": people.crop("val", 0, 0),
        "tested": people.crop("test", 0, 0), "gone": people.crop("train", 7, 0),
    }  # fmt: skip
    move = {"proposal": "move"}
    write_findings(
        faces,
        [
            finding("wrong_person", at["moved"], to_identity=names["train"][1], **move),
            finding("wrong_person", at["unsure"], to_identity=names["train"][0]),
            finding("stranger", at["stranger"], proposal="drop"),
            finding("swapped", at["left"], at["right"], **move),
            finding("wrong_person", at["to_val"], to_identity=names["val"][1], **move),
            finding("wrong_person", at["to_test"], to_identity=names["test"][1], **move),
            finding("wrong_person", at["judge"], to_identity=names["val"][1], **move),
            finding("wrong_person", at["tested"], to_identity=names["train"][0], **move),
            finding("wrong_person", at["gone"], to_identity="nobody of that name", **move),
            finding("blurred", people.crop("train", 8, 0)),
        ],
    )
    return people, at


def test_all_that_train_or_validate_are_left_out(faces: PreparedSet) -> None:
    people, at = plant(faces)
    doubted = find_doubted(faces, DROP)
    left = labels(faces, doubted)
    gone = {one["id"] for name, one in at.items() if name != "tested"}
    assert {row["id"] for row in people.rows} - left.keys() == gone
    assert {left[row["id"]] for row in people.rows if row["id"] in left} <= {
        (row["identity"], row["split"]) for row in people.rows
    }
    assert doubted.line == "`check` doubts 9 photos: 9 are left out"
    assert at["tested"]["id"] in left


def test_those_with_a_proposal_count_for_the_person_they_show(faces: PreparedSet) -> None:
    people, at = plant(faces)
    doubted = find_doubted(faces, MOVE)
    after = labels(faces, doubted)
    train, val = people.names("train"), people.names("val")
    assert after[at["moved"]["id"]] == (train[1], "train")
    assert after[at["left"]["id"]] == (train[4], "train")
    assert after[at["right"]["id"]] == (train[3], "train")
    assert after[at["judge"]["id"]] == (val[1], "val")
    assert after[at["to_val"]["id"]] == (val[1], "val"), "a person who validates does not train"
    for name in ("unsure", "stranger", "to_test", "gone"):
        assert at[name]["id"] not in after, name
    assert after[at["tested"]["id"]] == (at["tested"]["identity"], "test"), "the test split is as it was"
    others = [row for row in people.rows if row["id"] not in {one["id"] for one in at.values()}]
    assert all(after[row["id"]] == (row["identity"], row["split"]) for row in others)
    splits: dict[str, set[str]] = {}
    for name, split in after.values():
        splits.setdefault(name, set()).add(split)
    assert all(len(theirs) == 1 for theirs in splits.values()), "nobody is in two splits"
    assert doubted.line == "`check` doubts 9 photos: 4 are left out, 5 count for the person they seem to show"


def test_where_people_are_in_several_splits_photos_stay_in_theirs(tmp_path: Path) -> None:
    split = SplitConfig(splits="train=0.5,test=0.5", split_by="photo")
    faces = make_set(tmp_path / "faces", {f"p{n}": 6 for n in range(3)}, split=split)
    rows = [row for row in ClassManifest.open(faces).table.to_pylist() if row["split"] == "train"]
    one, other = rows[0], next(row for row in rows if row["identity"] != rows[0]["identity"])
    write_findings(faces, [finding("wrong_person", one, to_identity=other["identity"], proposal="move")])
    assert labels(faces, find_doubted(faces, MOVE))[one["id"]] == (other["identity"], "train")


def test_findings_are_needed_and_must_be_about_the_set_as_it_is(faces: PreparedSet) -> None:
    with pytest.raises(DataError, match=r"--doubted move goes by the findings of a check.*facemodel check"):
        find_doubted(faces, MOVE)
    write_findings(faces, [], fingerprint="f" * 64)
    with pytest.raises(DataError, match="another state of the set"):
        find_doubted(faces, DROP)
    write_findings(faces, [])
    assert find_doubted(faces, DROP).line == "`check` doubts 0 photos: 0 are left out"


def test_the_table_comes_back_and_a_damaged_one_is_refused(faces: PreparedSet, tmp_path: Path) -> None:
    plant(faces)
    doubted = find_doubted(faces, MOVE)
    doubted.write(tmp_path, faces)
    assert read_doubted_of(tmp_path).table.equals(doubted.table)
    (tmp_path / DOUBTED).write_bytes(b"no table")
    with pytest.raises(RunError, match="start over with --overwrite"):
        read_doubted_of(tmp_path)
