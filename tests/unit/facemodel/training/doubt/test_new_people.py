"""New people: of photos that no name is left for, never of who validates or is tested, nor of copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata import ClassManifest
from facedata.config import SplitConfig
from facedata.types import Float32Array
from facemodel.training.doubt.doubted import DROP, MOVE, Doubted, find_doubted, read_doubted_of
from facemodel.training.doubt.new_people import is_new_person
from tests.support.findings import write_findings
from tests.support.kept_check import write_kept
from tests.support.small_set import make_set

PHOTOS = 2
Row = dict[str, Any]


class Planted:
    """A set of people with two photos each, and whom each photo shows: by its label, or by :meth:`show`."""

    def __init__(self, folder: Path, people: int = 20, names: str = "p{:02d}") -> None:
        split = SplitConfig(splits="train=0.6,val=0.2,test=0.2")
        self.faces = make_set(folder, {names.format(at): PHOTOS for at in range(people)}, split=split)
        self.rows: list[Row] = ClassManifest.open(self.faces).table.to_pylist()
        self.shows = [row["identity"] for row in self.rows]

    def crop(self, split: str, person: int, photo: int) -> Row:
        names = sorted({row["identity"] for row in self.rows if row["split"] == split})
        return [row for row in self.rows if row["identity"] == names[person]][photo]

    def show(self, row: Row, whom: str) -> None:
        self.shows[self.rows.index(row)] = whom

    def vectors(self) -> Float32Array:
        each = {name: at for at, name in enumerate(sorted(set(self.shows)))}
        vectors = np.zeros((len(self.rows), len(each) + 1), np.float32)
        vectors[np.arange(len(self.rows)), [each[name] for name in self.shows]] = 1
        vectors[:, -1] = np.random.default_rng(0).uniform(0, 0.3, len(self.rows))
        return vectors

    def find(self, findings: list[Row], how: str = MOVE, **more: Any) -> Doubted:
        write_findings(self.faces, findings)
        return find_doubted(self.faces, how, **more)


def wrong(row: Row, **more: Any) -> Row:
    return {"kind": "wrong_person", "left": row["id"], "left_identity": row["identity"], **more}


def counts_for(doubted: Doubted) -> dict[int, str | None]:
    table = doubted.table.to_pylist()
    assert [row["id"] for row in table] == sorted(row["id"] for row in table)
    assert all((row["to_identity"] is None) == (row["split"] is None) for row in table)
    return {row["id"]: row["to_identity"] for row in table}


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path / "faces")


def lost_people(planted: Planted) -> tuple[list[Row], list[Row]]:
    """Both photos of two people lie under others' names; return these four, and findings about them."""
    lost = [planted.crop("train", at, 1) for at in range(4)]
    for row, whom in zip(lost, ("Xena", "Yves", "Yves", "Xena"), strict=True):
        planted.show(row, whom)
    write_kept(planted.faces, planted.vectors())
    return lost, [wrong(lost[0]), wrong(lost[1]), {**wrong(lost[2]), "kind": "stranger"}, wrong(lost[3])]


def test_photos_that_no_name_is_left_for_are_new_people(planted: Planted) -> None:
    lost, findings = lost_people(planted)
    before = dict(counts_for(planted.find(findings, new_people=False)))
    assert before == dict.fromkeys((row["id"] for row in lost), None)
    doubted = planted.find(findings)
    names = [counts_for(doubted)[row["id"]] for row in lost]
    first, second = "(new person 1)", "(new person 2)"
    assert names == [first, second, second, first]
    assert len(doubted.table) == 4, "those left alone show people of whom there is nobody else"
    assert doubted.line == (
        "`check` doubts 4 photos or leaves them alone under their name: 0 are left out, 4 count for 2 new "
        "people"
    )
    after = {row["id"]: row for row in doubted.apply(ClassManifest.open(planted.faces)).table.to_pylist()}
    assert len(after) == len(planted.rows)
    assert {after[row["id"]]["split"] for row in lost} == {"train"}
    assert counts_for(planted.find(findings, DROP)) == before, "with drop there are none"
    assert doubted.table.equals(planted.find(list(reversed(findings))).table)


