"""``prepare --as-crops``: a set of finished crops is a set like any other, from the ledger to the report."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facedata import ClassManifest, check, crop_set, fix_set, open_set, prepare, report_set, review_set
from facedata.errors import NothingKeptError, OtherSettingsError, PhotosLostError, UsageError
from facedata.interchange.export_note import ExportNote, write_export_note
from facedata.testing import FakeDetector
from tests.support.facedata_command import here
from tests.support.finished_crops import (
    OPTIONS,
    SIDE,
    crop_picture,
    jpeg,
    start_taking,
    take_crops,
    write_crops,
)
from tests.support.inline_engine import inline
from tests.support.marked_photos import write_marked
from tests.support.processes import ROOT
from tests.support.set_bytes import events, set_bytes
from tests.support.shared_data import SHARED, needs_shared
from tests.support.slow_runs import rows_in_parts, wait_for_parts

PEOPLE = {f"p{number:02}": 11 for number in range(25)}
"""275 crops: five shards."""


@pytest.fixture(autouse=True)
def _in_this_process() -> Iterator[None]:
    with inline():
        yield


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished crops, some of which are no plain JPEGs, and some of which are no crops."""
    folder = write_crops(tmp_path_factory.mktemp("crops"), PEOPLE)
    odd = folder / "odd"
    odd.mkdir()
    picture = Image.fromarray(crop_picture(900))
    picture.save(odd / "a.png")
    picture.point(lambda grey: 0.9 * grey).save(odd / "b.webp", lossless=True)
    Image.fromarray(crop_picture(901)).convert("L").save(odd / "grey.jpg")
    Image.fromarray(crop_picture(902)).convert("CMYK").save(odd / "ink.jpg")
    (odd / "copy.jpg").write_bytes((odd / "grey.jpg").read_bytes())
    (odd / "empty.jpg").write_bytes(b"")
    (odd / "half.jpg").write_bytes(jpeg(903)[:700])
    (odd / "small.jpg").write_bytes(jpeg(904, SIDE - 8))
    (odd / "tall.jpg").write_bytes(jpeg(905, SIDE + 8))
    (odd / "folder.jpg").mkdir()
    (odd / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture(scope="module")
def whole(crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "faces"
    take_crops(crops, out)
    return out


@pytest.fixture
def faces(whole: Path, tmp_path: Path) -> Path:
    """The set, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / "own"))


def ledger(folder: Path) -> pd.DataFrame:
    rows: pd.DataFrame = pd.read_parquet(folder / "photos.parquet").set_index("record")
    return rows


def test_each_photo_has_its_row_and_keeps_its_bytes(crops: Path, whole: Path) -> None:
    rows, info = ledger(whole), open_set(whole).info
    assert info["counts"]["status"] == {
        "kept": 279, "unreadable": 2, "too_large": 1, "too_small": 1, "duplicate": 1,
    }  # fmt: skip
    assert info["counts"]["as_crops"] == {"unchanged": 276, "encoded": 3}
    assert info["counts"]["other_files"] == 1
    assert info["settings"]["as_crops"] is True
    classes = pd.read_parquet(whole / "classes.parquet").set_index("photo")
    for row in rows[rows.status == "kept"].reset_index().to_dict("records"):
        record = str(row["record"])
        mine = (crops / record).read_bytes()
        assert hashlib.sha256(mine).hexdigest() == row["sha256"]
        stored = (whole / classes.loc[record, "file"]).read_bytes()
        assert (stored == mine) == (row["sha256"] == classes.loc[record, "crop_sha256"])
        assert (stored == mine) == (record not in ("odd/a.png", "odd/b.webp", "odd/ink.jpg"))
        assert (row["width"], row["height"], list(row["matrix"])) == (SIDE, SIDE, [1, 0, 0, 0, 1, 0])
    nothing = ["faces", "all_boxes", "all_scores", "score", "box", "landmarks", "tilt_deg", "turned_deg"]
    assert rows[nothing].isna().all(axis=None)
    assert rows.loc["odd/small.jpg", "status"] == "too_small"
    assert f"--size {SIDE + 8}" in str(rows.loc["odd/tall.jpg", "reason"])
    by_photo = {row.photo: row.image() for row in ClassManifest.open(whole)}
    assert np.array_equal(by_photo["odd/copy.jpg"][..., 0], by_photo["odd/copy.jpg"][..., 2])


@pytest.mark.parametrize("workers", [1, 2])
def test_bytes_do_not_depend_on_workers(crops: Path, whole: Path, tmp_path: Path, workers: int) -> None:
    take_crops(crops, tmp_path / "set", workers=workers)
    assert set_bytes(tmp_path / "set") == set_bytes(whole)


@pytest.mark.parametrize(("store", "parts"), [("folders", 3), ("tar", 2)])
def test_killed_with_nine_it_goes_on_and_equals_an_unbroken_run(
    crops: Path, whole: Path, tmp_path: Path, store: str, parts: int
) -> None:
    process = start_taking(crops, tmp_path / "set", store)
    wait_for_parts(tmp_path / "set", parts, process)
    process.kill()
    process.wait()
    done = rows_in_parts(tmp_path / "set")
    take_crops(crops, tmp_path / "set", store=store)
    assert events(tmp_path / "set")[-2]["pending"] == 284 - done < 284
    if store == "tar":
        take_crops(crops, tmp_path / "whole", store=store)
    assert set_bytes(tmp_path / "set") == set_bytes(tmp_path / "whole" if store == "tar" else whole)


def test_a_tar_has_the_same_bytes(crops: Path, whole: Path, tmp_path: Path) -> None:
    in_tar = take_crops(crops, tmp_path / "set", store="tar")
    assert in_tar.info["counts"] == open_set(whole).info["counts"]
    names = ["path", "crop_sha256", "identity", "split"]
    assert in_tar.table("classes", names) == open_set(whole).table("classes", names)
    stored = [row.image() for row in ClassManifest.open(tmp_path / "set")]
    assert all(
        np.array_equal(one, row.image()) for one, row in zip(stored, ClassManifest.open(whole), strict=True)
    )


def test_a_rerun_does_nothing_and_a_grown_source_only_what_is_new(tmp_path: Path) -> None:
    source = write_crops(tmp_path / "crops", {"ann": 4, "bob": 3, "cy": 3})
    before = take_crops(source, tmp_path / "set")
    again = take_crops(source, tmp_path / "set")
    assert (again.fingerprint, len(events(tmp_path / "set"))) == (before.fingerprint, 2)
    write_crops(source, {"ann": 1, "dee": 2}, first=70)  # one of ann's is another picture now
    (source / "bob/000.jpg").unlink()
    grown = take_crops(source, tmp_path / "set", splits="train=0.5,test=0.5")
    assert events(tmp_path / "set")[-2]["pending"] == 3
    fresh = take_crops(source, tmp_path / "fresh", stable=False)
    columns = ["path", "identity", "crop_sha256"]
    assert grown.table("classes", columns) == fresh.table("classes", columns)
    assert grown.info["counts"]["as_crops"] == {"unchanged": 11, "encoded": 0}


def test_no_detector_no_weights_and_no_torch(tmp_path: Path) -> None:
    source = write_crops(tmp_path / "crops", {"ann": 3, "bob": 3})
    program = f"""
import sys, facedata
from facedata.detect import weights
from tests.support.inline_engine import inline
weights.find_weights = None
with inline():
    facedata.prepare({str(source)!r}, {str(tmp_path / "set")!r}, as_crops=True, size={SIDE}, device="auto")
heavy = {{"torch", "torchvision", "facenet_pytorch"}} & set(sys.modules)
raise SystemExit(f"imported: {{heavy}}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert open_set(tmp_path / "set").info["settings"]["device"] == "cpu"


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"face": "only"}, "--face only"),
        ({"min_score": 0.5}, "--min-score 0.5"),
        ({"min_face": 40}, "--min-face 40.0"),
        ({"detector": None, "device": "cuda"}, "--device cuda"),
    ],
)
def test_options_about_faces_are_refused(tmp_path: Path, option: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"{named} is about faces in photos"):
        take_crops(tmp_path, tmp_path / "set", **option)
    assert not (tmp_path / "set").exists()


