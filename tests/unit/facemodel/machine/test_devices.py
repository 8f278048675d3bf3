"""What ``--device`` names, and how a tensor gets there; on a GPU: tests/gpu/test_input.py."""

from __future__ import annotations

import pytest
import torch

from facedata.errors import UsageError
from facemodel.errors import DeviceError
from facemodel.machine.devices import choose_device, to_device


def test_a_device_by_name() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for text in ("gpu", "cuda:", "cuda:x", "mps"):
        with pytest.raises(UsageError, match="it takes auto, cpu, cuda or cuda:N"):
            choose_device(text)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="torch finds no GPU here"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match="there are 2, numbered from cuda:0"):
        choose_device("cuda:2")


def test_on_a_cpu_a_tensor_stays_as_it_is() -> None:
    values = torch.arange(3)
    assert to_device(values, torch.device("cpu")) is values
