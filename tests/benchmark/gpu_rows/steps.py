"""How many photos a second training takes: with the loader, and with a batch that is there already."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facedata import ClassManifest
from facedata.types import Int64Array
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.epochs.plan import EpochRows
from facemodel.machine.ranks import ALONE
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import make_objective
from facemodel.training.trainer import Trainer

_WARM_STEPS = 8
"""Steps before the clock starts: they find memory and the fastest convolutions."""


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        backbone: of the network.
        size_px: its input's side.
        people: in the training set.
        batch: photos in a step.
        steps: that are timed, after the first ones.
        precision: number format of the network.
        compile: with torch.compile.
    """

    backbone: str
    size_px: int
    people: int
    batch: int
    steps: int
    precision: str
    compile: bool = False


@dataclass(frozen=True)
class Rate:
    """Photos a second by the clock, and processor seconds a photo: of all of the process's threads."""

    photos_s: float
    cpu_s: float


class OnDevice(Trainer):
    """A trainer that can also be fed with one batch, over and over, which is on the device already.

    Attributes:
        images: the batch; None to read crops, as any trainer does.
    """

    images: Tensor | None = None

    def _images(self, plan: EpochRows, epoch: int, groups: Any, first: int, reader: Any) -> Iterator[Tensor]:
        if self.images is None:
            yield from super()._images(plan, epoch, groups, first, reader)
        else:
            yield from repeat(self.images, len(groups) - first)


def make_trainer(
    classes: ClassManifest, sizes: Sizes, device: torch.device, people: int | None = None, share: float = 1.0
) -> OnDevice:
    """Make a trainer of a face network with margins; its labels are of ``people``, or of the set's."""
    config = FitConfig(
        backbone=sizes.backbone, weights="none", size=sizes.size_px, dim=512, normalised=True,
        batches="people", loss="cosface", margin=0.35, scale=64.0, sample_classes=share,
        optimizer="sgd", lr=0.01, momentum=0.9,
        precision=sizes.precision, compile=sizes.compile, batch=sizes.batch, flip=True,
    )  # fmt: skip
    training = TrainingPeople.of(classes) if people is None else _make_people(classes, people)
    model, _ = make_model(config, input_spec(config, classes.prepared))
    objective = make_objective(config, model, training.names, training.counts)
    return OnDevice(config, objective, training, device, ALONE)


def _make_people(classes: ClassManifest, people: int) -> TrainingPeople:
    """Return two photos of each of so many people, of whom there are no crops."""
    ids, names = np.arange(2 * people), tuple(f"p{number:07d}" for number in range(people))
    return TrainingPeople(ids, ids // 2, names, np.zeros(len(ids), np.bool_), classes.prepared, classes)


def time_steps(trainer: OnDevice, rows: Int64Array, sizes: Sizes, reader: CropReader | None) -> Rate:
    """Return the rate of some steps; without a reader on the batch that is on the device.

    Args:
        trainer: it trains on.
        rows: ``(n,)`` int64, the training rows; they are repeated as often as is needed.
        sizes: of the steps.
        reader: of the training crops; None for the batch on the device.
    """
    count = (_WARM_STEPS + sizes.steps) * sizes.batch
    every = np.concatenate([rows] * -(-count // len(rows)))[:count]
    plan, started, cpu = EpochRows(every[:, None], None, sizes.batch), 0.0, 0.0
    trainer.images = make_images(sizes, trainer.device) if reader is None else None
    for done in trainer.steps(plan, 1, 0.01, reader):  # type: ignore[arg-type]
        if done.step == _WARM_STEPS:
            wait_for(trainer.device)
            started, cpu = time.perf_counter(), time.process_time()
    wait_for(trainer.device)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    photos = sizes.steps * sizes.batch
    return Rate(photos / wall, cpu / photos)


def make_images(sizes: Sizes, device: torch.device) -> Tensor:
    """Return a batch of noise as a network takes it."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(sizes.batch, 3, sizes.size_px, sizes.size_px, generator=generator)
    return images.to(device, memory_format=torch.channels_last)


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()
