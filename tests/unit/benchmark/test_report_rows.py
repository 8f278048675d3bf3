"""The measuring of ``make bench-report``: its large set is one, and a missed row is seen."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from facedata.checks.integrity.find_damage import find_damage
from tests.benchmark import report
from tests.benchmark.report_rows.many_crops import make_many_crops
from tests.benchmark.report_rows.reviewing import draw_doubts
from tests.benchmark.report_rows.row import Row, print_rows
from tests.benchmark.report_rows.writing import run_watched
from tests.support.people_set import people_set


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of some 500 crops of 40 people, which are 60 crops again and again."""
    folder = tmp_path_factory.mktemp("many")
    people_set(folder / "real")
    make_many_crops(folder / "many", folder / "real", 500, people=40)
    return folder / "many"


def test_the_large_set_is_as_any_set_with_crops_that_can_be_read(many: Path) -> None:
    damage = find_damage(many)
    assert damage.prepared is not None
    classes = pq.read_table(many / "classes.parquet")
    assert abs(classes.num_rows - 500) < 25
    for crop in classes.to_pylist():
        data = (many / crop["file"]).read_bytes()
        assert len(data) == crop["length"]
        assert hashlib.sha256(data).hexdigest() == crop["crop_sha256"]
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    assert len(set(classes.column("identity").to_pylist())) == 40


def test_the_large_set_has_the_findings_of_a_check(many: Path) -> None:
    findings = pq.read_table(many / "check" / "findings.parquet")
    assert findings.num_rows > 100
    assert set(findings.column("kind").to_pylist()) == {"wrong_person", "blurred"}
    quality = pq.read_table(many / "check" / "quality.parquet")
    assert (
        quality.column("id").to_pylist() == pq.read_table(many / "classes.parquet").column("id").to_pylist()
    )


def test_a_hundred_doubts_are_of_a_hundred_people(tmp_path: Path) -> None:
    people_set(tmp_path / "faces", people=110, photos=2)
    photos = draw_doubts(tmp_path / "faces", tmp_path / "doubts")
    assert len({Path(photo).parent.name for photo in photos}) == 100
    assert set(pq.read_table(tmp_path / "doubts" / "findings.parquet").column("kind").to_pylist()) == {
        "stranger"
    }


def test_a_row_that_is_missed_is_marked_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("quick", "1 s", "≤ 2 s", True), Row("slow", "3 s", "≤ 2 s", False)]
    assert not print_rows("Times", rows)
    assert print_rows("Times", rows[:1])
    lines = capsys.readouterr().out.splitlines()
    assert "| ok | quick | 1 s | ≤ 2 s |" in lines
    assert "| !! | slow | 3 s | ≤ 2 s |" in lines


def test_the_status_says_that_a_row_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_row(good: bool) -> int:
        parts = {"write": ("Written", lambda _: iter([Row("page", "1 s", "≤ 2 s", good)]))}
        monkeypatch.setattr(report, "PARTS", parts)
        return report.main(["write", "--keep", str(tmp_path)])

    monkeypatch.setattr(report, "find_missing", lambda: None)
    monkeypatch.setattr(report, "describe_machine", lambda: "a machine")
    monkeypatch.setattr(report, "keep_to_two_cores", lambda: None)
    monkeypatch.setattr(report, "SHARED", tmp_path)
    (tmp_path / "data").mkdir()
    assert [with_row(True), with_row(False)] == [0, 1]
    assert "a machine" in capsys.readouterr().out


def test_a_command_is_timed_with_its_memory_and_its_failure_is_told(tmp_path: Path) -> None:
    ran = run_watched("--version")
    assert 0 < ran.seconds < 60
    assert 0 < ran.cpu_s < 60
    assert ran.memory > 1e6
    with pytest.raises(SystemExit, match=r"facedata info .* ended with 1"):
        run_watched("info", tmp_path / "nothing")
