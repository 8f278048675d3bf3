"""The plan: what --exclude, --reference and --split-from make of a scan's records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
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


def split_file(folder: Path, text: str) -> str:
    (folder / "splits.csv").write_text(text, encoding="utf-8")
    return str(folder / "splits.csv")


def test_records_are_ordered_and_crops_named() -> None:
    plan = plan_of(PHOTOS[::-1])
    assert column(plan, "record") == PHOTOS
    assert column(plan, "crop_path")[:3] == ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"]
    assert plan.notes == ()


def test_no_photo_and_a_record_twice_are_refused() -> None:
    with pytest.raises(SourceError, match="holds no photos"):
        plan_of([])
    with pytest.raises(SourceError, match=r"'ann/1\.jpg' stands twice"):
        plan_of([*PHOTOS, "ann/1.jpg"])


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [("1.JPG", [0, 2, 3]), ("ann/*", [0, 1]), ("*/1.jpg", [0, 2, 3]), ("[ab]*/2.jpg", [1])],
)
def test_a_reference_pattern_without_a_slash_is_for_names(pattern: str, matched: list[int]) -> None:
    plan = plan_of(reference=pattern)
    assert [at for at, role in enumerate(column(plan, "role")) if role == "reference"] == matched
    assert plan.notes == ()


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


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["", "photo,split\n", "\n", "\ufeff"])
def test_a_split_file_gives_each_photo_its_split(tmp_path: Path, header: str, end: str) -> None:
    text = header + "ann/1.jpg,train\nbob/1.jpg, test\n\nann/1.jpg,train\n"
    plan = plan_of(split_from=split_file(tmp_path, text.replace("\n", end)))
    assert column(plan, "official_split") == ["train", None, "test", None]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("gone/1.jpg,train\nann/1.jpg,train\n", r"line 1: there is no photo 'gone/1\.jpg'"),
        ("photo,split\nann/1.jpg,train\ngone/1.jpg,test\n", r"line 3: there is no photo 'gone/1\.jpg'"),
        (
            "ann/1.jpg,train\nann/2.jpg,test\nann/1.jpg,test\n",
            r"line 3: 'ann/1\.jpg' is in train and in test",
        ),
        ("photo,split\nann/1.jpg\n", r"line 2: 'ann/1\.jpg' is not a photo and its split"),
    ],
)
def test_a_bad_line_of_a_split_file_is_named(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(SourceError, match=rf"splits\.csv, {line}"):
        plan_of(split_from=split_file(tmp_path, text))


def test_photos_without_a_split_in_the_file_have_none(tmp_path: Path) -> None:
    plan = plan_of(split_from=split_file(tmp_path, "\nann/1.jpg,\nbob/1.jpg,test\n"))
    assert column(plan, "official_split") == [None, None, "test", None]


def test_an_empty_group_of_a_pattern_is_no_split() -> None:
    assert column(plan_of(split_from="^bob/(x?)"), "official_split") == [None, None, None, "x"]
    assert column(plan_of(split_from="ann|bob"), "official_split") == ["ann", "ann", "bob", "bob"]


@pytest.mark.parametrize("pattern", ["(", "x" * 300, "^(train|test)/"])
def test_a_pattern_that_is_none_or_matches_nothing_is_wrong_use(pattern: str) -> None:
    with pytest.raises(UsageError, match="--split-from"):
        plan_of(split_from=pattern)