def test_how_the_crops_were_made_is_stated_with_their_margin(tmp_path: Path) -> None:
    source = write_crops(tmp_path / "crops", {"ann": 2, "bob": 2})
    stated = take_crops(source, tmp_path / "set", template="square", margin=0.25)
    assert [stated.info["settings"][name] for name in ("template", "size", "margin")] == [
        "square",
        SIDE,
        0.25,
    ]
    with pytest.raises(UsageError, match="has a fixed margin"):
        take_crops(source, tmp_path / "other", margin=0.25)


def test_a_detector_beside_it_is_refused(tmp_path: Path) -> None:
    write_crops(tmp_path / "crops", {"ann": 1})
    with pytest.raises(UsageError, match="no face is looked for"):
        take_crops(tmp_path / "crops", tmp_path / "set", detector=FakeDetector)


def test_the_same_folder_with_and_without_it_are_two_sets(tmp_path: Path) -> None:
    write_marked(tmp_path / "photos/ann/1.png")
    write_marked(tmp_path / "photos/bob/1.png", seed=1)
    options: dict[str, Any] = {"size": 120, "report": False, "workers": 1}
    prepare(tmp_path / "photos", tmp_path / "found", detector=FakeDetector, **options)
    with pytest.raises(OtherSettingsError, match="as_crops: False before, True now"):
        prepare(tmp_path / "photos", tmp_path / "found", as_crops=True, **options)
    prepare(tmp_path / "photos", tmp_path / "taken", as_crops=True, **options)
    with pytest.raises(OtherSettingsError, match="as_crops: True before, False now"):
        prepare(tmp_path / "photos", tmp_path / "taken", detector=FakeDetector, **options)
    assert "as_crops" not in json.loads((tmp_path / "found/dataset.json").read_text())["settings"]