def test_those_left_alone_under_their_name_belong_to_them(planted: Planted, tmp_path: Path) -> None:
    alone, left_out = planted.crop("train", 0, 0), planted.crop("train", 0, 1)
    others = planted.crop("train", 1, 0), planted.crop("train", 1, 1)
    for row in (alone, others[1]):
        planted.show(row, "Xena")
    write_kept(planted.faces, planted.vectors())
    doubted = planted.find([wrong(left_out), wrong(others[1])])
    assert counts_for(doubted) == {
        alone["id"]: "(new person 1)", left_out["id"]: None, others[1]["id"]: "(new person 1)",
    }  # fmt: skip
    row = next(row for row in doubted.table.to_pylist() if row["id"] == alone["id"])
    assert row == {
        "id": alone["id"], "photo": alone["photo"], "identity": alone["identity"],
        "to_identity": "(new person 1)", "split": "train",
    }  # fmt: skip
    doubted.write(tmp_path, planted.faces)
    again = read_doubted_of(tmp_path)
    assert again.table.equals(doubted.table)
    assert again.line == doubted.line
    assert again.moves == 2


def test_a_person_who_had_one_photo_before_is_left_as_is(tmp_path: Path) -> None:
    faces = make_set(
        tmp_path / "faces", {"a": 1, "b": 1, "c": 2, "d": 2}, split=SplitConfig(splits="train=1")
    )
    rows = ClassManifest.open(faces).table.to_pylist()
    write_kept(faces, np.ones((len(rows), 3), np.float32))
    write_findings(faces, [wrong(rows[3])])  # the second of c, so the first is alone
    assert counts_for(find_doubted(faces, MOVE)) == {
        rows[2]["id"]: "(new person 1)",
        rows[3]["id"]: "(new person 1)",
    }


def test_who_validates_or_is_tested_is_never_a_new_person(planted: Planted) -> None:
    lost, findings = lost_people(planted)
    judge, tested = planted.crop("val", 0, 0), planted.crop("test", 0, 0)
    for row in (judge, tested):
        planted.show(row, "Xena")
    write_kept(planted.faces, planted.vectors())
    found = counts_for(planted.find([*findings, wrong(judge), wrong(tested)]))
    assert found[judge["id"]] is None
    assert tested["id"] not in found
    assert {found[row["id"]] for row in lost} == {"(new person 1)", "(new person 2)"}


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("proposal", ["move", None])
def test_who_seems_to_show_somebody_of_another_split_does_not_train(
    planted: Planted, split: str, proposal: str | None
) -> None:
    lost, findings = lost_people(planted)
    theirs = planted.crop(split, 0, 0)
    findings[0] = wrong(lost[0], to_identity=theirs["identity"], proposal=proposal)
    swap = {
        "kind": "swapped", "left": theirs["id"], "right": lost[1]["id"], "proposal": None,
        "left_identity": theirs["identity"], "right_identity": lost[1]["identity"],
    }  # fmt: skip
    found = counts_for(planted.find([findings[0], swap, *findings[2:]]))
    assert not any(is_new_person(name or "") for name in found.values())
    assert [found[row["id"]] for row in lost[2:]] == [None, None]


def test_copies_are_left_out(planted: Planted) -> None:
    one, other = planted.crop("train", 0, 0), planted.crop("train", 1, 0)
    for row in (one, other):
        planted.show(row, "Xena")
    write_kept(planted.faces, planted.vectors())
    copy = {
        "kind": "same_picture", "left": one["id"], "right": other["id"], "left_identity": one["identity"],
        "right_identity": other["identity"],
    }  # fmt: skip
    assert counts_for(planted.find([copy])) == {one["id"]: None, other["id"]: None}


def test_who_moves_to_a_person_stays_there(planted: Planted) -> None:
    lost, findings = lost_people(planted)
    to = planted.crop("train", 6, 0)["identity"]
    findings[0] = wrong(lost[0], to_identity=to, proposal="move")
    doubted = planted.find(findings)
    found = counts_for(doubted)
    assert [found[row["id"]] for row in lost] == [to, "(new person 1)", "(new person 1)", None]
    assert doubted.line == (
        "`check` doubts 4 photos or leaves them alone under their name: 1 are left out, 1 count for the "
        "person they seem to show, 2 count for 1 new person"
    )


def test_nobody_has_a_new_persons_name(tmp_path: Path) -> None:
    planted = Planted(tmp_path / "faces", names="(new person {})")
    lost, findings = lost_people(planted)
    names = {counts_for(planted.find(findings))[row["id"]] for row in lost}
    assert names == {"((new person 1)", "((new person 2)"}
    assert not names & {row["identity"] for row in planted.rows}


def test_without_the_checks_embeddings_photos_are_left_out_as_before(planted: Planted) -> None:
    lost, findings = lost_people(planted)
    (Path(str(planted.faces.path)) / "check" / "summary.json").unlink()
    assert counts_for(planted.find(findings)) == dict.fromkeys((row["id"] for row in lost), None)
