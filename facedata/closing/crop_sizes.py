"""Why no photo was kept: finished crops most often have another size, which one line can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ..config import TEMPLATES, PrepareConfig
from ..errors import NothingKeptError
from ..options import look_up
from ..tables.parquet import read_blocks


def refuse_nothing_kept(out: Path, info: Mapping[str, Any], config: PrepareConfig) -> None:
    """Fail if a finished set has no crop.

    Args:
        out: its folder.
        info: its dataset.json.
        config: its options.

    Raises:
        NothingKeptError: it has none.
    """
    if info["tables"]["classes"]["rows"]:
        return
    counts = ", ".join(f"{name} {count}" for name, count in info["counts"]["status"].items())
    ledger = out / "photos.parquet"
    sizes = describe_other_size(ledger, config) if config.as_crops else ""
    raise NothingKeptError(
        f"no photo was kept ({counts}){sizes and f': {sizes}'}; {ledger} has the reason for each"
    )


def describe_other_size(ledger: Path, config: PrepareConfig) -> str:
    """Return a sentence on the size that most photos have, with the remedy; empty if none has a size.

    Args:
        ledger: of a set that took no photo.
        config: its options, with ``as_crops``.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    for rows in read_blocks(ledger, ["width", "height"]):
        known = rows.filter(pc.is_valid(rows.column("width")))
        counted = known.group_by(["width", "height"], use_threads=False).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            sizes[row["width"], row["height"]] += row["count_all"]
    others = [(count, size) for size, count in sizes.items() if size != (config.size, config.size)]
    if not others:
        return ""
    count, (width, height) = max(others)
    who = "all have" if count == sizes.total() else f"{count:,} of {sizes.total():,} have"
    again = "prepare them again without --as-crops, so that their faces are looked for"
    if width == height and 16 <= width <= 4096:
        named = [f"--template {name}" for name in TEMPLATES if look_up(TEMPLATES, name).size_px == width]
        flags = " or ".join([*named, f"--size {width}"])
        again = f"prepare them again with {flags}, and --overwrite, or without --as-crops to find their faces"
    return f"{who} {width}x{height} pixels, and a crop has {config.size}x{config.size}: {again}"
