"""The files of an evaluation: all figures as JSON, a table to read, each pair's scores, and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from facedata.errors import writing
from facedata.files.atomic import write_text
from facedata.tables.parquet import write_table
from facedata.types import Int64Array

from .metrics import roc
from .pair_figures import ScoredPairs
from .plots import NamedRoc, draw_roc, draw_scores

SCORES = "scores.json"
"""Written last: if it is there, the other files belong to it."""

_TITLES = {"euclidean": "Euclidean", "cosine": "cosine", "head": "pair head"}


def write_scores(
    out: Path,
    scores: Mapping[str, Any],
    scored: Mapping[str, ScoredPairs],
    fingerprint: str,
    ids: tuple[Int64Array, Int64Array],
) -> None:
    """Write the folder's files, each atomically.

    Args:
        out: the folder; made if it is missing. Files there of the same names are replaced.
        scores: all figures, as plain values.
        scored: the pairs by metric.
        fingerprint: of the set.
        ids: of the pairs' left and right crops, ``(n,)`` int64 both.

    Raises:
        StoreError: a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / SCORES).unlink(missing_ok=True)
    main = scored[scores["metric"]]
    columns: dict[str, Any] = {"left": ids[0], "right": ids[1], "same": main.same}
    table = pa.table(columns | {name: pairs.values for name, pairs in scored.items()})
    write_table(out / "scores.parquet", table, kind="scores", schema=table.schema, fingerprint=fingerprint)
    curves = [NamedRoc(_TITLES[name], roc(pairs.likeness, pairs.same)) for name, pairs in scored.items()]
    draw_roc(out / "roc.png", curves)
    threshold = scores["figures"][main.metric]["threshold"]["value"]
    draw_scores(out / "scores.png", main.values, main.same, threshold, main.metric)
    write_text(out / "scores.md", "\n".join(score_table(scores)) + "\n")
    write_text(out / SCORES, json.dumps(scores, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def score_table(scores: Mapping[str, Any]) -> list[str]:
    """Return the figures as lines of a Markdown table, one column per metric, and the notes below it."""
    metrics = list(scores["figures"])
    figures = [scores["figures"][metric] for metric in metrics]
    weighted = [one["weighted"] for one in figures]
    rows = [("accuracy", [percent(one["accuracy"]) for one in figures])]
    rows.append(
        (
            "accuracy over folds",
            [
                "–" if folds is None else f"{percent(folds['accuracy'])} ± {percent(folds['standard_error'])}"
                for folds in (one["folds"] for one in figures)
            ],
        )
    )
    for name, title in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        rows.append((title, [percent(one[name]) for one in figures]))
    intervals = [(one["intervals"] or {}).get("auc") for one in figures]
    spans = ["" if ends is None else f" ({ends[0]:.4f} to {ends[1]:.4f})" for ends in intervals]
    rows.append(("AUC", [f"{one['auc']:.5f}{span}" for one, span in zip(figures, spans, strict=True)]))
    rows.append(("EER", [percent(one["eer"]) for one in figures]))
    for rates in zip(*(one["tar_at_far"] for one in figures), strict=True):
        title = f"TAR at FAR {rates[0]['far']:g}, {rates[0]['impostors']:,} impostor pairs"
        rows.append((title, ["– (too few)" if one["tar"] is None else percent(one["tar"]) for one in rates]))
    for name, title in (("accuracy", "accuracy"), ("eer", "EER")):
        rows.append((f"{title}, people alike", [percent(one[name]) for one in weighted]))
    rows.append(("AUC, people alike", [f"{one['auc']:.5f}" for one in weighted]))
    lines = [f"| split {scores['split']} | " + " | ".join(_TITLES[name] for name in metrics) + " |"]
    lines.append("|---" * (1 + len(metrics)) + "|")
    lines += [f"| {title} | " + " | ".join(cells) + " |" for title, cells in rows]
    return [*lines, "", *score_notes(scores)]


def score_notes(scores: Mapping[str, Any]) -> list[str]:
    """Return what the table has no room for, one line each."""
    pairs, naming, classes = scores["pairs"], scores["naming"], scores["classes"]
    share = percent(pairs["largest_share"])
    counts = f"{pairs['genuine']:,} of one person, {pairs['impostors']:,} of two; {pairs['people']:,} people"
    lines = [f"pairs: {counts}, one of whom has {share} of the first"]
    for figures in scores["figures"].values():
        threshold = figures["threshold"]
        value = "" if threshold["value"] is None else f" {threshold['value']:.4f}"
        lines.append(f"threshold, {_TITLES[figures['metric']]}:{value} {threshold['sentence']}")
    main = scores["figures"][scores["metric"]]
    if main["folds"] is not None:
        lines.append(f"folds: {main['folds']['folds']}, {main['folds']['how']}")
    else:
        lines.append(f"no accuracy over folds: {main['no_folds']}")
    if naming is not None:
        names = ("rank1", "right", "wrong", "unknown")
        shares = ", ".join(f"{name} {percent(naming[name])}" for name in names)
        over = ", ".join(f"{name} {percent(value)}" for name, value in naming["over_people"].items())
        people = f"one photo each of {naming['people']:,} people ({_TITLES[naming['metric']]})"
        lines.append(f"naming {naming['known']:,} photos by {people}: {shares}")
        lines.append(f"naming, mean over people: {over}")
        if naming["strangers"] and naming["let_in"] is not None:
            counts = f"{naming['let_in']:,} of {naming['strangers']:,} photos"
            lines.append(f"strangers given a name: {counts}")
    if classes is not None:
        people = f"{classes['classes_seen']:,} of its {classes['classes']:,} people"
        share = f"{percent(classes['accuracy'])} of {classes['photos']:,} photos"
        over = percent(classes["accuracy_over_classes"])
        lines.append(f"classifier: {share} of {people}; mean over them {over}")
    return [*lines, *scores["notes"]]


def percent(share: float | None) -> str:
    """Return a share as a percentage, ``–`` for None.

    >>> percent(0.98765), percent(None)
    ('98.77%', '–')
    """
    return "–" if share is None else f"{100 * share:.2f}%"
