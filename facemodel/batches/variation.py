"""Mirroring and turning crops: what is drawn for a batch, and how it is done on a CPU and on a GPU.

On a CPU OpenCV turns each crop (in a third of the time of torch's grid there), on a GPU torch's grid turns
the whole batch. The two differ by rounding only.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.nn import functional

from facedata.types import BoolArray, Float64Array

from ..machine.devices import to_device
from .reader import UInt8Batch

_AUGMENT = 0x6175676D
"""First seed of augmentation, so that no other draw shares its random numbers."""


@dataclass(frozen=True)
class Augmentation:
    """How training crops are varied.

    Attributes:
        flip: mirror half of them.
        rotate_deg: turn each by up to this many degrees, either way; corners from outside the crop are black.
    """

    flip: bool = False
    rotate_deg: float = 0.0


@dataclass(frozen=True, eq=False)
class Variation:
    """What is done to each crop of a batch.

    Attributes:
        flips: ``(n,)`` bool, which are mirrored.
        angles_deg: ``(n,)`` float64, how far each is turned after that, counter-clockwise.
    """

    flips: BoolArray
    angles_deg: Float64Array

    @classmethod
    def draw(cls, count: int, augmentation: Augmentation, key: tuple[int, ...]) -> Variation:
        """Draw a batch's variation, from the key and the number of crops alone."""
        rng = np.random.default_rng([_AUGMENT, *key])
        flips, angles = rng.random(count) < 0.5, rng.uniform(-1, 1, count)
        return cls(flips & augmentation.flip, angles * augmentation.rotate_deg)

    @classmethod
    def none(cls, count: int) -> Variation:
        """Return one that changes nothing."""
        return cls(np.zeros(count, np.bool_), np.zeros(count))

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return not self.flips.any() and not self.angles_deg.any()


def shape_crop(crop: UInt8Batch, image: UInt8Batch, flip: bool = False, angle_deg: float = 0.0) -> None:
    """Resize, mirror and turn one crop, into an array of the wanted size.

    Args:
        crop: ``(s, s, 3)`` uint8.
        image: ``(t, t, 3)`` uint8, written to; it may be the same memory as the crop.
        flip: mirror it.
        angle_deg: then turn it counter-clockwise about its middle; outside is black.
    """
    size = len(image)
    if len(crop) != size:
        crop = resize_crop(crop, size)
    if angle_deg:
        middle = (size - 1) / 2
        matrix = np.asarray(cv2.getRotationMatrix2D((middle, middle), angle_deg, 1.0), np.float64)
        if flip:  # first
            matrix[:, 2] += matrix[:, 0] * (size - 1)
            matrix[:, 0] *= -1
        # OpenCV turns pixels of four bytes in half the time that it takes for three
        four = cv2.cvtColor(crop, cv2.COLOR_RGB2RGBA)
        turned = cv2.warpAffine(four, matrix, (size, size), flags=cv2.INTER_LINEAR)
        cv2.cvtColor(turned, cv2.COLOR_RGBA2RGB, dst=image)
    elif flip:
        if np.may_share_memory(crop, image):
            cv2.flip(image, 1, dst=image)
        else:
            image[...] = cv2.flip(crop, 1)  # writing backwards into memory that is not cached is slower
    elif not np.may_share_memory(crop, image):
        image[...] = crop


def resize_crop(crop: UInt8Batch, size: int) -> UInt8Batch:
    """Return an ``(s, s, 3)`` uint8 crop as ``(size, size, 3)``.

    Smaller crops are made by torch's antialiased bilinear filter, which weighs every pixel like Pillow's and
    is several times faster than OpenCV's area filter.
    """
    image = torch.from_numpy(crop).permute(2, 0, 1)[None]
    small = functional.interpolate(image, (size, size), mode="bilinear", align_corners=False, antialias=True)
    return np.asarray(small[0].permute(1, 2, 0).numpy())


def vary_batch(images: torch.Tensor, variation: Variation, black: torch.Tensor) -> torch.Tensor:
    """Mirror and turn a normalised batch on its device.

    Args:
        images: ``(N, 3, s, s)`` float32.
        variation: of each.
        black: ``(1, 3, 1, 1)``, black after normalising: it fills what lies outside the crop.
    """
    if variation.angles_deg.any():
        # for each image the (2, 3) matrix from positions in the turned image to positions in the crop, both
        # -1 to 1; y points down, so this undoes a counter-clockwise turn
        angle = np.radians(variation.angles_deg)
        cos, sin, zero = np.cos(angle), np.sin(angle), np.zeros(len(angle))
        mirror = np.where(variation.flips, -1.0, 1.0)
        rows = np.array([[cos * mirror, -sin * mirror, zero], [sin, cos, zero]])
        thetas = to_device(torch.from_numpy(rows).permute(2, 0, 1).to(images.dtype), images.device)
        layout = torch.channels_last if images.is_contiguous(memory_format=torch.channels_last) else None
        grid = functional.affine_grid(thetas, list(images.shape), align_corners=False)
        turned = functional.grid_sample(images - black, grid, align_corners=False) + black
        return turned.contiguous(memory_format=layout) if layout else turned
    if variation.flips.any():
        flips = to_device(torch.from_numpy(variation.flips), images.device).view(-1, 1, 1, 1)
        return torch.where(flips, images.flip(3), images)
    return images
