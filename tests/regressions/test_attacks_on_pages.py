"""What somebody found who set out to break the pages: reports, reviews, compared runs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import report_set, review_set
from facedata.errors import CorrectionsError, SetError, UsageError
from facedata.plan.corrections import correct_records
from facedata.plan.corrections_file import read_corrections
from facedata.review.own_lines import find_own_lines
from facedata.sets.prepared import PreparedSet
from facedata.sources.folder import FolderReader
from facemodel import compare
from facemodel.errors import ScoreError
from facemodel.scoring.compared.scored_run import read_scored_run
from tests.support.facedata_command import SMALL, done
from tests.support.packed_pages import read_data
from tests.support.report_sets import prepare_photos, write_photos
from tests.support.review_findings import Planter
from tests.support.review_server import serve_review
from tests.support.scored_runs import pairs_of, scored_run, write_run
from tests.support.set_bytes import snapshot
from tests.support.small_set import make_set

HEAD = "action,photo,identity,to_identity,note\n"


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    """A set of which a check has found something."""
    prepared = make_set(tmp_path / "faces", {"Amara": 3, "Birgit": 3, "Chidi": 2})
    planter = Planter(prepared)
    planter.write(
        [planter.wrong_person("photos/Amara/0.jpg", "Birgit"), planter.stranger("photos/Chidi/0.jpg")]
    )
    return prepared


def change_findings(prepared: PreparedSet, **columns: object) -> None:
    """Write other values into columns of the findings; None leaves a column out."""
    file = Path(str(prepared.path)) / "check/findings.parquet"
    table = pq.read_table(file)
    for name, value in columns.items():
        at, field = table.column_names.index(name), table.schema.field(name)
        table = table.remove_column(at)
        if value is not None:
            table = table.add_column(at, field, pa.array([value] * len(table), field.type))
    pq.write_table(table, file)


def test_a_report_does_not_replace_somebody_s_own_web_site(prepared: PreparedSet, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name in ("index.html", "pictures/holiday.jpg", "sheets/music.pdf"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("mine")
    before = snapshot(site)
    with pytest.raises(UsageError, match="holds something other than a report"):
        report_set(prepared, site)
    assert snapshot(site) == before
    review_set(prepared, out=tmp_path / "review")
    with pytest.raises(UsageError, match="holds something other than a report"):
        report_set(prepared, tmp_path / "review")


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced_each_time(
    prepared: PreparedSet, tmp_path: Path, exists: bool
) -> None:
    for name, write in (("report", report_set), ("review", review_set)):
        target, link = tmp_path / f"{name}-target", tmp_path / f"{name}-link"
        if exists:
            target.mkdir()
        link.symlink_to(target)
        for _ in range(2):
            write(prepared, out=link)
        assert link.is_symlink()
        assert (target / "index.html").is_file()
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")]


@pytest.mark.parametrize("out", [".", ""])
def test_the_working_folder_is_not_replaced(
    prepared: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for write in (report_set, review_set):
        with pytest.raises(UsageError, match="is the working folder"):
            write(prepared, out=out)


def test_prepare_continues_beside_what_a_killed_review_or_report_left(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos")
    command = ("prepare", "folder", tmp_path / "photos", "--out", tmp_path / "faces", *SMALL)
    done(*command, "--no-report")
    planter = Planter(PreparedSet(tmp_path / "faces"))
    planter.write([])
    before = {entry.name for entry in (tmp_path / "faces").iterdir()}

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        left.update(entry.name for entry in (tmp_path / "faces").iterdir())
        raise Killed

    left: set[str] = set()
    for write in (report_set, review_set):
        with pytest.raises(Killed):
            write(tmp_path / "faces", on_step=lambda text: die() if "thumbnails" in text else None)
    for name in left - before:
        (tmp_path / "faces" / name / "sheets").mkdir(parents=True, exist_ok=True)
    assert len(left - before) == 2
    done(*command)


@pytest.mark.parametrize("columns", [{"value": float("nan")}, {"threshold": float("inf")}])
def test_a_finding_without_a_number_can_be_decided(prepared: PreparedSet, columns: dict[str, float]) -> None:
    change_findings(prepared, **columns)
    page = review_set(prepared).page.read_bytes()
    assert [item[next(iter(columns))] for item in read_data(page)["items"]] == [None, None]


def test_damaged_findings_are_named(prepared: PreparedSet) -> None:
    file = Path(str(prepared.path)) / "check/findings.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:200] + bytes(200) + whole[400:])
    with pytest.raises(SetError, match=r"findings.parquet is damaged \(.*run `facedata check"):
        review_set(prepared)
    file.write_bytes(whole)
    change_findings(prepared, to_identity=None)
    with pytest.raises(SetError, match=r"findings.parquet is damaged \(.*to_identity"):
        review_set(prepared)


def test_a_summary_of_nothing_but_brackets_leaves_a_report(prepared: PreparedSet) -> None:
    (Path(str(prepared.path)) / "check/summary.json").write_text("[" * 100_000)
    assert b"cannot be read, or only in part" in report_set(prepared).read_bytes()


def test_a_set_in_a_folder_that_is_no_utf_8_gets_both_pages(prepared: PreparedSet, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"b\xffd<x>")
    shutil.copytree(str(prepared.path), folder)
    assert read_data(review_set(folder).page.read_bytes())["set"].endswith("b\\xffd<x>")
    assert b"b\\xffd&lt;x&gt;" in report_set(folder).read_bytes()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("move,a.jpg#1,,+Zoe,\nmerge,,+Zoe,Bo,\n", "'+Zoe' is nobody before the file is applied"),
        ("drop,a.jpg,,,\n", "'a.jpg' has several records: write 'a.jpg#1' or 'a.jpg#2'"),
        ("keep,b.jpg,,,\n", "'b.jpg' is excluded already"),
        ("drop,b.jpg,,,\ndrop,a.jpg,Bo,,\n", ""),
    ],
)
def test_the_page_warns_of_each_own_line_that_fix_refuses(tmp_path: Path, text: str, problem: str) -> None:
    people, status = ["Ana", "Bo", "Ana"], ["kept", "kept", "excluded"]
    photos = {"record": ["a.jpg#1", "a.jpg#2", "b.jpg"], "photo": ["a.jpg", "a.jpg", "b.jpg"]}
    ledger = pa.table({**photos, "identity": people, "status": status, "reason": pa.nulls(3, pa.string())})
    (tmp_path / "c.csv").write_text(HEAD + text)
    lines = read_corrections(tmp_path / "c.csv")

    class Ledger(PreparedSet):
        def __init__(self) -> None:
            pass

        def table(self, kind: str, columns: object = None) -> pa.Table:
            return ledger

    assert "".join(line.problem for line in find_own_lines(lines, Ledger())) == problem
    if problem:
        with pytest.raises(CorrectionsError):
            correct_records(ledger, [lines])
    else:
        correct_records(ledger, [lines])


def test_a_photo_that_is_a_pipe_now_does_not_stop_a_report(tmp_path: Path) -> None:
    prepared = prepare_photos(tmp_path)
    file = next(tmp_path.glob("photos/*/landscape.png"))  # the one of its status, so an example
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(OSError, match="is no file any more"):
        FolderReader({"": tmp_path / "photos"})("Birgit/landscape.png")
    assert report_set(prepared).is_file()


def test_a_server_answers_whatever_becomes_of_its_file(prepared: PreparedSet) -> None:
    file = Path(str(prepared.path)) / "check/corrections.csv"
    with serve_review(Path(str(prepared.path))) as serving:
        length = {"Content-Length": "0" * 25 + "99999999999"}
        assert serving.ask("POST", f"{serving.path}decisions", b"x", length)[0] == 413
        file.unlink()
        file.mkdir()
        status, answer, _ = serving.ask("POST", f"{serving.path}decisions", {"known": "none", "lines": []})
        assert (status, "corrections.csv" in json.loads(answer)["why"]) == (503, True)
        assert serving.ask("GET", serving.path)[0] == 409
        file.rmdir()
        assert serving.ask("GET", serving.path)[0] == 200


@pytest.mark.parametrize(
    ("name", "value"), [("notes", None), ("model", None), ("split", 5), ("settings", None), ("model", {})]
)
def test_scores_of_another_kind_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    left, right, same = pairs_of(6, 60)
    folder = write_run(tmp_path / "run", scored_run("run", same * 1.0, left, right, **{name: value}))
    with pytest.raises(
        ScoreError, match=f"is not what evaluate writes .*another kind: {'name' if value == {} else name}"
    ):
        read_scored_run(folder, "run")


def test_a_comparison_overwrites_neither_a_run_nor_a_set(prepared: PreparedSet, tmp_path: Path) -> None:
    left, right, same = pairs_of(6, 60)
    values = same + np.random.default_rng(0).normal(0, 0.3, len(same))
    scores = write_run(tmp_path / "out/scores-1", scored_run("run", values, left, right))
    other = write_run(tmp_path / "other", scored_run("other", -values, left, right))
    (tmp_path / "model").mkdir()
    before = snapshot(tmp_path)
    with pytest.raises(UsageError, match=r"scores-1 is one of the runs, and would be overwritten"):
        compare([tmp_path / "model", scores], tmp_path / "out")
    with pytest.raises(UsageError, match="is a set"):
        compare([scores, other], tmp_path / "faces")
    assert snapshot(tmp_path) == before
