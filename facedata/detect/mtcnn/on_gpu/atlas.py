"""All photos of a batch on the device, each at full size, at half, at a quarter …, and cuts out of them.

The same pixels as :class:`facedata.detect.pyramid.Halves` makes one photo at a time: whole numbers, reckoned
with the eleven-bit weights of OpenCV's bilinear filter. So a network sees the same crop on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....types import Int64Array, UInt8Image

_ONE = 2048
"""OpenCV's weights are whole numbers of this."""
_LONGEST_PX = 1024
"""Longer side of a picture that is cut or shrunk, at most."""
_MOST_HALVES = 20
"""More than any photo can be halved: it has 2 ** 20 pixels on no side."""


class Atlas:
    """The pixels of some photos and of their halves, one after the other in one tensor.

    Args:
        images: each ``(h, w, 3)`` uint8 RGB, of any sizes; at least one.
        device: where to keep them.

    Attributes:
        sizes: ``(n, 2)`` int64, width and height of each photo in pixels.
    """

    def __init__(self, images: Sequence[UInt8Image], device: torch.device) -> None:
        self.device = device
        self.sizes = np.array([(image.shape[1], image.shape[0]) for image in images], np.int64)
        deepest = np.array([_count_halves(*size) for size in self.sizes.tolist()], np.int64)
        levels = range(int(deepest.max()) + 1)
        starts = np.zeros((len(levels), len(images)), np.int64)
        strides, pieces, at = np.zeros_like(starts), [], 0
        kinds = np.ceil(np.log2(self.sizes.max(axis=1)))  # photos of about one size are padded to one size
        for kind in np.unique(kinds):
            members = np.flatnonzero(kinds == kind).tolist()
            stack = stack_images([images[number] for number in members], device)
            for level in range(int(deepest[members].max()) + 1):
                stack = halve(stack) if level else stack
                height, width = stack.shape[1:3]
                starts[level, members] = at + np.arange(len(members)) * height * width
                strides[level, members] = width
                pieces.append(stack.reshape(-1, 3))
                at += len(pieces[-1])
        pieces.append(torch.zeros((1, 3), dtype=torch.uint8, device=device))
        self._pixels = torch.cat(pieces)
        self._first, self._wide = starts[0], strides[0]
        self._steps = _send(np.array([0, 1], np.int64), device)[:, None, None]
        self._places = torch.arange(_LONGEST_PX, device=device)
        self._deepest, self._starts, self._strides = (
            _send(one, device) for one in (deepest, starts, strides)
        )
        # from here, since a GPU's powers of two may be off by a bit
        self._scales = _send(np.float32(2) ** np.arange(len(levels), dtype=np.float32), device)
        self._sides = _send(np.stack([self.sizes >> level for level in levels]), device)

    def photo(self, number: int) -> Tensor:
        """Return a photo's pixels, ``(h, w, 3)`` uint8; no copy."""
        (width, height), stride = self.sizes[number].tolist(), int(self._wide[number])
        first = int(self._first[number])
        return self._pixels[first : first + height * stride].view(height, stride, 3)[:, :width]

    def shrink(self, numbers: Int64Array, targets: Int64Array, side: int) -> Tensor:
        """Shrink photos, each to a size of its own.

        Args:
            numbers: ``(m,)`` int64, which photos.
            targets: ``(m, 2)`` int64, width and height in pixels; 0 for a picture that is all black.
            side: no target is larger.

        Returns:
            ``(m, side, side, 3)`` uint8; black to the right of and below a picture.
        """
        longest = self.sizes[numbers].max(axis=1)
        level = _count_times(_send(longest, self.device), _send(targets.max(axis=1), self.device))
        owners, sizes = _send(numbers, self.device), _send(targets, self.device)
        level = torch.minimum(level, self._deepest[owners])
        whole = self._sides[level, owners]
        return self._resample(owners, level, torch.zeros_like(whole), whole, sizes, side)

    def cut(self, owners: Tensor, boxes: Tensor, size_px: int) -> tuple[Tensor, Tensor]:
        """Cut boxes out at one size; pixels outside a photo are black.

        Args:
            owners: ``(m,)`` int64, the photo of each box.
            boxes: ``(m, 4)`` float32, x0 y0 x1 y1 in pixels of the photo; the edges are rounded as in
                :meth:`facedata.detect.pyramid.Halves.cut`.
            size_px: side of the crops.

        Returns:
            The crops, ``(m, size_px, size_px, 3)`` uint8, and the rounded boxes, ``(m, 4)`` float32.
        """
        longer = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1)
        level = torch.minimum(_count_times(longer, torch.full_like(longer, size_px)), self._deepest[owners])
        scale = self._scales[level][:, None]
        edges = torch.round(boxes / scale).to(torch.int64)
        low, high = edges[:, :2], torch.maximum(edges[:, 2:], edges[:, :2] + 1)
        targets = torch.full_like(low, size_px)
        crops = self._resample(owners, level, low, high - low, targets, size_px)
        return crops, torch.cat([low, high], dim=1).to(torch.float32) * scale

    def _resample(
        self, owners: Tensor, level: Tensor, low: Tensor, spans: Tensor, targets: Tensor, side: int
    ) -> Tensor:
        """Return rectangles at other sizes, bilinear, to the bit as OpenCV does it.

        Args:
            owners: ``(m,)``, the photo of each.
            level: ``(m,)``, how often it is halved.
            low: ``(m, 2)``, the rectangle's first pixel, x y.
            spans: ``(m, 2)``, its width and height.
            targets: ``(m, 2)``, the width and height to bring it to.
            side: of the pictures that are returned.
        """
        before, shares = weigh(spans, targets, side)
        last = (spans - 1)[:, :, None]
        # at an edge OpenCV weighs a column alone, but a row twice, which may round differently
        alone = (before[:, 0] < 0) | (before[:, 0] >= last[:, 0])
        across = torch.where(alone[:, None], shares.new_tensor([_ONE, 0])[:, None], shares[:, :, 0])
        taps = before[:, None] + self._steps  # of each: the pixel before and the one after, x and y, place
        taps = torch.minimum(taps.clamp(min=0), last[:, None]) + low[:, None, :, None]
        inside = (taps >= 0) & (taps < self._sides[level, owners][:, None, :, None])
        start, stride = self._starts[level, owners], self._strides[level, owners]
        rows = taps[:, :, 1] * stride[:, None, None] + start[:, None, None]
        at = rows[:, :, :, None, None] + taps[:, None, None, :, 0]
        is_seen = inside[:, :, 1, :, None, None] & inside[:, None, None, :, 0]
        # (m, 2 rows, side, 2 columns, side, 3); all that is outside is the black pixel at the end
        pixels = self._pixels[torch.where(is_seen, at, len(self._pixels) - 1)].to(torch.int32)
        sums = (pixels * across[:, None, None, :, :, None]).sum(dim=3, dtype=torch.int32) >> 4
        seen = ((sums * shares[:, :, 1, :, None, None]) >> 16).sum(dim=1, dtype=torch.int32)
        shown = self._places[:side] < targets[:, :, None]
        is_shown = shown[:, 1, :, None] & shown[:, 0, None]
        return torch.where(is_shown[..., None], (seen + 2) >> 2, 0).to(torch.uint8)


