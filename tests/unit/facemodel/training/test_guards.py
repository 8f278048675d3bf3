"""Guards see what is wrong, stay silent where nothing is, and say each thing once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from facemodel.config import FitConfig
from facemodel.training.guards import PATIENCE, findings, new_findings
from facemodel.training.history import EpochRow

TRIPLETS = FitConfig(margin=1.0)


def rows(**columns: list[Any]) -> list[EpochRow]:
    count = len(next(iter(columns.values())))
    return [EpochRow(epoch=i, **{name: values[i] for name, values in columns.items()}) for i in range(count)]


def guards(seen: list[EpochRow], config: FitConfig = TRIPLETS) -> list[str | None]:
    return [finding.guard for finding in findings(seen, config)]


def test_a_good_run_gives_no_finding() -> None:
    seen = rows(
        loss=[None, 0.8, 0.5, 0.3, 0.2],
        active=[None, 0.9, 0.7, 0.5, 0.4],
        val_loss=[1.0, 0.8, 0.6, 0.5, 0.45],
        probe_loss=[1.0, 0.75, 0.5, 0.35, 0.25],
        spread=[0.2, 0.5, 0.6, 0.6, 0.6],
    )
    assert all(guards(seen[:end]) == [] for end in range(1, 6))


def test_overfitting_is_validation_worse_while_like_rows_of_training_get_better() -> None:
    val, probe = [1.0, 0.6, 0.7, 0.72, 0.75], [1.0, 0.5, 0.3, 0.2, 0.1]
    seen = rows(val_loss=val, probe_loss=probe)
    assert guards(seen) == ["overfitting"]
    assert guards(seen[:-1]) == []  # it waits
    assert PATIENCE == 3
    assert "lowest after epoch 1" in findings(seen, TRIPLETS)[0].text
    both_worse = rows(val_loss=val, probe_loss=[1.0, 0.5, 0.6, 0.7, 0.6])
    assert guards(both_worse) == []  # a high rate, hard negatives: no overfitting


def test_overfitting_is_not_judged_by_the_loss_of_training() -> None:
    """Hard triplets of training against random ones of validation were no measure."""
    seen = rows(
        loss=[None, 0.5, 0.1, 0.01, 0.001],
        val_loss=[1.0, 0.6, 0.61, 0.62, 0.63],
        probe_loss=[1.0] + [0.6] * 4,
    )
    assert guards(seen) == []


def test_collapse_is_a_loss_at_the_margin_with_nearly_all_triplets_active() -> None:
    assert guards(rows(loss=[None, 1.001], active=[None, 0.99])) == ["collapse"]
    assert (
        guards(rows(loss=[None, 1.001], active=[None, 0.6])) == []
    )  # half far off, half beyond: no collapse
    assert guards(rows(loss=[None, 0.9], active=[None, 0.99])) == []
    assert guards(rows(loss=[None, 0.3]), FitConfig(margin=0.3)) == ["collapse"]
    assert guards(rows(loss=[None, 1.0]), FitConfig(batches="photos", loss="focal")) == []


def test_collapse_is_embeddings_that_lie_together() -> None:
    text = findings(rows(spread=[0.3, 0.001]), TRIPLETS)[0].text
    assert "spread 0.001" in text
    assert "--negatives random-then-hard" in text
    assert guards(rows(spread=[0.02, 0.015])) == []  # an untrained network's lie together, too
    assert guards(rows(spread=[1e-6, 1e-6])) == ["collapse"]


@pytest.mark.parametrize("bad", [1.6, math.nan, math.inf])
def test_divergence_is_a_loss_that_leaps(bad: float) -> None:
    assert guards(rows(probe_loss=[1.0, 0.9, bad])) == ["divergence"]
    assert guards(rows(loss=[None, 1.0, bad])) == ["divergence"]


def test_hard_negatives_raise_the_loss_and_that_is_no_divergence() -> None:
    seen = rows(loss=[None, 0.2, 0.9], negatives=[None, "random", "hard"])
    assert guards(seen) == []


def test_a_run_that_learns_nothing_more_is_told() -> None:
    found = findings(rows(loss=[None, 0.0], active=[None, 0.0]), TRIPLETS)
    assert [finding.guard for finding in found] == [None]
    assert "nothing left to learn" in found[0].text


def test_each_finding_is_said_once() -> None:
    seen = rows(loss=[None, 1.0, 1.0, 0.5, 1.0], active=[None, 1.0, 1.0, 0.8, 1.0])
    said = [bool(new_findings(seen[:end], TRIPLETS)) for end in range(2, 6)]
    assert said == [True, False, False, True]
