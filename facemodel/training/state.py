"""The state of a run: everything that changes while it trains, saved to checkpoints and restored."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from ..config import FitConfig
from ..epochs.plan import Usage
from .checkpoint import (
    Checkpoint,
    flatten_optimizer,
    part,
    restore_module,
    restore_optimizer,
    save_checkpoint,
)
from .history import EpochRow, rows_of
from .negatives import Negatives
from .trainer import Trainer


@dataclass(frozen=True)
class Progress:
    """How far a run has come.

    Attributes:
        epoch: the current one, from 1.
        epochs: of the whole run.
        step: steps done in the current epoch.
        steps: of the current epoch.
        images: crops trained on since this process began.
        images_per_s: in this process so far, validation included.
        left_s: seconds until the end of the last epoch, at this rate.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    images: int
    images_per_s: float
    left_s: float


class Clock:
    """Estimates the time left, by a monotonic clock: setting the system's clock does not disturb it.

    Args:
        epochs: of the whole run.
        done: epochs that were done before this process began.
        steps: steps of the next epoch that were also done before.
    """

    def __init__(self, epochs: int, done: int = 0, steps: int = 0) -> None:
        self._start, self._epochs, self._done, self._steps = time.monotonic(), epochs, done, steps
        self.images = 0

    def progress(self, epoch: int, step: int, steps: int, images: int) -> Progress:
        """Return how far the run has come after a step that trained on ``images`` crops."""
        self.images += images
        spent = time.monotonic() - self._start
        done, before = epoch - 1 + step / steps, self._done + self._steps / steps
        left = spent / (done - before) * (self._epochs - done) if done > before else 0.0
        rate = self.images / spent if spent else 0.0
        return Progress(epoch, self._epochs, step, steps, self.images, rate, left)


class RunState:
    """Everything that changes while a run trains.

    Args:
        config: of the run.
        trainer: the network and its optimizer.
        negatives: chooses the triplets' negatives.
        usage: how often each training crop was used.

    Attributes:
        epoch: epochs finished.
        step: steps done in the next epoch.
        total: steps done in the run.
        seconds: spent in the current epoch so far.
        rows: the history, beginning with the row before epoch 1.
    """

    def __init__(self, config: FitConfig, trainer: Trainer, negatives: Negatives, usage: Usage) -> None:
        self.config, self.trainer, self.negatives, self.usage = config, trainer, negatives, usage
        self.epoch = self.step = self.total = 0
        self.seconds = 0.0
        self.rows: list[EpochRow] = []

    @property
    def best(self) -> EpochRow | None:
        """The row of the best epoch by ``--best-by``, the first of equal ones; None before epoch 1 ends."""
        first = 0 if self.config.start is not None else 1  # a finished model may be the best as it is
        judged = [row for row in self.rows if row.epoch >= first and merit(self.config, row) is not None]
        return max(judged, key=lambda row: merit(self.config, row) or 0.0) if judged else None

    def finish_epoch(self, row: EpochRow) -> None:
        """Add the row of a finished epoch."""
        self.rows.append(row)
        self.epoch, self.step, self.seconds = row.epoch, 0, 0.0

    def save(self, folder: Path) -> None:
        """Write a checkpoint, in the first process; with sampled centres all processes must call it together.

        Raises:
            StoreError: it cannot be written.
        """
        trainer = self.trainer
        tensors = {f"objective.{name}": value for name, value in trainer.objective.state_dict().items()}
        optimizer, rest = flatten_optimizer(trainer.optimizer)
        features, negatives = self.negatives.state()
        tensors |= optimizer | {f"negatives.{name}": value for name, value in features.items()}
        tensors["usage"] = torch.from_numpy(self.usage.counts)
        if trainer.centres is not None:
            tensors |= {f"centres.{name}": value for name, value in trainer.centres.state().items()}
        average, averaged = trainer.average.state() if trainer.average else ({}, None)
        tensors |= {f"average.{name}": value for name, value in average.items()}
        values = {
            "epoch": self.epoch,
            "step": self.step,
            "total": self.total,
            "seconds": self.seconds,
            "rows": [dataclasses.asdict(row) for row in self.rows],
            "optimizer": rest,
            "scaler": trainer.scaler.state_dict(),
            "tally": trainer.tally.state(),
            "negatives": negatives,
            "average": averaged,
            "frozen": trainer.objective.model.frozen,
            "pretrained": dataclasses.astuple(trainer.objective.model.pretrained),
        }
        if trainer.ranks.is_first:
            save_checkpoint(folder, self.total, Checkpoint(tensors, values))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore the state from a checkpoint.

        Raises:
            ArchitectureError: it is another network's.
        """
        trainer, values = self.trainer, checkpoint.values
        restore_module(trainer.objective, part(checkpoint.tensors, "objective."), "the run's checkpoint")
        restore_optimizer(trainer.optimizer, checkpoint, values["optimizer"])
        if values["scaler"]:
            trainer.scaler.load_state_dict(values["scaler"])
        trainer.tally.restore(values["tally"])
        if trainer.centres is not None:
            trainer.centres.restore(part(checkpoint.tensors, "centres."))
        if trainer.average is not None:
            trainer.average.restore(part(checkpoint.tensors, "average."), values["average"])
        self.negatives.restore(part(checkpoint.tensors, "negatives."), values["negatives"])
        self.usage.counts = checkpoint.tensors["usage"].numpy().copy()
        self.epoch, self.step, self.total = values["epoch"], values["step"], values["total"]
        self.seconds, self.rows = values["seconds"], rows_of(values["rows"])


def merit(config: FitConfig, row: EpochRow) -> float | None:
    """Return a row's value by ``--best-by``, the higher the better; None if it was not measured."""
    if config.best_by == "loss":
        return None if row.val_loss is None else -row.val_loss
    return row.val_auc if config.best_by == "auc" else row.val_accuracy
