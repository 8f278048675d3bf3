"""From crops to what a network is fed: resize, mirror, turn, colour order, mean and spread.

Crops are resized on the CPU, as bytes and by threads, whatever the device: so a network sees the same numbers
on a CPU and on a GPU. Turning is done where it is fastest: on a CPU by OpenCV (a third of the time that
torch's grid takes there), on a GPU by the grid, for the whole batch. The two differ by rounding only.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch.nn import functional

from facedata.types import BoolArray, Float64Array

from ..machine.cores import own_cores
from ..spec import InputSpec
from .reader import UInt8Batch

_AUGMENT = 0x6175676D
"""Stands before the seeds of augmentation, so that no other draw shares its random numbers."""

_FEWEST_FOR_THREADS = 4
"""Crops that one thread shapes before another is worth waking."""


@dataclass(frozen=True)
class Augmentation:
    """How training crops are varied.

    Attributes:
        flip: mirror half of them.
        rotate_deg: turn each by up to so many degrees, either way; what comes in from outside is black.
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
    def drawn(cls, count: int, augmentation: Augmentation, key: tuple[int, ...]) -> Variation:
        """Draw a batch's variation: of nothing but the key and the number of crops."""
        rng = np.random.default_rng([_AUGMENT, *key])
        flips, angles = rng.random(count) < 0.5, rng.uniform(-1, 1, count)
        return cls(flips & augmentation.flip, angles * augmentation.rotate_deg)

    @classmethod
    def none(cls, count: int) -> Variation:
        """Return what changes nothing."""
        return cls(np.zeros(count, np.bool_), np.zeros(count))

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return not self.flips.any() and not self.angles_deg.any()


