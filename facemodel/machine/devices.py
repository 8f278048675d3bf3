"""Where a network runs."""

from __future__ import annotations

import torch
from torch import Tensor

from facedata.errors import UsageError

from ..errors import DeviceError


def choose_device(text: str) -> torch.device:
    """Return the device that ``--device`` names.

    Raises:
        DeviceError: there is no such GPU.
        UsageError: the text names no device.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if text == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, colon, number = text.partition(":")
    if text == "cpu":
        return torch.device("cpu")
    if kind != "cuda" or (colon and not (number.isascii() and number.isdigit())):
        raise UsageError(f"--device {text!r}: it takes auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        there = f"there are {count}, numbered from cuda:0" if count else "torch finds no GPU here"
        raise DeviceError(f"--device {text}: no such GPU; {there}. --device auto uses a GPU if there is one")
    if number:
        torch.cuda.set_device(int(number))  # the detector runs on the current one
    return torch.device(text)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the CPU's on a device; nobody waits for a GPU, which may still be busy.

    From ordinary memory a copy to a GPU waits until the GPU has done all that it was given before, and
    meanwhile nothing new is given to it. So the tensor is first copied to pinned memory, which torch keeps
    until the GPU has read it.

    >>> to_device(torch.arange(3), torch.device("cpu"))
    tensor([0, 1, 2])
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
