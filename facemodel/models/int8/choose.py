"""The smallest int8 candidate that is good enough; or an error, and no file."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from facedata.errors import FacedataError, StoreError

from ...errors import ExportError
from ..formats import Int8Candidates, Run
from .judge import SAME_MODEL_COSINE, Int8Figures, Judge

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""The system's errors about a disk, not about the network."""


def keep_smallest(
    candidates: Int8Candidates, out: Path, read: Callable[[Path], Run], judge: Judge
) -> dict[str, Any]:
    """Leave the first candidate that is good enough at ``out``; they come smallest first.

    Args:
        candidates: writes one after another to ``out``, and yields what each leaves in float.
        out: the file.
        read: reads it back, to be run.
        judge: compares it with the float model.

    Returns:
        The figures, with ``in_float`` (what stays in float), ``candidates`` (how many were tried) and
        ``bytes``.

    Raises:
        ExportError: none is good enough, or the network cannot be quantised; ``out`` is gone.
        StoreError: a disk is full.
    """
    tried: list[tuple[str, Int8Figures]] = []
    try:
        with closing(candidates):
            for in_float in candidates:
                tried.append((in_float, judge.judge(read(out))))
                if tried[-1][1].is_good:
                    size = {"bytes": out.stat().st_size, "in_float": in_float, "candidates": len(tried)}
                    return {**tried[-1][1].to_json(), **size}
    except (FacedataError, MemoryError):
        out.unlink(missing_ok=True)
        raise
    except Exception as error:  # the tools that quantise may raise anything, with pages of text
        out.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _DISK:
            places = f"{out.parent} and {tempfile.gettempdir()} (TMPDIR names another) have to hold it"
            raise StoreError(f"cannot write the int8 file: {error.strerror}; {places}") from error
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise ExportError(f"the network cannot be quantised to int8: {lines[0][:300]}") from error
    out.unlink(missing_ok=True)
    in_float, best = max(tried, key=lambda one: _merit(one[1]))
    raise ExportError(
        f"int8 loses too much: of {len(tried)} candidates the best (in float: {in_float}) has "
        f"{best.describe()}{_lost(best)}. No file is left: raise --most-loss, name a set of photos as they "
        "are in use with --set, or leave out --int8"
    )


def _merit(figures: Int8Figures) -> float:
    """Return a number that is higher the better."""
    if figures.loss is None or not figures.mean_cosine >= SAME_MODEL_COSINE:
        return float(np.nan_to_num(figures.mean_cosine)) - 1000
    return -figures.loss


def _lost(figures: Int8Figures) -> str:
    if figures.loss is None:
        return ""
    if figures.loss <= figures.most_loss:
        return f" (at least {SAME_MODEL_COSINE:g} is required)"
    return f": {figures.loss:.2f} points lost, and --most-loss allows {figures.most_loss:g}"