@pytest.mark.parametrize(
    ("side", "flags"),
    [(112, "--template arcface112 or --size 112"), (70, "--size 70"), (12, None)],
)
def test_where_all_have_another_size_one_line_says_so(tmp_path: Path, side: int, flags: str | None) -> None:
    source = tmp_path / "crops"
    for number in range(3):
        (source / "ann").mkdir(parents=True, exist_ok=True)
        (source / f"ann/{number}.jpg").write_bytes(jpeg(number, side))
    finished = here("prepare", source, "--as-crops", "--size", "48", "--out", tmp_path / "set", "--no-report")
    assert finished.status == 1
    assert f"all have {side}x{side} pixels, and a crop has 48x48: prepare them again" in finished.error
    if flags is None:
        assert "without --as-crops, so that" in finished.error
        return
    assert f"with {flags}, and --overwrite" in finished.error
    words = flags.partition(" or ")[0].split()
    again = here(
        "prepare", source, "--as-crops", *words, "--overwrite", "--out", tmp_path / "set", "--no-report"
    )
    assert again.status == 0, again.stderr
    assert "as crops           3  byte for byte\n" in again.stdout


def test_where_most_have_another_size_it_says_how_many(tmp_path: Path) -> None:
    source = tmp_path / "crops/ann"
    source.mkdir(parents=True)
    for number, side in enumerate((60, 60, 60, 70)):
        (source / f"{number}.jpg").write_bytes(jpeg(number, side))
    (source / "none.jpg").write_bytes(b"")
    with pytest.raises(NothingKeptError, match="3 of 4 have 60x60 pixels, and a crop has 48x48"):
        take_crops(source.parent, tmp_path / "set")


