"""From a prepared set to a trained model, on one page."""

from __future__ import annotations

import dataclasses
import logging
import os
from dataclasses import dataclass
from typing import Any

from facedata import open_set
from facedata.files.remote import Remote

from ..config import FitConfig
from ..errors import RunError
from ..machine.devices import choose_device
from ..machine.extras import require_extra
from ..machine.memory import catch_out_of_memory
from ..machine.ranks import join_processes
from ..recipes import fit_config
from ..training.inputs import open_inputs
from ..training.run import OnProgress, Run
from ..training.run_folder import open_run_folder
from ..training.schedule import check_schedule
from ..training.state import merit
from ..training.trainer import fit_advice
from ..unused_options import unused_lines
from .outputs import local_out

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """The outcome of a run.

    Attributes:
        path: the run folder.
        epochs: how many epochs it trained.
        best: the epoch with the best weights.
        best_by: the validation metric that chose it.
        value: that metric in that epoch.
        before: that metric before epoch 1.
        threshold: the input spec's; None if there were no validation pairs.
        metric: the threshold's: ``euclidean`` or ``cosine``.
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
        set_path: a prepared set's folder or URL.
        out: the run folder; made if it is missing.
        config: the options; ``changes`` win over it.
        on_progress: called after each step, in the first process only.
        **changes: single options by name, as in ``fit("faces", "run", recipe="anchors", epochs=3)``; without
            a config, they win over the recipe's.

    Raises:
        UsageError: impossible options.
        SetError: there is no set.
        DataError: it cannot be trained on: crops are missing or changed, there is only one person, or no
            person has two photos.
        RunError: the run folder cannot be used or resumed.
        DeviceError: there is no such GPU, or its memory is too small.
        TrainingError: the loss is NaN, or a guard of ``--stop-on`` stopped the run.
        MissingExtraError: a package of ``facedata[train]`` is not installed.
    """
    config = fit_config(changes, config)
    check_schedule(config)
    require_extra("matplotlib", "openpyxl", "tensorboard", "pytorch_metric_learning")  # used at the end
    out, prepared, device = local_out(out), open_set(set_path), choose_device(config.device)
    with (
        join_processes(device.type == "cuda") as ranks,
        open_run_folder(out, config, prepared, ranks) as folder,
    ):
        if folder.done is not None:
            folder.check_kept()
            logger.info("%s is finished: there is nothing to resume", folder.path)
            try:  # its folder may have moved
                done = {**folder.done, "path": str(folder.path), "lines": tuple(folder.done["lines"])}
                return FitResult(**done)
            except TypeError as error:
                raise RunError(
                    f"the results in {folder.path} cannot be read: start over with --overwrite"
                ) from error
        for line in unused_lines(config):
            logger.warning("%s", line)
        with open_inputs(prepared, config) as inputs, catch_out_of_memory(fit_advice(config)):
            run = Run(folder, config, inputs, ranks.own_device(device), on_progress)
            folder.begin()
            with run.open_events():
                if run.is_begun:
                    run.guard(resumed=True)
                else:
                    run.begin()
                for epoch in run.epochs_left():
                    row = run.judge(run.train(epoch))
                    run.keep(row)
                    run.save()
                    run.guard()
            return _finish(run)


def _finish(run: Run) -> FitResult:
    """Return the outcome, and mark the run as finished."""
    state, config = run.state, run.config
    best = state.best or state.rows[-1]
    value, before = merit(config, best), merit(config, state.rows[0])
    lines = list(run.lines)
    if value is not None and before is not None and value <= before:
        was = f"by {config.best_by} ({before:.4g}, then {value:.4g})"
        lines.append(f"no epoch was better than before training, {was}")
        logger.warning("%s", lines[-1])
    metric = run.trainer.objective.model.spec.metric
    result = FitResult(
        str(run.folder.path), config.epochs, best.epoch, config.best_by,
        value, before, best.threshold, metric, tuple(lines),
    )  # fmt: skip
    run.folder.check_kept()
    if run.is_first:
        run.folder.finish(dataclasses.asdict(result))
    run.folder.ranks.wait()
    return result
