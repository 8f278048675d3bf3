"""A scan's table: its columns, and what is filled in."""

from __future__ import annotations

import pyarrow as pa
import pytest

from facedata.sources.base import PLAN, PlanBuilder, early_status


def test_a_plan_has_every_column_and_fills_what_was_not_given() -> None:
    plan = PlanBuilder()
    plan.add("a/1.jpg", size=3, mtime_ns=4, record="a/1.jpg#1", identity="a", given_box=(1.0, 2.0, 3.0, 4.0))
    plan.add("a/2.jpg", size=0, mtime_ns=0)
    table = plan.table({"meta_age": pa.array([7, None])})
    assert table.schema == PLAN.append(pa.field("meta_age", pa.int64()))
    assert len(plan) == 2
    assert table.column("record").to_pylist() == ["a/1.jpg#1", "a/2.jpg"]
    assert table.column("given_box").to_pylist() == [[1.0, 2.0, 3.0, 4.0], None]
    assert table.column("status").to_pylist() == [None, None]


def test_a_plan_of_nothing_is_an_empty_table() -> None:
    assert PlanBuilder().table().equals(PLAN.empty_table())


@pytest.mark.parametrize(
    ("kind", "identity", "status", "reason"),
    [
        ("photo", "anna", None, None),
        ("photo", None, "no_identity", "nobody knows"),
        ("video", "anna", "unsupported", "a video"),
        ("video", None, "unsupported", "a video"),
    ],
)
def test_only_photos_of_people_are_searched(
    kind: str, identity: str | None, status: str | None, reason: str | None
) -> None:
    assert early_status(kind, identity, "nobody knows") == {"status": status, "reason": reason}
