"""MTCNN's three networks with facenet-pytorch's weights, run so that no crop depends on its neighbours.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
The weights (MIT) come inside facenet-pytorch 2.5.3's wheel: nothing is downloaded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import numpy as np

from ...types import Float32Array, UInt8Image

_PNET_PIXELS = 9_000
"""Pixels that go through P-Net at once: few enough for its activations to stay in a core's cache."""
_RNET_BATCH, _ONET_BATCH = 16, 4
"""Most crops at once. Larger batches gain little."""


class CascadeNetworks(ABC):
    """P-Net, R-Net and O-Net on one device. Calls are to be made within :meth:`one_thread`."""

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
        scores, shifts = self._run("pnet", images, batch or fitting)
        return scores, shifts

    def rnet(self, crops: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array]:
        """Run R-Net over ``(n, 24, 24, 3)`` RGB in 0 … 255: scores ``(n,)`` and box shifts ``(n, 4)``."""
        scores, shifts = self._run("rnet", crops, _RNET_BATCH)
        return scores, shifts

    def onet(self, crops: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Run O-Net over ``(n, 48, 48, 3)`` RGB in 0 … 255.

        Returns:
            Scores ``(n,)``, box shifts ``(n, 4)`` and landmarks ``(n, 5, 2)`` as x, y fractions of the crop.
        """
        scores, shifts, points = self._run("onet", crops, _ONET_BATCH)
        return scores, shifts, np.stack([points[:, :5], points[:, 5:]], axis=2)

    @abstractmethod
    def one_thread(self) -> AbstractContextManager[None]:
        """Run on one thread: sums on two threads may differ in their last bits."""

    @abstractmethod
    def _forward(
        self, network: str, images: UInt8Image | Float32Array, batch: int
    ) -> tuple[Float32Array, ...]:
        """Return a network's outputs: scores of a face, shifts, and O-Net's points, first all x, then all y.

        Args:
            network: ``pnet``, ``rnet`` or ``onet``.
            images: ``(n, h, w, 3)`` RGB in 0 … 255, n up to ``batch`` and above 0.
            batch: the most that there are at once for this network and size.
        """

    def _run(self, network: str, images: UInt8Image | Float32Array, batch: int) -> tuple[Float32Array, ...]:
        if not len(images):  # shapes without numbers
            return tuple(one[:0] for one in self._forward(network, np.zeros((1, *images.shape[1:])), 1))
        parts = [
            self._forward(network, images[at : at + batch], batch) for at in range(0, len(images), batch)
        ]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))


def make_networks(device: str = "cpu") -> CascadeNetworks:
    """Return the networks for ``cpu`` or ``cuda``.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3, or there is no such device.
    """
    if device == "cpu":
        from .on_onnxruntime import OnnxRuntimeNetworks

        return OnnxRuntimeNetworks()
    from .on_torch import TorchNetworks  # it imports torch

    return TorchNetworks(device)
