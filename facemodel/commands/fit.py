"""The conductor: from a prepared set to a trained model, on one page."""

from __future__ import annotations

import dataclasses
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata import open_set
from facedata.files.remote import Remote

from ..config import FitConfig
from ..errors import RunError
from ..machine.devices import choose_device
from ..machine.memory import memory_watched
from ..machine.ranks import joined
from ..recipes import fit_config
from ..training.history import require_extras
from ..training.inputs import open_materials
from ..training.run import OnProgress, Training
from ..training.run_folder import open_run
from ..training.schedule import check_schedule
from ..training.state import merit
from ..training.trainer import fit_advice
from ..unused_options import unused_lines
from .outputs import local_out

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """What a run came to.

    Attributes:
        path: the run folder.
        epochs: that it trained.
        best: the epoch whose weights are best.
        best_by: the validation metric that says so.
        value: of that metric in that epoch.
        before: the same before epoch 1.
        threshold: of the input spec; None where there were no validation pairs.
        metric: of the threshold: ``euclidean`` or ``cosine``.
        lines: what the user should know, a sentence each.
    """

    path: str
    epochs: int
    best: int
    best_by: str
    value: float | None
    before: float | None
    threshold: float | None
    metric: str
    lines: tuple[str, ...] = ()


def fit(
    set_path: str | os.PathLike[str] | Remote,
    out: str | os.PathLike[str],
    config: FitConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> FitResult:
    """Train a model on a prepared set, into a run folder; the test split is never read.

    Args:
        set_path: the set's folder, or its URL.
        out: the run folder, made when missing.
        config: the options; ``changes`` win over it.
        on_progress: called after each step, in the process that speaks.
        **changes: single options by name, as in ``fit("faces", "run", recipe="anchors", epochs=3)``; over
            those of the recipe they name, where no config is given.

    Raises:
        UsageError: impossible options.
        SetError: there is no set.
        DataError: it cannot be trained on: crops gone or changed, one person, nobody with two photos.
        RunError: the run folder cannot be used, or gone on with.
        DeviceError: no such GPU, or its memory is too small.
        TrainingError: the loss is NaN, or a guard of ``--stop-on`` saw something.
        MissingExtraError: a package of ``facedata[train]`` is not installed.
    """
    config = fit_config({**(dataclasses.asdict(config) if config else {}), **changes})
    check_schedule(config)
    require_extras()
    out, prepared, device = local_out(out), open_set(set_path), choose_device(config.device)
    with (
        joined(device.type == "cuda") as ranks,
        open_run(out, config, prepared, ranks) as run,
    ):
        if run.done is not None:
            run.refuse_gone()
            logger.info("%s is finished: there is nothing to go on with", run.path)
            return _found(run.done, run.path)
        for line in unused_lines(config):
            logger.warning("%s", line)
        with open_materials(prepared, config) as materials, memory_watched(fit_advice(config)):
            training = Training(run, config, materials, ranks.own(device), on_progress)
            run.begin()
            with training.writing():
                if training.begun:
                    training.guard(resumed=True)
                else:
                    training.begin()
                for epoch in training.epochs_left():
                    row = training.judge(training.train(epoch))
                    training.keep(row)
                    training.save()
                    training.guard()
            return _finish(training)


def _found(done: dict[str, Any], path: Path) -> FitResult:
    """Return what a finished run came to, wherever its folder is now.

    Raises:
        RunError: its done.json is of something else.
    """
    try:
        return FitResult(**{**done, "path": str(path), "lines": tuple(done["lines"])})
    except TypeError as error:
        raise RunError(f"what {path} came to cannot be read: start afresh with --overwrite") from error


def _finish(training: Training) -> FitResult:
    """Say what the run came to."""
    session, config = training.session, training.config
    best = session.best or session.rows[-1]
    value, before = merit(config, best), merit(config, session.rows[0])
    lines = list(training.lines)
    if value is not None and before is not None and value <= before:
        was = f"by {config.best_by} ({before:.4g}, then {value:.4g})"
        lines.append(f"no epoch was better than before training, {was}")
        logger.warning("%s", lines[-1])
    metric = training.trainer.objective.model.spec.metric
    result = FitResult(
        str(training.run.path), config.epochs, best.epoch, config.best_by,
        value, before, best.threshold, metric, tuple(lines),
    )  # fmt: skip
    training.run.refuse_gone()
    if training.first:
        training.run.finish(dataclasses.asdict(result))
    training.run.ranks.wait()
    return result
