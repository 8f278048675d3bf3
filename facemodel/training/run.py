"""An epoch's stages: train, judge, keep, guard; and what a run writes."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..batches.people import TrainingSet
from ..config import FitConfig
from ..epochs.sampler import EpochRows, Usage
from ..errors import ScoreError, TrainingError
from ..models.known_people import write_people
from ..models.saved import BEST, LAST, SPEC, save_model
from ..network.model import FaceModel, build, input_spec, make_model
from ..network.pretrained import Pretrained
from ..objective.objective import make_objective
from . import validate
from .checkpoint import Checkpoint, load_newest
from .guards import findings, new_findings
from .history import EVENTS, EpochRow, Events, write_csv, write_xlsx
from .inputs import Materials
from .negatives import HARD, Negatives
from .plots import draw_batch, draw_curves, draw_usage
from .run_folder import RunFolder
from .state import Clock, Progress, Session
from .trainer import Trainer

logger = logging.getLogger(__name__)

OnProgress = Callable[[Progress], None]


class Training:
    """A run: its network, and each of the stages that an epoch goes through.

    Args:
        run: the folder it writes to; a checkpoint there is gone on from.
        config: of the run.
        materials: what it trains and is judged on.
        device: where it trains.
        on_progress: called after each step, in the process that speaks.

    Attributes:
        session: all that changes while it trains.
        lines: what the user should know of the network.
    """

    def __init__(
        self,
        run: RunFolder,
        config: FitConfig,
        materials: Materials,
        device: torch.device,
        on_progress: OnProgress | None,
    ) -> None:
        self.run, self.config, self.materials, self.on_progress = run, config, materials, on_progress
        self.first: bool = run.ranks.first
        checkpoint = load_newest(run.state) if run.goes_on else None
        run.ranks.agree("which checkpoint there is to go on from", _place_of(checkpoint))
        model, self.lines = _model(config, materials, checkpoint)
        run.ranks.agree("which pretrained weights they could have", model.pretrained.kind)
        training = materials.training
        objective = make_objective(config, model, training.names, training.counts)
        trainer = Trainer(config, objective, training, device, run.ranks)
        self.negatives = Negatives(config, training, config.dim)
        self.session = Session(config, trainer, self.negatives, Usage(len(training)))
        if checkpoint is not None:
            self.session.restore(checkpoint)
        self.trainer, self.embeds = trainer, validate.Embedding(objective, max(config.batch, 32), run.ranks)
        self.fixed = validate.validation_fixed(config, materials.validation, training)
        self.probe = validate.probe_fixed(config, self.fixed, training)
        self.clock = Clock(config.epochs, self.session.epoch, self.session.step)

    @property
    def begun(self) -> bool:
        """The network was judged before epoch 1."""
        return bool(self.session.rows)

    def epochs_left(self) -> range:
        """Return the epochs that are not finished, counted from 1."""
        return range(self.session.epoch + 1, self.config.epochs + 1)

    def begin(self) -> None:
        """Judge the network before epoch 1, and write what stays as it is."""
        for line in self.lines:
            logger.info("%s", line)
        if self.first:
            judges = TrainingSet.of(self.materials.validation.validation)
            write_people(self.run.path, self.materials.training, judges)
            if self.materials.validation.made:
                self.materials.validation.write(self.run.path / "validation.parquet")
            self._draw_first_batch()
        row = self.judge(EpochRow(epoch=0))
        if self.first:
            self.events.add(row)
        self.save()

    def train(self, epoch: int) -> EpochRow:
        """Train one epoch, or what is left of it.

        Raises:
            TrainingError: the loss is NaN or infinite.
        """
        session, trainer = self.session, self.trainer
        started, earlier_s = time.monotonic(), session.seconds
        plan = self._plan(epoch)
        for done in trainer.steps(plan, epoch, self._base_lr(epoch), self.materials.crops, session.step):
            session.step, session.total = done.step, session.total + 1
            session.usage.add(done.rows)
            session.seconds = earlier_s + time.monotonic() - started
            self._tell(epoch, done.step, done.steps, done.rows.size)
            if session.total % self.config.save_steps == 0 and done.step < done.steps:
                trainer.refuse_nan(epoch, done.step)
                self.save()
        tally, used = trainer.tally, session.usage.summary()
        row = EpochRow(
            epoch=epoch, steps=session.total, lr=trainer.optimizer.param_groups[0]["lr"],
            negatives=self.negatives.kind(epoch), loss=tally.mean("loss"), active=tally.mean("active"),
            never_used=used.never, used_mean=used.mean, used_std=used.std, images=tally.images,
        )  # fmt: skip
        if self.negatives.after(
            plan.rows, epoch, row.active, self.embeds, self.materials.crops, self.run.ranks
        ):
            logger.info("%.0f%% of the triplets were active: negatives turn hard", 100 * (row.active or 0))
        session.seconds = earlier_s + time.monotonic() - started
        return row

    def _plan(self, epoch: int) -> EpochRows:
        return self.negatives.plan(
            self.materials.sampler.epoch(epoch), epoch, self.embeds, self.materials.crops
        )

    def _base_lr(self, epoch: int) -> float:
        hard = self.negatives.kind(epoch) == HARD and self.config.hard_lr is not None
        return float(self.config.hard_lr or 0.0) if hard else self.config.lr

    def judge(self, row: EpochRow) -> EpochRow:
        """Add to an epoch's row what the fixed rows say of it; that ends the epoch.

        Raises:
            TrainingError: the network gives NaN.
        """
        objective, started = self.trainer.objective, time.monotonic()
        try:
            val = validate.judge(objective, self.fixed, self.embeds(self.materials.judged, self.fixed.crops))
            probe = validate.judge(objective, self.probe, self.embeds(self.materials.crops, self.probe.crops))
        except ScoreError as error:
            raise TrainingError(
                f"after epoch {row.epoch} the network gives no usable numbers ({error}): lower --lr, set "
                "--clip 5, or begin with --warmup-epochs 1"
            ) from error
        row = dataclasses.replace(
            row, val_loss=val.loss, val_auc=val.auc, val_accuracy=val.accuracy, threshold=val.threshold,
            class_threshold=val.class_threshold, spread=val.spread,
            probe_loss=probe.loss, probe_auc=probe.auc, probe_accuracy=probe.accuracy,
            seconds=self.session.seconds + time.monotonic() - started,
        )  # fmt: skip
        self.session.finish_epoch(row)
        logger.info("%s", row.line(self.config.epochs))
        return row

    def keep(self, row: EpochRow) -> None:
        """Write an epoch's weights, and the files that people look at."""
        best = self.session.best
        if not self.first:
            return
        folder, objective = self.run.path, self.trainer.objective
        extra = {"epoch": row.epoch, "recipe": self.config.recipe}
        spec = objective.model.spec
        if best is None or best is row:
            chosen = spec.with_threshold(row.threshold, spec.metric, row.class_threshold)
            chosen.write(folder / SPEC)
            save_model(folder, BEST, objective, extra)
        save_model(folder, LAST, objective, extra)
        self.events.add(row)
        self._write_history()

    def _write_history(self) -> None:
        folder, rows = self.run.path, self.session.rows
        write_csv(folder / "history.csv", rows)
        write_xlsx(folder / "history.xlsx", rows)
        draw_curves(folder / "curves.png", rows)
        draw_usage(folder / "usage.png", self.session.usage.counts)

    def guard(self, resumed: bool = False) -> None:
        """Say what the guards see for the first time; of a run that goes on, what they see at all.

        Raises:
            TrainingError: it is one that was asked to stop the run.
        """
        stopping = None
        for finding in (findings if resumed else new_findings)(self.session.rows, self.config):
            if finding.guard in self.config.guards:
                stopping = stopping or finding
            else:
                logger.warning("%s", finding.text)
        if self.run.ranks.told(stopping is not None):  # of several processes the first decides
            raise TrainingError(
                f"stopped by --stop-on {stopping.guard}: {stopping.text}"
                if stopping
                else "stopped by --stop-on"
            )

    def save(self) -> None:
        """Write a checkpoint."""
        if self.first:
            self.session.save(self.run.state)

    def _tell(self, epoch: int, step: int, steps: int, images: int) -> None:
        progress = self.clock.progress(epoch, step, steps, images)
        if self.on_progress is not None and self.first:
            self.on_progress(progress)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open TensorBoard's events; only the first process writes them."""
        if not self.first:
            yield
            return
        self.events = Events(self.run.path / EVENTS, self.session.total)
        try:
            yield
        finally:
            self.events.close()

    def _draw_first_batch(self) -> None:
        plan = self.materials.sampler.epoch(1)
        images = self.trainer.first_images(plan, self.materials.crops).cpu().numpy()
        columns = plan.rows.shape[1] if plan.rows.shape[1] > 1 else min(8, len(images))
        spec = self.trainer.objective.model.spec
        draw_batch(self.run.path / "first_batch.png", images, spec, columns)


def _model(
    config: FitConfig, materials: Materials, checkpoint: Checkpoint | None
) -> tuple[FaceModel, list[str]]:
    """Make the model; one to go on with takes its weights from the checkpoint, and needs no download."""
    spec = input_spec(config, materials.prepared)
    if checkpoint is None:
        return make_model(config, spec)
    model = build(config, spec)
    model.pretrained = Pretrained(*checkpoint.values["pretrained"])
    model.freeze(checkpoint.values["frozen"])
    return model, [model.pretrained.line]


def _place_of(checkpoint: Checkpoint | None) -> str:
    """Return where a run stood at a checkpoint."""
    if checkpoint is None:
        return "none"
    return f"epoch {checkpoint.values['epoch']}, step {checkpoint.values['step']}"
