"""What a check found is read only if it is of this state of the set."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.errors import NotASetError, OtherSetError, SetError, UsageError
from facedata.files.atomic import file_sha256
from facedata.files.remote import Remote
from facedata.review.check_findings import find_check_folder, read_findings
from facedata.sets.prepared import PreparedSet
from tests.support.review_findings import Planter
from tests.support.small_set import make_set


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", {"ana": 3, "bo": 3})


def test_findings_of_this_set_are_read(prepared: PreparedSet, tmp_path: Path) -> None:
    planter = Planter(prepared)
    planter.write([planter.stranger("photos/bo/1.jpg")])
    found = read_findings(prepared, find_check_folder(prepared, None))
    assert found.folder == tmp_path / "faces/check"
    assert [row["left_photo"] for row in found.table.to_pylist() if row["kind"] == "stranger"] == [
        "photos/bo/1.jpg"
    ]
    assert found.sha256 == file_sha256(tmp_path / "faces/check/findings.parquet")


def test_a_set_that_was_not_checked_is_sent_to_check(prepared: PreparedSet, tmp_path: Path) -> None:
    folder = find_check_folder(prepared, None)
    with pytest.raises(SetError) as raised:
        read_findings(prepared, folder)
    assert str(raised.value) == (
        f"{folder} holds no findings: run `facedata check {prepared}`, or with a model `facemodel check "
        f"MODEL {prepared}` first"
    )
    planter = Planter(prepared)
    planter.write([])
    (folder / "summary.json").unlink()  # it is written last
    with pytest.raises(SetError, match="holds no findings"):
        read_findings(prepared, folder)


def test_findings_of_another_state_of_the_set_are_refused(prepared: PreparedSet, tmp_path: Path) -> None:
    other = make_set(tmp_path / "other", {"ana": 3, "cy": 3})
    Planter(other).write([])
    with pytest.raises(OtherSetError) as raised:
        read_findings(prepared, find_check_folder(prepared, tmp_path / "other/check"))
    assert f"is of the set {other.fingerprint[:12]}, and {prepared} is now" in str(raised.value)
    assert "again" in str(raised.value)


def test_a_damaged_file_is_refused(prepared: PreparedSet) -> None:
    folder = Planter(prepared).write([]).folder
    (folder / "findings.parquet").write_bytes(b"PAR1")
    with pytest.raises(NotASetError, match="not a readable Parquet file"):
        read_findings(prepared, folder)


def test_findings_at_a_url_are_asked_for_here(prepared: PreparedSet) -> None:
    with pytest.raises(UsageError, match="--check"):
        find_check_folder(prepared, "s3://bucket/check")
    prepared.path = Remote("s3://bucket/faces")
    with pytest.raises(UsageError, match="--check"):
        find_check_folder(prepared, None)
