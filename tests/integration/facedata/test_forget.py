"""`facedata forget`: somebody is gone from a set, all others are as they were, and nobody comes back."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facedata import (
    ClassManifest,
    PreparedSet,
    check,
    crop_set,
    export_set,
    fix_set,
    forget_set,
    open_set,
    pairs_set,
    prepare,
    report_set,
    split_set,
)
from facedata.checks.integrity.find_damage import find_damage
from facedata.errors import NothingKeptError, SetError, StoreError, UnfinishedSetError, UsageError
from facedata.forgetting import journal
from facedata.forgetting.outcome import forget_lines
from facedata.store import tars
from facedata.testing import FakeDetector, marked_folder
from tests.support.facedata_command import here
from tests.support.fix_sources import SOURCES
from tests.support.forget_traces import find_traces
from tests.support.forgetting import Expected, expect
from tests.support.inline_engine import inline
from tests.support.marked_photos import write_marked
from tests.support.set_bytes import events, set_bytes, snapshot
from tests.support.small_disk import Disk

OPTIONS: dict[str, Any] = {
    "size": 32, "splits": "train=0.5,test=0.5", "detector": FakeDetector, "report": False
}  # fmt: skip
ANNA = "person-00"


@pytest.fixture(autouse=True)
def _inline() -> Iterator[None]:
    with inline():
        yield


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    """A set of six people."""
    marked_folder(tmp_path / "photos", people=6, photos=3)
    return prepare(tmp_path / "photos", tmp_path / "faces", **OPTIONS)


def again(folder: Path, **options: Any) -> PreparedSet:
    return prepare(folder.parent / "photos", folder, **{**OPTIONS, **options})


def is_as_expected(folder: Path, expected: Expected) -> None:
    assert find_traces(folder, expected.sought) == []
    crops = {crop.path: crop for crop in ClassManifest.open(folder)}
    assert {path: (one.id, one.split, one.bytes()) for path, one in crops.items()} == expected.kept
    is_whole(folder)


def is_whole(folder: Path) -> None:
    damage = find_damage(folder)
    assert damage.findings == []


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_a_person_is_gone_and_all_others_are_as_they_were(
    tmp_path: Path, store: str, caplog: pytest.LogCaptureFixture
) -> None:
    marked_folder(tmp_path / "photos", people=6, photos=3)
    before = again(tmp_path / "faces", store=store)
    expected = expect(tmp_path / "faces", [ANNA])
    outcome = forget_set(tmp_path / "faces", ANNA)
    assert (outcome.photos, outcome.crops, outcome.people) == (3, 3, (ANNA,))
    is_as_expected(tmp_path / "faces", expected)
    after = open_set(tmp_path / "faces")
    assert after.fingerprint != before.fingerprint
    assert after.info["counts"]["status"] == {"kept": 15, "forgotten": 3}
    assert after.info["counts"]["people"] == 5
    labels = {row.identity: row.label for row in ClassManifest.open(after) if row.label is not None}
    assert list(labels.values()) == list(range(len(labels)))
    assert list(labels) == sorted(labels)
    rows = [row for row in after.table("photos").to_pylist() if row["status"] == "forgotten"]
    graves = json.loads((tmp_path / "faces/forgotten.json").read_text())
    assert {row["record"].removeprefix("forgotten/") for row in rows} < {*graves["records"]}
    said = {"record", "photo", "status", "reason"}
    assert {name for row in rows for name, value in row.items() if value is not None} == said
    assert graves["ids"] == [0, 1, 2]
    assert events(tmp_path / "faces")[-1]["event"] == "forget"
    now = set_bytes(tmp_path / "faces")
    with caplog.at_level(logging.INFO):
        again(tmp_path / "faces", store=store)
    assert "nothing to do" in caplog.text
    assert set_bytes(tmp_path / "faces") == now


def test_no_run_brings_them_back(faces: PreparedSet, tmp_path: Path) -> None:
    """Not one of a grown source, of other options, or that starts afresh; whatever the photos are called."""
    expected = expect(tmp_path / "faces", [ANNA])
    forget_set(tmp_path / "faces", ANNA)
    photos = tmp_path / "photos"
    write_marked(photos / ANNA / "new.png", seed=500)
    shutil.copy(photos / ANNA / "00.png", photos / "person-05" / "copy.png")
    shutil.copytree(photos / ANNA, photos / "somebody else")
    write_marked(photos / "person-05" / "new.png", seed=501)
    (photos / "somebody else" / "new.png").unlink()
    for options in ({}, {"workers": 1}, {"overwrite": True}):
        grown = again(tmp_path / "faces", **options)
        assert find_traces(tmp_path / "faces", expected.sought) == []
        assert grown.info["counts"]["status"] == {"kept": 16, "forgotten": 8}
        assert grown.info["counts"]["people"] == 5
        ids = grown.table("classes").column("id").to_pylist()
        assert ids == list(range(3, 19))
        assert {row.path for row in ClassManifest.open(grown)} - expected.kept.keys() == {"person-05/new.jpg"}
        now = set_bytes(tmp_path / "faces")
        again(tmp_path / "faces")
        assert set_bytes(tmp_path / "faces") == now


def test_photos_are_not_even_searched(
    faces: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_set(tmp_path / "faces", ANNA)
    shutil.copytree(tmp_path / "photos" / ANNA, tmp_path / "photos" / "under another name")
    monkeypatch.setattr(FakeDetector, "detect", lambda *_: pytest.fail("a face was looked for"))
    again(tmp_path / "faces")
    assert not (tmp_path / "faces/crops/under another name").exists()


def test_fix_and_crop_know_of_it(faces: PreparedSet, tmp_path: Path) -> None:
    lines = ["merge,,person-01,person-02", "distinct,,person-00,person-03", "drop,person-00/01.png,,"]
    (tmp_path / "c.csv").write_text("\n".join(["action,photo,identity,to_identity", *lines]))
    again(tmp_path / "faces", stable=True, overwrite=True)  # else `fix` keeps splits that a fresh run draws
    forget_set(tmp_path / "faces", ANNA)
    graves = (tmp_path / "faces/forgotten.json").read_bytes()
    fixed = fix_set(tmp_path / "faces", tmp_path / "c.csv", tmp_path / "fixed", workers=1)
    assert (tmp_path / "fixed/forgotten.json").read_bytes() == graves
    assert fixed.info["counts"]["status"] == {"kept": 15, "forgotten": 3}
    assert min(fixed.table("classes").column("id").to_pylist()) == 3
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared/forgotten.json").write_bytes(graves)
    again(tmp_path / "prepared", corrections=(str(tmp_path / "c.csv"),), stable=True)
    assert set_bytes(tmp_path / "prepared") == set_bytes(tmp_path / "fixed")
    cropped = crop_set(tmp_path / "faces", tmp_path / "cropped", template="arcface112", workers=1)
    assert (tmp_path / "cropped/forgotten.json").read_bytes() == graves
    ids = [one.table("classes").column("id").to_pylist() for one in (cropped, open_set(tmp_path / "faces"))]
    assert ids[0] == ids[1]
    split_set(tmp_path / "cropped", seed=3)
    pairs_set(tmp_path / "cropped", count=4)
    is_whole(tmp_path / "cropped")


def test_a_derived_set_keeps_who_was_forgotten_there(faces: PreparedSet, tmp_path: Path) -> None:
    crop_set(tmp_path / "faces", tmp_path / "cropped", template="arcface112", workers=1)
    forget_set(tmp_path / "cropped", ANNA)
    options: dict[str, Any] = {"template": "arcface112", "workers": 1, "overwrite": True}
    with pytest.raises(SetError, match="forget them there too"):
        crop_set(tmp_path / "faces", tmp_path / "cropped", **options)
    (tmp_path / "c.csv").write_text("action,photo\ndrop,person-01/00.png\n")
    with pytest.raises(SetError, match="forget them there too"):
        fix_set(tmp_path / "faces", tmp_path / "c.csv", tmp_path / "cropped", workers=1, overwrite=True)


def test_a_dry_run_says_everything_and_changes_nothing(faces: PreparedSet, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "faces")
    asked = forget_set(tmp_path / "faces", ANNA, dry_run=True)
    assert snapshot(tmp_path / "faces") == before
    done = forget_set(tmp_path / "faces", ANNA)
    for name in ("people", "photos", "crops", "copies", "shared", "removed"):
        assert getattr(asked, name) == getattr(done, name), name
    assert {*asked.written} == {*done.written}
    now = snapshot(tmp_path / "faces")
    changed = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    files = {name for name in changed if before.get(name, b"") is not None}
    assert files == {*done.written, *done.removed}


def test_who_is_not_there_is_said_at_once(faces: PreparedSet, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "faces")
    (tmp_path / "list.txt").write_text("person-01/00.png\nperson-01/99.png\nnowhere.png\n")
    with pytest.raises(UsageError) as caught:
        forget_set(tmp_path / "faces", ["person-01", "Persn-02"], photos=str(tmp_path / "list.txt"))
    for said in ("'Persn-02'; did you mean person-02?", "'person-01/99.png'", "'nowhere.png'"):
        assert said in str(caught.value)
    assert snapshot(tmp_path / "faces") == before
    for photos in (None, str(tmp_path / "none.txt")):
        with pytest.raises(UsageError):
            forget_set(tmp_path / "faces", photos=photos)


def test_photos_by_list_in_other_spellings(faces: PreparedSet, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("person-01\\00.png\r\n./person-02/01.png\r\n\r\n")
    expected = expect(tmp_path / "faces", [], ["person-01/00.png", "person-02/01.png"])
    outcome = forget_set(tmp_path / "faces", photos=str(tmp_path / "list.txt"))
    assert (outcome.people, outcome.photos) == ((), 2)
    is_as_expected(tmp_path / "faces", expected)
    again_ = forget_set(tmp_path / "faces", photos=str(tmp_path / "list.txt"))
    assert (again_.photos, len(again_.before)) == (0, 2)


def test_who_is_forgotten_already_is_said(faces: PreparedSet, tmp_path: Path) -> None:
    forget_set(tmp_path / "faces", ANNA)
    before = snapshot(tmp_path / "faces")
    finished = here("forget", tmp_path / "faces", ANNA)
    assert finished.status == 0
    assert f"already    {ANNA} is forgotten already" in finished.stdout
    assert snapshot(tmp_path / "faces") == before


def test_everybody_of_a_split_and_then_everybody(faces: PreparedSet, tmp_path: Path) -> None:
    people = {row.identity: row.split for row in ClassManifest.open(faces)}
    test = [name for name, split in people.items() if split == "test"]
    outcome = forget_set(tmp_path / "faces", test)
    assert any("nobody is left in test" in note for note in outcome.notes)
    counts = open_set(tmp_path / "faces").info["counts"]
    for section in (counts["splits"], *(counts[kind]["splits"] for kind in ("split", "pairs", "triplets"))):
        assert [*section] == ["train"]
    is_whole(tmp_path / "faces")
    split_set(tmp_path / "faces")
    assert {row.split for row in ClassManifest.open(tmp_path / "faces")} == {"train", "test"}
    outcome = forget_set(tmp_path / "faces", [name for name in people if name not in test])
    assert "nobody is left in the set" in outcome.notes
    empty = open_set(tmp_path / "faces")
    assert empty.info["counts"]["status"] == {"forgotten": 18}
    assert len(ClassManifest.open(empty)) == 0
    is_whole(tmp_path / "faces")
    with pytest.raises(NothingKeptError):
        again(tmp_path / "faces")
    assert len(ClassManifest.open(tmp_path / "faces")) == 0


def test_other_faces_of_a_photo_stay_and_copies_go(tmp_path: Path) -> None:
    made = SOURCES["table"](tmp_path / "photos")
    prepare(made.source, tmp_path / "faces", report=False, **made.options)
    expected = expect(tmp_path / "faces", ["a"])
    outcome = forget_set(tmp_path / "faces", "a")
    assert outcome.shared == ("0.png#2", "5.png#1")
    assert outcome.copies == ("0.png#3",)  # it lost its face to the row of a, and would get it now
    is_as_expected(tmp_path / "faces", expected)
    dirty = SOURCES["folder"](tmp_path / "more")
    prepare(dirty.source, tmp_path / "dirty", report=False, **dirty.options)
    outcome = forget_set(tmp_path / "dirty", "anna")
    assert outcome.copies == ("ben/also anna.png",)


def test_a_record_that_is_another_s_by_now_is_theirs(tmp_path: Path) -> None:
    """Where a table numbers the faces of a photo, and the row of the one who is forgotten is taken out."""
    made = SOURCES["table"](tmp_path / "photos")
    options = {**made.options, "report": False}
    prepare(made.source, tmp_path / "faces", **options)
    forget_set(tmp_path / "faces", "a")
    lines = Path(made.source).read_text().splitlines()
    Path(made.source).write_text("\n".join(line for line in lines if ",a," not in line) + "\n")
    shrunk = prepare(made.source, tmp_path / "faces", **options)
    rows = {row["record"]: row for row in shrunk.table("photos").to_pylist()}
    assert (rows["0.png#1"]["identity"], rows["0.png#1"]["status"]) == ("b", "kept")
    assert (rows["5.png"]["identity"], rows["5.png"]["status"]) == ("f", "kept")
    assert "a" not in {row["identity"] for row in rows.values()}


def test_corrected_people_go_under_all_their_names(tmp_path: Path) -> None:
    made = SOURCES["folder"](tmp_path / "photos")
    (tmp_path / "c.csv").write_text(
        "action,photo,identity,to_identity,note\n"
        "merge,,ben,anna,it is anna\nmove,emil/a.png,,anna,\nmove,anna/3.png,,finn,\n"
        "drop,finn/2.png,,,not emil\n"
    )
    options = {**made.options, "corrections": (str(tmp_path / "c.csv"),), "report": False}
    prepare(made.source, tmp_path / "faces", **options)
    expected = expect(tmp_path / "faces", ["anna"])
    assert expected.sought.names == {"anna", "ben"}
    forget_set(tmp_path / "faces", "anna")
    is_as_expected(tmp_path / "faces", expected)
    rows = open_set(tmp_path / "faces").table("corrections").to_pylist()
    assert [(row["record"], row["action"]) for row in rows] == [("finn/2.png", "drop")]
    now = set_bytes(tmp_path / "faces")
    prepare(made.source, tmp_path / "faces", **options)
    assert set_bytes(tmp_path / "faces") == now
    for name in ("anna", "ben"):  # their photos are removed from the source too
        shutil.rmtree(tmp_path / "photos" / name)
    shrunk = prepare(made.source, tmp_path / "faces", **options)
    assert find_traces(tmp_path / "faces", expected.sought) == []
    assert {one.path for one in ClassManifest.open(shrunk)} == expected.kept.keys()


def test_official_pairs(tmp_path: Path) -> None:
    made = SOURCES["lfw"](tmp_path / "photos")
    before = prepare(made.source, tmp_path / "faces", report=False, **made.options)
    assert before.info["counts"]["pairs"]["official"] == 8
    expected = expect(tmp_path / "faces", ["Flo"])
    forget_set(tmp_path / "faces", "Flo")
    is_as_expected(tmp_path / "faces", expected)
    after = open_set(tmp_path / "faces")
    assert after.table("protocol").num_rows == 6
    pairs = after.info["counts"]["pairs"]
    assert pairs["official"] == 6
    assert pairs["splits"]["test"]["rows"] == after.info["counts"]["splits"]["test"]["pairs"]
    drawn = pairs_set(tmp_path / "faces", strategy="official")["pairs"]
    assert drawn == pairs


def test_only_tars_that_lose_crops_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "TAR_CROPS", 4)
    marked_folder(tmp_path / "photos", people=6, photos=4)
    again(tmp_path / "faces", store="tar")
    (tmp_path / "list.txt").write_text("person-03/01.png\n")
    inodes = {file.name: file.stat().st_ino for file in (tmp_path / "faces/crops").iterdir()}
    expected = expect(tmp_path / "faces", ["person-01"], ["person-03/01.png"])
    outcome = forget_set(tmp_path / "faces", "person-01", photos=str(tmp_path / "list.txt"))
    is_as_expected(tmp_path / "faces", expected)
    now = {file.name: file.stat().st_ino for file in (tmp_path / "faces/crops").iterdir()}
    assert sorted(now) == ["00000.tar", "00002.tar", "00003.tar", "00004.tar", "00005.tar"]
    assert [name for name in now if now[name] != inodes[name]] == ["00003.tar"]
    assert "crops/00001.tar" in outcome.removed
    before = set_bytes(tmp_path / "faces")
    again(tmp_path / "faces", store="tar")
    assert set_bytes(tmp_path / "faces") == before
    write_marked(tmp_path / "photos/person-05/more.png", seed=700)
    grown = again(tmp_path / "faces", store="tar")
    assert grown.table("classes").column("id").to_pylist()[-1] == 24
    is_whole(tmp_path / "faces")


def test_findings_go_and_the_user_s_lines_about_others_stay(faces: PreparedSet, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    check(folder, workers=1)
    own = ["keep,person-01/00.png,,,good", f"keep,{ANNA}/00.png,,,", f"distinct,,{ANNA},person-02,"]
    own += [f"keep,person-02/00.png,,,not {ANNA}"]
    (folder / "check/corrections.csv").write_text("action,photo,identity,to_identity,note\n" + "\n".join(own))
    (folder / "check/overlap.json").write_text(json.dumps({"people": [ANNA]}))
    (folder / "check/.embeddings-1.parquet.parts").mkdir()
    (folder / "check/.embeddings-1.parquet.parts/0").write_text(ANNA)
    (folder / "mine.txt").write_text("notes")
    report_set(folder, workers=1)
    outcome = forget_set(folder, ANNA)
    assert [str(file.relative_to(folder)) for file in (folder / "check").rglob("*")] == [
        "check/corrections.csv"
    ]
    text = (folder / "check/corrections.csv").read_text(encoding="utf-8-sig")
    assert text == "action,photo,identity,to_identity,note\nkeep,person-01/00.png,,,good\n"
    assert not (folder / "report").exists()
    said = "\n".join(outcome.notes)
    for text in ("`facedata report", "`facedata check", "mine.txt", "the photos themselves are not touched"):
        assert text in said
    text = report_set(folder, workers=1).read_text()
    assert ANNA not in text
    assert "forgotten" in text
    assert "forgotten/" not in text  # there is nothing to show
    assert "forgotten          3  at somebody's request" in here("info", folder).stdout


def test_a_line_that_cannot_be_read_stops_it_before_anything(faces: PreparedSet, tmp_path: Path) -> None:
    check(tmp_path / "faces", workers=1)
    (tmp_path / "faces/check/corrections.csv").write_text("action,photo\nbanish,person-01/00.png\n")
    before = snapshot(tmp_path / "faces")
    with pytest.raises(UsageError, match="mend these lines"):
        forget_set(tmp_path / "faces", ANNA)
    assert snapshot(tmp_path / "faces") == before


def test_what_cannot_be_changed_is_said(tmp_path: Path) -> None:
    marked_folder(tmp_path / "anna" / "photos", people=1, photos=3)
    (tmp_path / "anna" / "photos" / "person-00").rename(tmp_path / "anna" / "photos" / "anna")
    marked_folder(tmp_path / "anna" / "photos", people=3, photos=3, seed=2)
    options = {**OPTIONS, "min_photos": 3, "licence": "photos of anna, with her consent"}
    prepare(tmp_path / "anna" / "photos", tmp_path / "faces", **options)
    (tmp_path / "list.txt").write_text("person-01/00.png\n")
    outcome = forget_set(tmp_path / "faces", "anna", photos=str(tmp_path / "list.txt"))
    said = "\n".join(outcome.notes)
    assert "dataset.json still says source" in said
    assert "dataset.json still says licence" in said
    assert "fewer photos than --min-photos 3 are left of 'person-01'" in said


def test_a_damaged_list_of_the_forgotten_is_refused(faces: PreparedSet, tmp_path: Path) -> None:
    forget_set(tmp_path / "faces", ANNA)
    whole = json.loads((tmp_path / "faces/forgotten.json").read_text())
    for damaged in ("{", "[]", json.dumps({**whole, "version": 2}), json.dumps({**whole, "records": ["x"]})):
        (tmp_path / "faces/forgotten.json").write_text(damaged)
        for options in ({}, {"overwrite": True}):
            with pytest.raises(SetError, match="would come back"):
                again(tmp_path / "faces", **options)
        with pytest.raises(SetError, match="would come back"):
            forget_set(tmp_path / "faces", "person-01")
        with pytest.raises(SetError, match="would come back"):
            crop_set(tmp_path / "faces", tmp_path / "cropped", template="arcface112", workers=1)


def test_a_half_forgotten_set_is_none_until_it_is_finished(
    faces: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, expected = tmp_path / "faces", expect(tmp_path / "faces", [ANNA])
    shutil.copytree(folder, tmp_path / "other")
    with monkeypatch.context() as patched:
        patched.setattr(journal, "finish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            forget_set(folder, ANNA)
    (tmp_path / "c.csv").write_text("action,photo\ndrop,person-01/00.png\n")
    for run in (
        lambda: open_set(folder),
        lambda: again(folder),
        lambda: again(folder, overwrite=True),
        lambda: split_set(folder),
        lambda: crop_set(folder, tmp_path / "cropped", template="arcface112"),
        lambda: crop_set(tmp_path / "other", folder, template="arcface112", overwrite=True),
        lambda: fix_set(tmp_path / "other", tmp_path / "c.csv", folder, overwrite=True),
        lambda: report_set(folder),
        lambda: check(folder, workers=1),
        lambda: check(folder, workers=1, out=tmp_path / "findings"),
        lambda: forget_set(folder, ANNA, dry_run=True),
    ):
        with pytest.raises(UnfinishedSetError, match=f"run `facedata forget {folder}` again"):
            run()
    outcome = forget_set(folder)
    assert outcome.finished
    is_as_expected(folder, expected)
    with pytest.raises(UsageError, match="nobody is named"):
        forget_set(folder)


def test_what_was_prepared_and_never_begun_is_in_nobody_s_way(
    faces: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set_bytes(tmp_path / "faces")
    with monkeypatch.context() as patched:
        patched.setattr(journal, "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        patched.setattr(journal, "give_up", lambda _: None)  # as if it had been killed
        with pytest.raises(KeyboardInterrupt):
            forget_set(tmp_path / "faces", ANNA)
    assert (tmp_path / "faces/.work/forget/new").is_dir()
    open_set(tmp_path / "faces")
    again(tmp_path / "faces")
    assert set_bytes(tmp_path / "faces") == before
    assert not (tmp_path / "faces/.work").exists()


def test_a_full_disk(small_disk: Disk, tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=6, photos=3)
    folder = small_disk.folder / "faces"
    prepare(tmp_path / "photos", folder, **{**OPTIONS, "store": "tar"})
    before, expected = snapshot(folder), expect(folder, [ANNA])
    used = sum(len(data) for data in before.values() if data)
    small_disk.remount(f"size={used + 40_000}")
    with pytest.raises(StoreError):
        forget_set(folder, ANNA)
    assert snapshot(folder) == before
    small_disk.remount("size=16m")
    forget_set(folder, ANNA)
    is_as_expected(folder, expected)


def test_on_the_command_line(faces: PreparedSet, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    finished = here("forget", folder, "person-0")
    assert finished.status == 2
    assert "did you mean" in finished.stderr
    finished = here("forget", folder, ANNA, "--prove", folder, "--prove", tmp_path / "photos")
    assert finished.status == 1  # the photos are still in the source
    assert f"forgotten  '{ANNA}': 3 photos, 3 crops" in finished.stdout
    assert f"removed    3 crops in crops/{ANNA}/" in finished.stdout
    shutil.rmtree(tmp_path / "photos" / ANNA)
    finished = here("forget", folder, ANNA, "--prove", folder, "--json")
    assert finished.status == 0, finished.stderr
    said = json.loads(finished.stdout)
    assert said["before"] == [ANNA]
    assert said["searched"][0]["traces"] == []


def test_a_place_to_search_that_is_not_there_is_refused_before_anything_is_removed(
    faces: PreparedSet, tmp_path: Path
) -> None:
    before = snapshot(tmp_path / "faces")
    with pytest.raises(UsageError, match=r"--prove .*nowhere: there is no such file or folder"):
        forget_set(str(faces.path), ANNA, prove=[str(tmp_path / "faces"), str(tmp_path / "nowhere")])
    with pytest.raises(UsageError, match=r"--prove searches when they are removed: drop --dry-run"):
        forget_set(str(faces.path), ANNA, prove=[str(tmp_path / "faces")], dry_run=True)
    assert snapshot(tmp_path / "faces") == before


def test_a_dry_run_lists_what_was_made_with_them(faces: PreparedSet, tmp_path: Path) -> None:
    export_set(faces, tmp_path / "an export", to="csv")
    would = forget_set(str(faces.path), ANNA, dry_run=True)
    did = forget_set(str(faces.path), ANNA)
    assert [one.path for one in would.made_with] == [str(tmp_path / "an export")]
    assert would.made_with[0].remedy == did.made_with[0].remedy
    assert f"`facedata export {faces} --to csv`" in would.made_with[0].remedy


def test_a_folder_that_keeps_crops_is_not_called_strange(faces: PreparedSet, tmp_path: Path) -> None:
    listed = tmp_path / "some.txt"
    listed.write_text(f"{ANNA}/00.png\n")
    (tmp_path / "faces" / "crops" / "person-01" / "mine.txt").write_text("a note")
    did = forget_set(str(faces.path), photos=str(listed))
    assert f"removed    1 crop in crops/{ANNA}/" in forget_lines(did)
    assert not any("no crops" in note for note in did.notes)
    did = forget_set(str(faces.path), "person-01")
    assert "crops/person-01/ has files that are no crops, and stays" in did.notes


def test_an_empty_split_is_told_with_the_set_s_name(faces: PreparedSet, tmp_path: Path) -> None:
    crops = list(ClassManifest.open(faces.path))
    test = sorted({crop.identity for crop in crops if crop.split == "test"})
    did = forget_set(str(faces.path), test)
    said = f"nobody is left in test: `facedata split {tmp_path / 'faces'}` divides the people anew"
    assert said in did.notes
    others = sorted({crop.identity for crop in crops} - {*test})
    did = forget_set(str(faces.path), others)
    assert not any("facedata split" in note for note in did.notes)
    assert "nobody is left in the set" in did.notes
