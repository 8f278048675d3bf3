"""A run: the stages of each epoch (train, judge, keep, guard), and the files it writes."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from facedata.types import Float32Array

from ..batches.people import TrainingPeople
from ..epochs.plan import Usage
from ..errors import Interrupted, ScoreError, TrainingError
from ..machine.signals import StopRequest
from ..models.header import BEST, LAST, SPEC
from ..models.known_people import write_people
from ..models.saved import save_model
from ..objective.objective import make_objective
from ..scoring.open_set import summarise_validation
from ..validated.summary import ValidationSummary
from . import guards, history, plots, validate
from .checkpoint import load_newest
from .finetune.first_model import first_model
from .finetune.guides import Guides
from .inputs import Inputs
from .negatives import HARD, Negatives
from .run_folder import RunFolder
from .state import Clock, Progress, RunState
from .trainer import Trainer

logger = logging.getLogger(__name__)

OnProgress = Callable[[Progress], None]


class Run:
    """A run: its network, its state, and the stages of an epoch.

    Args:
        folder: where it writes, and its options; if it resumes a run, its newest checkpoint is read.
        inputs: what it trains on and is validated with.
        device: where it trains.
        stop: whether somebody asked to stop.
        on_progress: called after each step, in the first process.

    Attributes:
        state: everything that changes while it trains.
        lines: what the user should know about the network.
    """

    def __init__(
        self,
        folder: RunFolder,
        inputs: Inputs,
        device: torch.device,
        stop: StopRequest,
        on_progress: OnProgress | None,
    ) -> None:
        self.folder, self.config, self.inputs, self.on_progress = folder, folder.config, inputs, on_progress
        config, self.stop = folder.config, stop
        ranks, training = folder.ranks, inputs.training
        self.is_first: bool = ranks.is_first
        checkpoint = load_newest(folder.state) if folder.resumes else None
        values = checkpoint.values if checkpoint is not None else {}
        where = f"epoch {values['epoch']}, step {values['step']}" if values else "none"
        ranks.require_same("which checkpoint they resume from", where)
        model, self.lines = first_model(folder, inputs, checkpoint)
        ranks.require_same("which pretrained weights they found", model.pretrained.kind)
        objective = make_objective(config, model, training.names, training.counts)
        self.guides = Guides(folder, training, device)
        objective.guidance = self.guides.guidance()
        self.trainer = Trainer(config, objective, training, device, ranks, self.guides)
        self.negatives = Negatives(config, training, config.dim, ranks.from_first(inputs.no_negatives))
        self.state = RunState(config, self.trainer, self.negatives, Usage(len(training)))
        if checkpoint is not None:
            self.state.restore(checkpoint)
        judged, batch = self.trainer.judged, max(config.batch, 32)
        self.embeds = validate.SharedEmbedder(judged, batch, ranks, self._on_embedded)
        self.judges = TrainingPeople.of(inputs.validation.validation)
        self.fixed = validate.make_validation_rows(config, inputs.validation, training)
        self.probe = validate.make_probe_rows(config, self.fixed, training)
        self.clock = Clock(config.epochs, self.state.epoch, self.state.step)
        self.saved_for: int | None = None  # the step of the checkpoint that a request to stop has caused

    @property
    def is_begun(self) -> bool:
        """Whether the network was judged before epoch 1."""
        return bool(self.state.rows)

    def epochs_left(self) -> range:
        """Return the epochs that are not finished, counted from 1."""
        return range(self.state.epoch + 1, self.config.epochs + 1)

    def begin(self) -> None:
        """Judge the network before epoch 1, and write the files that will not change."""
        for line in self.lines:
            logger.info("%s", line)
        if self.is_first:
            validation = self.inputs.validation
            models = [self.config.start, self.config.teacher]
            write_people(self.folder.path, self.inputs.training, self.judges, models)
            if validation.set_aside:
                validation.write(self.folder.path / "validation.parquet")
            if self.inputs.doubted is not None:
                self.inputs.doubted.write(self.folder.path, self.inputs.prepared)
            plan = self.inputs.sampler.epoch(1)
            images = self.trainer.first_images(plan, self.inputs.training_crops).cpu().numpy()
            columns = plan.rows.shape[1] if plan.rows.shape[1] > 1 else min(8, len(images))
            spec = self.trainer.objective.model.spec
            plots.draw_batch(self.folder.path / "first_batch.png", images, spec, columns)
        reader, trainer = self.inputs.training_crops, self.trainer
        self.guides.embed(self.embeds.embedder, reader, self.folder.ranks, self._on_embedded)
        self.guides.centre_people(trainer.objective)
        if trainer.average is not None:
            trainer.average.begin(trainer.objective)
        row = self.judge(history.EpochRow(epoch=0))
        if self.config.start is not None:  # a model already, and perhaps the best
            self.keep(row)
        elif self.is_first:
            self.events.add(row)
        self.save()

    def train(self, epoch: int) -> history.EpochRow:
        """Train one epoch, or what is left of it.

        Raises:
            TrainingError: the loss is NaN or infinite.
            Interrupted: somebody asked to stop; what is done is in a checkpoint.
        """
        state, trainer, reader = self.state, self.trainer, self.inputs.training_crops
        started, earlier_s = time.monotonic(), state.seconds
        plan = self.negatives.plan(self.inputs.sampler.epoch(epoch), epoch, self.embeds, reader)
        lr = self.config.lr
        if self.config.hard_lr is not None and self.negatives.kind(epoch) == HARD:
            lr = self.config.hard_lr
        for done in trainer.steps(plan, epoch, lr, reader, state.step):
            state.step, state.total = done.step, state.total + 1
            state.usage.add(done.rows)
            state.seconds = earlier_s + time.monotonic() - started
            progress = self.clock.progress(epoch, done.step, done.steps, done.rows.size)
            if self.on_progress is not None and self.is_first:
                self.on_progress(progress)
            if state.total % self.config.save_steps == 0 and done.step < done.steps:
                trainer.check_finite(epoch, done.step)
                self.save()
            if done.checked:
                self.stop_if_asked()
        tally, used = trainer.tally, state.usage.summary()
        row = history.EpochRow(
            epoch=epoch, steps=state.total, lr=trainer.optimizer.param_groups[0]["lr"],
            negatives=self.negatives.kind(epoch), loss=tally.mean("loss"), active=tally.mean("active"),
            never_used=used.never, used_mean=used.mean, used_std=used.std, images=tally.images,
        )  # fmt: skip
        self.trained = plan.rows  # what the judgement that follows is about
        return row

    def judge(self, row: history.EpochRow) -> history.EpochRow:
        """Add the figures of the validation and probe rows to an epoch's row; that ends the epoch.

        Nothing of the run's state changes before all is computed, so it can be stopped until then.

        Raises:
            TrainingError: the network gives NaN.
            Interrupted: somebody asked to stop.
        """
        objective, inputs, started = self.trainer.judged, self.inputs, time.monotonic()
        try:
            embeddings = self.embeds(inputs.validation_crops, self.fixed.crops)
            val = validate.judge(objective, self.fixed, embeddings)
            probe = validate.judge(
                objective, self.probe, self.embeds(inputs.training_crops, self.probe.crops)
            )
        except ScoreError as error:
            raise TrainingError(
                f"after epoch {row.epoch} the network gives no usable numbers ({error}): lower --lr, set "
                "--clip 5, or begin with --warmup-epochs 1"
            ) from error
        row = dataclasses.replace(
            row, val_loss=val.loss, val_auc=val.auc, val_accuracy=val.accuracy, threshold=val.threshold,
            class_threshold=val.class_threshold, spread=val.spread,
            probe_loss=probe.loss, probe_auc=probe.auc, probe_accuracy=probe.accuracy,
        )  # fmt: skip
        negatives, reader, ranks = self.negatives, inputs.training_crops, self.folder.ranks
        if row.epoch and negatives.after(self.trained, row.epoch, row.active, self.embeds, reader, ranks):
            logger.info("%.0f%% of the triplets were active: now hard negatives", 100 * (row.active or 0))
        row = dataclasses.replace(row, seconds=self.state.seconds + time.monotonic() - started)
        self.state.finish_epoch(row)
        logger.info("%s", row.line(self.config.epochs))
        if self.is_first and self.state.best in (None, row):
            self.summary = self._summarise(val, embeddings)
        return row

    def _summarise(self, val: validate.Judgement, embeddings: Float32Array) -> ValidationSummary:
        """Return what the validation photos show of strangers, for the input spec."""
        person, metric = self.judges.person[self.fixed.crops], self.trainer.objective.model.spec.metric
        summary = summarise_validation(embeddings, person, metric, unseen=not self.config.closed)
        return dataclasses.replace(summary, class_photos=val.class_photos, class_right=val.class_right)

    def keep(self, row: history.EpochRow) -> None:
        """Write an epoch's weights and the history."""
        if not self.is_first:
            return
        path, objective, state = self.folder.path, self.trainer.judged, self.state
        spec, extra = objective.model.spec, {"epoch": row.epoch, "recipe": self.config.recipe}
        if state.best is None or state.best is row:
            with_threshold = spec.with_threshold(
                row.threshold, spec.metric, row.class_threshold, self.summary
            )
            with_threshold.write(path / SPEC)
            save_model(path, BEST, objective, extra)
        save_model(path, LAST, objective, extra)
        self.events.add(row)
        history.write_csv(path / "history.csv", state.rows)
        history.write_xlsx(path / "history.xlsx", state.rows)
        plots.draw_curves(path / "curves.png", state.rows)
        plots.draw_usage(path / "usage.png", state.usage.counts)

    def guard(self, resumed: bool = False) -> None:
        """Report what the guards newly found in the last epoch; for a resumed run, everything they find.

        Raises:
            TrainingError: a guard of ``--stop-on`` found something.
        """
        find = guards.findings if resumed else guards.new_findings
        stopping = None
        for finding in find(self.state.rows, self.config):
            if finding.guard in self.config.guards:
                stopping = stopping or finding
            else:
                logger.warning("%s", finding.text)
        if self.folder.ranks.from_first(stopping is not None):  # the first of several processes decides
            raise TrainingError(
                f"stopped by --stop-on {stopping.guard}: {stopping.text}"
                if stopping
                else "stopped by --stop-on"
            )

    def stop_if_asked(self) -> None:
        """Stop where the run can resume, if somebody asked for it; all processes ask at the same moment.

        Raises:
            Interrupted: it stops; the checkpoint is written.
        """
        if not self.folder.ranks.any_says(self.stop.asked):
            return
        state = self.state
        if not state.rows:
            raise Interrupted("before the first step", resumes=False)
        if state.step:
            self.trainer.check_finite(state.epoch + 1, state.step)
        self.save()
        where = f"in epoch {state.epoch + 1}, after step {state.step}"
        raise Interrupted(where if state.step else f"after epoch {state.epoch}", resumes=True)

    def _on_embedded(self, done: int, total: int) -> None:
        """Stop between two batches of embedding, if asked.

        Several processes finish what they embed, as they are never at the same batch; but the first one
        writes a checkpoint at once, in case `torchrun` does not wait so long.
        """
        if self.stop.asked and self.folder.ranks.world == 1:
            self.stop_if_asked()
        elif self.trainer.centres is not None:  # for a checkpoint all processes must be at the same place
            return
        elif self.stop.asked and self.state.rows and self.saved_for != self.state.total:
            self.saved_for = self.state.total
            self.save()

    def save(self) -> None:
        """Write a checkpoint."""
        if self.is_first or self.trainer.centres is not None:  # all processes give their centres to it
            self.state.save(self.folder.state)

    @contextmanager
    def open_events(self) -> Iterator[None]:
        """Open TensorBoard's events; only the first process writes them."""
        if not self.is_first:
            yield
            return
        self.events = history.Events(self.folder.path / history.EVENTS, self.state.total)
        try:
            yield
        finally:
            self.events.close()
