"""MTCNN's networks in torch: for GPUs, and to hold OpenCV's numbers against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

from ...errors import DetectorError
from ...types import Float32Array, UInt8Image
from .networks import CascadeNetworks
from .weights import read_weights

_KINDS = {"pnet": PNet, "rnet": RNet, "onet": ONet}


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

    def one_thread(self) -> AbstractContextManager[None]:
        """Run torch on one thread, without gradients."""
        return one_torch_thread()

    def _forward(
        self, network: str, images: UInt8Image | Float32Array, batch: int
    ) -> tuple[Float32Array, ...]:
        # always as many, the last ones black: in another batch torch's last bits differ
        filled = np.zeros((batch, *images.shape[1:]), images.dtype)
        filled[: len(images)] = images
        pixels = (torch.from_numpy(filled).to(self.device).float() - 127.5) * 0.0078125
        # a view: channels stay last in memory, which is faster
        given = self._networks[network](pixels.permute(0, 3, 1, 2))
        *others, scores = (output.cpu().numpy()[: len(images)] for output in given)
        return scores, *others


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread, without gradients: convolutions on two threads differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def _load(name: str, device: str) -> torch.nn.Module:
    network: torch.nn.Module = _KINDS[name](pretrained=False)
    network.load_state_dict({key: torch.from_numpy(one) for key, one in read_weights(name).items()})
    network.requires_grad_(False).eval()
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
