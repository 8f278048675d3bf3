"""Defects once found in reruns: what a rerun takes for done, and what it takes for its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import psutil
import pyarrow as pa
import pytest

from facedata import ClassManifest, PairManifest, TripletManifest, open_set, pairs_set, prepare, split_set
from facedata.errors import NothingKeptError, OtherSetError, SetError, UsageError
from facedata.progress.folder import ProgressFolder
from facedata.store.folders import FolderStore
from facedata.testing import FakeDetector, marked_folder
from tests.support.marked_photos import CannotRun, prepare_marked, write_marked
from tests.support.set_bytes import events, set_bytes
from tests.support.slow_runs import start_slowly, wait_for_parts


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    marked_folder(tmp_path / "photos", people=6, photos=4)
    return tmp_path / "photos"


def table_of(folder: Path, photos: Path, **columns: list[object]) -> Path:
    """Write a table of the photos, with further columns."""
    paths = sorted(str(file.relative_to(photos)) for file in photos.rglob("*.png"))
    frame = pd.DataFrame({"path": paths, "identity": [path.split("/")[0] for path in paths], **columns})
    frame.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def test_parts_whose_crops_are_gone_are_run_again(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=20, photos=8)
    process = start_slowly(tmp_path / "photos", tmp_path / "set")
    wait_for_parts(tmp_path / "set", 1, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    psutil.wait_procs(workers, timeout=60)  # they end soon after, and may be writing crops until then
    shutil.rmtree(tmp_path / "set" / "crops")
    prepare_marked(tmp_path / "photos", tmp_path / "set")
    prepare_marked(tmp_path / "photos", tmp_path / "fresh")
    assert set_bytes(tmp_path / "set") == set_bytes(tmp_path / "fresh")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_source_inside_the_output_is_refused(photos: Path, tmp_path: Path, overwrite: bool) -> None:
    prepare_marked(photos, tmp_path / "set")
    before = set_bytes(tmp_path / "set")
    for source in (tmp_path / "set" / "crops", tmp_path / "set"):
        with pytest.raises(UsageError, match="lies in the output"):
            prepare_marked(source, tmp_path / "set", overwrite=overwrite)
    assert set_bytes(tmp_path / "set") == before


@pytest.mark.parametrize("kind", ["photos", "classes", "pairs", "triplets"])
@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_torn_update_is_an_error_and_the_next_run_mends_it(
    photos: Path, tmp_path: Path, kind: str, damage: str
) -> None:
    prepare_marked(photos, tmp_path / "set")
    prepare_marked(photos, tmp_path / "other", seed=1)
    before = set_bytes(tmp_path / "set")
    file = tmp_path / "set" / f"{kind}.parquet"
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    else:
        shutil.copy(tmp_path / "other" / f"{kind}.parquet", file)
    with pytest.raises(SetError):
        open_set(tmp_path / "set").table(kind)
    prepare_marked(photos, tmp_path / "set")
    assert set_bytes(tmp_path / "set") == before


def test_pairs_that_are_not_those_of_dataset_json_are_noticed(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    json = (tmp_path / "set" / "dataset.json").read_text()
    pairs_set(tmp_path / "set", count=2)
    (tmp_path / "set" / "dataset.json").write_text(json)  # as when the machine stopped in between
    with pytest.raises(OtherSetError, match="has 4 rows, not 48"):
        PairManifest.open(tmp_path / "set")
    prepare_marked(photos, tmp_path / "set")
    assert (
        len(PairManifest.open(tmp_path / "set")) == open_set(tmp_path / "set").info["tables"]["pairs"]["rows"]
    )


def test_other_pairs_of_the_same_number_are_noticed_by_the_next_run(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    before = set_bytes(tmp_path / "set")
    json = (tmp_path / "set" / "dataset.json").read_text()
    pairs_set(tmp_path / "set", seed=9)
    (tmp_path / "set" / "dataset.json").write_text(json)
    prepare_marked(photos, tmp_path / "set", CannotRun())
    assert set_bytes(tmp_path / "set") == before


def test_a_torn_overwrite_can_be_run_again(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    before = set_bytes(tmp_path / "set")
    (tmp_path / "set" / ".work").mkdir()
    (tmp_path / "set" / "dataset.json").unlink()
    (tmp_path / "set" / "photos.parquet").unlink()
    prepare_marked(photos, tmp_path / "set")
    assert set_bytes(tmp_path / "set") == before


@pytest.mark.parametrize("renamed", [1, 2, 3])
def test_a_split_killed_between_renames_is_mended_by_another(
    photos: Path, tmp_path: Path, renamed: int
) -> None:
    prepare_marked(photos, tmp_path / "set")
    shutil.copytree(tmp_path / "set", tmp_path / "torn")
    split_set(tmp_path / "set", seed=5)
    for kind in ["photos", "classes", "pairs", "triplets"][:renamed]:  # in the order of their renames
        shutil.copy(tmp_path / "set" / f"{kind}.parquet", tmp_path / "torn" / f"{kind}.parquet")
    with pytest.raises(OtherSetError):
        open_set(tmp_path / "torn").table("photos")
    split_set(tmp_path / "torn", seed=5)
    assert set_bytes(tmp_path / "torn") == set_bytes(tmp_path / "set")


def test_crops_of_another_set_are_not_taken_for_a_torn_split(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    prepare_marked(photos, tmp_path / "other", size=32)  # the same photos and paths, other crops
    shutil.copy(tmp_path / "other" / "classes.parquet", tmp_path / "set" / "classes.parquet")
    with pytest.raises(OtherSetError):
        split_set(tmp_path / "set", seed=5)


def test_rows_of_another_split_are_refused(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set", split_by="photo")
    classes = ClassManifest.open(tmp_path / "set", split="train")
    TripletManifest.sample(classes, count=20, seed=0).write(tmp_path / "mine.parquet")
    split_set(tmp_path / "set", split_by="photo", seed=2)
    with pytest.raises(OtherSetError):
        TripletManifest.open(tmp_path / "mine.parquet", split="train", of=tmp_path / "set")


def test_a_crop_put_in_place_by_an_update_cut_short_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    source, out = tmp_path / "photos", tmp_path / "set"
    marked_folder(source, people=4, photos=2)
    prepare_marked(source, out)
    before = set_bytes(out)
    work = ProgressFolder(out, FolderStore(out))
    work.begin(open_set(out).info["settings"], open_set(out).info["versions"])
    work.set_aside()
    crop = next((out / "crops").rglob("*.jpg"))
    crop.write_bytes(crop.read_bytes()[:-1] + b"x")  # another crop of the same length
    prepare_marked(source, out)
    assert set_bytes(out) == before


def test_a_file_too_large_to_be_a_photo_is_not_read(photos: Path, tmp_path: Path) -> None:
    with (photos / "person-00" / "huge.jpg").open("wb") as file:
        file.truncate(3 << 30)
    prepare_marked(photos, tmp_path / "set")
    assert open_set(tmp_path / "set").info["counts"]["status"] == {"kept": 24, "too_large": 1}


def test_a_line_of_exclude_that_is_a_name_means_that_photo_only(tmp_path: Path) -> None:
    for number, name in enumerate(("p[1].png", "p1.png", "p2.png")):
        write_marked(tmp_path / "photos" / "a" / name, seed=number)
    (tmp_path / "out.txt").write_text("a/p[1].png\n")
    prepare_marked(tmp_path / "photos", tmp_path / "set", exclude=str(tmp_path / "out.txt"))
    assert open_set(tmp_path / "set").info["counts"]["status"] == {"kept": 2, "excluded": 1}


def test_no_table_of_the_set_is_overwritten_by_a_manifest(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    with pytest.raises(UsageError, match="own table"):
        TripletManifest.open(tmp_path / "set")[:3].write(tmp_path / "set" / "pairs.parquet")


def test_a_source_with_a_comma_in_its_name_is_no_list(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos,set", people=3, photos=2)
    for _ in range(2):
        prepare_marked(tmp_path / "photos,set", tmp_path / "set")


def test_pairs_drawn_by_command_survive_a_rerun_without_changes(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    pairs_set(tmp_path / "set", count=2)
    before = set_bytes(tmp_path / "set")
    prepare_marked(photos, tmp_path / "set")
    assert set_bytes(tmp_path / "set") == before


def test_what_is_said_around_the_photos_is_brought_up_to_date(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    prepare_marked(photos, tmp_path / "set", CannotRun(), licence="CC0")
    assert open_set(tmp_path / "set").info["licence"] == "CC0"
    shutil.move(photos, tmp_path / "moved")
    prepare_marked(tmp_path / "moved", tmp_path / "set", CannotRun(), licence="CC0")
    assert open_set(tmp_path / "set").info["source"]["root"] == str(tmp_path / "moved")


def test_columns_that_come_and_go_are_taken_over(photos: Path, tmp_path: Path) -> None:
    ages: list[object] = list(range(24))
    for columns in ({}, {"age": ages}, {"age": [f"{age} years" for age in ages]}, {}):
        table = table_of(tmp_path, photos, **columns)
        prepare([table, photos], tmp_path / "set", kind="table", workers=1, detector=FakeDetector)
        found = open_set(tmp_path / "set").table("photos").column_names
        assert ("meta_age" in found) == bool(columns)
    assert [event["pending"] for event in events(tmp_path / "set") if event["event"] == "start"] == [
        24,
        0,
        0,
        0,
    ]


def test_files_of_others_among_the_crops_are_left_alone(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    person = next((tmp_path / "set" / "crops").iterdir())
    (tmp_path / "set" / "crops" / ".DS_Store").write_bytes(b"x")
    (person / "notes.txt").write_text("mine")
    (person / "folder.jpg").mkdir()
    (person / "old.jpg").write_bytes(b"a crop nobody needs")
    write_marked(photos / "new" / "1.png", seed=90)
    prepare_marked(photos, tmp_path / "set")
    assert (person / "notes.txt").exists()
    assert (tmp_path / "set" / "crops" / ".DS_Store").exists()
    assert not (person / "old.jpg").exists()


def test_a_photo_that_could_not_be_opened_is_tried_again(photos: Path, tmp_path: Path) -> None:
    link = photos / "person-00" / "link.png"
    link.symlink_to(tmp_path / "later.png")
    prepare_marked(photos, tmp_path / "set")
    assert open_set(tmp_path / "set").info["counts"]["status"] == {"kept": 24, "unreadable": 1}
    write_marked(tmp_path / "later.png", seed=91)
    prepare_marked(photos, tmp_path / "set")
    assert open_set(tmp_path / "set").info["counts"]["status"] == {"kept": 25}


def test_an_output_below_its_source_leaves_no_trace_in_the_set(photos: Path, tmp_path: Path) -> None:
    out = photos / "faces"
    process = start_slowly(photos, out, 0.05)
    wait_for_parts(out, 0, process)
    process.kill()
    process.wait()
    prepare_marked(photos, out)
    killed = set_bytes(out)
    shutil.rmtree(out)
    prepare_marked(photos, out)
    assert set_bytes(out) == killed


@pytest.mark.parametrize("text", ["{}", "[]", "not json"])
def test_a_folder_of_others_is_never_cleared(photos: Path, tmp_path: Path, text: str) -> None:
    out = tmp_path / "theirs"
    (out / "crops").mkdir(parents=True)
    (out / "crops" / "mine.txt").write_text("mine")
    (out / "dataset.json").write_text(text)
    pd.DataFrame({"x": [1]}).to_parquet(out / "photos.parquet")
    with pytest.raises(SetError, match="not empty"):
        prepare_marked(photos, out, overwrite=True)
    assert (out / "crops" / "mine.txt").exists()


def test_a_folder_of_others_that_is_called_work_is_left_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs" / ".work").mkdir(parents=True)
    (tmp_path / "theirs" / ".work" / "thesis.tex").write_text("mine")
    with pytest.raises(SetError, match="not empty"):
        prepare_marked(photos, tmp_path / "theirs", overwrite=True)
    assert (tmp_path / "theirs" / ".work" / "thesis.tex").exists()


def test_official_splits_of_rejected_photos_only_are_a_note(tmp_path: Path) -> None:
    write_marked(tmp_path / "photos" / "train" / "a" / "1.png", faces=())
    for number in range(4):
        write_marked(tmp_path / "photos" / "rest" / f"p{number % 2}" / f"{number}.png", seed=number)
    prepared = prepare_marked(tmp_path / "photos", tmp_path / "set", split_from="^(train)/")
    assert prepared.info["counts"]["status"] == {"kept": 4, "no_face": 1}
    assert any("no official split" in note for note in prepared.info["counts"]["split"]["notes"])


def test_photos_that_cannot_be_opened_do_not_keep_the_others_from_being_known(
    photos: Path, tmp_path: Path
) -> None:
    (photos / "person-00" / "link.png").symlink_to(tmp_path / "nowhere.png")
    prepare_marked(photos, tmp_path / "set")
    before = set_bytes(tmp_path / "set")
    prepare_marked(photos, tmp_path / "set")
    assert events(tmp_path / "set")[-2]["pending"] == 1
    assert set_bytes(tmp_path / "set") == before


def test_unsupported_photos_do_not_keep_a_set_from_being_up_to_date(photos: Path, tmp_path: Path) -> None:
    (photos / "person-00" / "film").write_bytes(b"\0\0\0\x20ftypheic" + b"\0" * 40)
    (photos / "person-00" / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    prepare_marked(photos, tmp_path / "set")
    lines = len(events(tmp_path / "set"))
    prepare_marked(photos, tmp_path / "set", CannotRun())
    assert len(events(tmp_path / "set")) == lines


def test_warnings_are_in_the_log(tmp_path: Path) -> None:
    from facedata.testing import CrashingDetector

    write_marked(tmp_path / "photos" / "zoe" / "killer.png", behaviour="crash")
    with pytest.raises(NothingKeptError):
        prepare_marked(tmp_path / "photos", tmp_path / "set", CrashingDetector, workers=1)
    texts = [event["text"] for event in events(tmp_path / "set") if event["event"] == "warning"]
    assert any("killer.png" in text for text in texts)


def test_a_protocol_that_is_gone_leaves_no_table(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "set")
    pa.parquet.write_table(pa.table({"x": [1]}), tmp_path / "set" / "protocol.parquet")
    write_marked(photos / "new" / "1.png", seed=90)
    prepare_marked(photos, tmp_path / "set")
    assert not (tmp_path / "set" / "protocol.parquet").exists()
