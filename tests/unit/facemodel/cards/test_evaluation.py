"""What a card tells of an evaluation is what scores.json says, of this model and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facedata.errors import UsageError
from facemodel.cards.evaluation import Evaluation, read_evaluation
from facemodel.commands.evaluate import evaluate
from tests.support.colour_embedder import ColourEmbedder
from tests.support.ledger_columns import add_ledger_column
from tests.support.small_set import make_set


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Figures of forty people, by a group of thirty, one of nine, and a person's own name."""
    folder = tmp_path_factory.mktemp("set") / "faces"
    prepared = make_set(folder, {f"p{number:02d}": 4 for number in range(80)})
    add_ledger_column(prepared, "meta_group", lambda person, _: "Anna Quux" if person < "p10" else "many")
    told = evaluate(ColourEmbedder(), folder, None, by=("meta_group",), split="test")
    values: dict[str, Any] = json.loads(json.dumps(dict(told)))
    return values


def test_figures_and_intervals_are_those_of_the_scores(scores: dict[str, Any]) -> None:
    told = Evaluation.of(scores)
    main = scores["figures"][scores["metric"]]
    low, high = main["intervals"]["auc"]
    assert dict(told.rows)["AUC"][0] == f"{main['auc']:.5f} ({low:.4f} to {high:.4f})"
    assert told.auc == (low, high)
    assert f"The split test of the set {scores['set']}" in told.about
    assert any(note.startswith("Threshold, ") for note in told.notes)


def test_groups_are_told_and_those_too_small_only_counted(scores: dict[str, Any]) -> None:
    told = Evaluation.of(scores)
    ((column, rows),) = told.groups
    assert column == "meta_group"
    assert [row[0] for row in rows] == ["many"]
    assert "Quux" not in repr(told)
    assert "Groups by meta_group that are too small for figures: 1." in told.notes


def test_scores_of_another_model_or_none_are_refused(scores: dict[str, Any], tmp_path: Path) -> None:
    mine = scores["model"]["fingerprint"]
    with pytest.raises(
        UsageError, match=r"has no scores\.json: name a folder that `facemodel evaluate` wrote"
    ):
        read_evaluation(tmp_path, mine)
    file = tmp_path / "scores.json"
    file.write_text(json.dumps(scores))
    assert read_evaluation(tmp_path, mine) == Evaluation.of(scores)
    with pytest.raises(UsageError, match="is of another model: score this one"):
        read_evaluation(tmp_path, "f" * 64)
    for bad in (b"{", b"[]", b'{"model": {"fingerprint": "x"}}', json.dumps({**scores, "pairs": 3}).encode()):
        file.write_bytes(bad)
        with pytest.raises(UsageError):
            read_evaluation(tmp_path, "x" if b'"x"' in bad else mine)
