"""The page of scores: the figures with their intervals, curves, and the pairs and people that are hardest."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facedata.pages.page import render_page
from facedata.sets.prepared import short

from ..config import EvaluateConfig
from ..scoring.discard.lines import HEAD as DISCARD_HEAD
from ..scoring.discard.lines import discard_notes, discard_rows
from ..scoring.overlap.side_by_side import overlap_notes, overlap_rows
from ..scoring.pair_figures import ScoredPairs
from ..scoring.plan import ScoringPlan
from ..scoring.plots import SCORE_NAMES
from ..scoring.report import TITLES, percent, score_notes, score_rows
from ..scoring.weak_points.hard_people import FEWEST_PAIRS
from ..scoring.weak_points.slice_table import HEAD, slice_notes, slice_rows
from .names import folder_name
from .score_charts import draw_calibration, draw_discards, draw_errors, draw_rocs, draw_score_histogram
from .worst_shown import ScoresStory, show_people, show_worst

_TEMPLATE = Path(__file__).with_name("scores.html")


def render_scores(
    scores: Mapping[str, Any],
    scored: Mapping[str, ScoredPairs],
    plan: ScoringPlan,
    workers: int | None = None,
) -> bytes:
    """Return the page of scores as HTML.

    Args:
        scores: all figures, as scores.json has them.
        scored: the pairs by metric.
        plan: which pairs they are, of which set.
        workers: threads that read the crops it shows.

    Raises:
        DataError: a crop that it shows is gone or damaged.
    """
    story = ScoresStory(scores, scored, plan)
    main, threshold = story.main, story.threshold
    head, rows = score_rows(scores)
    charts = [draw_rocs(scored), draw_score_histogram(main, threshold), draw_errors(main, threshold)]
    charts += [] if scores["calibration"]["error"] is None else [draw_calibration(scores["calibration"])]
    discard = scores.get("discard")
    model, place = folder_name(scores["model"]["name"]), folder_name(plan.classes.prepared.path)
    return render_page(
        _TEMPLATE, f"Scores of {model} on {place}", styles=["models.css"],
        scores=scores, model=model, place=place,
        threshold=None if threshold is None else f"{threshold:.4f}", score_name=SCORE_NAMES[main.metric],
        is_distance=main.metric == "euclidean", sentence=story.figures["threshold"]["sentence"],
        cards=_list_cards(story), head=head, rows=rows, notes=score_notes(scores),
        charts=charts,
        worst=show_worst(story, workers), people=show_people(story, workers), fewest=FEWEST_PAIRS,
        overlap_rows=overlap_rows(scores), overlap_notes=overlap_notes(scores),
        prints={"model": short(scores["model"]["fingerprint"]), "set": short(scores["set"])},
        slice_head=HEAD, slices=[
            (one["column"], slice_rows(one), slice_notes(one)) for one in scores.get("slices", [])
        ],
        discard_head=DISCARD_HEAD, discard=discard and (
            discard_rows(discard), discard_notes(discard), draw_discards(discard),
        ),
        titles=TITLES, command=_write_command(scores, model, place),
    )  # fmt: skip


def _list_cards(story: ScoresStory) -> list[tuple[str, str]]:
    """Return the figures that one looks at first, and what they are."""
    figures, pairs = story.figures, story.scores["pairs"]
    ends = figures["intervals"] or {}
    cards = []
    for name, title, show in (("accuracy", "accuracy", percent), ("auc", "AUC", "{:.4f}".format)):
        span = f", {show(ends[name][0])} to {show(ends[name][1])} (95% over people)" if name in ends else ""
        if figures[name] is not None:
            cards.append((show(figures[name]), title + span))
    cards.append((percent(figures["eer"]), "EER: as many of one kind wrong as of the other"))
    if known := [one for one in figures["tar_at_far"] if one["tar"] is not None]:
        cards.append(
            (
                percent(known[-1]["tar"]),
                f"accepted of one person, at a false accept rate of {known[-1]['far']:g}",
            )
        )
    counts = f"pairs of one person, {pairs['impostors']:,} of two, {pairs['people']:,} people"
    return [*cards, (f"{pairs['genuine']:,}", counts)]


def _write_command(scores: Mapping[str, Any], model: str, place: str) -> str:
    """Return the command that makes the scores again; files stand for themselves."""
    words, usual = ["facemodel", "evaluate", model, place, "--out", "scores"], EvaluateConfig().settings()
    for name, value in scores["settings"].items():
        if value != usual.get(name):
            flag = "--" + name.replace("_", "-")
            words += (
                [flag] if value is True else [flag, "FILE" if name in ("pairs", "templates") else str(value)]
            )
    words += [word for one in scores.get("slices", []) for word in ("--by", one["column"])]
    words += [
        word for one in scores.get("discard", {}).get("columns", []) for word in ("--discard", one["column"])
    ]
    words += ["--without-overlap", "overlap.json"] if "without_overlap" in scores else []
    words += ["--keep-threshold"] if "kept" in scores else []
    return shlex.join(words)
