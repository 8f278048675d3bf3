"""Who is in the photos: names that look the same are one person, and a source of nobody is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError
from facedata.plan.plan import Plan, make_plan, plan_run
from facedata.sources.base import PlanBuilder, Scan
from facedata.sources.folder import FolderSource

NFC, NFD = "Jos\u00e9", "Jose\u0301"
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


def read_nothing(photo: str) -> bytes:
    raise FileNotFoundError(photo)


def plan_of(people: list[str], splits: list[str | None] | None = None, **options: Any) -> Plan:
    builder = PlanBuilder()
    for number, (person, split) in enumerate(zip(people, splits or [None] * len(people), strict=True)):
        builder.add(f"{person}/{number}.jpg", identity=person, official_split=split, size=1, mtime_ns=1)
    return make_plan(Scan(builder.table(), read_nothing), PrepareConfig(**options))


def column(plan: Plan, name: str) -> list[Any]:
    return list(plan.records.column(name).to_pylist())


def folder_plan(root: Path, *photos: str, identity_from: str = "parent") -> Plan:
    for photo in photos:
        path = root / photo
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    config = PrepareConfig(identity_from=identity_from, device="cpu")
    return plan_run(FolderSource({"": root}, identity_from), config)[0]


def test_twins_are_one_person_with_crops_in_one_folder() -> None:
    plan = plan_of(["Anna", "Anna ", NFC, NFD, "Zoe"])
    assert sorted(column(plan, "identity")) == sorted(["Anna", "Anna", NFC, NFC, "Zoe"])
    assert sorted(column(plan, "source_identity")) == sorted(["Anna", "Anna ", NFC, NFD, "Zoe"])
    assert {path.partition("/")[0] for path in column(plan, "crop_path")} == {"Anna", NFC, "Zoe"}
    (note,) = plan.notes
    assert "'Anna' (also written 'Anna ')" in note


def test_a_set_without_twins_is_as_it_was() -> None:
    people = [NFD, "Ben ", "Anna"]
    merged, exact = plan_of(people), plan_of(people, names="exact")
    assert merged.records.equals(exact.records)
    assert merged.notes == exact.notes == ()
    assert sorted(column(merged, "identity")) == sorted(people)


def test_exact_names_are_all_apart_and_nothing_is_said() -> None:
    plan = plan_of(["Anna", "Anna ", "anna"], names="exact")
    assert sorted(column(plan, "identity")) == ["Anna", "Anna ", "anna"]
    assert len({path.partition("/")[0].casefold() for path in column(plan, "crop_path")}) == 3
    assert plan.notes == ()


def test_people_that_differ_by_case_are_apart_and_said() -> None:
    plan = plan_of(["Anna", "anna"])
    assert sorted(column(plan, "identity")) == ["Anna", "anna"]
    (note,) = plan.notes
    assert "'Anna' and 'anna'" in note


def test_the_names_of_splits_are_cleaned_and_those_like_train_are_said() -> None:
    plan = plan_of(["a", "b", "c"], ["train", "train ", "\u00a0test"])
    assert column(plan, "official_split") == ["train", "train", "test"]
    assert "'train' (also written 'train ')" in plan.notes[0]
    (note,) = plan_of(["a", "b"], ["Train", None]).notes
    assert "'Train' and 'train'" in note
    assert column(plan_of(["a", "b"], ["train ", None], names="exact"), "official_split") == ["train ", None]


@pytest.mark.parametrize("identity_from", ["parent", "path"])
def test_a_flat_folder_is_refused_with_what_was_expected(tmp_path: Path, identity_from: str) -> None:
    with pytest.raises(SourceError) as refused:
        folder_plan(tmp_path / "flat", "x.jpg", "y.jpg", identity_from=identity_from)
    message = str(refused.value)
    assert f"{tmp_path}/flat holds 2 photos and no person's folder" in message
    assert "a folder of their own" in message
    assert f"name the folder above, {tmp_path};" in message
    assert message.endswith("add --identity-from REGEX")


def test_an_expression_that_fits_the_names_is_proposed_and_works(tmp_path: Path) -> None:
    photos = ["Anna Berg_01.jpg", "Anna Berg_02.jpg", "ben (1).jpg", "ben (2).jpg"]
    with pytest.raises(SourceError) as refused:
        folder_plan(tmp_path, *photos)
    message = str(refused.value)
    assert "(2 people, such as 'Anna Berg')" in message
    proposed = message.partition("--identity-from '")[2].partition("'")[0]
    assert (
        column(folder_plan(tmp_path, identity_from=proposed), "identity") == ["Anna Berg"] * 2 + ["ben"] * 2
    )


def test_an_expression_that_matches_no_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"no photo of .* has a person, such as 'a/x\.jpg': its path does not"
    ):
        folder_plan(tmp_path, "a/x.jpg", identity_from="(q)")


def test_some_flat_photos_are_rows_as_before(tmp_path: Path) -> None:
    plan = folder_plan(tmp_path, "loose.jpg", "anna/1.jpg", "ben/1.jpg")
    assert column(plan, "status") == [None, None, "no_identity"]
    assert plan.notes == ()


def test_one_person_s_folder_alone_is_said(tmp_path: Path) -> None:
    (note,) = folder_plan(tmp_path, "all/1.jpg", "all/2.jpg").notes
    assert note.startswith(
        "all photos are of one person, 'all': each person's photos are expected in a folder"
    )
    (note,) = folder_plan(tmp_path, identity_from="(all)").notes
    assert note == "all photos are of one person, 'all'"


@pytest.mark.parametrize(
    ("photos", "said", "people"),
    [
        (
            ["anna/trip/1.jpg", "anna/home/1.jpg", "ben/trip/1.jpg", "eva/home/1.jpg"],
            "folders of one name are taken as one person (2 are called 'home', such as 'anna/home' and 'eva/",
            ["anna", "anna", "ben", "eva"],
        ),
        (
            ["anna/1.jpg", "ben/1.jpg", "ben/edited/1.jpg"],
            "folders in a person's folder are taken as people of their own (1, such as 'ben/edited' as 'ed",
            ["anna", "ben", "ben"],
        ),
        (
            ["all/us/anna/trip/1.jpg", "all/us/ben/trip/1.jpg"],
            "folders of one name are taken as one person (2 are called 'trip', such as ",
            ["anna", "ben"],
        ),
    ],
)
def test_folders_that_may_lie_in_the_people_s_are_said_and_the_remedy_works(
    tmp_path: Path, photos: list[str], said: str, people: list[str]
) -> None:
    note = folder_plan(tmp_path, *photos).notes[-1]
    assert note.startswith(said)
    proposed = note.partition("--identity-from '")[2].partition("'")[0]
    again = folder_plan(tmp_path, identity_from=proposed)
    assert column(again, "identity") == people
    assert again.notes == ()


@pytest.mark.parametrize(
    "photos",
    [
        ["2019/anna/1.jpg", "2020/anna/1.jpg", "2019/ben/1.jpg", "2020/ben/1.jpg"],
        ["train/anna/1.jpg", "train/ben/1.jpg", "val/eva/1.jpg"],
        ["anna/anna/1.jpg", "anna/2.jpg", "ben/1.jpg"],
    ],
)
def test_people_s_folders_at_any_depth_need_no_note(tmp_path: Path, photos: list[str]) -> None:
    assert folder_plan(tmp_path, *photos).notes == ()
