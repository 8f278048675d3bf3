"""What only the whole can tell: duplicates and people with too few photos."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facedata.ledger import ROWS, classes_of, count_statuses, merge, settle, unsettled
from facedata.sources.base import PLAN


def plan_of(people: list[str]) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [None] * len(people) for name in PLAN.names}
    columns["record"] = columns["photo"] = [f"{i:04}.jpg" for i in range(len(people))]
    columns["identity"] = list(people)
    columns["size"] = columns["mtime_ns"] = [1] * len(people)
    return pa.table(columns, schema=PLAN)


def rows_of(records: pa.Table, digests: list[str], statuses: list[str]) -> pa.Table:
    rows = []
    for record, digest, status in zip(records.column("record").to_pylist(), digests, statuses, strict=True):
        kept = status == "kept"
        rows.append(
            {
                "record": record,
                "status": status,
                "sha256": digest,
                "path": f"p/{record}" if kept else None,
                "crop_sha256": "c" if kept else None,
                "crop_length": 1 if kept else None,
                "size": 1,
                "mtime_ns": 1,
            }
        )
    order = np.random.default_rng(0).permutation(len(rows))
    return pa.Table.from_pylist([rows[i] for i in order], schema=ROWS)


records = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["kept", "kept", "no_face"])),
    min_size=1, max_size=30,
)  # fmt: skip


@given(records, st.integers(1, 4))
def test_settling_agrees_with_a_slow_loop(entries: list[tuple[str, str, str]], min_photos: int) -> None:
    people, digests, statuses = (list(column) for column in zip(*entries, strict=True))
    plan = plan_of(people)
    ledger = settle(merge(plan, rows_of(plan, digests, statuses)), min_photos)
    wanted, seen = [], set()
    for entry in entries:
        first = entry[:2] not in seen
        wanted.append(entry[2] if entry[2] != "kept" else "kept" if first else "duplicate")
        seen |= {entry[:2]} if entry[2] == "kept" else set()
    left = [person for person, status in zip(people, wanted, strict=True) if status == "kept"]
    wanted = [
        "too_few" if status == "kept" and left.count(person) < min_photos else status
        for person, status in zip(people, wanted, strict=True)
    ]
    assert ledger.column("status").to_pylist() == wanted
    assert sum(count_statuses(ledger).values()) == len(entries)
    for status, path in zip(wanted, ledger.column("path").to_pylist(), strict=True):
        assert (path is not None) == (status == "kept")
    assert classes_of(ledger).column("id").to_pylist() == list(range(wanted.count("kept")))


@given(records)
def test_what_was_settled_can_be_taken_back(entries: list[tuple[str, str, str]]) -> None:
    people, digests, statuses = (list(column) for column in zip(*entries, strict=True))
    plan = plan_of(people)
    merged = merge(plan, rows_of(plan, digests, statuses))
    assert unsettled(settle(merged, 3)).column("status").to_pylist() == statuses


def test_a_status_the_source_set_is_kept() -> None:
    plan = plan_of(["a", "b"])
    plan = plan.set_column(plan.schema.get_field_index("status"), "status", pa.array(["unsupported", None]))
    ledger = merge(plan, rows_of(plan.slice(1), ["x"], ["kept"]))
    assert ledger.column("status").to_pylist() == ["unsupported", "kept"]
    assert ledger.column("record").to_pylist() == ["0000.jpg", "0001.jpg"]


def test_several_faces_of_one_photo_are_no_duplicates_when_their_boxes_differ() -> None:
    plan = plan_of(["a", "a", "a"])
    boxes = pa.array([[0, 0, 9, 9], [20, 0, 29, 9], [0, 0, 9, 9]], pa.list_(pa.float32(), 4))
    plan = plan.set_column(plan.schema.get_field_index("given_box"), "given_box", boxes)
    ledger = settle(merge(plan, rows_of(plan, ["x"] * 3, ["kept"] * 3)), 1)
    assert ledger.column("status").to_pylist() == ["kept", "kept", "duplicate"]