def weigh(spans: Tensor, targets: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return what a bilinear filter reads.

    Args:
        spans: ``(m, 2)``, widths and heights.
        targets: ``(m, 2)``, those to bring them to.
        side: how many pixels of the result to tell of.

    Returns:
        The pixel before each pixel of the result ``(m, 2, side)``, and the weights of it and the next one
        ``(m, 2, 2, side)`` int32, the first axis being these two.
    """
    scale = 1.0 / (targets.clamp(min=1).to(torch.float64) / spans)
    place = torch.arange(side, device=spans.device, dtype=torch.float64) + 0.5
    where = (place * scale[:, :, None] - 0.5).to(torch.float32)
    before = torch.floor(where)
    share = where - before
    return before.to(torch.int64), torch.round(torch.stack([1 - share, share], dim=1) * _ONE).to(torch.int32)


def stack_images(images: Sequence[UInt8Image], device: torch.device) -> Tensor:
    """Return images on the device, ``(n, h, w, 3)`` uint8; the smaller ones have black pixels around them."""
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    shape = (len(images), height, width, 3)
    whole = torch.zeros(shape, dtype=torch.uint8, pin_memory=device.type == "cuda")
    for row, image in zip(whole.numpy(), images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return whole.to(device, non_blocking=True)


def halve(stack: Tensor) -> Tensor:
    """Average 2 x 2 pixels of an ``(n, h, w, 3)`` uint8 tensor; an odd last row or column is dropped."""
    height, width = stack.shape[1] // 2 * 2, stack.shape[2] // 2 * 2
    rows = stack[:, :height:2, :width].to(torch.int16) + stack[:, 1:height:2, :width]
    return ((rows[:, :, ::2] + rows[:, :, 1::2] + 2) >> 2).to(torch.uint8)


def _count_halves(width: int, height: int) -> int:
    """Return how often an image can be halved with both sides at two pixels or more."""
    return max(0, min(width, height).bit_length() - 2)


def _count_times(lengths: Tensor, targets: Tensor) -> Tensor:
    """Return how often each length can be halved and still be at least its target; see ``detect.pyramid``."""
    powers = _send(2.0 ** np.arange(1, _MOST_HALVES + 1), lengths.device)
    wanted = targets.to(torch.float64)[:, None] * powers
    return (lengths.to(torch.float64)[:, None] >= wanted).sum(dim=1)


def _send(values: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device, non_blocking=True)
