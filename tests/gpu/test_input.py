"""A batch as the network sees it: the same numbers on both devices, but for turned crops.

Those are turned by OpenCV on a CPU and by torch's grid on a GPU, which round differently: by 2 of 255 steps
in the mean at most, here on patterns with noise.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facemodel.batches.to_input import ToInput
from facemodel.batches.variation import Augmentation
from facemodel.machine.devices import to_device
from facemodel.spec import InputSpec

KEY = (7, 1, 2)


def crops(count: int = 9, side: int = 40) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    noise = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)
    return np.repeat(np.repeat(noise, side // 8, axis=1), side // 8, axis=2)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("size", [40, 24])
def test_resized_and_mirrored_crops_are_the_same(
    device: torch.device, colour: str, channels_last: bool, size: int
) -> None:
    spec = InputSpec(size, "square", 8, colour=colour)
    found, want = (
        ToInput(spec, where, channels_last, Augmentation(flip=True))(crops(), KEY)
        for where in (device, "cpu")
    )
    assert found.device.type == device.type
    assert found.is_contiguous(
        memory_format=torch.channels_last if channels_last else torch.contiguous_format
    )
    assert torch.allclose(found.cpu(), want, atol=1e-6)


def test_turned_crops_differ_by_rounding(device: torch.device) -> None:
    spec = InputSpec(40, "square", 8)
    found, want = (
        ToInput(spec, where, False, Augmentation(True, 15.0))(crops(), KEY) for where in (device, "cpu")
    )
    steps = 255 * float(np.mean(spec.std))
    assert float((found.cpu() - want).abs().mean()) * steps < 2


def test_a_batch_that_is_read_again_into_the_same_memory_does_not_change_the_first(
    device: torch.device,
) -> None:
    """The copy to a GPU may still be under way when the batch's memory is used for the next one."""
    memory = torch.zeros(1 << 24, dtype=torch.uint8)
    copies = []
    for number in range(1, 6):
        memory.fill_(number)
        copies.append(to_device(memory, device).clone())
    memory.fill_(0)
    assert [(int(copy.min()), int(copy.max())) for copy in copies] == [(n, n) for n in range(1, 6)]
