"""The plan: records in order, with crop names and notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError
from facedata.plan.plan import Plan, make_plan
from facedata.sources.base import PlanBuilder, Scan

PHOTOS = ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/x/1.jpg"]


def read_nothing(photo: str) -> bytes:
    raise FileNotFoundError(photo)


def plan_of(photos: Sequence[str] = PHOTOS, /, **options: str) -> Plan:
    builder = PlanBuilder()
    for photo in photos:
        builder.add(photo, identity=photo.partition("/")[0], size=1, mtime_ns=1)
    return make_plan(Scan(builder.table(), read_nothing), PrepareConfig(**options))  # type: ignore[arg-type]


def column(plan: Plan, name: str) -> list[object]:
    return list(plan.records.column(name).to_pylist())


def test_records_are_ordered_and_crops_named() -> None:
    plan = plan_of(PHOTOS[::-1])
    assert column(plan, "record") == PHOTOS
    assert column(plan, "crop_path")[:3] == ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"]
    assert plan.notes == ()


def test_no_photo_and_a_record_twice_are_refused() -> None:
    with pytest.raises(SourceError, match="holds no photos"):
        plan_of([])
    with pytest.raises(SourceError, match=r"'ann/1\.jpg' is listed twice"):
        plan_of([*PHOTOS, "ann/1.jpg"])


def test_a_reference_pattern_that_matches_nothing_is_said() -> None:
    plan = plan_of(reference="*passport*")
    assert column(plan, "role") == [None] * 4
    assert plan.notes == ("--reference '*passport*' matches no photo",)


def test_excluded_photos_get_no_crop_and_the_note_no_path(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("ann/2.jpg\r\nbob/x/*\n# why\n\nzoe/1.jpg\n")
    plan = plan_of(exclude=str(tmp_path / "out.txt"))
    assert column(plan, "status") == [None, "excluded", None, "excluded"]
    assert column(plan, "reason")[1] == "listed in out.txt"
    assert column(plan, "crop_path")[1::2] == [None, None]
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("2 photos excluded by out.txt; 1 of its lines name no photo")
    assert str(tmp_path) not in plan.notes[0]
