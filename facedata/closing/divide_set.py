"""Divide a set's people: splits, labels and the fingerprint that they are part of."""

from __future__ import annotations

import pyarrow as pa

from ..config import PrepareConfig, settings_fingerprint
from ..progress.folder import ProgressFolder
from ..sampling.divide import Crops, Division, divide_crops
from ..sets.prepared import set_fingerprint
from ..tables.blocks import iter_texts
from ..tables.parquet import read_blocks
from ..tables.people import person_codes
from .draw_options import DrawOptions, previous_splits
from .ledger import Ledger


def divide_set(
    config: PrepareConfig, ledger: Ledger, progress: ProgressFolder, drawing: DrawOptions
) -> tuple[Division, str]:
    """Return the crops' splits and labels, and the set's fingerprint."""
    crops = Crops(
        ledger.crop_people(),
        ledger.people,
        paths=lambda: iter_texts(ledger.crop_column("crop_path")),
        official=lambda: ledger.crop_column("official_split"),
        any_official=ledger.records.column("official_split").null_count < ledger.records.num_rows,
    )
    people = ledger.people if config.names == "merge" else ()
    splits = divide_crops(crops, drawing.split, previous_splits(progress, people))
    settings = settings_fingerprint(config.settings())
    return splits, set_fingerprint(settings, ledger.classes(splits))


def keep_splits(progress: ProgressFolder) -> bool:
    """Return whether a set's people have other splits than dividing them afresh would give.

    They do where they kept the splits that they had when there were fewer of them. Divisions that never look
    at earlier splits always count as fresh.

    Args:
        progress: its ``previous`` folder has the set's tables.
    """
    options = DrawOptions.read(progress.previous_info()["drawing"]).split
    if options.split_by != "identity" or options.stable:
        return False
    file = progress.previous / "classes.parquet"
    columns = pa.concat_tables(read_blocks(file, ["identity", "split", "path"]))
    person, people = person_codes(columns.column("identity"))
    crops = Crops(
        person,
        people,
        paths=lambda: iter_texts(columns.column("path")),
        official=lambda: columns.column("split"),
        any_official=False,
    )
    fresh = divide_crops(crops, options).split_column()
    return not fresh.equals(columns.column("split").combine_chunks())
