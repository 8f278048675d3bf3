"""A threshold that is kept after training is on the run's card, too; a folder without a card gets none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from facedata import PreparedSet
from facemodel import evaluate
from facemodel.cards.model_card import CARD, write_run_card
from tests.support.people_set import people_set
from tests.support.saved_runs import write_run


@pytest.mark.parametrize("is_moved", [False, True])
def test_the_card_says_the_threshold_that_is_kept(tmp_path: Path, is_moved: bool) -> None:
    run, others = write_run(tmp_path), people_set(tmp_path / "others", 12, 3, splits="train=0.5,test=0.5")
    write_run_card(run, PreparedSet(tmp_path / "set"))
    assert "is at most 1.5000" in (run / CARD).read_text()
    if is_moved:
        (tmp_path / "set").rename(tmp_path / "elsewhere")
    evaluate(run, others.path, None, keep_threshold=True, device="cpu")
    kept = json.loads((run / "spec.json").read_text())["threshold"]
    assert kept != 1.5
    text = (run / CARD).read_text()
    assert f"is at most {kept:.4f}" in text
    assert ("was not at hand" in text) == is_moved


def test_a_folder_without_a_card_gets_none(tmp_path: Path) -> None:
    run, others = write_run(tmp_path), people_set(tmp_path / "others", 12, 3, splits="train=0.5,test=0.5")
    evaluate(run, others.path, None, keep_threshold=True, device="cpu")
    assert not (run / CARD).exists()
