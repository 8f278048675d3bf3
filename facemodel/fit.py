"""The conductor: from a prepared set to a trained model, on one page."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata import PairManifest, PreparedSet, TripletManifest, open_set
from facedata.place import Remote

from .checkpoint import Checkpoint, load_newest
from .config import FitConfig
from .dataset import CropReader, TrainingSet
from .distributed import joined
from .drawings import draw_batch, draw_curves, draw_usage
from .embedder import choose_device
from .errors import ScoreError, TrainingError
from .guards import new_findings
from .history import EVENTS, EpochRow, Events, require_extras, write_csv, write_xlsx
from .holdout import Validation, validation_rows
from .loop import Trainer, memory_watched
from .model import FaceModel, build, input_spec, make_model
from .negatives import HARD, Negatives
from .objective import make_objective
from .pretrained import Pretrained
from .recipes import fit_config
from .run import RunFolder, open_run
from .sampler import EpochRows, Sampler, Usage, make_sampler
from .saved import BEST, LAST, SPEC, save_model
from .schedule import check_schedule
from .session import Clock, Progress, Session, merit
from .validate import Embedding, judge, probe_fixed, validation_fixed

logger = logging.getLogger(__name__)

OnProgress = Callable[[Progress], None]


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
    prepared, device = open_set(set_path), choose_device(config.device)
    with (
        joined(device.type == "cuda") as ranks,
        open_run(Path(out), config, prepared, ranks) as run,
    ):
        if run.done is not None:
            logger.info("%s is finished: there is nothing to go on with", run.path)
            return FitResult(**{**run.done, "lines": tuple(run.done["lines"])})
        with _opened(prepared, config) as data, memory_watched(config):
            work = _Work(run, config, data, ranks.own(device), on_progress)
            return work.run()


@dataclass(frozen=True, eq=False)
class _Data:
    """What is trained and judged on."""

    prepared: PreparedSet
    validation: Validation
    training: TrainingSet
    sampler: Sampler
    crops: CropReader
    judged: CropReader


@contextmanager
def _opened(prepared: PreparedSet, config: FitConfig) -> Iterator[_Data]:
    """Open the crops that train and those that judge; what is wrong with them is said before any training."""
    validation = validation_rows(prepared, config)
    training = TrainingSet.of(validation.training)
    sampler = make_sampler(config, training, _manifest(prepared, config))
    for note in (*validation.notes, *sampler.notes):
        logger.info("%s", note)
    with (
        CropReader(validation.training, config.workers) as crops,
        CropReader(validation.validation, config.workers) as judged,
    ):
        for reader in (crops, judged):
            reader.check(hashes=not config.trust_crops)
        yield _Data(prepared, validation, training, sampler, crops, judged)


def _manifest(prepared: PreparedSet, config: FitConfig) -> TripletManifest | PairManifest | None:
    """Return the rows to train on: the file's, the set's, or None where they are drawn afresh."""
    if config.batches == "triplets" and config.triplets is not None:
        return TripletManifest.open(config.triplets, of=prepared.path)
    if config.batches not in ("triplets", "pairs") or config.rows_per_epoch is not None:
        return None
    kind = TripletManifest if config.batches == "triplets" else PairManifest
    if not prepared.has(kind.kind):
        return None
    manifest = kind.open(prepared.path, split="train")
    return manifest if len(manifest) else None


class _Work:
    """A run: its data, its network, and what it writes."""

    def __init__(
        self,
        run: RunFolder,
        config: FitConfig,
        data: _Data,
        device: Any,
        on_progress: OnProgress | None,
    ) -> None:
        self.run_folder, self.config, self.data, self.on_progress = run, config, data, on_progress
        self.first: bool = run.ranks.first
        checkpoint = load_newest(run.state)
        model, self.lines = _model(config, data, checkpoint)
        training = data.training
        objective = make_objective(config, model, training.names, training.counts)
        trainer = Trainer(config, objective, training, device, run.ranks)
        self.negatives = Negatives(config, training, config.dim)
        self.session = Session(config, trainer, self.negatives, Usage(len(training)))
        if checkpoint is not None:
            self.session.restore(checkpoint)
        self.trainer, self.embeds = trainer, Embedding(objective, max(config.batch, 32), run.ranks)
        self.fixed = validation_fixed(config, data.validation, training)
        self.probe = probe_fixed(config, self.fixed, training)
        self.clock = Clock(config.epochs, float(self.session.epoch))

    def run(self) -> FitResult:
        """Train what is left of the run."""
        session, config = self.session, self.config
        with self._events():
            if not session.rows:
                self._begin()
            while session.epoch < config.epochs:
                self._train(session.epoch + 1)
            return self._finish()

    def _begin(self) -> None:
        """Judge the network before epoch 1, and write what stays as it is."""
        for line in self.lines:
            logger.info("%s", line)
        if self.first:
            if self.data.validation.made:
                self.data.validation.write(self.run_folder.path / "validation.parquet")
            self._draw_first_batch()
        self._judged(EpochRow(epoch=0))
        self._save()

    def _train(self, epoch: int) -> None:
        """Train one epoch, or what is left of it, and judge it."""
        session, trainer = self.session, self.trainer
        started, earlier_s = time.monotonic(), session.seconds
        plan = self._plan(epoch)
        for done in trainer.steps(plan, epoch, self._base_lr(epoch), self.data.crops, session.step):
            session.step, session.total = done.step, session.total + 1
            session.usage.add(done.rows)
            session.seconds = earlier_s + time.monotonic() - started
            self._tell(epoch, done.step, done.steps, done.rows.size)
            if session.total % self.config.save_steps == 0 and done.step < done.steps:
                self._save()
        tally, used = trainer.tally, session.usage.summary()
        row = EpochRow(
            epoch=epoch, steps=session.total, lr=trainer.optimizer.param_groups[0]["lr"],
            negatives=self.negatives.kind(epoch), loss=tally.mean("loss"), active=tally.mean("active"),
            never_used=used.never, used_mean=used.mean, used_std=used.std, images=tally.images,
        )  # fmt: skip
        if self.negatives.after(plan.rows, epoch, row.active, self.embeds, self.data.crops):
            logger.info("%.0f%% of the triplets were active: negatives turn hard", 100 * (row.active or 0))
        row = self._judged(dataclasses.replace(row, seconds=earlier_s + time.monotonic() - started))
        session.epoch, session.step, session.seconds = epoch, 0, 0.0
        self._keep(row)
        self._save()
        self._guard()

    def _plan(self, epoch: int) -> EpochRows:
        return self.negatives.plan(self.data.sampler.epoch(epoch), epoch, self.embeds, self.data.crops)

    def _base_lr(self, epoch: int) -> float:
        hard = self.negatives.kind(epoch) == HARD and self.config.hard_lr is not None
        return float(self.config.hard_lr or 0.0) if hard else self.config.lr

    def _judged(self, row: EpochRow) -> EpochRow:
        """Add what the fixed rows say, and append the row to the history."""
        objective = self.trainer.objective
        try:
            val = judge(objective, self.fixed, self.embeds(self.data.judged, self.fixed.crops))
            probe = judge(objective, self.probe, self.embeds(self.data.crops, self.probe.crops))
        except ScoreError as error:
            raise TrainingError(
                f"after epoch {row.epoch} the network gives no usable numbers ({error}): lower --lr, set "
                "--clip 5, or begin with --warmup-epochs 1"
            ) from error
        row = dataclasses.replace(
            row, val_loss=val.loss, val_auc=val.auc, val_accuracy=val.accuracy, threshold=val.threshold,
            class_threshold=val.class_threshold,
            spread=val.spread, probe_loss=probe.loss, probe_auc=probe.auc, probe_accuracy=probe.accuracy,
        )  # fmt: skip
        self.session.rows.append(row)
        logger.info("%s", row.line(self.config.epochs))
        return row

    def _keep(self, row: EpochRow) -> None:
        """Write the weights, and the files that people look at."""
        best = self.session.best
        if not self.first:
            return
        folder, objective = self.run_folder.path, self.trainer.objective
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
        folder, rows = self.run_folder.path, self.session.rows
        write_csv(folder / "history.csv", rows)
        write_xlsx(folder / "history.xlsx", rows)
        draw_curves(folder / "curves.png", rows)
        draw_usage(folder / "usage.png", self.session.usage.counts)

    def _guard(self) -> None:
        """Say what the guards see for the first time; stop where that was asked for."""
        for finding in new_findings(self.session.rows, self.config):
            if finding.guard in self.config.guards:
                raise TrainingError(f"stopped by --stop-on {finding.guard}: {finding.text}")
            logger.warning("%s", finding.text)

    def _save(self) -> None:
        if self.first:
            self.session.save(self.run_folder.state)

    def _tell(self, epoch: int, step: int, steps: int, images: int) -> None:
        progress = self.clock.progress(epoch, step, steps, images)
        if self.on_progress is not None and self.first:
            self.on_progress(progress)

    @contextmanager
    def _events(self) -> Iterator[None]:
        """Open TensorBoard's events; only the first process writes them."""
        if not self.first:
            yield
            return
        self.events = Events(self.run_folder.path / EVENTS, self.session.total)
        try:
            yield
        finally:
            self.events.close()

    def _draw_first_batch(self) -> None:
        plan = self.data.sampler.epoch(1)
        images = self.trainer.first_images(plan, self.data.crops).cpu().numpy()
        columns = plan.rows.shape[1] if plan.rows.shape[1] > 1 else min(8, len(images))
        spec = self.trainer.objective.model.spec
        draw_batch(self.run_folder.path / "first_batch.png", images, spec, columns)

    def _finish(self) -> FitResult:
        """Say what the run came to."""
        session, config = self.session, self.config
        best = session.best or session.rows[-1]
        value, before = merit(config, best), merit(config, session.rows[0])
        lines = list(self.lines)
        if value is not None and before is not None and value <= before:
            was = f"by {config.best_by} ({before:.4g}, then {value:.4g})"
            lines.append(f"no epoch was better than before training, {was}")
            logger.warning("%s", lines[-1])
        metric = self.trainer.objective.model.spec.metric
        result = FitResult(
            str(self.run_folder.path), config.epochs, best.epoch, config.best_by,
            value, before, best.threshold, metric, tuple(lines),
        )  # fmt: skip
        if self.first:
            self.run_folder.finish(dataclasses.asdict(result))
        self.run_folder.ranks.wait()
        return result


def _model(config: FitConfig, data: _Data, checkpoint: Checkpoint | None) -> tuple[FaceModel, list[str]]:
    """Make the model; one to go on with takes its weights from the checkpoint, and needs no download."""
    spec = input_spec(config, data.prepared)
    if checkpoint is None:
        return make_model(config, spec)
    model = build(config, spec)
    model.pretrained = Pretrained(*checkpoint.values["pretrained"])
    model.freeze(checkpoint.values["frozen"])
    return model, [model.pretrained.line]
