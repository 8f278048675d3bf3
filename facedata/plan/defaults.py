"""Options whose default depends on the source or the machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..config import PrepareConfig
from ..crops.cut import make_shape
from ..errors import UsageError
from ..sources.base import Scan, Source


def choose_defaults(config: PrepareConfig, source: Source, scan: Scan) -> PrepareConfig:
    """Fill in the kind, the face rule, the crops' size, the split rule and the device.

    The split rule is ``official`` where the source's own splits are what people expect: of LFW, and of the
    formats of other programs that have splits (their sources set ``splits_are_official``).

    Raises:
        UsageError: official splits are asked for, and the source has none.
    """
    official = scan.photos.column("official_split").null_count < scan.photos.num_rows or config.split_from
    if config.split_by == "official" and not official:
        raise UsageError(
            "--split-by official: this source gives no photo a split; use --split-by identity or photo, or "
            "name the splits with --split-from"
        )
    is_usual = source.kind == "lfw" or getattr(source, "splits_are_official", False)
    by_default = "official" if config.split_from or (official and is_usual) else "identity"
    device = "cpu" if config.as_crops else config.device
    if device == "auto" and not Path("/dev/nvidiactl").exists():
        device = "cpu"  # avoids importing torch, which takes seconds
    elif device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    return replace(
        config,
        kind=source.kind,
        face=None if config.as_crops else config.face or source.face,
        size=make_shape(config.template, config.size).size_px,
        split_by=config.split_by or by_default,
        device=device,
    )