def test_corrections_in_prepare_and_in_fix_give_the_same_bytes(tmp_path: Path) -> None:
    source = write_crops(tmp_path / "crops", {"ann": 4, "bob": 3, "cy": 3, "dee": 1})
    shutil.copy(source / "ann/000.jpg", source / "ann/zz.jpg")  # a duplicate, until its twin is dropped
    Image.fromarray(crop_picture(800)).save(source / "bob/x.png")
    text = (
        "action,photo,identity,to_identity,note\ndrop,ann/000.jpg,,,\nmove,bob/001.jpg,,cy,\nmerge,,dee,cy,\n"
    )
    (tmp_path / "lines.csv").write_text(text)
    take_crops(source, tmp_path / "set", min_photos=2)
    made = take_crops(source, tmp_path / "made", min_photos=2, corrections=(str(tmp_path / "lines.csv"),))
    assert made.info["counts"]["as_crops"] == {"unchanged": 11, "encoded": 1}
    (tmp_path / "set/crops/bob/000.jpg").write_bytes(b"lost")
    (tmp_path / "set/crops/bob/x.jpg").unlink()
    fixed = fix_set(tmp_path / "set", tmp_path / "lines.csv", tmp_path / "fixed", workers=1)
    assert set_bytes(tmp_path / "fixed") == set_bytes(tmp_path / "made")
    assert fixed.fingerprint == made.fingerprint
    (source / "bob/000.jpg").write_bytes(jpeg(999))
    with pytest.raises(PhotosLostError, match=r"bob/000\.jpg"):
        fix_set(tmp_path / "set", tmp_path / "lines.csv", tmp_path / "lost", workers=1)


def test_other_crops_cannot_be_cut_of_it(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"prepared with --as-crops: .* without --as-crops"):
        crop_set(faces, tmp_path / "square", template="square")
    assert not (tmp_path / "square").exists()


def test_a_table_s_boxes_play_no_part(tmp_path: Path) -> None:
    write_crops(tmp_path / "crops", {"ann": 3, "bob": 3})
    lines = [f"{who}/00{number}.jpg,{who},10 10 30 30,train" for who in ("ann", "bob") for number in range(3)]
    (tmp_path / "list.csv").write_text(
        "\n".join(["path,identity,box,split", *lines, "bob/000.jpg,cy,,train"])
    )
    options: dict[str, Any] = {"kind": "table", "box_format": "xyxy"}  # a table may need it to be read
    made = take_crops([tmp_path / "list.csv", tmp_path / "crops"], tmp_path / "set", **options)
    assert made.info["counts"]["status"] == {"kept": 5, "unselected": 2}  # one crop cannot be two people's
    assert "the boxes of 6 photos play no part, since the photos are finished crops" in made.info["notes"]
    assert ledger(tmp_path / "set").given_box.isna().all()
    assert made.info["counts"]["given_boxes"] is None
    again = take_crops([tmp_path / "list.csv", tmp_path / "crops"], tmp_path / "set", **options)
    assert (again.is_intact(), len(events(tmp_path / "set"))) == (True, 2)


def test_an_export_s_own_note_is_believed(tmp_path: Path) -> None:
    source = write_crops(tmp_path / "export", {"ann": 2, "bob": 2})
    note = ExportNote("imagefolder", "0" * 64, "1.0", "arcface112", SIDE, {"": {"crops": 4, "people": 2}})
    write_export_note(source, note)
    with pytest.raises(UsageError, match=f"use --template arcface112 --size {SIDE}"):
        take_crops(source, tmp_path / "set", template="square")
    with pytest.raises(UsageError, match=f"are arcface112 of {SIDE} px, not arcface112 of 112 px"):
        take_crops(source, tmp_path / "set", size=None)
    assert take_crops(source, tmp_path / "set").info["counts"]["status"] == {"kept": 4}


def test_a_check_finds_what_is_there_and_nothing_else(crops: Path, faces: Path) -> None:
    spoilt = faces / "crops/p00/000.jpg"
    spoilt.write_bytes(jpeg(5000))
    found = check(faces).table.to_pandas()
    assert {(one.kind, one.left_photo) for one in found.itertuples()} == {
        ("crop_changed", "p00/000.jpg"), ("same_picture", "odd/a.png"),
    }  # fmt: skip


