"""MTCNN's three networks with facenet-pytorch's weights, run so that no crop depends on its neighbours.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
The weights (MIT) come inside facenet-pytorch 2.5.3's wheel: nothing is downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray

from ...errors import DetectorError
from ...types import Float32Array, UInt8Image

_WEIGHTS_SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}
_PNET_PIXELS = 36_000
"""Pixels that go through P-Net at once: few enough for its activations to stay in a core's cache."""
_RNET_BATCH, _ONET_BATCH = 16, 4
"""Images of one size always go through a network in batches of one size, the last one padded: torch's
convolutions differ in their last bits between batch sizes. Larger batches gain little and waste more."""


class CascadeNetworks:
    """P-Net, R-Net and O-Net on one device.

    Args:
        device: ``cpu`` or ``cuda``.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3, or the device does not exist.
    """

    def __init__(self, device: str = "cpu") -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise DetectorError("--device cuda was given, but torch sees no GPU here; use --device cpu")
        self.device = device
        self._pnet = _load(PNet, "pnet", device)
        self._rnet = _load(RNet, "rnet", device)
        self._onet = _load(ONet, "onet", device)

    def pnet(
        self, images: UInt8Image | Float32Array, batch: int | None = None
    ) -> tuple[Float32Array, Float32Array]:
        """Run P-Net over ``(n, h, w, 3)`` RGB in 0 … 255.

        Args:
            images: of one size.
            batch: how many at once; None for as many as fit in a core's cache.

        Returns:
            Scores ``(n, rows, columns)`` and box shifts ``(n, 4, rows, columns)``, one per 12 px cell, at
            every second pixel.
        """
        fitting = max(1, _PNET_PIXELS // (images.shape[1] * images.shape[2]))
        shifts, scores = self._run(self._pnet, images, batch or fitting)
        return scores[:, 1], shifts

    def rnet(self, crops: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array]:
        """Run R-Net over ``(n, 24, 24, 3)`` RGB in 0 … 255: scores ``(n,)`` and box shifts ``(n, 4)``."""
        shifts, scores = self._run(self._rnet, crops, _RNET_BATCH)
        return scores[:, 1], shifts

    def onet(self, crops: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Run O-Net over ``(n, 48, 48, 3)`` RGB in 0 … 255.

        Returns:
            Scores ``(n,)``, box shifts ``(n, 4)`` and landmarks ``(n, 5, 2)`` as x, y fractions of the crop.
        """
        shifts, points, scores = self._run(self._onet, crops, _ONET_BATCH)
        return scores[:, 1], shifts, np.stack([points[:, :5], points[:, 5:]], axis=2)

    def _run(
        self, network: torch.nn.Module, crops: UInt8Image | Float32Array, batch: int
    ) -> list[Float32Array]:
        count = len(crops)
        filled = np.zeros((max(1, -(-count // batch)) * batch, *crops.shape[1:]), crops.dtype)
        filled[:count] = crops
        parts = [network(self._tensor(filled[at : at + batch])) for at in range(0, len(filled), batch)]
        return [torch.cat(outputs).cpu().numpy()[:count] for outputs in zip(*parts, strict=True)]

    def _tensor(self, images: NDArray[np.uint8] | Float32Array) -> torch.Tensor:
        """Convert ``(n, h, w, 3)`` in 0 … 255 to what the networks expect: ``(n, 3, h, w)`` in -1 … 1."""
        values = (torch.from_numpy(np.ascontiguousarray(images)).to(self.device).float() - 127.5) * 0.0078125
        return values.permute(0, 3, 1, 2)  # a view: channels stay last in memory, which is faster


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread, without gradients: convolutions on two threads differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def _load(kind: type[torch.nn.Module], name: str, device: str) -> torch.nn.Module:
    data = resources.files("facenet_pytorch").joinpath(f"data/{name}.pt").read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != _WEIGHTS_SHA256[name]:
        raise DetectorError(
            f"facenet-pytorch's {name}.pt has SHA-256 {sha256}, not that of 2.5.3: "
            "pip install --force-reinstall facenet-pytorch==2.5.3"
        )
    network: torch.nn.Module = kind(pretrained=False)
    with resources.as_file(resources.files("facenet_pytorch").joinpath(f"data/{name}.pt")) as path:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.requires_grad_(False).eval()
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
