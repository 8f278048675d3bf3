"""The training loop: batches in, weights changed. It reads and writes no files of a run.

What a step does depends on the weights, the optimizer's state and (seed, epoch, step) only: order,
augmentation and dropout are drawn from these three. So an interrupted run resumes as if it had never stopped.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from facedata.types import Int64Array

from ..batches.people import TrainingPeople
from ..batches.reader import CropReader, read_batches
from ..batches.to_input import ToInput
from ..batches.variation import Augmentation
from ..config import FitConfig
from ..epochs.plan import EpochRows
from ..errors import TrainingError
from ..machine.devices import to_device
from ..machine.memory import catch_out_of_memory
from ..machine.ranks import Ranks
from ..machine.whole_batch import WholeBatch, share_batch_norms
from ..network.freezing import trainable_parameters
from ..objective.objective import LossParts, Objective
from .finetune.average import WeightAverage
from .finetune.guides import Guides
from .schedule import learning_rate

logger = logging.getLogger(__name__)

_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_STEP = 0x73746570
"""First seed of a step, so that no other draw shares its random numbers."""

_TRIAL_IMAGES = 16
"""On a CPU, crops of the trial that tells how long training will take."""

_CHECKED_STEPS = 20
"""Steps between checks of the loss on a GPU, which must wait for each; a CPU checks every step."""


@dataclass(frozen=True, eq=False)
class StepDone:
    """A step of the optimizer.

    Attributes:
        step: its number in the epoch, from 1.
        steps: of the epoch.
        rows: ``(m, k)`` int64, the rows it trained on.
        lr: its learning rate.
        checked: its loss was looked at, for which a GPU has to be waited for.
    """

    step: int
    steps: int
    rows: Int64Array
    lr: float
    checked: bool


class Tally:
    """Means over the rows of an epoch; each row weighs the same, whatever its batch.

    Args:
        device: where the sums are kept, so that a GPU need not wait for them.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._sums: dict[str, Tensor] = {}
        self.rows = self.images = 0

    def add(self, parts: LossParts, rows: Int64Array) -> None:
        """Add the loss and terms of a batch of ``(m, k)`` rows."""
        for name, value in {"loss": parts.loss.detach(), **parts.terms}.items():
            sum_ = self._sums.setdefault(name, torch.zeros((), dtype=torch.float64, device=self._device))
            sum_ += value.double() * len(rows)
        self.rows += len(rows)
        self.images += rows.size

    def mean(self, name: str) -> float | None:
        """Return a mean; None if nothing of that name was added."""
        return float(self._sums[name]) / self.rows if name in self._sums and self.rows else None

    def state(self) -> dict[str, Any]:
        """Return the sums as plain values."""
        sums = {name: float(value) for name, value in self._sums.items()}
        return {"sums": sums, "rows": self.rows, "images": self.images}

    def restore(self, values: dict[str, Any]) -> None:
        """Restore what :meth:`state` returned."""
        self._sums = {
            name: torch.tensor(value, dtype=torch.float64, device=self._device)
            for name, value in values["sums"].items()
        }
        self.rows, self.images = values["rows"], values["images"]


