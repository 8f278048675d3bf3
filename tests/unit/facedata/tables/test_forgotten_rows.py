"""Rows of forgotten people: found, emptied, and put where their new names belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.sources.base import PLAN
from facedata.tables import blocks, forgotten_rows
from facedata.tables.forgotten_rows import (
    bury_records,
    empty_rows,
    find_forgotten,
    leave_out_corrections,
    leave_out_pairs,
    merge_rows,
    record_keys,
)
from facedata.tables.schema import CORRECTIONS, PROTOCOL
from facedata.tables.tombstones import Tombstones


def records_of(*rows: tuple[str, str | None]) -> pa.Table:
    table = [
        {"record": record, "photo": record, "identity": person, "size": 7, "mtime_ns": 8}
        for record, person in rows
    ]
    records = pa.Table.from_pylist(table, schema=PLAN)
    records = records.append_column("source_identity", records.column("identity"))
    return records.append_column("meta_consent", pa.array(["yes"] * len(rows)))


def test_people_and_records_are_found() -> None:
    records = records_of(("a/1", "a"), ("b/1", "b "), ("c/1", "c"), ("d/1", None))
    keys = list(record_keys(records))
    graves = Tombstones().bury(people=["b"], records=[keys[2], keys[3]])
    moved = records_of(("a/1", "a"), ("c/1", "a"), ("d/1", None))
    assert find_forgotten(moved, graves, merge=True).tolist() == [False, False, True]
    records = records.slice(0, 3)
    assert find_forgotten(records, graves, merge=True).tolist() == [False, True, True]
    assert find_forgotten(records, graves, merge=False).tolist() == [False, False, True]
    assert not find_forgotten(records, Tombstones(), merge=True).any()


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_what_is_left_is_a_hash_in_its_place(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(forgotten_rows, "BLOCK_ROWS", rows)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", rows)
    records = records_of(("a/1", "a"), ("e/1", "e"), ("forgotten/x", "f"), ("g/1", "g"), ("z/1", "z"))
    graves = Tombstones().bury(records=["a/1", "g/1"])
    buried = bury_records(records, np.array([True, False, False, True, False]), graves)
    names = buried.column("record").to_pylist()
    assert names == sorted([*map(graves.record_name, ("a/1", "g/1")), "e/1", "forgotten/x", "z/1"])
    for row in buried.to_pylist():
        if row["status"] == "forgotten":
            said = {name: value for name, value in row.items() if value is not None}
            assert said.keys() == {"record", "photo", "status", "reason", "size", "mtime_ns"}
            assert (row["photo"], row["size"], row["mtime_ns"]) == (row["record"], 0, 0)
        else:
            assert (row["meta_consent"], row["size"]) == ("yes", 7)


@given(
    st.lists(st.text("abf/", max_size=3), unique=True),
    st.lists(st.text("abf/", max_size=3), unique=True),
    st.integers(1, 4),
)
def test_rows_are_merged_in_order(some: list[str], more: list[str], size: int) -> None:
    schema = pa.schema([("record", pa.string())])
    rows = pa.table([sorted(set(some) - set(more), key=str.encode)], schema=schema)
    pieces = (rows.slice(start, size) for start in range(0, rows.num_rows, size))
    merged = [
        text for block in merge_rows(pieces, empty_rows(schema, more)) for text in block.to_pydict()["record"]
    ]
    assert merged == sorted({*some, *more}, key=str.encode)


def test_corrections_and_pairs() -> None:
    graves = Tombstones().bury(people=["Ann"], records=["Ben/2.jpg"])

    def line(**values: Any) -> dict[str, Any]:
        return {**dict.fromkeys(CORRECTIONS.names), "file": 1, "line": 1, "action": "move", **values}

    rows = [
        line(record="Ben/1.jpg", identity="Ben", to_identity="Cy", note="it is not Ann"),
        line(record="Ben/2.jpg", identity="Ben", to_identity="Cy"),
        line(record="Cy/1.jpg", identity="Cy", to_identity="Ann"),
        line(action="distinct", identity="Ann", to_identity="Cy"),
    ]
    left = leave_out_corrections(pa.Table.from_pylist(rows, schema=CORRECTIONS), graves, merge=True)
    assert left.to_pylist() == [{**rows[0], "note": None}]
    pairs = [("Ann/1.jpg", "Cy/1.jpg"), ("Cy/1.jpg", "Ben/2.jpg"), ("Cy/1.jpg", "Ben/1.jpg")]
    protocol = pa.Table.from_pylist(
        [{"left": one, "right": two, "same": False, "split": "test", "fold": 1} for one, two in pairs],
        schema=PROTOCOL,
    )
    assert leave_out_pairs(protocol, graves).to_pydict()["right"] == ["Ben/1.jpg"]
    assert leave_out_pairs(protocol.slice(0, 2), graves).num_rows == 0
