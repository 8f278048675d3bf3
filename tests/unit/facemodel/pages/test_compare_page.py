"""The page of compared runs: the numbers are those compared, names are text, pictures come from the set."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facedata import ClassManifest, PairManifest
from facemodel.pages.compare_page import draw_curves, draw_forest, render_comparison
from facemodel.scoring.compared.common_pairs import CommonPairs, find_common_pairs
from facemodel.scoring.compared.disagreements import count_disagreements, find_disagreements
from facemodel.scoring.compared.figures import JudgedRun, compare_figures, judge_runs
from facemodel.scoring.compared.scored_run import ScoredRun
from facemodel.scoring.compared.table import compare_notes, difference_text, figure_text
from tests.support.page_text import PageText
from tests.support.scored_runs import pairs_of, scored_run
from tests.support.small_set import crop_image, make_set

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7 * 7 }} \u202eכן 🙂"

Compared = tuple[dict[str, Any], list[JudgedRun], CommonPairs]


def compared(runs: list[ScoredRun]) -> Compared:
    """Compare runs as the command does."""
    pairs = find_common_pairs(runs)
    judged = judge_runs(runs, pairs, 0)
    figures = compare_figures(judged, pairs, 0)
    values = {
        **figures, "set": runs[0].scores["set"], "split": "test", "pairs": pairs.counts(),
        "runs": [
            {
                "name": one.run.name, "model": one.run.scores["model"], "metric": one.run.metric,
                "threshold": dict(one.run.threshold), "decided_by": one.decided_by, "figures": mine,
                "pairs_left_out": 0, "notes": one.run.scores["notes"],
            }
            for one, mine in zip(judged, figures["runs"], strict=True)
        ],
        "differences": [
            {"run": run.name, "to": runs[0].name, "figures": mine, "disagreements": counts}
            for run, mine, counts in zip(
                runs[1:], figures["differences"], count_disagreements(judged, pairs), strict=True
            )
        ],
        "disagreements": find_disagreements(judged, pairs),
    }  # fmt: skip
    return values, judged, pairs


def noise(seed: int, count: int = 300) -> Any:
    return np.random.default_rng(seed).normal(size=count)


def two_runs(**about: Any) -> list[ScoredRun]:
    left, right, same = pairs_of(20, 300)
    return [
        scored_run(name, noise(seed) + same, left, right, **about) for seed, name in enumerate(("old", "new"))
    ]


def test_its_tables_have_what_was_compared() -> None:
    values, judged, pairs = compared(two_runs())
    page = PageText(render_comparison(values, judged, pairs, None))
    figures = page.tables["figures"]
    assert figures[0] == ["split test", "old", "new"]
    assert figures[1] == ["threshold", "0.5000 (cosine)", "0.5000 (cosine)"]
    for row, name in zip(figures[2:], ("accuracy", "auc", "eer"), strict=True):
        assert row[1:] == [figure_text(name, run["figures"][name]) for run in values["runs"]]
    forest = [row for row in page.tables["forest"] if row[0] == "new"]
    for row, name in zip(forest, ("accuracy", "auc", "eer"), strict=True):
        assert row[2] == figure_text(name, values["runs"][1]["figures"][name])
        assert row[4] == difference_text(name, values["differences"][0]["figures"][name])
        assert row[4] in page.text
    for note in compare_notes(values):
        assert note in page.text


def test_it_asks_for_nothing_and_has_no_script() -> None:
    values, judged, pairs = compared(two_runs())
    page = PageText(render_comparison(values, judged, pairs, None))
    page.check_closed()


def test_the_same_runs_give_the_same_bytes() -> None:
    pages = [render_comparison(*compared(two_runs()), None) for _ in range(2)]
    assert pages[0] == pages[1]


def test_names_are_text() -> None:
    runs = two_runs(names=[f"{HOSTILE} {number}" for number in range(20)])
    runs = [
        ScoredRun(HOSTILE, runs[0].scores, runs[0].table),
        ScoredRun(f"{HOSTILE} too", {**runs[1].scores, "notes": [HOSTILE]}, runs[1].table),
    ]
    values, judged, pairs = compared(runs)
    page = PageText(render_comparison(values, judged, pairs, None))
    plain = PageText(render_comparison(*compared(two_runs()), None))
    assert [page.tags.count(name) for name in ("script", "img", "title")] == [
        plain.tags.count(name) for name in ("script", "img", "title")
    ]
    assert f"{HOSTILE} too against {HOSTILE}" in page.text
    assert page.tables["figures"][0] == ["split test", HOSTILE, f"{HOSTILE} too"]


def test_without_the_set_it_says_how_to_get_pictures() -> None:
    values, judged, pairs = compared(two_runs())
    page = PageText(render_comparison(values, judged, pairs, None))
    assert len(page.pictures) == 0
    count = values["differences"][0]["disagreements"]["pairs"]
    assert count > 24
    assert f"new and old decide {count} of 300 pairs differently" in page.text
    assert "The pictures are left out, since the set is not at hand: name it with --set SET" in page.text
    assert "compare.json lists the 24 pairs" in page.text


def test_runs_that_decide_alike_have_no_pairs_to_show() -> None:
    old, _ = two_runs()
    page = PageText(render_comparison(*compared([old, ScoredRun("again", old.scores, old.table)]), None))
    assert "again and old decide 0 of 300 pairs differently" in page.text
    assert "There is none to show." in page.text
    assert "the same in every draw" in page.text


def test_too_few_people_are_said_once_at_the_top() -> None:
    left, right, same = pairs_of(6, 300)
    runs = [scored_run(name, noise(seed) + same, left, right) for seed, name in enumerate(("old", "new"))]
    page = PageText(render_comparison(*compared(runs), None))
    assert (
        "no difference is said to be significant: too few people for an interval (6; 10 are needed)."
        in page.text
    )
    assert "significantly" not in page.text
    assert "draws of people" not in page.text


@pytest.fixture
def of_a_set(tmp_path: Path) -> tuple[list[ScoredRun], ClassManifest]:
    """Two runs that disagree about pairs of a set with crops of one colour each."""
    make_set(tmp_path / "faces", {f"p{number:02d}": 3 for number in range(24)})
    classes, pairs = (
        ClassManifest.open(tmp_path / "faces"),
        PairManifest.open(tmp_path / "faces", split="test"),
    )
    people = [
        [int(row.identity[1:]) for row in classes.take(classes.find(ids))]
        for ids in (pairs.left, pairs.right)
    ]
    runs = [
        scored_run(
            name, noise(seed, len(pairs)) + 0.5, *people, ids=(pairs.left, pairs.right),
            set=classes.prepared.fingerprint,
        )
        for seed, name in enumerate(("old", "new"))
    ]  # fmt: skip
    return runs, classes


def test_pairs_are_shown_with_pictures_names_and_verdicts(
    of_a_set: tuple[list[ScoredRun], ClassManifest],
) -> None:
    runs, classes = of_a_set
    values, judged, pairs = compared(runs)
    page = PageText(render_comparison(values, judged, pairs, classes))
    listed = values["disagreements"]
    assert len(page.pictures) == 2 * len(listed) > 0
    ids = [pair[side] for pair in listed for side in ("left", "right")]
    rows = classes.take(classes.find(np.array(ids)))
    assert [about for about, _ in page.pictures] == [f"{row.identity}, {row.path}" for row in rows]
    for row, (_, url) in zip(rows, page.pictures, strict=True):
        data = np.frombuffer(base64.b64decode(url.partition("base64,")[2]), np.uint8)
        shown = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1]
        assert np.abs(shown.astype(int) - crop_image(row.id)[0, 0]).max() < 12
    for number, pair in enumerate(listed, 1):
        for cells, run in zip(page.tables[f"pair-{number}"][1:], pair["runs"], strict=True):
            says = "one person" if run["says_same"] else "two people"
            assert cells[1:] == [
                f"{run['score']:.4f} cosine",
                f"{says}, {'right' if run['is_right'] else 'wrong'}",
            ]


def test_crops_that_are_gone_leave_their_place(of_a_set: tuple[list[ScoredRun], ClassManifest]) -> None:
    runs, classes = of_a_set
    values, judged, pairs = compared(runs)
    for row in classes:
        (Path(str(row.root)) / row.file).unlink()
    page = PageText(render_comparison(values, judged, pairs, classes))
    assert len(page.pictures) == 0
    assert page.text.count("crop not at hand") == 2 * len(values["disagreements"])


def test_a_forest_places_figures_on_one_axis() -> None:
    figures: list[dict[str, Any]] = [
        {"value": 0.5, "interval": [0.4, 0.6]}, {"value": 0.8, "interval": [0.7, 0.9]},
        {"value": 0.6, "interval": None}, {"value": None, "interval": None},
    ]  # fmt: skip
    forest = draw_forest("auc", figures, figure_text)
    span = 0.5 * 1.12  # from 0.4 to 0.9, with room on both sides
    for whisker, figure in zip(forest.whiskers, figures, strict=True):
        places = [figure["value"], *(figure["interval"] or (None, None))]
        wanted = [None if one is None else 100 * (one - 0.37) / span for one in places]
        for place, want in zip((whisker.dot, whisker.low, whisker.high), wanted, strict=True):
            assert place == (None if want is None else pytest.approx(want, abs=0.01))
    assert forest.ends == ("0.3700", "0.9300")
    assert forest.zero is None
    assert forest.whiskers[3].text == "–"


def test_a_forest_of_differences_holds_0() -> None:
    figures = [{"value": 0.02, "interval": [0.01, 0.03], "verdict": "better"}]
    forest = draw_forest("accuracy", figures, difference_text, holds_zero=True)
    assert forest.zero == pytest.approx(100 * 0.06 / 1.12, abs=0.01)
    assert forest.ends == ("-0.18", "+3.18")
    same = [{"value": 0.0, "interval": [0.0, 0.0], "verdict": "the same"}]
    assert draw_forest("accuracy", same, difference_text, holds_zero=True).zero == 50.0


def test_the_curves_are_those_of_the_runs_and_never_above_them() -> None:
    _, judged, pairs = compared(two_runs())
    chart = draw_curves(judged, pairs)
    assert chart.legend == ("old", "new")
    lowest = float(chart.y_ticks[0].label)
    assert chart.y_ticks[0].place == chart.bottom
    for one, line in zip(judged, chart.lines, strict=True):
        for x, y, _ in line.points:
            share = (x - chart.left) / (chart.right - chart.left)
            least = 0.5 / (~pairs.same).sum()
            far = least ** (1 - share)
            tar = lowest + (1 - lowest) * (chart.bottom - y) / (chart.bottom - chart.top)
            alike, same = one.likeness, pairs.same
            wrong = np.sort(alike[~same])[::-1]
            allowed = int(np.floor(far * len(wrong) * 1.0005))  # places are rounded
            strictest = wrong[allowed] if allowed < len(wrong) else -np.inf
            assert tar == pytest.approx((alike[same] > strictest).mean(), abs=0.01)
