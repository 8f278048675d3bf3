"""Compare the set on disk with what closing would write."""

from __future__ import annotations

from itertools import zip_longest

from ..sets.prepared import open_set, with_meta
from ..tables.parquet import read_blocks, read_schema
from ..tables.schema import DATASET, KINDS, PROTOCOL
from .close import Closing, describe_set
from .ledger import Ledger


def is_up_to_date(closing: Closing, ledger: Ledger) -> bool:
    """Return whether the set on disk is what :func:`.close.close_set` would write.

    Splits, labels, pairs and triplets are not compared.

    Raises:
        SetError: dataset.json is damaged.
    """
    if not (closing.out / DATASET).is_file():
        return False
    before, protocol = open_set(closing.out), closing.plan.scan.protocol
    if not before.is_intact() or len(ledger.without_crop()):
        return False
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
    file = closing.out / "photos.parquet"
    columns, on_disk = with_meta(KINDS["photos"], ledger.records.schema), read_schema(file)
    if on_disk.names != columns.names or on_disk.types != columns.types:
        return False
    return all(
        mine is not None and other is not None and other.equals(mine.select(columns.names).cast(columns))
        for mine, other in zip_longest(ledger.blocks(), read_blocks(file))
    )
