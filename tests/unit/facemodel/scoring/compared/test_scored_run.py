"""Folders that evaluate wrote, and those that it did not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from facedata.errors import NotASetError
from facemodel.errors import ScoreError
from facemodel.scoring.compared.scored_run import ScoredRun, is_scores, read_scored_run
from tests.support.scored_runs import pairs_of, scored_run, write_run


@pytest.fixture
def run() -> ScoredRun:
    left, right, same = pairs_of(12, 40)
    return scored_run("a", same * 1.0, left, right, metric="euclidean", threshold=0.25)


def test_what_was_written_is_read(tmp_path: Path, run: ScoredRun) -> None:
    folder = write_run(tmp_path / "a", run)
    assert is_scores(folder)
    read = read_scored_run(folder, "other name")
    assert (read.name, read.metric, read.threshold["value"]) == ("other name", "euclidean", 0.25)
    assert read.scores == run.scores
    assert read.table.equals(run.table)


def test_a_folder_without_scores_is_none(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("{}")
    assert not is_scores(tmp_path)
    assert not is_scores(tmp_path / "nowhere")


def test_an_evaluation_that_did_not_finish_says_so(tmp_path: Path, run: ScoredRun) -> None:
    folder = write_run(tmp_path / "a", run)
    (folder / "scores.json").unlink()
    assert is_scores(folder)
    with pytest.raises(
        ScoreError, match=r"has no scores\.json, which evaluate writes last: write the scores"
    ):
        read_scored_run(folder, "a")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"metric": "cosine"}', "null", '{"pairs": 3}'])
def test_other_json_is_refused_with_its_path(tmp_path: Path, run: ScoredRun, text: str) -> None:
    folder = write_run(tmp_path / "a", run)
    (folder / "scores.json").write_text(text)
    with pytest.raises(ScoreError, match=re.escape(f"{folder / 'scores.json'} is not what evaluate writes")):
        read_scored_run(folder, "a")


@pytest.mark.parametrize("name", ["set", "split", "notes", "model", "settings"])
def test_values_that_are_missing_are_named(tmp_path: Path, run: ScoredRun, name: str) -> None:
    folder = write_run(tmp_path / "a", run)
    values = {key: value for key, value in run.scores.items() if key != name}
    (folder / "scores.json").write_text(json.dumps(values))
    with pytest.raises(ScoreError, match=f" lack {name}: "):
        read_scored_run(folder, "a")


def test_a_table_without_the_metric_is_refused(tmp_path: Path, run: ScoredRun) -> None:
    table = run.table.drop_columns(["euclidean", "same"])
    folder = write_run(tmp_path / "a", ScoredRun("a", run.scores, table))
    with pytest.raises(ScoreError, match="lack euclidean, same: "):
        read_scored_run(folder, "a")


def test_a_table_of_other_pairs_is_refused(tmp_path: Path, run: ScoredRun) -> None:
    folder = write_run(tmp_path / "a", ScoredRun("a", run.scores, run.table.slice(3)))
    with pytest.raises(ScoreError, match=r"is about 40 pairs, and scores\.parquet beside it has 37"):
        read_scored_run(folder, "a")


def test_a_damaged_table_is_refused(tmp_path: Path, run: ScoredRun) -> None:
    folder = write_run(tmp_path / "a", run)
    (folder / "scores.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(NotASetError, match=r"scores\.parquet"):
        read_scored_run(folder, "a")
