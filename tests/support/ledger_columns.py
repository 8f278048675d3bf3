"""A set whose ledger has more columns, as a table source passes them through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from facedata.sets.prepared import PreparedSet, open_set


def add_ledger_column(prepared: PreparedSet, name: str, value: Callable[[str, int], Any]) -> PreparedSet:
    """Write a column ``meta_…`` into a set's ledger: from a crop's identity and its number in the ledger."""
    ledger = prepared.table("photos")
    people = ledger.column("identity").to_pylist()
    values = [None if person is None else value(person, at) for at, person in enumerate(people)]
    prepared.update({"photos": ledger.append_column(name, pa.array(values))}, {})
    return open_set(prepared.path)
