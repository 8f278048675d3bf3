"""MTCNN's networks in torch: for GPUs, and to hold ONNX Runtime's numbers against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import Tensor

from ...errors import DetectorError
from ...types import Float32Array, UInt8Image
from .networks import CascadeNetworks
from .weights import read_weights

_KINDS = {"pnet": PNet, "rnet": RNet, "onet": ONet}

_AT_ONCE = {"rnet": 256, "onet": 64}
"""How many crops go through a network at once on a GPU, always as many: one crop would take it as long."""
_PNET_PIXELS = {"cpu": 36_000, "cuda": 2_000_000}
_MOST_PHOTOS = 64
"""P-Net's batch: as many images as have these pixels together, and no more than a shard has photos."""


class TorchNetworks(CascadeNetworks):
    """facenet-pytorch's modules on one device.

    Args:
        device: ``cpu`` or ``cuda``.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3, or the device does not exist.
    """

    def __init__(self, device: str = "cpu") -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise DetectorError("--device cuda was given, but torch sees no GPU here; use --device cpu")
        self.device = device
        self._networks = {name: _load(name, device) for name in _KINDS}

    def _run(self, network: str, images: UInt8Image | Float32Array, batch: int) -> tuple[Float32Array, ...]:
        is_gpu = torch.device(self.device).type == "cuda"
        return super()._run(network, images, _AT_ONCE.get(network, batch) if is_gpu else batch)

    def one_thread(self) -> AbstractContextManager[None]:
        """Run torch on one thread, without gradients."""
        return one_torch_thread()

    def forward(self, network: str, crops: Tensor) -> tuple[Tensor, ...]:
        """Run a network on what is on the device already, and leave the results there.

        What it returns for an image depends on that image and its size alone: a network always gets as many
        at once, the last ones black.

        Args:
            network: ``pnet``, ``rnet`` or ``onet``.
            crops: ``(n, h, w, 3)`` RGB in 0 … 255, uint8 or float32; n of 1 or more.

        Returns:
            Scores of the second class, a face, ``(n,)``; box shifts ``(n, 4)``; and O-Net's points
            ``(n, 5, 2)``, as x, y fractions of the crop. P-Net's have two more axes, rows and columns.
        """
        kind = torch.device(self.device).type
        if network == "pnet":
            fitting = _PNET_PIXELS[kind] // (crops.shape[1] * crops.shape[2])
            batch = min(max(1, fitting), _MOST_PHOTOS)
        else:
            batch = _AT_ONCE[network] if kind == "cuda" else _AT_ONCE[network] // 16
        parts = [
            self._run_filled(network, crops[at : at + batch], batch) for at in range(0, len(crops), batch)
        ]
        scores, shifts, *points = (torch.cat(outputs) for outputs in zip(*parts, strict=True))
        return scores, shifts, *(one.reshape(-1, 2, 5).transpose(1, 2) for one in points)

    def _run_filled(self, network: str, crops: Tensor, batch: int) -> tuple[Tensor, ...]:
        count = len(crops)
        if count < batch:
            crops = torch.cat([crops, crops.new_zeros((batch - count, *crops.shape[1:]))])
        pixels = (crops.float() - 127.5) * 0.0078125
        # a view: channels stay last in memory, which is faster
        *others, scores = (output[:count] for output in self._networks[network](pixels.permute(0, 3, 1, 2)))
        return scores[:, 1], *others

    def _forward(
        self, network: str, images: UInt8Image | Float32Array, batch: int
    ) -> tuple[Float32Array, ...]:
        crops: Any = images
        if not isinstance(crops, Tensor):  # else it is there already
            crops = torch.from_numpy(np.ascontiguousarray(crops)).to(self.device)
        # always as many: in another batch torch's last bits differ
        return tuple(output.cpu().numpy() for output in self._run_filled(network, crops, batch))


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread, without gradients: convolutions on two threads differ in their last bits.

    On a GPU, in float32 whole (TF32 has ten bits) and by a way of computing that is the same each time.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        with torch.inference_mode(), exact:
            yield
    finally:
        torch.set_num_threads(threads)


def _load(name: str, device: str) -> torch.nn.Module:
    network: torch.nn.Module = _KINDS[name](pretrained=False)
    network.load_state_dict({key: torch.from_numpy(one) for key, one in read_weights(name).items()})
    network.requires_grad_(False).eval()
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
