"""Where a network runs."""

from __future__ import annotations

import torch

from facedata.errors import UsageError

from ..errors import DeviceError


def choose_device(text: str) -> torch.device:
    """Return the device that ``--device`` means.

    Raises:
        DeviceError: there is no such GPU.
        UsageError: the text means nothing.

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
        there = f"there are {count}, from cuda:0 on" if count else "there is none that torch can use"
        raise DeviceError(f"--device {text}: no such GPU; {there}. --device auto takes what there is")
    if number:
        torch.cuda.set_device(int(number))  # the detector runs on the current one
    return torch.device(text)
