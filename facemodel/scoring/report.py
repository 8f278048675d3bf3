"""What an evaluation leaves in its folder: JSON, a table for people, each pair's scores, pictures."""

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
"""Written last: where it is, the other files belong to it."""

_TITLES = {"euclidean": "Euclidean", "cosine": "cosine", "head": "pair head"}


def write_scores(
    out: Path,
    found: Mapping[str, Any],
    scored: Mapping[str, ScoredPairs],
    fingerprint: str,
    ids: tuple[Int64Array, Int64Array],
) -> None:
    """Write the folder's files, each whole or not at all.

    Args:
        out: the folder; made where it is missing, what stands there under these names is replaced.
        found: all figures, as plain values.
        scored: the pairs by metric.
        fingerprint: of the set.
        ids: of the pairs' left and right crops, ``(n,)`` int64 both.

    Raises:
        StoreError: something cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / SCORES).unlink(missing_ok=True)
    main = scored[found["metric"]]
    _write_pairs(out / "scores.parquet", scored, fingerprint, ids)
    draw_roc(
        out / "roc.png",
        [NamedRoc(_TITLES[name], roc(pairs.likeness, pairs.same)) for name, pairs in scored.items()],
    )
    threshold = found["figures"][main.metric]["threshold"]["value"]
    draw_scores(out / "scores.png", main.values, main.same, threshold, main.metric)
    write_text(out / "scores.md", "\n".join(score_table(found)) + "\n")
    write_text(out / SCORES, json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def _write_pairs(
    path: Path, scored: Mapping[str, ScoredPairs], fingerprint: str, ids: tuple[Int64Array, Int64Array]
) -> None:
    any_of_them = next(iter(scored.values()))
    columns: dict[str, Any] = {"left": ids[0], "right": ids[1], "same": any_of_them.same}
    columns.update({name: pairs.values for name, pairs in scored.items()})
    table = pa.table(columns)
    write_table(path, table, kind="scores", schema=table.schema, fingerprint=fingerprint)


def score_table(found: Mapping[str, Any]) -> list[str]:
    """Return the figures as a Markdown table, a column a metric, and what else is to be said."""
    metrics = list(found["figures"])
    lines = [f"| split {found['split']} | " + " | ".join(_TITLES[name] for name in metrics) + " |"]
    lines.append("|---" * (1 + len(metrics)) + "|")
    for name, cells in _rows([found["figures"][metric] for metric in metrics]):
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return [*lines, "", *score_notes(found)]


def score_notes(found: Mapping[str, Any]) -> list[str]:
    """Return what a table has no room for, a line each."""
    pairs = found["pairs"]
    share = percent(pairs["largest_share"])
    counts = f"{pairs['genuine']:,} of one person, {pairs['impostors']:,} of two; {pairs['people']:,} people"
    lines = [f"pairs: {counts}, one of whom has {share} of the first"]
    for figures in found["figures"].values():
        threshold = figures["threshold"]
        value = "" if threshold["value"] is None else f" {threshold['value']:.4f}"
        lines.append(f"threshold, {_TITLES[figures['metric']]}:{value} {threshold['sentence']}")
    main = found["figures"][found["metric"]]
    if main["folds"] is not None:
        lines.append(f"folds: {main['folds']['folds']}, {main['folds']['how']}")
    else:
        lines.append(f"no accuracy over folds: {main['no_folds']}")
    return [*lines, *_naming_lines(found), *_class_lines(found), *found["notes"]]


def _naming_lines(found: Mapping[str, Any]) -> list[str]:
    naming = found["naming"]
    if naming is None:
        return []
    shares = ", ".join(f"{name} {percent(naming[name])}" for name in ("rank1", "right", "wrong", "unknown"))
    over = ", ".join(f"{name} {percent(value)}" for name, value in naming["over_people"].items())
    people = f"one photo each of {naming['people']:,} people ({_TITLES[naming['metric']]})"
    lines = [f"naming {naming['known']:,} photos by {people}: {shares}", f"naming, mean over people: {over}"]
    if naming["strangers"] and naming["let_in"] is not None:
        lines.append(f"strangers given a name: {naming['let_in']:,} of {naming['strangers']:,} photos")
    return lines


def _class_lines(found: Mapping[str, Any]) -> list[str]:
    classes = found["classes"]
    if classes is None:
        return []
    people = f"{classes['classes_seen']:,} of its {classes['classes']:,} people"
    over = percent(classes["accuracy_over_classes"])
    share = f"{percent(classes['accuracy'])} of {classes['photos']:,} photos"
    return [f"classifier: {share} of {people}; mean over them {over}"]


def _rows(figures: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    rows = [("accuracy", [percent(one["accuracy"]) for one in figures])]
    rows.append(("accuracy over folds", [_fold_cell(one["folds"]) for one in figures]))
    for name, title in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        rows.append((title, [percent(one[name]) for one in figures]))
    rows.append(("AUC", [f"{one['auc']:.5f}{_interval(one, 'auc')}" for one in figures]))
    rows.append(("EER", [percent(one["eer"]) for one in figures]))
    for place, first in enumerate(figures[0]["tar_at_far"]):
        cells = [percent(one["tar_at_far"][place]["tar"]) for one in figures]
        impostors = f"{first['impostors']:,} impostor pairs"
        cells = [cell if cell != "–" else "– (too few)" for cell in cells]
        rows.append((f"TAR at FAR {first['far']:g}, {impostors}", cells))
    for name, title in (("accuracy", "accuracy"), ("eer", "EER")):
        rows.append((f"{title}, people alike", [percent(one["weighted"][name]) for one in figures]))
    rows.append(("AUC, people alike", [f"{one['weighted']['auc']:.5f}" for one in figures]))
    return rows


def _fold_cell(folds: Mapping[str, Any] | None) -> str:
    if folds is None:
        return "–"
    return f"{percent(folds['accuracy'])} ± {percent(folds['standard_error'])}"


def _interval(figures: Mapping[str, Any], name: str) -> str:
    interval = figures["intervals"]
    if interval is None or name not in interval:
        return ""
    return f" ({interval[name][0]:.4f} to {interval[name][1]:.4f})"


def percent(share: float | None) -> str:
    """Return a share as a percentage, ``–`` for None.

    >>> percent(0.98765), percent(None)
    ('98.77%', '–')
    """
    return "–" if share is None else f"{100 * share:.2f}%"
