"""Which number format this machine computes a network in faster, by measuring."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

BF16, FP32 = "bf16", "fp32"

_CLEARLY = 1.2
"""How many times as fast bf16 must be: it has fewer digits, so equal speed does not pay."""

_HOPELESS = 0.7
"""A convolution that is slower than this in bf16 decides alone; else the whole network is tried."""

_TURNS, _LONG_S = 4, 0.1
"""Passes in each format, the fastest of which counts; one that takes longer is not repeated."""


def faster_precision(network: nn.Module, images: Tensor) -> tuple[str, float]:
    """Return ``bf16`` or ``fp32``, and how many times as fast as fp32 the network trains in bf16.

    A single convolution is tried first: without units for bf16 it takes up to ten times as long, and then
    the whole network is not tried. With them it still depends on the network: depthwise convolutions gain
    nothing. Takes one or two seconds. The network's BatchNorm statistics and gradients change: pass one that
    is not used afterwards. Nothing is drawn from torch's random numbers.

    Args:
        network: in training mode, on its device.
        images: ``(N, 3, size, size)`` float32, on the same device.
    """
    with torch.random.fork_rng(devices=[]), torch.device(images.device):
        trial = nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
        some = torch.full((8, 64, 28, 28), 0.5).to(memory_format=torch.channels_last)
        ratio = _compare(trial, some)
    if ratio >= _HOPELESS:
        ratio = _compare(network, images)
    return (BF16 if ratio >= _CLEARLY else FP32), ratio


def _compare(network: nn.Module, images: Tensor) -> float:
    """Return the time of a pass in fp32 over that in bf16."""
    seconds = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for turn in range(_TURNS):
        for kind in seconds:
            if not turn or seconds[kind] < _LONG_S:
                seconds[kind] = min(seconds[kind], _time_pass(network, images, kind))
    return seconds[torch.float32] / seconds[torch.bfloat16]


def _time_pass(network: nn.Module, images: Tensor, kind: torch.dtype) -> float:
    """Return how long a forward and a backward pass take, in seconds."""
    on_gpu = images.device.type == "cuda"
    if on_gpu:
        torch.cuda.synchronize()
    started = time.perf_counter()
    with torch.autocast(images.device.type, kind, enabled=kind is not torch.float32):
        result: Tensor = network(images)
    result.float().square().mean().backward()  # type: ignore[no-untyped-call]
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - started
