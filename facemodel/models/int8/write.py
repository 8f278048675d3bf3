"""From a float file and crops of the set to an int8 file and its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..formats import Int8Writer, Run
from .choose import keep_smallest
from .crops import Int8Crops
from .judge import Int8Figures, Judge


@dataclass(frozen=True)
class FloatFile:
    """A float network in a file.

    Attributes:
        path: the file.
        size_bytes: of it, and of others that hold its weights.
        write: writes int8 candidates of it.
        read: reads it, and them.
    """

    path: Path
    size_bytes: int
    write: Int8Writer
    read: Callable[[Path], Run]


def write_int8(
    source: FloatFile, crops: Int8Crops, metric: str, most_loss: float, out: Path
) -> dict[str, Any]:
    """Write the smallest int8 file that is good enough.

    Args:
        source: the float file.
        crops: of the set.
        metric: how embeddings are compared.
        most_loss: how many percentage points of the true accept rate may be lost.
        out: the file.

    Returns:
        What the JSON beside it says under ``int8``: the figures, ``bytes_before`` and ``bytes``,
        ``in_float``, ``candidates``, ``calibrated`` (crops) and ``note``.

    Raises:
        ExportError: it cannot be quantised, or loses too much; no file is left.
    """
    model = source.read(source.path)
    judge = Judge(crops, metric, model, most_loss)
    images = crops.to_input(crops.calibrate).numpy()
    figures = keep_smallest(source.write(source.path, images, out), out, source.read, judge)
    return {
        **figures,
        "bytes_before": source.size_bytes,
        "calibrated": len(crops.calibrate),
        "note": crops.note,
    }


def int8_lines(figures: Mapping[str, Any]) -> list[str]:
    """Return what ``facemodel export`` prints about an int8 file, from what :func:`write_int8` returns."""
    before, after = figures["bytes_before"], figures["bytes"]
    names = [field.name for field in fields(Int8Figures)]
    judged = Int8Figures(**{name: figures[name] for name in names})
    change = (
        f"{before / after:.1f} times smaller"
        if after < before
        else "no smaller: so small a network gains nothing"
    )
    sizes = f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after ({change})"
    lines = [
        f"int8       {sizes}; in float: {figures['in_float']}",
        f"judged     {judged.describe()}",
    ]
    if judged.loss is not None:
        lost = f"{judged.loss:.2f} percentage points" if judged.loss > 0 else "nothing"
        lines.append(f"lost       {lost} (--most-loss {judged.most_loss:g})")
    return [*lines, *([f"note       {figures['note']}"] if figures["note"] else [])]
