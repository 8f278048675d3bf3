"""Scores as a notebook shows them; for programs they are the dict that they were."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from facemodel.commands.fit import FitResult
from facemodel.pages.notebook import Scores
from facemodel.scoring.pair_figures import ScoredPairs, pair_figures
from facemodel.scoring.report import score_notes, score_rows
from facemodel.scoring.thresholds import MODEL, Threshold
from tests.support.notebook_html import Piece


@pytest.fixture
def plain() -> dict[str, Any]:
    """What evaluate computes, of 300 pairs of 30 people."""
    rng = np.random.default_rng(0)
    left = rng.integers(30, size=300)
    right = np.where(rng.random(300) < 0.5, left, (left + 1) % 30)
    alike = rng.normal(size=300) + 2 * (left == right)
    figures = {}
    for metric, sign in (("euclidean", -1.0), ("cosine", 1.0)):
        values = sign * alike + (metric == "cosine") * (np.arange(300) % 3)
        figures[metric] = pair_figures(
            ScoredPairs(values, metric, left == right, left, right), Threshold(sign, MODEL)
        )
    same = int((left == right).sum())
    pairs = {"genuine": same, "impostors": 300 - same, "people": 30, "largest_share": 0.1}
    return {
        "split": "<i>test</i>", "metric": "cosine", "figures": figures, "pairs": pairs, "naming": None,
        "classes": None, "notes": ["of <b>anna</b>"],
    }  # fmt: skip


def test_for_programs_they_are_a_dict(plain: dict[str, Any]) -> None:
    scores = Scores(plain)
    assert scores == plain
    assert isinstance(scores, dict)
    assert json.dumps(scores, sort_keys=True) == json.dumps(plain, sort_keys=True)
    assert scores["figures"]["cosine"] is plain["figures"]["cosine"]
    assert pickle.loads(pickle.dumps(scores)) == plain
    assert repr(dict(scores)) == repr(plain)


def test_the_line_has_the_figures_of_the_main_metric(plain: dict[str, Any]) -> None:
    main = plain["figures"]["cosine"]
    assert repr(Scores(plain)) == (
        f"Scores(<i>test</i>: accuracy {100 * main['accuracy']:.2f}%, AUC {main['auc']:.5f}, "
        f"EER {100 * main['eer']:.2f}%; 300 pairs of 30 people)"
    )
    assert repr(Scores({"metric": "cosine"})) == "{'metric': 'cosine'}"


def test_the_table_is_that_of_the_command_and_all_is_text(plain: dict[str, Any]) -> None:
    piece = Piece(Scores(plain)._repr_html_())
    head, rows = score_rows(plain)
    assert head == ["Euclidean", "cosine"]
    cells = [cell for title, cells in rows for cell in (title, *cells) if cell]
    notes = score_notes(plain)
    assert piece.texts == [repr(Scores(plain)), "split <i>test</i>", *head, *cells, *notes]
    assert notes[-1] == "of <b>anna</b>"
    assert (piece.elements.count("i"), piece.elements.count("b"), piece.runs) == (0, 1, [])


def test_a_run_shows_what_fit_prints() -> None:
    result = FitResult("<run>", 6, 4, "auc", 0.99, 0.5, 0.8, "cosine", ("resnet18 starts from scratch",))
    assert Piece(result._repr_html_()).texts == [
        "FitResult('<run>')",
        "best: epoch 4 of 6: auc 0.9900, 0.5000 before epoch 1",
        "threshold: similarity at least 0.8",
        "note: resnet18 starts from scratch",
        "run: <run>",
    ]