class Trainer:
    """A network, its optimizer, and how a batch becomes a step.

    Args:
        config: of the run.
        objective: the network; it is moved to the device.
        training: the crops.
        device: where it trains.
        ranks: the processes that train together.
        guides: the finished models that it learns from; None for none.

    Attributes:
        optimizer: holds the weights that train, and no others.
        average: of the weights; None without ``--average``.
        centres: of people, with an optimizer of their own; None without ``--sample-classes``.
        scaler: of gradients, for fp16.
        tally: of the epoch so far.
        to_input: makes a batch's images.

    Raises:
        UsageError: nothing trains.
    """

    def __init__(
        self,
        config: FitConfig,
        objective: Objective,
        training: TrainingPeople,
        device: torch.device,
        ranks: Ranks,
        guides: Guides | None = None,
    ) -> None:
        self.config, self.objective, self.training, self.device = config, objective, training, device
        self.ranks, self.guides = ranks, guides
        layout = torch.channels_last if config.channels_last else torch.preserve_format
        objective.to(device)
        objective.to(memory_format=layout)
        averages = config.average > 0 or config.start_share < 1
        self.average = WeightAverage(objective, config.average, config.start_share) if averages else None
        self.centres = objective.goal.sampled
        if self.centres is not None:
            self.centres.place(device, ranks)
        self.whole = WholeBatch(objective.model, ranks)
        if ranks.is_grouped:
            share_batch_norms(objective, self.whole)
        if config.compile:
            objective.model.compile()
        self.optimizer = make_optimizer(config, trainable_parameters(objective))
        self.stepper: torch.nn.Module = objective
        if ranks.is_grouped:
            on_gpu = device.type == "cuda"
            self.stepper = DistributedDataParallel(objective, device_ids=[device.index] if on_gpu else None)
        # disabled unless fp16, so that the code of a step is the same for every precision
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self.tally = Tally(device)
        augmentation = Augmentation(config.flip, config.rotate)
        self.to_input = ToInput(objective.model.spec, device, config.channels_last, augmentation)

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The network's optimizer, and that of sampled centres where there are any."""
        return [self.optimizer, *([] if self.centres is None else [self.centres.optimizer])]

    @property
    def judged(self) -> Objective:
        """What is validated and saved: the average of the weights where there is one, else what trains."""
        return self.objective if self.average is None else self.average.objective

    def steps(
        self, plan: EpochRows, epoch: int, base_lr: float, reader: CropReader, first: int = 0
    ) -> Iterator[StepDone]:
        """Train on an epoch's rows, from step ``first`` on, and yield after each step.

        Args:
            plan: the rows of the epoch.
            epoch: its number from 1.
            base_lr: the schedule's highest learning rate.
            reader: of the training crops.
            first: how many steps were done before.

        Raises:
            TrainingError: the loss is NaN or infinite.
            DataError: a crop cannot be read.
            DeviceError: the device's memory is too small.
        """
        every, size = _batches_of(plan), self.config.accumulate
        groups = [every[start : start + size] for start in range(0, len(every), size)]
        self.objective.train()
        self.tally = Tally(self.device) if first == 0 else self.tally
        images = self._images(plan, epoch, groups, first, reader)
        for step, group in enumerate(groups[first:], first):
            done = epoch - 1 + step / len(groups)
            lr = learning_rate(self.config, base_lr, done)
            for values in (values for optimizer in self.optimizers for values in optimizer.param_groups):
                values["lr"] = lr
            rows = plan.rows[group[0].start : group[-1].stop]
            with catch_out_of_memory(fit_advice(self.config)):
                for number, batch in enumerate(group):
                    with contextlib.ExitStack() as held:
                        # processes exchange gradients once per step, with its last batch
                        if number + 1 < len(group) and isinstance(self.stepper, DistributedDataParallel):
                            held.enter_context(self.stepper.no_sync())
                        self.objective.set_moment(done, (self.config.seed, epoch, step, number))
                        self._add_gradients(next(images), plan, batch, len(rows))
                self._change_weights()
            checked = self.device.type == "cpu" or (step + 1) % _CHECKED_STEPS == 0 or step + 1 == len(groups)
            if checked:
                self._check_loss(epoch, step + 1)
            yield StepDone(step + 1, len(groups), rows, lr, checked)

    def first_images(self, plan: EpochRows, reader: CropReader) -> Tensor:
        """Return the run's first batch as the network sees it, ``(b · k, 3, size, size)``."""
        rows = plan.rows[_batches_of(plan)[0]]
        return self.to_input(reader.read(rows.reshape(-1)), (self.config.seed, 1, 0, 0))

    def time_image(self, plan: EpochRows, reader: CropReader) -> float:
        """Return how many seconds training takes per crop here, from a trial on a part of the first batch.

        Forward and backward passes as in a step, the second of two; no weight changes, and everything else
        is put back, so training goes on as if the trial had not been. What the optimizer and the exchange
        between processes take comes on top.
        """
        most = plan.batch if self.device.type != "cpu" else max(_TRIAL_IMAGES // plan.rows.shape[1], 2)
        if self.config.batches == "people":
            most = max(most, 2 * self.config.photos_per_person)
        rows = plan.rows[: min(most, plan.batch)]
        trial = EpochRows(rows, None if plan.same is None else plan.same[: len(rows)], len(rows))
        buffers = {name: value.clone() for name, value in self.objective.named_buffers()}
        numbers, tally, stepper = torch.get_rng_state(), self.tally, self.stepper
        self.tally, self.stepper = Tally(self.device), self.objective  # no gradient is exchanged
        self.objective.train()
        reading = computing = 0.0
        for _ in range(2):
            started = time.perf_counter()
            images = next(self._images(trial, 1, [[slice(0, len(rows))]], 0, reader))
            reading = time.perf_counter() - started
            started = time.perf_counter()
            self._add_gradients(images, trial, slice(0, len(rows)), len(rows))
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            computing = time.perf_counter() - started
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, value in self.objective.named_buffers():
                value.copy_(buffers[name])
        torch.set_rng_state(numbers)
        self.tally, self.stepper = tally, stepper
        # beside a GPU the next batches are read while it computes; a CPU does both
        seconds = max(reading, computing) if self.device.type == "cuda" else reading + computing
        return seconds / rows.size

    def _images(
        self, plan: EpochRows, epoch: int, groups: list[list[slice]], first: int, reader: CropReader
    ) -> Iterator[Tensor]:
        """Yield this process's share of each batch, as the network sees it; crops are read ahead.

        Random numbers drawn after a batch is yielded, as for dropout, also depend on the batch's key.
        """
        keyed = [
            ((self.config.seed, epoch, step, number), plan.rows[batch])
            for step, group in enumerate(groups[first:], first)
            for number, batch in enumerate(group)
        ]
        shares = [self.whole.share(rows) for _, rows in keyed]
        # the same shares, counted in images
        parts = [
            slice(share.start * rows.shape[1], share.stop * rows.shape[1])
            for (_, rows), share in zip(keyed, shares, strict=True)
        ]
        crops = read_batches(
            reader,
            (rows[share].reshape(-1) for (_, rows), share in zip(keyed, shares, strict=True)),
            shapings=(
                self.to_input.shaping(rows.size, key, part)
                for (key, rows), part in zip(keyed, parts, strict=True)
            ),
        )
        for (key, rows), part, (_, shaped) in zip(keyed, parts, crops, strict=True):
            images = self.to_input.finish(shaped, key, part, rows.size)
            # each process has its own dropout, as it has its own photos
            seeds = [_STEP, *key, self.ranks.rank]
            torch.manual_seed(int(np.random.default_rng(seeds).integers(2**63)))
            yield images

    def _add_gradients(self, images: Tensor, plan: EpochRows, batch: slice, step_rows: int) -> None:
        """Add a batch's gradients; ``step_rows`` is the number of rows of all batches of the step."""
        rows = plan.rows[batch]
        labels = None  # labels are those of the whole batch: every process has the plan
        if plan.same is not None:
            labels = to_device(torch.from_numpy(plan.same[batch]), self.device)
        elif rows.shape[1] == 1:
            labels = to_device(torch.from_numpy(self.training.person[rows[:, 0]]), self.device)
        self.whole.expect(rows)
        if self.guides is not None:
            self.guides.aim(self.objective, rows, self.to_input.augmentation)
        with torch.autocast(
            self.device.type,
            _PRECISIONS[self.config.precision],
            enabled=self.config.precision != "fp32",
        ):
            parts: LossParts = self.stepper(images, labels, rows.shape[1])
        loss = self.scaler.scale(parts.loss * (len(rows) / step_rows))
        loss.backward()  # type: ignore[no-untyped-call]
        self.tally.add(parts, rows)

    def _change_weights(self) -> None:
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        if self.centres is not None and self.scaler.is_enabled():
            self.centres.share_overflow(weights)
        if self.config.clip is not None:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
            if self.centres is None:
                torch.nn.utils.clip_grad_norm_(weights, self.config.clip)
            else:
                self.centres.clip_with(weights, self.config.clip)
        for optimizer in self.optimizers:
            self.scaler.step(optimizer)
        self.scaler.update()
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.add(self.objective)

    def check_finite(self, epoch: int, step: int) -> None:
        """Refuse a network that is broken, before it is saved.

        Raises:
            TrainingError: the epoch's loss or a weight is NaN or infinite.
        """
        self._check_loss(epoch, step)
        weights = [weight.detach() for weight in self.objective.parameters() if weight.requires_grad]
        weights += [] if self.centres is None else [self.centres.weights.detach()]
        broken = not bool(torch.stack([weight.isfinite().all() for weight in weights]).all())
        if self.ranks.any_says(broken):
            raise self._not_finite("a weight is NaN or infinite", epoch, step)

    def _check_loss(self, epoch: int, step: int) -> None:
        loss = self.tally.mean("loss")
        if loss is not None and not math.isfinite(loss):
            kind = "NaN" if math.isnan(loss) else "infinite"
            raise self._not_finite(f"the loss is {kind}", epoch, step)

    def _not_finite(self, what: str, epoch: int, step: int) -> TrainingError:
        return TrainingError(
            f"{what} in epoch {epoch}, at step {step} or shortly before: --resume would meet it again. Start "
            "over with --overwrite and a lower --lr, --clip 5 or --warmup-epochs 1"
            + (", or --precision bf16" if self.config.precision == "fp16" else "")
        )


def fit_advice(config: FitConfig) -> str:
    """Return what to lower if training needs more memory than there is."""
    half = max(1, config.batch // 2)
    samples = "sample_classes" in config.loss_row.uses
    many = ", and with very many people --sample-classes 0.1" if samples else ""
    return (
        f"lower --batch (with --batch {half} --accumulate {2 * config.accumulate} a step has as many rows), "
        f"--size, --dim or --hidden, or use --precision bf16 or a smaller --backbone{many}"
    )


def make_optimizer(config: FitConfig, weights: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Make the optimizer of a run."""
    decay = config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(weights, lr=config.lr, momentum=config.momentum, weight_decay=decay)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(weights, lr=config.lr, weight_decay=decay)


def _batches_of(plan: EpochRows) -> list[slice]:
    """Return the batches; a single photo at the end joins the batch before it: BatchNorm needs several."""
    ends = [*range(0, len(plan.rows), plan.batch), len(plan.rows)]
    if plan.rows.shape[1] == 1 and len(ends) > 2 and ends[-1] - ends[-2] == 1:
        del ends[-2]
    return [slice(a, b) for a, b in pairwise(ends)]
