"""Rows of one photo without boxes: never one face under two names."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from facedata.config import PrepareConfig
from facedata.plan.plan import Plan, make_plan
from facedata.sources.base import PlanBuilder, Scan

BOX = (1.0, 2.0, 30.0, 40.0)


def plan_of(*rows: tuple[str, str | None, bool], **options: object) -> Plan:
    """Plan rows of a photo, a person, and whether there is a box."""
    builder = PlanBuilder()
    photos = [photo for photo, _, _ in rows]
    for count, (photo, identity, has_box) in enumerate(rows, 1):
        record = f"{photo}#{count}" if photos.count(photo) > 1 else photo
        builder.add(
            photo, record=record, identity=identity, given_box=BOX if has_box else None, size=1, mtime_ns=1,
            status=None if identity else "no_identity",
        )  # fmt: skip
    return make_plan(Scan(builder.table(), lambda photo: b""), PrepareConfig(**options))  # type: ignore[arg-type]


def statuses(plan: Plan) -> Sequence[str | None]:
    values: list[str | None] = plan.records.column("status").to_pylist()
    return values


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([("anna", False), ("bert", False)], ["unselected"] * 2),
        ([("anna", True), ("bert", True)], [None] * 2),
        ([("anna", True), ("bert", False)], [None, "unselected"]),
        ([("anna", False), ("anna", True)], ["unselected", None]),
        ([("anna", False), ("anna", False)], [None] * 2),  # the second becomes a duplicate
        ([("anna", False), ("anna", False), ("bert", False)], ["unselected"] * 3),
        ([("anna", False), (None, False)], [None, "no_identity"]),
        ([("Zoë", False), ("Zoe\u0308", False)], [None] * 2),  # one person
    ],
)
def test_rows_whose_face_is_not_clear_are_unselected(
    rows: list[tuple[str | None, bool]], wanted: list[str | None]
) -> None:
    plan = plan_of(("alone.jpg", "carl", False), *(("group.jpg", *row) for row in rows))
    assert statuses(plan) == [None, *wanted]
    paths = plan.records.column("crop_path").to_pylist()
    assert [path is None for path in paths] == [status is not None for status in statuses(plan)]
    if "unselected" in wanted:
        reason = plan.records.column("reason")[1 + wanted.index("unselected")].as_py()
        assert "without a box" in reason
        assert "'group.jpg'" in plan.notes[-1]
        assert "give each of their rows the box of its face" in plan.notes[-1]
    else:
        assert not [note for note in plan.notes if "unselected" in note]


def test_names_kept_apart_are_two_people() -> None:
    rows = [("g.jpg", "Zoë", False), ("g.jpg", "Zoe\u0308", False)]
    assert statuses(plan_of(*rows, names="exact")) == ["unselected"] * 2


def test_excluding_one_row_makes_the_other_no_clearer(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("x") / "out.txt"
    file.write_text("g.jpg#2\n")
    plan = plan_of(("g.jpg", "anna", False), ("g.jpg", "bert", False), exclude=str(file))
    assert statuses(plan) == ["unselected", "excluded"]
