"""Set several runs against each other on the same pairs: which is better, and is that more than chance?"""

from __future__ import annotations

import itertools
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from facedata import ClassManifest, PreparedSet, open_set
from facedata.errors import SetError, UsageError, writing
from facedata.files.atomic import atomic_file, write_text
from facedata.options import resolve_options
from facedata.sets.prepared import short
from facedata.tables.schema import DATASET

from ..batches.reader import OnProgress
from ..config import CompareConfig
from ..errors import ScoreError
from ..models import header
from ..models.embedder import Embedder
from ..models.ready import table
from ..outputs import folder_out
from ..pages.compare_page import render_comparison
from ..recognition.escaped_names import escape_name
from ..scoring.compared.common_pairs import check_same_set, find_common_pairs
from ..scoring.compared.disagreements import count_disagreements, find_disagreements
from ..scoring.compared.figures import compare_figures, judge_runs
from ..scoring.compared.scored_run import ScoredRun, is_scores, read_scored_run
from ..scoring.compared.table import compare_table
from .evaluate import evaluate

COMPARED = "compare.json"
"""Written last: if it is there, the other files belong to it."""

Comparable = str | os.PathLike[str] | Embedder
"""A folder that evaluate wrote, or a model."""


def compare(
    runs: Sequence[Comparable],
    out: str | os.PathLike[str] | None,
    config: CompareConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Compare runs on the pairs that all of them have; the others are compared with the first.

    A run that is a model is evaluated first, into ``scores-N`` below ``out`` (N is its place in the list);
    its scores can be compared again from there. Each run is taken at its own metric, and decides the pairs at
    its own threshold: nothing is chosen on the pairs that are compared.

    Args:
        runs: two or more folders that :func:`facemodel.evaluate` wrote, run folders or other models; mixed as
            you like.
        out: folder for report.html, compare.md and compare.json; None to write nothing.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with the number of crops embedded, and the total.
        **changes: single options by name.

    Returns:
        The contents of ``compare.json``: ``set``, ``split``, ``settings``, ``pairs`` (counts), ``runs`` (each
        with its ``name``, ``metric``, ``threshold``, ``figures`` and ``notes``), ``differences`` to the first
        (a ``value``, an ``interval`` and a ``verdict`` for each figure), ``disagreements`` (pairs that the
        runs decide differently), ``draws``, ``no_interval``.

    Raises:
        UsageError: fewer than two runs, impossible options, or nothing says on which set to score a model.
        ScoreError: the runs were scored on other sets or splits, have no pairs in common, or their files are
            not what evaluate writes.
        FacemodelError: a model cannot be evaluated, as :func:`facemodel.evaluate` says.
        StoreError: a file cannot be written.
    """
    config = resolve_options(CompareConfig, config, changes)
    if isinstance(runs, str | os.PathLike) or len(runs) < 2:
        raise UsageError("compare takes two runs or more: folders that evaluate wrote, or models")
    paths = [Path(run) for run in runs if isinstance(run, str | os.PathLike) and not table.is_ready(run)]
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"there is no {path}: a RUN is a folder that evaluate wrote, or a model"
                f"{table.suggest_ready(str(path))}"
            )
        if (path / DATASET).is_file():
            raise UsageError(f"{path} is a set, not a run: name it with --set {shlex.quote(str(path))}")
    out = None if out is None else folder_out(out)
    if out is not None and (is_scores(out) or (out / header.SPEC).is_file()):
        raise UsageError(f"--out {out} is a run, whose page would be replaced: name another folder")
    if out is not None and (out / DATASET).is_file():
        raise UsageError(f"--out {out} is a set, and no place for a page of runs: name another folder")
    given = [path.resolve() for path in paths]
    for number, run in enumerate(runs, 1):
        place = None if out is None or _has_scores(run) else out / f"scores-{number}"
        if place is not None and place.resolve() in given:
            raise UsageError(f"{place} is one of the runs, and would be overwritten: name another --out")
    names = name_runs(runs)
    prepared = _find_set(runs, names, config)
    with TemporaryDirectory() as temporary:
        scored = _score_runs(
            runs, names, prepared, Path(temporary) if out is None else out, config, on_progress
        )
    classes = ClassManifest.open(prepared) if prepared else None
    pairs = find_common_pairs(scored, classes)
    judged = judge_runs(scored, pairs, config.seed)
    figures = compare_figures(judged, pairs, config.seed)
    apart = count_disagreements(judged, pairs)
    first = scored[0].scores
    compared = {
        **figures,
        "set": first["set"],
        "split": first["split"],
        "settings": {**config.settings(), "split": first["split"]},
        "pairs": pairs.counts(),
        "runs": [
            {
                "name": one.run.name,
                "model": one.run.scores["model"],
                "metric": one.run.metric,
                "threshold": dict(one.run.threshold),
                "decided_by": one.decided_by,
                "figures": mine,
                "pairs_left_out": left_out,
                "notes": list(one.run.scores["notes"]),
                "calibration": one.run.scores.get("calibration"),  # scores of earlier versions have none
            }
            for one, mine, left_out in zip(judged, figures["runs"], pairs.left_out, strict=True)
        ],
        "differences": [
            {"run": run.name, "to": scored[0].name, "figures": mine, "disagreements": counts}
            for run, mine, counts in zip(scored[1:], figures["differences"], apart, strict=True)
        ],
        "disagreements": find_disagreements(judged, pairs),
    }
    if out is not None:
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
            (out / COMPARED).unlink(missing_ok=True)
        with atomic_file(out / "report.html") as stream:
            stream.write(render_comparison(compared, judged, pairs, classes))
        write_text(out / "compare.md", "\n".join(compare_table(compared)) + "\n")
        write_text(out / COMPARED, json.dumps(compared, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return compared


def name_runs(runs: Sequence[Comparable]) -> list[str]:
    """Return a name for each run: its folder's or file's, with as much of the way there as tells them apart.

    >>> name_runs(["runs/big", "runs/small"]), name_runs(["big/scores", "small/scores", "small/scores"])
    (['big', 'small'], ['big/scores', 'small/scores', 'small/scores (2)'])
    """
    paths = [run if isinstance(run, str | os.PathLike) else run.name for run in runs]
    parts = [Path(os.path.abspath(path)).parts for path in paths]  # noqa: PTH100  a link keeps its own name
    names: list[str] = []
    for mine in parts:
        others = [theirs for theirs in parts if theirs != mine]
        depth = next(at for at in itertools.count(1) if all(theirs[-at:] != mine[-at:] for theirs in others))
        name = first = escape_name("/".join(mine[-depth:]))
        for times in itertools.count(2):
            if name not in names:
                break
            name = f"{first} ({times})"
        names.append(name)
    return names


def _find_set(runs: Sequence[Comparable], names: Sequence[str], config: CompareConfig) -> PreparedSet | None:
    """Return the set to score models on: ``--set``, or the one that the models were trained on.

    Raises:
        UsageError: a model is to be scored, and nothing says on which set; or they were trained on several.
        SetError: there is no set at ``--set``.
    """
    if config.set is not None:
        return open_set(config.set)
    found: dict[str, PreparedSet] = {}
    models = [(run, name) for run, name in zip(runs, names, strict=True) if not _has_scores(run)]
    for run, name in models:
        place = header.training_set_path(run) if isinstance(run, str | os.PathLike) else None
        if place is None:
            continue
        try:
            found[name] = open_set(place)
        except SetError as error:
            raise UsageError(
                f"{name} is to be scored, and the set that it was trained on is not at hand ({error}): name "
                "one with --set SET"
            ) from error
    if models and not found:
        raise UsageError(
            f"{models[0][1]} is to be scored here, and nothing says on which set: name it with --set SET, or "
            "give a folder that evaluate wrote"
        )
    sets = {one.fingerprint: name for name, one in found.items()}
    if len(sets) > 1:
        told = " and ".join(f"{name} on {short(fingerprint)}" for fingerprint, name in list(sets.items())[:2])
        raise UsageError(
            f"the models were trained on several sets, {told}: say on which to compare with --set SET"
        )
    return next(iter(found.values()), None)


def _score_runs(
    runs: Sequence[Comparable],
    names: Sequence[str],
    prepared: PreparedSet | None,
    home: Path,
    config: CompareConfig,
    on_progress: OnProgress | None,
) -> list[ScoredRun]:
    """Read the runs' scores; evaluate those that are models, into folders of ``home``.

    Raises:
        ScoreError: the scores are of several sets or splits, or of another one than what is to be scored.
        UsageError: options that only models need, and there is none; or they are to be scored on other pairs.
    """
    read = [
        read_scored_run(Path(run), name) if isinstance(run, str | os.PathLike) and _has_scores(run) else None
        for run, name in zip(runs, names, strict=True)
    ]
    scored = [one for one in read if one is not None]
    check_same_set(scored)
    split = config.split or (scored[0].scores["split"] if scored else "test")
    for one in scored:
        theirs = one.scores["set"], one.scores["split"]
        if prepared is not None and theirs[0] != prepared.fingerprint:
            raise ScoreError(
                f"{one.name} was scored on the set {short(theirs[0])}, and {prepared} is the set "
                f"{short(prepared.fingerprint)}: name with --set the set that it was scored on"
            )
        if theirs[1] != split:
            raise ScoreError(
                f"{one.name} was scored on the split {theirs[1]}, not on {split}: leave out --split"
            )
        if len(scored) < len(runs) and config.pairs is None and one.scores["settings"].get("pairs"):
            raise UsageError(
                f"{one.name} was scored on the pairs of a file: name that file with --pairs, so that the "
                "models are scored on them too"
            )
    if config.pairs is not None and len(scored) == len(runs):
        raise UsageError("--pairs names the pairs to score models on, and all runs are scores: leave it out")
    found = []
    for number, (run, name, there) in enumerate(zip(runs, names, read, strict=True), 1):
        if there is not None:
            found.append(there)
            continue
        if prepared is None:
            raise UsageError(f"{name} is to be scored here: name a set with --set SET")
        folder = home / f"scores-{number}"
        evaluate(
            run, config.set or prepared.path, folder, on_progress=on_progress, split=split,
            pairs=config.pairs, flip=config.flip, batch=config.batch, device=config.device,
            workers=config.workers, seed=config.seed, cut=config.cut,
        )  # fmt: skip
        found.append(read_scored_run(folder, name))
    return found


def _has_scores(run: Comparable) -> bool:
    return isinstance(run, str | os.PathLike) and not table.is_ready(run) and is_scores(Path(run))
