"""The charts of scores are those of the curve, in both metrics, for a perfect model and a useless one."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.pages.score_charts import draw_errors, draw_rocs, draw_score_histogram
from facemodel.scoring.metrics import roc
from facemodel.scoring.pair_figures import ScoredPairs


def make(metric: str, apart: float, count: int = 400, seed: int = 0) -> ScoredPairs:
    rng = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    alike = rng.normal(size=count) + apart * same
    people = np.arange(count), np.where(same, np.arange(count), count)
    return ScoredPairs(-alike if metric == "euclidean" else alike, metric, same, *people)


@pytest.mark.parametrize("apart", [0.0, 2.0, 50.0])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_roc_has_the_curve_s_points(metric: str, apart: float) -> None:
    pairs = make(metric, apart)
    chart, curve = draw_rocs({metric: pairs}), roc(pairs.likeness, pairs.same)
    assert chart.legend[0].endswith(f", AUC {curve.auc():.4f}")
    ((_, y),) = [list(zip(*[(float(a), float(b)) for a, b in chart.rows], strict=True))]
    points = {(round(far, 3), round(tar, 3)) for far, tar in zip(curve.far, curve.tar, strict=True)}
    first = float(chart.rows[0][0])
    assert first == pytest.approx(1 / 200 / 2)  # where no impostor is accepted
    shown = {(0.0 if float(a) <= first else round(float(a), 3), round(float(b), 3)) for a, b in chart.rows}
    assert shown <= points
    assert max(y) == 1
    assert float(chart.rows[0][1]) == pytest.approx(curve.tar[curve.far == 0].max(), abs=0.02)
    assert chart.lines[0].path.count("M") == 1  # no point is outside of the chart, which would break the line


def test_metrics_with_one_curve_share_a_line() -> None:
    one, other = make("cosine", 1.0), make("euclidean", 1.0)
    assert [line.partition(",")[0] for line in draw_rocs({"euclidean": other, "cosine": one}).legend] == [
        "Euclidean and cosine"
    ]
    assert len(draw_rocs({"euclidean": other, "cosine": make("cosine", 1.0, seed=1)}).legend) == 2


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_errors_by_threshold_are_those_of_deciding_there(metric: str) -> None:
    pairs = make(metric, 2.0)
    chart = draw_errors(pairs, 0.5)
    assert [mark.label for mark in chart.marks] == ["threshold 0.5"]
    for name, at, share in chart.rows[::9]:
        value = float(at)
        # labels have four digits, so that a pair or two may be on the other side
        accepted = pairs.values <= value if metric == "euclidean" else pairs.values >= value
        wrong = (
            accepted[~pairs.same].mean() if name == "two people, accepted" else (~accepted[pairs.same]).mean()
        )
        assert float(share) == pytest.approx(wrong, abs=0.011), name
    series = {name: [float(at) for kind, at, _ in chart.rows if kind == name] for name in chart.legend}
    assert all(values == sorted(values) for values in series.values())


def test_the_histogram_holds_every_pair_and_the_threshold() -> None:
    pairs = make("cosine", 2.0)
    chart = draw_score_histogram(pairs, 1.25)
    assert chart.legend == ("one person, 200 pairs", "two people, 200 pairs")
    for column in (1, 2):
        assert sum(float(row[column].rstrip("%")) for row in chart.rows) == pytest.approx(100, abs=0.2)
    assert [mark.label for mark in chart.marks] == ["threshold 1.25"]
    assert draw_score_histogram(pairs, None).marks == ()


def test_a_threshold_beyond_all_scores_is_in_the_chart() -> None:
    chart = draw_score_histogram(make("cosine", 2.0), 9.0)
    assert [mark.place for mark in chart.marks] == [chart.right]


def test_scores_that_are_all_the_same_have_charts() -> None:
    same = np.arange(20) % 2 == 0
    pairs = ScoredPairs(np.ones(20), "cosine", same, np.arange(20), np.arange(20))
    assert len(draw_score_histogram(pairs, None).rows) == 40
    assert draw_rocs({"cosine": pairs}).legend == ("cosine, AUC 0.5000",)
    assert draw_errors(pairs, None).lines
