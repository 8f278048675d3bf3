"""Lines that a person wrote: found among a check's own, read with the set's names, refused as `fix` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.errors import CorrectionsError
from facedata.plan.corrections import correct_records
from facedata.plan.corrections_file import read_corrections
from facedata.review.own_lines import OwnLine, find_own_lines
from facedata.sets.prepared import PreparedSet
from tests.support.review_findings import Planter
from tests.support.small_set import make_set

HEAD = "action,photo,identity,to_identity,note\n"


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", {"Ana Oz": 3, "bo": 2, "cy": 2})


def read(prepared: PreparedSet, text: str) -> list[OwnLine]:
    file = Path(str(prepared)) / "corrections.csv"
    file.write_text(HEAD + text, "utf-8")
    return find_own_lines(read_corrections(file), prepared)


def meant(line: OwnLine) -> list[tuple[str, ...]]:
    return [tuple(one.values()) for one in line.meant]


def test_lines_mean_the_set_s_own_photos_and_people_however_they_are_written(prepared: PreparedSet) -> None:
    lines = read(
        prepared,
        'move,photos\\bo\\0.jpg,bo,"  Ana   Oz ",mine\nmove,photos/bo/1.jpg,,new: Zoe\u0301,\n'
        "keep,photos/cy/0.jpg,,,\nmerge,,cy,+Zo\u00e9,\ndistinct,,bo,Ana Oz,twins\n",
    )
    assert [meant(line) for line in lines] == [
        [("move", "photos/bo/0.jpg", "bo", "Ana Oz")],
        [("move", "photos/bo/1.jpg", "bo", "new:Zoé")],
        [("keep", "photos/cy/0.jpg", "cy", "")],
        [("merge", "", "cy", "new:Zoé")],
        [("distinct", "", "bo", "Ana Oz")],
    ]
    assert [line.line for line in lines] == [2, 3, 4, 5, 6]
    assert list(lines[0].cells) == ["move", "photos\\bo\\0.jpg", "bo", "  Ana   Oz ", "mine"]
    assert not [line.problem for line in lines if line.problem]


def test_what_a_check_proposed_is_nobody_s_until_it_is_edited(prepared: PreparedSet) -> None:
    planter = Planter(prepared)
    found = planter.write([planter.stranger("photos/bo/0.jpg"), planter.stranger("photos/bo/1.jpg")])
    file = found.folder / "corrections.csv"
    assert find_own_lines(read_corrections(file), prepared) == []
    text = file.read_text("utf-8-sig").splitlines()
    file.write_text("\n".join([text[0], text[1].replace("drop", "keep", 1), text[2]]) + "\n", "utf-8")
    (line,) = find_own_lines(read_corrections(file), prepared)
    assert meant(line) == [("keep", "photos/bo/0.jpg", "bo", "")]


@pytest.mark.parametrize(
    ("text", "at", "problem"),
    [
        ("drop,photos/bo/7.jpg,,,", 2, "there is no photo 'photos/bo/7.jpg' of that person"),
        ("drop,photos/bo/0.jpg,cy,,", 2, "there is no photo 'photos/bo/0.jpg' of that person"),
        ("move,photos/bo/0.jpg,,Zoe,", 2, "there is nobody called 'Zoe'"),
        ("merge,,Zoe,bo,", 2, "there is nobody called 'Zoe'"),
        ("move,photos/bo/0.jpg,,bo,", 2, "moves 'photos/bo/0.jpg' to 'bo', whose photo it is"),
        (
            "merge,,bo,cy,\nmerge,,cy,bo,",
            3,
            "merges in a circle: 'bo' into 'cy' (line 2), 'cy' into 'bo' (line 3)",
        ),
        (
            "drop,photos/bo/0.jpg,,,\nkeep,photos/bo/0.jpg,,,",
            3,
            "keeps 'photos/bo/0.jpg', and line 2 drops it",
        ),
    ],
)
def test_a_line_that_fix_will_refuse_has_its_reason_and_means_nothing(
    prepared: PreparedSet, text: str, at: int, problem: str
) -> None:
    lines = read(prepared, text)
    wrong = [line for line in lines if line.problem]
    assert [(line.line, line.problem, line.meant) for line in wrong] == [(at, problem, ())]
    records = prepared.table("photos", ["record", "photo", "identity", "status", "reason"])
    with pytest.raises(CorrectionsError):
        correct_records(records, [read_corrections(Path(str(prepared)) / "corrections.csv")])


def test_no_lines_read_no_ledger(prepared: PreparedSet) -> None:
    (Path(str(prepared)) / "photos.parquet").unlink()
    assert find_own_lines([], prepared) == []
