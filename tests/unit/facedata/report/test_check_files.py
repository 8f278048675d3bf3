from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import facedata
from facedata.checks.findings import Finding, Kind, Severity
from facedata.checks.quality.measure import QUALITY
from facedata.report import check_files
from facedata.report.check_files import UNKNOWN, read_check_files, share_evenly, worst_quality
from facedata.report.crop_columns import read_crop_columns
from facedata.sets.prepared import PreparedSet, open_set
from tests.support.report_sets import write_check
from tests.support.small_set import make_set

_PEOPLE = {"anna": 3, "ben": 2, "chidi": 2}
_NAN = float("nan")


def _findings(count: int = 5) -> list[Finding]:
    """Notes and suspects, the earlier the worse, and one error."""
    notes = [
        Finding(Kind.BLURRED, Severity.NOTE, 1 - at / 100, f"note {at}", left=at % 7) for at in range(count)
    ]
    suspects = [
        Finding(
            Kind.WRONG_PERSON, Severity.SUSPECT, 0.5 - at / 100, f"suspect {at}", left=at, right=at + 1,
            identity="anna", to_identity="ben",
        )
        for at in range(count)
    ]  # fmt: skip
    error = Finding(Kind.TRAIN_IN_TEST, Severity.ERROR, 1.0, "error", left=0, right=6)
    return [*notes, *suspects, error]


@pytest.fixture
def checked(tmp_path: Path) -> PreparedSet:
    """A set of seven crops with eleven findings, and qualities from 0 to 1."""
    prepared = make_set(tmp_path / "faces", _PEOPLE)
    values = [[row / 6] * (len(QUALITY.names) - 1) for row in range(7)]
    values[3][1], values[4] = _NAN, [_NAN] * len(values[4])
    write_check(prepared, _findings(), values)
    return prepared


def test_a_set_that_was_never_checked_has_nothing(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, _PEOPLE)
    found = read_check_files(prepared, read_crop_columns(prepared))
    assert (found.state, found.counts, found.quality, found.note) == ("none", [], {}, "")
    assert found.describe() is None
    assert found.of_person.tolist() == [0, 0, 0]
    assert not len(found.listed)


def test_findings_are_counted_by_kind_and_by_person(checked: PreparedSet) -> None:
    found = read_check_files(checked, read_crop_columns(checked))
    assert found.counts == [
        ("error", "train_in_test", 1),
        ("suspect", "wrong_person", 5),
        ("note", "blurred", 5),
    ]
    assert found.describe() == {"counts": found.counts, "shown": 11, "total": 11, "is_stale": False}
    people = Counter[str]()
    names = ("left_identity", "right_identity", "identity", "to_identity")
    for row in found.listed.to_pylist():
        people.update({row[name] for name in names} - {None})
    assert dict(zip(sorted(_PEOPLE), found.of_person.tolist(), strict=True)) == people
    assert people["anna"] == 9  # the error, five suspects, and three of the notes


def test_qualities_are_bytes_and_what_is_not_known_is_255(checked: PreparedSet) -> None:
    quality = read_check_files(checked, read_crop_columns(checked)).quality
    assert list(quality) == QUALITY.names[1:]
    assert quality["sharpness"].tolist() == [0, 42, 85, 127, UNKNOWN, 212, 254]
    assert quality["light"].tolist() == [0, 42, 85, UNKNOWN, UNKNOWN, 212, 254]


def test_thresholds_are_those_of_the_check(checked: PreparedSet) -> None:
    assert read_check_files(checked, read_crop_columns(checked)).thresholds == {"sharpness": 0.28}


