"""Compare the set on disk with what closing would write."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from ..progress.folder import ProgressFolder
from ..sets.prepared import PreparedSet, open_set, with_meta
from ..tables.blocks import take_rows
from ..tables.digests import digest_bytes
from ..tables.parquet import read_schema
from ..tables.schema import DATASET, KINDS, PROTOCOL
from .close import Closing, describe_set
from .divide_set import divide_set
from .draw_options import choose_draw_options
from .ledger import Ledger


def is_up_to_date(closing: Closing, ledger: Ledger) -> bool:
    """Return whether the set on disk is what :func:`.close.close_set` would write.

    Splits, labels, pairs and triplets are not compared.

    Raises:
        SetError: dataset.json is damaged.
    """
    if not (closing.out / DATASET).is_file():
        return False
    before = open_set(closing.out)
    if not before.is_intact() or len(ledger.without_crop()):
        return False
    return _is_described(before, closing, ledger)


def is_same_set(closing: Closing, ledger: Ledger, progress: ProgressFolder) -> bool:
    """Return whether the finished set on disk is in all that :func:`.close.close_set` would write.

    Args:
        closing: the set.
        ledger: all rows. A kept one without a crop gets the one that the set on disk has for it.
        progress: with the earlier state that splits and drawing options come from.

    Raises:
        SetError: dataset.json is damaged.
    """
    before = open_set(closing.out)
    if not before.is_intact():
        return False
    crops = before.table("classes", ["path", "crop_sha256", "length"])
    at = ledger.without_crop()
    paths = take_rows(ledger.records.select(["crop_path"]), at).column(0)
    found = pc.index_in(paths, value_set=crops.column("path").combine_chunks())
    if found.null_count:
        return False
    ledger.rows.crop[at] = digest_bytes(crops.column("crop_sha256").take(found))
    ledger.rows.length[at] = crops.column("length").take(found).to_numpy()
    drawing = choose_draw_options(closing.config, closing.plan.scan, progress)
    _, fingerprint = divide_set(closing.config, ledger, progress, drawing)
    if fingerprint != before.fingerprint or drawing.settings() != before.info["drawing"]:
        return False
    crops = crops.rename_columns(["path", "crop_sha256", "crop_length"])
    return _is_described(before, closing, ledger) and bool(
        progress.store.has_crops(crops, np.ones(len(crops), np.bool_)).all()
    )


def _is_described(before: PreparedSet, closing: Closing, ledger: Ledger) -> bool:
    """Return whether a set's dataset.json, protocol and ledger are what closing would write."""
    protocol, corrections = closing.plan.scan.protocol, closing.plan.corrections
    info = describe_set(closing, ledger, before.fingerprint)
    info["counts"] = {**before.info["counts"], **info["counts"]}
    if any(before.info.get(key) != value for key, value in info.items() if key != "versions"):
        return False
    if before.has("protocol") != (protocol is not None):
        return False
    if protocol is not None and not before.table("protocol").equals(
        protocol.select(PROTOCOL.names).cast(PROTOCOL)
    ):
        return False
    if before.has("corrections") != bool(corrections.num_rows):
        return False
    if corrections.num_rows and not before.table("corrections").equals(corrections):
        return False
    file = closing.out / "photos.parquet"
    columns, on_disk = with_meta(KINDS["photos"], ledger.records.schema), read_schema(file)
    if on_disk.names != columns.names or on_disk.types != columns.types:
        return False
    return ledger.is_written(file, columns)
