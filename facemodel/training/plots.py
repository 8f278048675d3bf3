"""Plots of a run: curves, how often crops were used, and the first batch as the network sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facedata.files.atomic import atomic_file
from facedata.types import Float32Array, Int64Array

from ..batches.reader import UInt8Batch
from ..errors import RunError
from ..machine.extras import require_extra
from ..spec import InputSpec
from .history import EpochRow

_MOST_ROWS = 8
_GAP_PX = 2
_CURVES = (
    ("loss", ("loss", "val_loss", "probe_loss")),
    ("accuracy and AUC", ("val_auc", "val_accuracy", "probe_auc", "probe_accuracy")),
    ("learning rate", ("lr",)),
    ("active triplets, spread", ("active", "spread")),
)


def draw_curves(path: Path, rows: Sequence[EpochRow]) -> None:
    """Draw the history's columns over the epochs.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StoreError: the picture cannot be written.
    """
    figure = _figure(10, 7)
    for place, (title, names) in enumerate(_CURVES):
        axes = figure.add_subplot(2, 2, place + 1)
        for name in names:
            points = [(row.epoch, getattr(row, name)) for row in rows if getattr(row, name) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), marker=".", label=name)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
    _save(figure, path)


def draw_usage(path: Path, counts: Int64Array) -> None:
    """Draw the histogram of how often training crops were used.

    Args:
        path: of the picture.
        counts: ``(n,)`` int64, how often each crop was used.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StoreError: the picture cannot be written.
    """
    figure = _figure(7, 4)
    axes = figure.add_subplot()
    top = int(counts.max(initial=0))
    edges = np.linspace(-0.5, top + 0.5, min(top + 2, 60))
    axes.hist(counts, bins=edges)
    never = int(np.count_nonzero(counts == 0))
    mean, spread = (float(counts.mean()), float(counts.std())) if len(counts) else (0.0, 0.0)
    axes.set_title(f"{len(counts):,} crops: {never:,} never used, {mean:.1f} times on average ± {spread:.1f}")
    axes.set_xlabel("times used in training")
    axes.set_ylabel("crops")
    _save(figure, path)


def draw_batch(path: Path, images: Float32Array, spec: InputSpec, columns: int) -> None:
    """Draw a batch as the network sees it: after resizing, mirroring, turning, and back from mean and std.

    Args:
        path: of the picture.
        images: ``(n, 3, size, size)`` float32, the network's input.
        spec: whose mean, std and colour order are undone; the picture shows true colours.
        columns: images in a line: 3 for triplets.

    Raises:
        StoreError: the picture cannot be written.
    """
    lines = min(_MOST_ROWS, len(images) // columns)
    seen = seen_images(images[: lines * columns], spec)
    size = seen.shape[1] + _GAP_PX
    page = np.full((lines * size + _GAP_PX, columns * size + _GAP_PX, 3), 255, np.uint8)
    for place, image in enumerate(seen):
        top, left = (_GAP_PX + number * size for number in divmod(place, columns))
        page[top : top + size - _GAP_PX, left : left + size - _GAP_PX] = image
    done, data = cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    if not done:
        raise RunError(f"a picture of {page.shape[1]} x {page.shape[0]} px cannot be made")
    with atomic_file(path) as stream:
        stream.write(bytes(data))


def seen_images(images: Float32Array, spec: InputSpec) -> UInt8Batch:
    """Return a network's input as pictures, ``(n, size, size, 3)`` uint8 RGB."""
    mean, std = (np.asarray(value, np.float32).reshape(1, 3, 1, 1) for value in (spec.mean, spec.std))
    values: UInt8Batch = np.clip(np.rint((images * std + mean) * 255), 0, 255).astype(np.uint8)
    pictures: UInt8Batch = values.transpose(0, 2, 3, 1)
    return pictures[..., ::-1] if spec.colour == "bgr" else pictures


def _figure(width: float, height: float) -> Any:
    """Return a figure outside pyplot, which would keep it in memory and need a display."""
    require_extra("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    with atomic_file(path) as stream:
        figure.savefig(stream, format="png", dpi=110)
