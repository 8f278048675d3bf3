"""Official pairs of a small set, read and judged by evidence that the test makes up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata import ClassManifest, PreparedSet, open_set
from facedata.checks.findings import Finding, Kind, Severity
from facedata.tables.schema import PROTOCOL
from facemodel.checks.official_pairs import OfficialPairs, official_pair_findings, read_official_pairs
from tests.support.small_set import make_set

PEOPLE = {"ada": 3, "bo": 2, "cy": 1}
LISTED = [
    ("ada/0.jpg", "ada/1.jpg", True),
    ("ada/0.jpg", "bo/1.jpg", False),
    ("bo/0.jpg", "lost.jpg", True),  # in the ledger, but not kept
    ("ada/2.jpg", "cy/0.jpg", False),
    ("bo/1.jpg", "nobody.jpg", False),
]


def protocol() -> pa.Table:
    rows = [
        {"left": f"photos/{left}", "right": f"photos/{right}", "same": same, "split": "train"}
        for left, right, same in LISTED
    ]
    return pa.Table.from_pylist(rows, schema=PROTOCOL)


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", PEOPLE, protocol=protocol(), skip_ids=3)


def read(prepared: PreparedSet, *lost: int) -> OfficialPairs:
    classes = ClassManifest.open(prepared).table
    return read_official_pairs(prepared, classes, np.setdiff1d(np.arange(classes.num_rows), lost))


def test_the_protocol_is_read_by_record(faces: PreparedSet) -> None:
    pairs = read(faces)
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.same.tolist(), strict=True)) == [
        (0, 1, True), (0, 4, False), (2, 5, False),
    ]  # fmt: skip
    assert (len(pairs), pairs.left_out) == (3, 2)


def test_rows_count_in_the_crops_that_have_an_embedding(faces: PreparedSet) -> None:
    pairs = read(faces, 1, 3)  # ada/1 and bo/0
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == [(0, 2), (1, 3)]
    assert pairs.left_out == 3


def test_pairs_of_a_file_count_and_those_that_were_drawn_do_not(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"ada": 3, "bo": 3, "cy": 3, "dee": 3}, skip_ids=2)
    assert len(read(prepared)) == 0
    file = tmp_path / "faces/dataset.json"
    info = json.loads(file.read_text())
    info["drawing"]["pairs"]["strategy"] = "file"
    file.write_text(json.dumps(info))
    prepared = open_set(tmp_path / "faces")
    pairs, table, ids = read(prepared), prepared.table("pairs"), ClassManifest.open(prepared).ids
    assert len(pairs) == table.num_rows > 0
    for side, rows in (("left", pairs.left), ("right", pairs.right)):
        assert ids[rows].tolist() == table.column(side).to_pylist()
    assert pairs.same.tolist() == table.column("same").to_pylist()


@pytest.mark.parametrize("name", ["protocol.parquet", "photos.parquet"])
def test_a_damaged_table_is_one_line_and_no_pairs(
    name: str, faces: PreparedSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "faces" / name).write_bytes(b"PAR1")
    classes = ClassManifest.open(faces).table
    assert len(read_official_pairs(faces, classes, np.arange(classes.num_rows))) == 0
    assert "the official pairs are not compared" in caplog.text


def judged(log_odds: list[float], least: float | None = None, names: str = "aabbc") -> list[Finding]:
    """Judge the pairs 0-1 (same) and 0-2, 3-4 (different) of five photos of these people."""
    crops = pa.table(
        {"id": [0, 10, 20, 30, 40], "photo": [f"p{at}.jpg" for at in range(5)], "identity": list(names)}
    )
    pairs = OfficialPairs(np.array([0, 0, 3]), np.array([1, 2, 4]), np.array([True, False, False]))
    return official_pair_findings(pairs, crops, np.array(log_odds), least)


def test_what_the_evidence_bears_out_is_no_finding() -> None:
    assert judged([9.0, -9.0, -9.0]) == []
    assert judged([-4.0, 4.0, 4.0]) == []  # against the pairs, but at less than 100 to 1
    assert judged([math.nan, -9.0, -9.0]) == []


def test_a_pair_against_the_evidence_is_a_suspect_without_a_proposal() -> None:
    one, other = judged([-5.0, 30.0, -9.0])
    assert {one.kind, other.kind} == {Kind.OFFICIAL_PAIR}
    assert {one.severity, other.severity} == {Severity.SUSPECT}
    assert one.proposal is other.proposal is None
    assert (one.left, one.right, one.identity, one.to_identity) == (0, 10, "a", None)
    assert (other.left, other.right, other.identity, other.to_identity) == (0, 20, "a", "b")
    assert (one.value, other.value) == (-5.0, 30.0)
    assert one.threshold == -math.log(100)
    assert other.threshold == math.log(100)
    assert 0.5 < one.score < other.score < 1
    assert one.why == (
        "The official pair of p0.jpg and p1.jpg says one person, and the photos look like two: 148 to 1."
    )
    assert other.why.endswith("says two people, and the photos look like one: more than a million to 1.")


def test_the_more_pairs_the_more_is_asked() -> None:
    """Of 1,000 right pairs one in 1,000 has odds of 1,000 to 1 against it, by chance."""
    crops = pa.table({"id": [0, 1], "photo": ["p", "q"], "identity": ["a", "a"]})
    rows = np.zeros(1000, np.int64)
    pairs, odds = OfficialPairs(rows, rows + 1, rows == 0), np.full(1000, 9.0)
    odds[5], odds[6] = -math.log(999), -math.log(1001)
    (found,) = official_pair_findings(pairs, crops, odds)
    assert found.value == odds[6]


def test_the_threshold_can_be_set() -> None:
    assert len(judged([-1.1, -9.0, -9.0], least=1.0)) == 1


def test_names_that_contradict_a_pair_are_a_note() -> None:
    """As after a correction: 1 was moved to another person."""
    (agreed,) = judged([-9.0, -9.0, -9.0], names="axbbc")
    assert agreed.severity is Severity.NOTE
    assert agreed.why.endswith("look like two: 8,103 to 1, as the names say here.")
    (open_,) = judged([0.5, -9.0, -9.0], names="axbbc")
    assert open_.severity is Severity.NOTE
    assert open_.why == (
        "The official pair of p0.jpg and p1.jpg says one person, and the names here, a and x, say two."
    )


def test_odds_of_other_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="2 log odds of 3 pairs"):
        judged([1.0, 2.0])
