"""From crops to what a network is fed: resize, mirror, turn, colour order, mean and standard deviation.

Crops are resized on the CPU, as bytes and by threads, whatever the device: so a network sees the same numbers
on a CPU and on a GPU. Mirroring and turning are done on the device.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from facedata.errors import UsageError

from ..machine.cores import own_cores
from ..machine.devices import to_device
from ..spec import InputSpec
from .reader import UInt8Batch
from .variation import Augmentation, Variation, shape_crop, vary_batch

_FEWEST_FOR_THREADS = 4
"""Crops that one thread shapes before another is worth waking."""


def as_batch(crops: UInt8Batch) -> UInt8Batch:
    """Return crops as ``(N, side, side, 3)``; one crop, ``(side, side, 3)``, becomes a batch of one.

    Raises:
        UsageError: the array has another shape or type.
    """
    batch = crops[None] if crops.ndim == 3 else crops
    if batch.ndim != 4 or batch.shape[1] != batch.shape[2] or batch.shape[3] != 3 or batch.dtype != np.uint8:
        raise UsageError(
            f"the crops are an array of {crops.dtype} and shape {crops.shape}; a model takes uint8 RGB, "
            "(N, side, side, 3) or (side, side, 3)"
        )
    return batch


class BatchShaping:
    """A :class:`~facemodel.batches.reader.Shaping`: resizes, mirrors and turns the crops of a batch.

    Args:
        size_px: side of the images.
        variation: of the batch.
    """

    def __init__(self, size_px: int, variation: Variation) -> None:
        self.size_px, self.variation = size_px, variation
        # lists, whose items cost a tenth of an array's
        self._flips: list[bool] = variation.flips.tolist()
        self._angles_deg: list[float] = variation.angles_deg.tolist()

    def write(self, number: int, crop: UInt8Batch, image: UInt8Batch) -> None:
        """Write the ``number``-th image; see :func:`shape_crop`."""
        shape_crop(crop, image, self._flips[number], self._angles_deg[number])


class ToInput:
    """Makes a network's input from crops.

    Args:
        spec: size, colour order, mean and standard deviation of the input.
        device: where to put the input.
        channels_last: lay it out with channels last.
        augmentation: how crops are varied, where a key is given; None for not at all.
        workers: threads that resize, mirror and (on a CPU) turn; None for one per core.
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
            key: whole numbers that seed the variation, such as (seed, epoch, step); None for no variation.
        """
        images = crops.numpy() if isinstance(crops, torch.Tensor) else crops
        return self.finish(self.shape(images, self.shaping(len(images), key)), key)

    def shaping(
        self, count: int, key: tuple[int, ...] | None = None, part: slice | None = None
    ) -> BatchShaping:
        """Return what shapes a batch's crops while they are read; then :meth:`finish` makes the input.

        On a CPU that is everything except normalising, on a GPU only resizing.

        Args:
            count: crops in the batch.
            key: seeds the variation; None for none.
            part: the crops of the batch that are read here, varied as in the whole batch; None for all.

        >>> spec = InputSpec(112, "square", 128)
        >>> ToInput(spec, augmentation=Augmentation(flip=True)).shaping(64, key=(0, 1, 2)).size_px
        112
        """
        on_cpu = self.device.type == "cpu"
        return BatchShaping(self.spec.size_px, self._variation(count, key if on_cpu else None, part))

    def shape(self, crops: UInt8Batch, shaping: BatchShaping) -> UInt8Batch:
        """Return crops as if read with ``shaping``: ``(N, size, size, 3)`` uint8 RGB."""
        if crops.shape[1] == shaping.size_px and shaping.variation.is_none:
            return np.ascontiguousarray(crops)
        images = np.empty((len(crops), shaping.size_px, shaping.size_px, 3), np.uint8)
        step = max(_FEWEST_FOR_THREADS, -(-len(crops) // (2 * self.workers)))
        spans = [range(start, min(start + step, len(crops))) for start in range(0, len(crops), step)]

        def shape(span: range) -> None:
            for number in span:
                shaping.write(number, crops[number], images[number])

        for _ in self._pool.map(shape, spans) if self._pool else map(shape, spans):
            pass
        return images

    def finish(
        self,
        shaped: UInt8Batch,
        key: tuple[int, ...] | None = None,
        part: slice | None = None,
        count: int | None = None,
    ) -> torch.Tensor:
        """Return the input, ``(N, 3, size, size)`` float32 on the device, of crops that were shaped.

        Args:
            shaped: the crops, ``(N, size, size, 3)`` uint8 RGB.
            key: as given to :meth:`shaping`; so is ``part``.
            part: which crops of the batch these are.
            count: crops in the batch; None if these are all.
        """
        batch = torch.from_numpy(shaped)
        if self.device.type == "cpu":
            return self._normalise(batch)
        images = self._normalise(to_device(batch, self.device))
        return vary_batch(images, self._variation(count or len(shaped), key, part), self._black)

    def _variation(self, count: int, key: tuple[int, ...] | None, part: slice | None = None) -> Variation:
        every = Variation.none(count) if key is None else Variation.draw(count, self.augmentation, key)
        return every if part is None else Variation(every.flips[part], every.angles_deg[part])

    def _normalise(self, crops: torch.Tensor) -> torch.Tensor:
        """Return ``(N, s, s, 3)`` uint8 RGB as ``(N, 3, s, s)`` float32, in the spec's colours."""
        if self.spec.colour == "bgr":
            crops = crops.flip(3)
        # rows of s * 3 numbers, against scales repeated as often: three at a time would be ten times slower
        values = crops.flatten(2).to(torch.float32).mul_(self._scale).add_(self._shift)
        images = values.view(crops.shape).permute(0, 3, 1, 2)  # in memory this is channels last
        return images.contiguous(memory_format=self._layout)
