"""The differences that `make bench-finetune` prints, against scikit-learn and a slow loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.benchmark.finetune import differences, table

PEOPLE, PHOTOS = 12, 4


def a_run(seed: int, better: float) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(PEOPLE), PHOTOS)
    left, right = np.triu_indices(len(person), 1)
    same = person[left] == person[right]
    before = rng.normal(size=len(left)) + 1.0 * same
    return {
        "before": before.astype(np.float32), "after": (before + better * same).astype(np.float32),
        "left": person[left], "right": person[right], "people": PEOPLE, "best": 3,
    }  # fmt: skip


def test_the_figures_are_scikit_learn_s_and_means_over_the_seeds() -> None:
    runs = [a_run(seed, 0.4) for seed in range(3)]
    before, change, drawn = differences(runs, draws=20)
    aucs = np.array(
        [
            [roc_auc_score(run["left"] == run["right"], run[side]) for side in ("before", "after")]
            for run in runs
        ]
    )
    assert before[0] == pytest.approx(aucs[:, 0].mean(), abs=1e-6)
    assert change[0] == pytest.approx((aucs[:, 1] - aucs[:, 0]).mean(), abs=1e-6)
    assert drawn.shape == (20, 4)


def test_a_draw_weighs_pairs_by_how_often_their_people_are_drawn() -> None:
    run = a_run(0, 0.4)
    _, _, drawn = differences([run], draws=1)
    count = np.random.default_rng(0).multinomial(PEOPLE, np.full(PEOPLE, 1 / PEOPLE), 1)[0]
    same = run["left"] == run["right"]
    weight = np.where(same, count[run["left"]], count[run["left"]] * count[run["right"]])
    aucs = [roc_auc_score(same, run[side], sample_weight=weight) for side in ("before", "after")]
    assert drawn[0, 0] == pytest.approx(aucs[1] - aucs[0], abs=1e-6)


def test_only_what_is_worse_beyond_its_interval_is_bad() -> None:
    assert table("x", [a_run(seed, 0.0) for seed in range(2)])[1], "no change is not worse"
    assert table("x", [a_run(seed, 1.0) for seed in range(2)])[1]
    lines, good = table("x", [a_run(seed, -1.0) for seed in range(2)])
    assert not good
    assert len(lines) == 5
