"""The files of an evaluation: all figures as JSON, a table to read, each pair's scores, and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from facedata.errors import writing
from facedata.files.atomic import atomic_file, write_text
from facedata.tables.parquet import write_table

from .calibrated.lines import calibration_lines
from .discard.lines import discard_lines
from .metrics import roc
from .overlap.side_by_side import overlap_lines
from .pair_figures import ScoredPairs
from .plan import ScoringPlan
from .plots import NamedRoc, draw_discard, draw_reliability, draw_roc, draw_scores
from .weak_points.slice_table import slice_lines

SCORES = "scores.json"
"""Written last: if it is there, the other files belong to it."""

REPORT = "report.html"

TITLES = {"euclidean": "Euclidean", "cosine": "cosine", "head": "pair head"}


def write_scores(
    out: Path,
    scores: Mapping[str, Any],
    scored: Mapping[str, ScoredPairs],
    plan: ScoringPlan,
    page: bytes,
) -> None:
    """Write the folder's files, each atomically.

    Args:
        out: the folder; made if it is missing. Files there of the same names are replaced.
        scores: all figures, as plain values.
        scored: the pairs by metric.
        plan: which pairs they are.
        page: report.html.

    Raises:
        StoreError: a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        (out / SCORES).unlink(missing_ok=True)
    main, (left, right), shared = scored[scores["metric"]], plan.ids, plan.shared_pairs
    people = dict(zip(("left_identity", "right_identity"), plan.identities, strict=True))
    columns: dict[str, Any] = {"left": left, "right": right, **people, "same": main.same}
    columns |= {} if main.folds is None else {"fold": main.folds}
    columns |= {} if shared is None else {"shared": shared}
    if (templates := plan.templates) is not None:
        names = pa.array(templates.names, pa.string())
        columns["left_template"] = pa.DictionaryArray.from_arrays(templates.left.astype("int32"), names)
        columns["right_template"] = pa.DictionaryArray.from_arrays(templates.right.astype("int32"), names)
    table = pa.table(columns | {name: pairs.values for name, pairs in scored.items()})
    write_table(
        out / "scores.parquet", table, kind="scores", schema=table.schema,
        fingerprint=plan.classes.prepared.fingerprint,
    )  # fmt: skip
    curves = [NamedRoc(TITLES[name], roc(pairs.likeness, pairs.same)) for name, pairs in scored.items()]
    draw_roc(out / "roc.png", curves)
    threshold = scores["figures"][main.metric]["threshold"]["value"]
    draw_scores(out / "scores.png", main.values, main.same, threshold, main.metric)
    draw_reliability(out / "calibration.png", scores["calibration"])
    draw_discard(out / "discard.png", scores.get("discard"))
    with atomic_file(out / REPORT) as stream:
        stream.write(page)
    write_text(out / "scores.md", "\n".join(score_table(scores)) + "\n")
    write_text(out / SCORES, json.dumps(scores, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def score_table(scores: Mapping[str, Any]) -> list[str]:
    """Return the figures as lines of a Markdown table, and the notes below it."""
    head, rows = score_rows(scores)
    lines = [f"| split {scores['split']} | " + " | ".join(head) + " |", "|---" * (1 + len(head)) + "|"]
    lines += [f"| {title} | " + " | ".join(cells) + " |" for title, cells in rows]
    sliced = [line for one in scores.get("slices", []) for line in slice_lines(one)]
    return [*lines, "", *score_notes(scores), *overlap_lines(scores), *sliced, *discard_lines(scores)]


def score_rows(scores: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the heads of the figures' columns, and the rows: a title and a cell for each column.

    There is one column per metric; metrics with the same figures share one.
    """
    metrics = list(scores["figures"])
    figures = [scores["figures"][metric] for metric in metrics]
    weighted = [one["weighted"] for one in figures]
    rows = [("accuracy", [percent(one["accuracy"]) for one in figures])]
    rows.append(
        (
            "accuracy over folds",
            [
                percent(folds and folds["accuracy"])
                + (
                    f" ± {percent(folds['standard_error'])}"
                    if folds and folds["standard_error"] is not None
                    else ""
                )
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
    too_few = []
    for rates in zip(*(one["tar_at_far"] for one in figures), strict=True):
        if all(one["tar"] is None for one in rates):  # the pairs are the same, whatever the metric
            too_few.append(rates[0])
            continue
        title = f"TAR at FAR {rates[0]['far']:g}, {rates[0]['impostors']:,} impostor pairs"
        rows.append((title, [percent(one["tar"]) for one in rates]))
    if too_few:
        span = " to ".join(dict.fromkeys(f"{one['far']:g}" for one in (too_few[0], too_few[-1])))
        title = f"TAR at FAR {span}, {too_few[0]['impostors']:,} impostor pairs"
        rows.append((title, ["– (too few)"] * len(figures)))
    for name, title in (("accuracy", "accuracy"), ("eer", "EER")):
        rows.append((f"{title}, every person counts the same", [percent(one[name]) for one in weighted]))
    rows.append(("AUC, every person counts the same", [f"{one['auc']:.5f}" for one in weighted]))
    columns: dict[tuple[str, ...], list[str]] = {}
    for place, name in enumerate(metrics):
        columns.setdefault(tuple(cells[place] for _, cells in rows), []).append(TITLES[name])
    head = [" and ".join(names) for names in columns.values()]
    return head, [(title, list(cells)) for (title, _), *cells in zip(rows, *columns, strict=True)]


def score_notes(scores: Mapping[str, Any]) -> list[str]:
    """Return what the table has no room for, one line each."""
    pairs, naming, classes = scores["pairs"], scores["naming"], scores["classes"]
    share = percent(pairs["largest_share"])
    counts = f"{pairs['genuine']:,} of one person, {pairs['impostors']:,} of two; {pairs['people']:,} people"
    lines = [f"pairs: {counts}; the person with the most has {share} of the pairs of one person"]
    for figures in scores["figures"].values():
        threshold = figures["threshold"]
        value = "" if threshold["value"] is None else f" {threshold['value']:.4f}"
        lines.append(f"threshold, {TITLES[figures['metric']]}:{value} {threshold['sentence']}")
    main = scores["figures"][scores["metric"]]
    if main["folds"] is not None:
        lines.append(f"folds: {main['folds']['folds']}, {main['folds']['how']}")
    else:
        lines.append(f"no accuracy over folds: {main['no_folds']}")
    if stepped := scores.get("insightface"):
        mirrored = "with" if scores["settings"]["flip"] else "without"
        lines.append(
            f"as InsightFace's verification computes it: accuracy {percent(stepped['accuracy'])} ± "
            f"{percent(stepped['std'])} (standard deviation of the folds; {mirrored} mirror images)"
        )
    if main["no_interval"] is not None:
        lines.append(main["no_interval"])
    if naming is not None:
        names = ("rank1", "right", "wrong", "unknown")
        shares = ", ".join(f"{name} {percent(naming[name])}" for name in names)
        over = ", ".join(f"{name} {percent(value)}" for name, value in naming["over_people"].items())
        people = f"one photo each of {naming['people']:,} people ({TITLES[naming['metric']]})"
        lines.append(f"naming {naming['known']:,} photos by {people}: {shares}")
        lines.append(f"naming, mean over people: {over}")
        if naming["strangers"] and naming["let_in"] is not None:
            counts = f"{naming['let_in']:,} of {naming['strangers']:,} photos"
            lines.append(f"strangers given a name: {counts}")
    if classes is not None:
        people = f"{classes['classes_seen']:,} of its {classes['classes']:,} people"
        share = f"{percent(classes['accuracy'])} of {classes['photos']:,} photos"
        over = percent(classes["accuracy_over_classes"])
        lines.append(f"classifier: names {share} of {people} correctly; mean over these people {over}")
    if "kept" in scores:
        kept = scores["kept"]
        people = f"{kept['photos']:,} photos of {kept['people']:,} people"
        lines.append(
            f"kept in {kept['file']}: the threshold {kept['threshold']:.4f} ({TITLES[kept['metric']]}), "
            f"{kept['sentence']}, and how often strangers pass, by comparing {people}"
        )
    return [*lines, *calibration_lines(scores), *scores["notes"]]


def percent(share: float | None) -> str:
    """Return a share as a percentage, ``–`` for None.

    >>> percent(0.98765), percent(None)
    ('98.77%', '–')
    """
    return "–" if share is None else f"{100 * share:.2f}%"