@pytest.mark.parametrize("template", ["square", "facenet160", "arcface112"])
def test_qualities_are_measured_where_the_template_says_where_the_face_is(
    tmp_path: Path, template: str
) -> None:
    source = write_crops(tmp_path / "crops", {"ann": 3, "bob": 3})
    Image.new("RGB", (SIDE, SIDE), (9, 9, 9)).save(source / "ann/black.png")
    take_crops(source, tmp_path / "set", template=template)
    found = check(tmp_path / "set").table.to_pandas()
    quality = pd.read_parquet(tmp_path / "set/check/quality.parquet")
    of_pixels = ["sharpness", "light", "not_dark", "not_bright", "contrast"]
    of_faces = ["size", "pose", "uncut", "unshared"]
    assert quality[of_faces].isna().all(axis=None)
    if template == "arcface112":
        assert quality[of_pixels].notna().all(axis=None)
        assert set(found.kind) == {"blurred", "dark", "flat"}
        assert set(found.left_photo) == {"ann/black.png"}
    else:
        assert quality[of_pixels].isna().all(axis=None)
        assert not len(found)


def test_report_and_review_have_no_boxes_to_draw(faces: Path) -> None:
    check(faces)
    page = report_set(faces, workers=1).read_text("utf-8")
    assert 'class="photo"' in page
    assert not any(f'<rect class="{name}"' in page for name in ("taken", "other", "given"))
    assert "taken from the source as they are" in page
    assert "--as-crops" in page
    assert "Tilt of the face" not in page
    assert review_set(faces).page.is_file()


@needs_shared
def test_real_crops_come_back_bit_for_bit_and_measure_alike(tmp_path: Path) -> None:
    for person in ("Aaron_Peirsol", "Abdullah_Gul", "Ana_Guevara"):
        shutil.copytree(SHARED / "data/lfw/lfw-deepfunneled" / person, tmp_path / "photos" / person)
    options: dict[str, Any] = {"template": "arcface112", "report": False, "workers": 1}
    prepare(tmp_path / "photos", tmp_path / "found", face="center", **options)
    taken = prepare(tmp_path / "found/crops", tmp_path / "taken", as_crops=True, **options)
    assert taken.info["counts"]["as_crops"]["encoded"] == 0
    names = ["path", "identity", "crop_sha256", "label", "split"]
    assert taken.table("classes", names) == open_set(tmp_path / "found").table("classes", names)
    assert not len(check(tmp_path / "taken").table)
    check(tmp_path / "found")
    one, other = (pd.read_parquet(tmp_path / name / "check/quality.parquet") for name in ("found", "taken"))
    for name, most in (("sharpness", 0.15), ("not_dark", 0.01), ("not_bright", 0.2)):
        assert (one[name] - other[name]).abs().max() < most
    crop_set(tmp_path / "found", tmp_path / "square", template="square", workers=1)
    shared = check(tmp_path / "taken", against=tmp_path / "square").summary["overlap"]
    assert shared["by"]["picture"]["photos"] == taken.info["counts"]["status"]["kept"]
    assert not shared["notes"]
    stated = prepare(tmp_path / "found/crops", tmp_path / "stated", as_crops=True, size=112, report=False)
    shared = check(stated.path, against=tmp_path / "square").summary["overlap"]
    assert shared["by"]["picture"]["photos"] == 0
    assert "where the face is in 12 of the 12 crops of this set is not known" in shared["notes"][0]


@needs_shared
def test_lfw_s_own_photos_are_no_crops_and_it_says_so(tmp_path: Path) -> None:
    shutil.copytree(
        SHARED / "data/lfw/lfw-deepfunneled/Aaron_Peirsol", tmp_path / "lfw/lfw-deepfunneled/Aaron_Peirsol"
    )
    shutil.copytree(SHARED / "data/lfw/protocol", tmp_path / "lfw/protocol")
    options: dict[str, Any] = {"kind": "lfw", "size": None}
    with pytest.raises(NothingKeptError, match=r"all have 250x250 pixels, and a crop has 112x112"):
        take_crops(tmp_path / "lfw", tmp_path / "set", **options)
    assert OPTIONS["template"] == "arcface112"