@dataclass(frozen=True, eq=False)
class FullShaping:
    """A :class:`~facemodel.batches.reader.Shaping`: resizes, mirrors and turns the crops of a batch.

    Attributes:
        size_px: side of the images.
        variation: of the batch.
    """

    size_px: int
    variation: Variation
    # lists, whose items cost a tenth of an array's
    _flips: list[bool] = field(init=False, repr=False)
    _angles_deg: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the lists."""
        object.__setattr__(self, "_flips", self.variation.flips.tolist())
        object.__setattr__(self, "_angles_deg", self.variation.angles_deg.tolist())

    def place(self, number: int, crop: UInt8Batch, ready: UInt8Batch) -> None:
        """Write the ``number``-th image; see :func:`shape_crop`."""
        shape_crop(crop, ready, self._flips[number], self._angles_deg[number])


class ToInput:
    """Makes a network's input of crops.

    Args:
        spec: size, colour order, mean and spread of the input.
        device: where the input shall be.
        channels_last: lay it out with channels last.
        augmentation: what a key varies; None for nothing.
        workers: threads that resize, mirror and (on a CPU) turn; None for one a core.
    """

    def __init__(
        self,
        spec: InputSpec,
        device: torch.device | str = "cpu",
        channels_last: bool = False,
        augmentation: Augmentation | None = None,
        workers: int | None = None,
    ) -> None:
        self.spec, self.device = spec, torch.device(device)
        self.augmentation = augmentation or Augmentation()
        self.workers = workers or own_cores()
        self._pool = (
            ThreadPoolExecutor(self.workers, thread_name_prefix="shape") if self.workers > 1 else None
        )
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        mean, std = (np.tile(values, spec.size_px) for values in (spec.mean, spec.std))
        self._scale = torch.tensor(1 / (255 * std), dtype=torch.float32, device=self.device)
        self._shift = torch.tensor(-mean / std, dtype=torch.float32, device=self.device)
        self._black = self._shift[:3].view(1, 3, 1, 1)

    def __call__(self, crops: UInt8Batch | torch.Tensor, key: tuple[int, ...] | None = None) -> torch.Tensor:
        """Return the input, ``(N, 3, size, size)`` float32 on the device.

        Args:
            crops: ``(N, s, s, 3)`` uint8 RGB, array or tensor on the CPU.
            key: whole numbers that seed the variation, such as (seed, epoch, step); None for none.
        """
        images = crops.numpy() if isinstance(crops, torch.Tensor) else crops
        return self.finish(self.shaped(images, self.shaping(len(images), key)), key)

    def shape(self, crops: UInt8Batch, key: tuple[int, ...] | None = None) -> UInt8Batch:
        """Return crops as the network sees them, still as bytes: ``(N, size, size, 3)`` uint8 RGB."""
        return self.shaped(crops, FullShaping(self.spec.size_px, self._variation(len(crops), key)))

    def shaping(
        self, count: int, key: tuple[int, ...] | None = None, part: slice | None = None
    ) -> FullShaping:
        """Return what shapes a batch's crops while they are read; :meth:`finish` takes it from there.

        On a CPU that is all but normalising, on a GPU only resizing: the rest is done there.

        Args:
            count: crops in the batch.
            key: seeds the variation; None for none.
            part: the crops of the batch that are read here, each varied as in the whole; None for all.

        >>> spec = InputSpec(112, "square", 128)
        >>> ToInput(spec, augmentation=Augmentation(flip=True)).shaping(64, key=(0, 1, 2)).size_px
        112
        """
        on_cpu = self.device.type == "cpu"
        return FullShaping(self.spec.size_px, self._variation(count, key if on_cpu else None, part))

    def finish(
        self,
        shaped: UInt8Batch,
        key: tuple[int, ...] | None = None,
        part: slice | None = None,
        count: int | None = None,
    ) -> torch.Tensor:
        """Return the input, ``(N, 3, size, size)`` float32 on the device, of crops read so.

        Args:
            shaped: the crops, ``(N, size, size, 3)`` uint8 RGB.
            key: as given to :meth:`shaping`; so is ``part``.
            part: which crops of the batch these are.
            count: crops in the batch; None where these are all.
        """
        batch = torch.from_numpy(shaped)
        if self.device.type == "cpu":
            return self._normalised(batch)
        if self.device.type == "cuda":
            batch = batch.pin_memory()  # lets the copy go on beside what the GPU is doing
        images = self._normalised(batch.to(self.device, non_blocking=True))
        return varied(images, self._variation(count or len(shaped), key, part), self._black)

    def _variation(self, count: int, key: tuple[int, ...] | None, part: slice | None = None) -> Variation:
        whole = Variation.none(count) if key is None else Variation.drawn(count, self.augmentation, key)
        return whole if part is None else Variation(whole.flips[part], whole.angles_deg[part])

    def shaped(self, crops: UInt8Batch, shaping: FullShaping) -> UInt8Batch:
        """Return crops shaped, as reading them with ``shaping`` does: ``(N, size, size, 3)`` uint8 RGB."""
        if crops.shape[1] == shaping.size_px and shaping.variation.is_none:
            return np.ascontiguousarray(crops)
        ready = np.empty((len(crops), shaping.size_px, shaping.size_px, 3), np.uint8)
        step = max(_FEWEST_FOR_THREADS, -(-len(crops) // (2 * self.workers)))
        spans = [range(start, min(start + step, len(crops))) for start in range(0, len(crops), step)]

        def shape(span: range) -> None:
            for place in span:
                shaping.place(place, crops[place], ready[place])

        for _ in self._pool.map(shape, spans) if self._pool else map(shape, spans):
            pass
        return ready

    def _normalised(self, crops: torch.Tensor) -> torch.Tensor:
        """Return ``(N, s, s, 3)`` uint8 RGB as ``(N, 3, s, s)`` float32, in the spec's colours."""
        if self.spec.colour == "bgr":
            crops = crops.flip(3)
        # rows of s * 3 numbers, against scales repeated as often: three at a time would be ten times slower
        values = crops.flatten(2).to(torch.float32).mul_(self._scale).add_(self._shift)
        images = values.view(crops.shape).permute(0, 3, 1, 2)  # in memory this is channels last
        return images.contiguous(memory_format=self._layout)


