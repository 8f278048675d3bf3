"""Guards: what goes wrong while a network trains, found in the rows of its history; pure functions.

A guard reports what it saw and what to do. Each compares like with like: fixed training rows against fixed
validation rows of the same kind, both in eval mode and without augmentation. The training loss itself does
not measure overfitting: hard negatives, dropout and augmentation all raise it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..config import FitConfig
from .history import EpochRow

PATIENCE = 3
"""Overfitting: how many epochs validation must stay worse than its best while training gets better."""

_AT_MARGIN = 0.01  # collapse: the loss is this close to the margin, as a share of it
_NEARLY_ALL = 0.95  # and at least this share of the triplets is active
_ONE_POINT = 1e-4  # collapse: a spread below this
_SHRUNK = 0.05  # or below this share of the spread before epoch 1
_LEAPT = 1.5  # divergence: the loss is more than this many times what it was at first
_FEWEST = 0.001  # nothing left to learn: a smaller share of the triplets is active


class Finding(NamedTuple):
    """What a guard saw.

    Attributes:
        guard: its name; None for a hint that cannot stop a run.
        text: for the user.
    """

    guard: str | None
    text: str


def findings(rows: Sequence[EpochRow], config: FitConfig) -> list[Finding]:
    """Return what is wrong after the last row; empty if nothing is.

    Args:
        rows: the history, beginning with the row before epoch 1.
        config: of the run.
    """
    if len(rows) < 2:
        return []
    results = [_find_divergence(rows, config), _find_collapse(rows, config), _find_overfitting(rows)]
    active = rows[-1].active
    if active is not None and active < _FEWEST and rows[-1].negatives != "hard":
        text = (
            f"nothing left to learn: {active:.2%} of the triplets had a loss. Take harder ones: --negatives "
            "random-then-hard, or a larger --margin"
        )
        results.append(Finding(None, text))
    return [finding for finding in results if finding is not None]


def new_findings(rows: Sequence[EpochRow], config: FitConfig) -> list[Finding]:
    """Return the findings that the epoch before did not have, so that each is reported once."""
    before = {finding.guard for finding in findings(rows[:-1], config)}
    return [finding for finding in findings(rows, config) if finding.guard not in before]


def _find_overfitting(rows: Sequence[EpochRow]) -> Finding | None:
    judged = [row for row in rows if row.val_loss is not None and row.probe_loss is not None]
    if len(judged) <= PATIENCE:
        return None
    best = min(judged, key=lambda row: row.val_loss or 0.0)
    since = [row for row in judged if row.epoch > best.epoch]
    if len(since) < PATIENCE or not all((row.probe_loss or 0) < (best.probe_loss or 0) for row in since):
        return None
    last = since[-1]
    return Finding(
        "overfitting",
        f"overfitting: the loss of fixed validation rows was lowest after epoch {best.epoch} "
        f"({best.val_loss:.4g}, now {last.val_loss:.4g}), while that of training rows of the same kind kept "
        f"falling ({best.probe_loss:.4g}, now {last.probe_loss:.4g}). The best weights are kept; more "
        "photos or people, --rotate, --weight-decay, --dropout or more of --freeze help",
    )


def _find_collapse(rows: Sequence[EpochRow], config: FitConfig) -> Finding | None:
    first, last = rows[0], rows[-1]
    seen = []
    if config.loss_row.of_triplets and last.loss is not None and config.margin:
        at_margin = abs(last.loss - config.margin) <= _AT_MARGIN * config.margin
        if at_margin and (last.active is None or last.active >= _NEARLY_ALL):
            seen.append(f"the loss stays at the margin ({last.loss:.4g} of {config.margin:g})")
            seen += [f"{last.active:.0%} of the triplets are active"] if last.active is not None else []
    if last.spread is not None and (
        last.spread < _ONE_POINT or (first.spread is not None and last.spread < _SHRUNK * first.spread)
    ):
        seen.append(f"embeddings of different people lie together (spread {last.spread:.2g})")
    if not seen:
        return None
    return Finding(
        "collapse",
        f"collapse: {', '.join(seen)}. Lower --lr or --hard-lr, take random negatives first (--negatives "
        "random-then-hard), --normalised, or a larger --batch",
    )


def _find_divergence(rows: Sequence[EpochRow], config: FitConfig) -> Finding | None:
    first, last = rows[0], rows[-1]
    alike = [row for row in rows[1:-1] if row.negatives == last.negatives and row.loss is not None]
    # a finished model begins with a loss near 0, in which a harder batch makes all the difference
    start = alike[0].loss if alike and config.start is None else None
    for what, now, then in (
        ("fixed training rows", last.probe_loss, first.probe_loss),
        ("training", last.loss, start),
    ):
        if now is not None and (not math.isfinite(now) or (then is not None and now > _LEAPT * then)):
            was = f", and was {then:.4g} at first" if then is not None else ""
            return Finding(
                "divergence",
                f"divergence: the loss of {what} is {now:.4g}{was}. Lower --lr, set --clip 5, or begin with "
                "--warmup-epochs 1",
            )
    return None
