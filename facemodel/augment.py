"""From crops to what a network is fed: resize, mirror, turn, colour order, mean and spread."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from facedata.types import BoolArray, Float64Array

from .dataset import UInt8Batch
from .spec import InputSpec

_AUGMENT = 0x6175676D
"""Stands before the seeds of augmentation, so that no other draw shares its random numbers."""


@dataclass(frozen=True)
class Augmentation:
    """How training crops are varied.

    Attributes:
        flip: mirror half of them.
        rotate_deg: turn each by up to so many degrees, either way; what comes in from outside is black.
    """

    flip: bool = False
    rotate_deg: float = 0.0


class ToInput:
    """Makes a network's input of crops.

    Args:
        spec: size, colour order, mean and spread of the input.
        device: where the input shall be.
        channels_last: lay it out with channels last.
        augmentation: what a key varies; None for nothing.
    """

    def __init__(
        self,
        spec: InputSpec,
        device: torch.device | str = "cpu",
        channels_last: bool = False,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.spec, self.device = spec, torch.device(device)
        self.augmentation = augmentation or Augmentation()
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        mean, std = (np.asarray(value, np.float32).reshape(1, 3, 1, 1) for value in (spec.mean, spec.std))
        self._scale = torch.from_numpy(1 / (255 * std)).to(self.device)
        self._shift = torch.from_numpy(-mean / std).to(self.device)

    def __call__(self, crops: UInt8Batch | torch.Tensor, key: tuple[int, ...] | None = None) -> torch.Tensor:
        """Return the input, ``(N, 3, size, size)`` float32 on the device.

        Args:
            crops: ``(N, s, s, 3)`` uint8 RGB.
            key: whole numbers that seed the variation, such as (seed, epoch, step); None for none.
        """
        images = crops.numpy() if isinstance(crops, torch.Tensor) else crops
        ready = np.empty((len(images), self.spec.size_px, self.spec.size_px, 3), np.uint8)
        flips, angles = self._drawn(len(images), key)
        for place, image in enumerate(images):
            ready[place] = self._shaped(image, bool(flips[place]), float(angles[place]))
        batch = torch.from_numpy(ready).to(self.device).permute(0, 3, 1, 2)
        if self.spec.colour == "bgr":
            batch = batch.flip(1)
        batch = batch.to(torch.float32) * self._scale + self._shift
        return batch.contiguous(memory_format=self._layout)

    def _drawn(self, count: int, key: tuple[int, ...] | None) -> tuple[BoolArray, Float64Array]:
        """Return which crops are mirrored, and by how many degrees each is turned."""
        if key is None:
            return np.zeros(count, np.bool_), np.zeros(count)
        rng = np.random.default_rng([_AUGMENT, *key])
        flips, angles = rng.random(count) < 0.5, rng.uniform(-1, 1, count)
        return flips & self.augmentation.flip, angles * self.augmentation.rotate_deg

    def _shaped(self, image: UInt8Batch, flip: bool, angle_deg: float) -> UInt8Batch:
        size = self.spec.size_px
        if image.shape[0] != size:
            how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, (size, size), interpolation=how), np.uint8)
        if flip:
            image = np.asarray(cv2.flip(image, 1), np.uint8)
        if angle_deg:
            middle = (size - 1) / 2
            turn = cv2.getRotationMatrix2D((middle, middle), angle_deg, 1.0)
            image = np.asarray(cv2.warpAffine(image, turn, (size, size)), np.uint8)
        return image