def shape_crop(crop: UInt8Batch, ready: UInt8Batch, flip: bool = False, angle_deg: float = 0.0) -> None:
    """Resize, mirror and turn one crop, into an array of the size it shall have.

    Smaller crops are made by torch's antialiased bilinear filter, which weighs every pixel as Pillow's does
    and is several times faster than OpenCV's area filter.

    Args:
        crop: ``(s, s, 3)`` uint8.
        ready: ``(t, t, 3)`` uint8, written to.
        flip: mirror it.
        angle_deg: then turn it counter-clockwise about its middle; outside is black.
    """
    size = len(ready)
    if len(crop) != size:
        crop = resized(crop, size)
    if angle_deg:
        # OpenCV turns pixels of four bytes in half the time that it takes for three
        four = cv2.cvtColor(crop, cv2.COLOR_RGB2RGBA)
        turned = cv2.warpAffine(four, _matrix(size, flip, angle_deg), (size, size), flags=cv2.INTER_LINEAR)
        cv2.cvtColor(turned, cv2.COLOR_RGBA2RGB, dst=ready)
    elif flip:
        ready[...] = cv2.flip(crop, 1)  # backwards into memory that is not in the cache takes thrice as long
    else:
        ready[...] = crop


def resized(crop: UInt8Batch, size: int) -> UInt8Batch:
    """Return an ``(s, s, 3)`` uint8 crop as ``(size, size, 3)``; antialiased when it shrinks."""
    image = torch.from_numpy(crop).permute(2, 0, 1)[None]
    small = functional.interpolate(image, (size, size), mode="bilinear", align_corners=False, antialias=True)
    return np.asarray(small[0].permute(1, 2, 0).numpy())


def varied(images: torch.Tensor, variation: Variation, black: torch.Tensor) -> torch.Tensor:
    """Mirror and turn a normalised batch on its device.

    Args:
        images: ``(N, 3, s, s)`` float32.
        variation: of each.
        black: ``(1, 3, 1, 1)``, what black is after normalising: it fills what comes in from outside.
    """
    if variation.angles_deg.any():
        layout = torch.channels_last if images.is_contiguous(memory_format=torch.channels_last) else None
        grid = functional.affine_grid(_thetas(variation, images), list(images.shape), align_corners=False)
        turned = functional.grid_sample(images - black, grid, align_corners=False) + black
        return turned.contiguous(memory_format=layout) if layout else turned
    if variation.flips.any():
        flips = torch.from_numpy(variation.flips).to(images.device).view(-1, 1, 1, 1)
        return torch.where(flips, images.flip(3), images)
    return images


def _matrix(size: int, flip: bool, angle_deg: float) -> Float64Array:
    """Return the ``(2, 3)`` matrix that mirrors, then turns, a crop about its middle."""
    middle = (size - 1) / 2
    turn = np.asarray(cv2.getRotationMatrix2D((middle, middle), angle_deg, 1.0), np.float64)
    if flip:
        turn[:, 2] += turn[:, 0] * (size - 1)
        turn[:, 0] *= -1
    return turn


def _thetas(variation: Variation, images: torch.Tensor) -> torch.Tensor:
    """Return for each image the ``(2, 3)`` that maps places of the turned one to places of the crop.

    Places run from -1 to 1; y points down, so that a counter-clockwise turn is undone by this one.
    """
    angle = np.radians(variation.angles_deg)
    cos, sin, nought = np.cos(angle), np.sin(angle), np.zeros(len(angle))
    mirror = np.where(variation.flips, -1.0, 1.0)
    rows = np.array([[cos * mirror, -sin * mirror, nought], [sin, cos, nought]])
    return torch.from_numpy(rows).permute(2, 0, 1).to(images.device, images.dtype)
