"""From a prepared set to a trained model, on one page."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from facedata import open_set
from facedata.files.remote import Remote

from ..bar import with_fit_bar
from ..config import FitConfig
from ..errors import Interrupted, RunError
from ..machine.devices import choose_device
from ..machine.extras import require_extra
from ..machine.memory import catch_out_of_memory
from ..machine.ranks import join_processes
from ..machine.signals import StopRequest, catch_stops
from ..outputs import local_out
from ..pages.run_page import write_run_page
from ..recipes import fit_config
from ..training.checkpoint import checkpoint_files
from ..training.inputs import Inputs, open_inputs
from ..training.run import OnProgress, Run
from ..training.run_folder import RunFolder, open_run_folder
from ..training.schedule import check_schedule, describe_extension
from ..training.state import merit
from ..training.trainer import fit_advice
from ..unused_options import unused_lines
from .forecast import choose_precision, forecast_lines

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

    def _repr_html_(self) -> str:
        from ..pages.notebook import render_lines
        from .summary import fit_lines

        return render_lines(f"FitResult({self.path!r})", fit_lines(self))


@with_fit_bar
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
        Interrupted: Ctrl-C or SIGTERM; the step is finished and in a checkpoint. A KeyboardInterrupt.
        MissingExtraError: a package of ``facedata[train]`` is not installed.
    """
    keeps_epochs = config is None and "epochs" not in changes
    config = fit_config(changes, config)
    check_schedule(config)
    require_extra(  # some are used only at the end
        "matplotlib", "openpyxl", "tensorboard", "pytorch_metric_learning", what="training"
    )
    out, prepared, device = local_out(out), open_set(set_path), choose_device(config.device)
    with (
        catch_stops() as stop,
        join_processes(device.type == "cuda") as ranks,
        open_run_folder(out, config, prepared, ranks, keeps_epochs) as folder,
    ):
        if folder.done is not None and folder.epochs_before is None:
            folder.check_kept()
            had = folder.config.epochs
            logger.info("%s is finished already, after epoch %d; more --epochs train it further", out, had)
            try:  # its folder may have moved
                done = {**folder.done, "path": str(folder.path), "lines": tuple(folder.done["lines"])}
                return FitResult(**done)
            except TypeError as error:
                raise RunError(f"the results in {out} cannot be read: start over with --overwrite") from error
        for line in unused_lines(folder.config):
            logger.warning("%s", line)
        device = ranks.own_device(device)
        if folder.epochs_before is not None:
            how = describe_extension(folder.config, folder.epochs_before)
            logger.info("%s had %d epochs and now has %d: %s",
                        folder.path, folder.epochs_before, folder.config.epochs, how)  # fmt: skip
        folder = choose_precision(folder, prepared, device)
        with _stopped_at_once(folder, stop), open_inputs(prepared, folder) as inputs:
            return _train(folder, inputs, device, stop, on_progress)


def _train(
    folder: RunFolder, inputs: Inputs, device: torch.device, stop: StopRequest, on_progress: OnProgress | None
) -> FitResult:
    """Train a run from where it is to its end."""
    with catch_out_of_memory(fit_advice(folder.config)):
        run = Run(folder, inputs, device, stop, on_progress)
        stop.waits = True
        folder.begin()
        with run.open_events():
            if run.is_begun:
                run.guard(resumed=True)
            else:
                run.begin()
            run.stop_if_asked()
            if run.epochs_left():
                for line in forecast_lines(run):
                    logger.info("%s", line)
            for epoch in run.epochs_left():
                row = run.judge(run.train(epoch))
                run.keep(row)
                run.save()
                write_run_page(run)
                run.guard()
                if epoch < folder.config.epochs:
                    run.stop_if_asked()
        return _finish(run)


@contextmanager
def _stopped_at_once(folder: RunFolder, stop: StopRequest) -> Iterator[None]:
    """Say of an interrupt that could not wait whether there is something to resume."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        # an older run is only gone once the new one has begun
        resumes = (folder.resumes or stop.waits) and bool(checkpoint_files(folder.state))
        where = "at once, after the last checkpoint" if resumes else "before the first step"
        raise Interrupted(where, resumes) from None


def _finish(run: Run) -> FitResult:
    """Return the outcome, and mark the run as finished."""
    state, config = run.state, run.config
    best = state.best or state.rows[-1]
    value, before = merit(config, best), merit(config, state.rows[0])
    new_lines = []
    if value is not None and before is not None and value <= before:
        was = f"by {config.best_by} ({before:.4g}, then {value:.4g})"
        kept = "; the model it started from is kept" if best.epoch == 0 else ""
        new_lines.append(f"no epoch was better than before training, {was}{kept}")
        logger.warning("%s", new_lines[-1])
    metric = run.trainer.objective.model.spec.metric
    result = FitResult(
        str(run.folder.path), config.epochs, best.epoch, config.best_by,
        value, before, best.threshold, metric, (*run.lines, *new_lines),
    )  # fmt: skip
    run.folder.check_kept()
    write_run_page(run, new_lines)
    if run.is_first:
        run.folder.finish(dataclasses.asdict(result))
    run.folder.ranks.wait()
    return result