def test_a_long_list_has_the_worst_of_each_kind_and_errors_first(
    checked: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_files, "MOST_LISTED", 8)
    found = read_check_files(checked, read_crop_columns(checked))
    assert found.listed.column("why").to_pylist() == [
        "error", *(f"suspect {at}" for at in range(5)), "note 0", "note 1",
    ]  # fmt: skip
    assert found.describe() == {"counts": found.counts, "shown": 8, "total": 11, "is_stale": False}
    monkeypatch.setattr(check_files, "MOST_LISTED", 3)
    found = read_check_files(checked, read_crop_columns(checked))
    assert found.listed.column("why").to_pylist() == ["error", "suspect 0", "suspect 1"]


def test_the_crops_of_listed_findings_are_named(checked: PreparedSet) -> None:
    crops = read_crop_columns(checked)
    found = read_check_files(checked, crops)
    assert set(found.named_rows(crops).tolist()) == set(range(7))


def test_a_check_of_another_state_of_the_set_is_left_out_and_said(checked: PreparedSet) -> None:
    assert isinstance(checked.path, Path)
    facedata.split_set(checked.path, splits="train=0.4,test=0.6", seed=5)
    prepared = open_set(checked.path)
    found = read_check_files(prepared, read_crop_columns(prepared))
    assert (found.state, found.counts, found.quality) == ("stale", [], {})
    assert found.describe() == {"counts": [], "shown": 0, "total": 0, "is_stale": True}
    assert "is of another state of the set" in found.note
    assert "run `facedata check`" in found.note


@pytest.mark.parametrize("name", ["findings.parquet", "quality.parquet"])
@pytest.mark.parametrize("how", ["gone", "torn", "another set's"])
def test_a_check_that_is_half_there_is_left_out_and_said(
    checked: PreparedSet, tmp_path: Path, name: str, how: str
) -> None:
    file = tmp_path / "faces/check" / name
    if how == "gone":
        file.unlink()
    elif how == "torn":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        other = make_set(tmp_path / "other", {"zoe": 2})
        write_check(other, [], [[0.5] * 9] * 2)
        file.write_bytes((tmp_path / "other/check" / name).read_bytes())
    found = read_check_files(checked, read_crop_columns(checked))
    assert (found.state, found.counts, found.quality) == ("stale", [], {})
    assert "cannot be read, or only in part" in found.note


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"kind": 3}', '{"kind": "facedata check"}'])
def test_a_summary_that_is_no_summary_is_said(checked: PreparedSet, tmp_path: Path, text: str) -> None:
    (tmp_path / "faces/check/summary.json").write_text(text)
    found = read_check_files(checked, read_crop_columns(checked))
    assert found.state == "stale"
    assert found.note


def test_a_check_without_settings_of_its_own_has_no_thresholds(checked: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "faces/check/summary.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "settings": {}}))
    found = read_check_files(checked, read_crop_columns(checked))
    assert (found.state, found.thresholds) == ("current", {})


@pytest.mark.parametrize("sizes", [[5, 100, 2], [1, 1, 1], [7], [], [0, 3, 9]])
@pytest.mark.parametrize("room", [0, 1, 2, 10, 1000])
def test_room_is_shared_as_evenly_as_can_be(sizes: list[int], room: int) -> None:
    taken = share_evenly(np.array(sizes, np.int64), room).tolist()
    slow = [0] * len(sizes)
    while sum(slow) < room and slow != sizes:  # one by one, to whoever has least and is not full
        open_ones = [at for at in range(len(sizes)) if slow[at] < sizes[at]]
        slow[min(open_ones, key=lambda at: (slow[at], at))] += 1
    assert taken == slow


def test_a_person_s_quality_is_the_mean_of_their_crops_worst() -> None:
    quality = {
        "sharpness": np.array([10, 200, UNKNOWN, UNKNOWN, 0], np.uint8),
        "light": np.array([30, 100, 50, UNKNOWN, 9], np.uint8),
    }
    person = np.array([0, 0, 0, 1, 2], np.int32)
    assert worst_quality(quality, person, 4).tolist() == [round((10 + 100 + 50) / 3), UNKNOWN, 0, UNKNOWN]
    assert worst_quality({}, person, 2).tolist() == [UNKNOWN, UNKNOWN]
