"""How fast a run trains here: what it computes in, how long an epoch takes, and what would be quicker."""

from __future__ import annotations

import contextlib
import dataclasses
import logging

import torch

from facedata import PreparedSet
from facedata.errors import UsageError

from ..config import AUTO, FitConfig
from ..machine.precision import FP32, faster_precision
from ..network.backbones import backbone_kind
from ..network.model import build_model, input_spec
from ..recipes import LAPTOP, load_recipe
from ..training.run import Run
from ..training.run_folder import RunFolder

logger = logging.getLogger(__name__)

_LONG_S = 300.0
"""A run that takes longer is told what would be quicker."""

_GPU_IMAGES = 32
_FEW_IMAGES = 2000
"""Crops of an epoch of which fewer are no great gain."""


def choose_precision(folder: RunFolder, prepared: PreparedSet, device: torch.device) -> RunFolder:
    """Return the run with a number format in the place of ``auto``: the faster one here, measured once.

    A resumed run has one already; of several processes the first one measures.
    """
    config = folder.config
    if config.precision != AUTO:
        return folder
    graph = None if folder.start is None else folder.start.graph
    choice = folder.ranks.from_first(
        _measure(config, prepared, device, graph) if folder.ranks.is_first else None
    )
    precision, ratio = choice
    how = f"{'bf16 would be ' if precision == FP32 else ''}{ratio:.2g} times as fast as fp32"
    logger.info("precision: %s (measured here: %s)", precision, how)
    return dataclasses.replace(folder, config=dataclasses.replace(config, precision=precision))


def _measure(
    config: FitConfig, prepared: PreparedSet, device: torch.device, graph: torch.Tensor | None = None
) -> tuple[str, float]:
    """Measure the run's own network, with random weights."""
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    network = build_model(config, input_spec(config, prepared, graph), graph)
    network = network.to(device).to(memory_format=layout)
    count = 2 if device.type == "cpu" else min(config.batch, _GPU_IMAGES)
    images = torch.full((count, 3, config.size, config.size), 0.5, device=device)
    return faster_precision(network.train(), images.to(memory_format=layout))


def forecast_lines(run: Run) -> list[str]:
    """Say how long an epoch and the rest of the run will take, from a trial step, and what would be quicker.

    Counted are the steps, the validation as it took before epoch 1, and in hard epochs the crops embedded
    again; not counted is what the optimizer takes.
    """
    config, inputs, epochs = run.config, run.inputs, run.epochs_left()
    plan = inputs.sampler.epoch(epochs.start)
    image_s = run.trainer.time_image(plan, inputs.training_crops)
    images, batch_rows = plan.rows.size, plan.batch * config.accumulate
    judging_s = run.state.rows[0].seconds
    if run.negatives.kind(epochs.start) == "hard":
        embedded = len(run.fixed.crops) + len(run.probe.crops)
        judging_s += judging_s * len(inputs.training) / max(embedded, 1)
    epoch_s = images * image_s + judging_s
    steps = -(-len(plan) // batch_rows)
    whole_s = epoch_s * (len(epochs) - run.state.step / max(steps, 1))
    speed = f"{steps:,} steps, {1 / image_s:,.{0 if image_s < 0.1 else 1}f} images/s"
    lines = [f"an epoch takes about {_span(epoch_s)} here ({speed}), all {len(epochs)} {_span(whole_s)}"]
    if whole_s < _LONG_S:
        return lines
    on_cpu = run.trainer.device.type == "cpu"
    quicker = []
    if on_cpu and config.backbone != load_recipe(LAPTOP).config.backbone:
        quicker.append(f"--recipe {LAPTOP} (made for computers without a GPU)")
    smaller = max(round(config.size * 0.7 / 16) * 16, 16)
    with contextlib.suppress(UsageError):  # of a network that takes no images as small
        backbone_kind(config.backbone, smaller)
        if smaller < config.size:
            quicker.append(f"--size {smaller} ({(smaller / config.size) ** 2:.0%} of the time)")
    if images > _FEW_IMAGES:
        quicker.append(f"--rows-per-epoch {max(len(plan) // 5, 1)} (shorter epochs)")
    if run.is_first and run.folder.ranks.world == 1 and config.start is None:
        faster, _ = _measure(config, inputs.prepared, run.trainer.device)
        if faster != config.precision:
            quicker.append(f"--precision {faster}")
    return [*lines, f"quicker: {', '.join(quicker)}"] if quicker else lines


def _span(seconds: float) -> str:
    """Return a time as text.

    >>> [_span(seconds) for seconds in (0.42, 75, 5000, 200_000)]
    ['0.4 s', '75 s', '1 h 23 min', '2 d 8 h']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{round(minutes / 60) // 24} d {round(minutes / 60) % 24} h"
