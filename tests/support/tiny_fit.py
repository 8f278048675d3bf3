"""Options of runs that take a second or two, on sets of ``people_set``."""

from __future__ import annotations

from typing import Any

TINY: dict[str, Any] = {
    "backbone": "timm:test_resnet", "weights": "none", "size": 32, "dim": 16, "batch": 12, "epochs": 2,
    "device": "cpu", "workers": 1, "val_pairs": 40,
}  # fmt: skip
FEW: dict[str, Any] = {**TINY, "rows_per_epoch": 36, "epochs": 1}
"""A single epoch of three steps."""
