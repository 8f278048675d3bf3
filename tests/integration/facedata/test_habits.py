"""What people do with a set: few people, copies, one split drawn again, pairs of their own."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from facedata import ClassManifest, PairManifest, TripletManifest, open_set, prepare
from facedata.cli import main
from facedata.config import DETECTORS
from facedata.testing import FakeDetector, marked_folder, painted_folder
from tests.support.facedata_command import done, here
from tests.support.inline_engine import inline
from tests.support.marked_photos import prepare_marked
from tests.support.set_bytes import set_bytes

FIVE = {"people": 5, "photos": 4}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("habits")
    marked_folder(home / "photos", people=8, photos=6)
    prepare_marked(home / "photos", home / "faces", size=32)
    return home / "faces"


@pytest.fixture
def own(faces: Path, tmp_path: Path) -> Path:
    shutil.copytree(faces, tmp_path / "own")
    return tmp_path / "own"


@pytest.mark.parametrize("people", [1, 2, 3, 4, 5])
def test_few_people_are_tested_or_the_command_that_is_named_works(tmp_path: Path, people: int) -> None:
    marked_folder(tmp_path / "photos", people=people, photos=8)
    out = tmp_path / "my faces"
    said = done("prepare", "folder", tmp_path / "photos", "--out", out, "--size", "32").stdout
    if people == 1:
        assert "add photos of more people" in said
        assert "facedata split" not in said
        return
    if people < 4:
        (typed,) = set(re.findall("`(facedata split .*?)`", said))
        done(*shlex.split(typed)[1:])
    for split in ("train", "test"):
        assert len(PairManifest.open(out, split=split))
        assert len(TripletManifest.open(out, split=split))


def test_a_grown_set_of_few_people_keeps_every_split(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=5, photos=3)
    prepare_marked(tmp_path / "photos", tmp_path / "set", size=32)
    before = {row.identity: row.split for row in ClassManifest.open(tmp_path / "set")}
    assert list(before.values()).count("test") == 2
    marked_folder(tmp_path / "photos", people=9, photos=3)
    prepare_marked(tmp_path / "photos", tmp_path / "set", size=32)
    after = {row.identity: row.split for row in ClassManifest.open(tmp_path / "set")}
    assert before.items() <= after.items()


def test_copies_are_said_before_anything_is_checked(tmp_path: Path) -> None:
    painted_folder(tmp_path / "photos", people=8, photos=3)
    first = tmp_path / "photos" / "Amara" / "01.jpg"
    others = [folder for folder in sorted((tmp_path / "photos").iterdir()) if folder.name != "Amara"]
    for number, folder in enumerate(others):
        image: Any = cv2.imread(str(first))
        image = image[:, ::-1] if number % 2 else cv2.resize(image, None, fx=0.7, fy=0.7)
        cv2.imwrite(str(folder / "copy.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 75 + number])
    shutil.copy(tmp_path / "photos" / "Amara" / "02.jpg", others[0] / "taken.jpg")
    with inline():
        prepare(tmp_path / "photos", tmp_path / "set", size=64, workers=1)
    counts = open_set(tmp_path / "set").info["counts"]["copies"]
    assert counts["same_bytes"] == {"photos": 1, "named": [["Amara/02.jpg", f"{others[0].name}/taken.jpg"]]}
    split_of = {row.photo: row.split for row in ClassManifest.open(tmp_path / "set")}
    across = counts["across_splits"]["named"]
    assert across
    for one, two in across:
        assert split_of[one] != split_of[two]
        assert {Path(one).name, Path(two).name} & {"copy.jpg", "taken.jpg"}
    lines = [line for line in done("info", tmp_path / "set").stdout.splitlines() if line.startswith("copies")]
    assert "1  with the same bytes as a photo of another person, such as 'Amara/02.jpg'" in lines[0]
    assert lines[0].endswith("taken.jpg'")  # there is no more to see elsewhere
    assert "look the same as a photo in another split" in lines[1]
    assert lines[1].endswith("; counts.copies in dataset.json names more") == (len(across) > 1)
    with inline():
        prepare(tmp_path / "photos", tmp_path / "fresh", size=64, workers=1)
        os.utime(first)
        shutil.copytree(others[0], tmp_path / "photos" / "Zoe")  # a rerun knows the pictures of old rows
        prepare(tmp_path / "photos", tmp_path / "set", size=64, workers=1)
    counts = open_set(tmp_path / "set").info["counts"]["copies"]
    assert counts["same_bytes"]["photos"] > 1
    assert {tuple(pair) for pair in across} <= {tuple(pair) for pair in counts["across_splits"]["named"]}
    before = open_set(tmp_path / "fresh").info["counts"]["copies"]
    done("split", tmp_path / "fresh", "--seed", "4")
    split_of = {row.photo: row.split for row in ClassManifest.open(tmp_path / "fresh")}
    after = open_set(tmp_path / "fresh").info["counts"]["copies"]
    assert after["same_bytes"] == before["same_bytes"]
    assert all(split_of[one] != split_of[two] for one, two in after["across_splits"]["named"])


def test_no_copies_no_line(faces: Path) -> None:
    assert open_set(faces).info["counts"]["copies"]["same_bytes"] == {"photos": 0, "named": []}
    assert "copies" not in done("info", faces).stdout


def test_one_split_is_drawn_again_and_the_others_stay(own: Path) -> None:
    before = {name: TripletManifest.open(own, split=name).table for name in ("train", "test")}
    done("triplets", own, "--split", "train", "--count", "100", "--seed", "3")
    assert len(TripletManifest.open(own, split="train")) == 100
    assert TripletManifest.open(own, split="test").table.equals(before["test"])
    done("pairs", own, "--split", "test", "--count", "7")
    counts = open_set(own).info["counts"]["splits"]
    assert (counts["test"]["pairs"], counts["train"]["triplets"]) == (7, 100)
    assert counts["train"]["pairs"] == len(PairManifest.open(own, split="train")) > 7
    done("split", own, "--seed", "2")  # the options of each split are remembered
    done("split", own)
    counts = open_set(own).info["counts"]["splits"]
    assert (counts["test"]["pairs"], counts["train"]["triplets"]) == (7, 100)
    done("triplets", own)
    assert "triplets_of" not in open_set(own).info["drawing"]
    assert TripletManifest.open(own, split="train").table.equals(before["train"])
    refused = here("triplets", own, "--split", "val")
    assert refused.status == 2
    assert "no such split; its splits are: train, test" in refused.error


def test_own_pairs_become_the_set_s(own: Path, tmp_path: Path) -> None:
    test = list(ClassManifest.open(own, split="test"))
    train = ClassManifest.open(own, split="train")[0]
    rows = [(a.photo, b.photo, int(a.identity == b.identity)) for a, b in itertools.combinations(test, 2)]
    rows.append((train.photo, test[0].photo, 0))
    file = tmp_path / "mine.csv"
    file.write_text("path1,path2,label\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    said = done("pairs", own, "--from", file).stdout
    pairs = PairManifest.open(own)
    assert [(row.left.photo, row.right.photo, int(row.same)) for row in pairs] == rows[:-1]
    assert {row.split for row in pairs} == {"test"}
    assert f"1 of {len(rows)} pairs of the file are of photos in two splits" in said
    section = open_set(own).info["counts"]["pairs"]
    assert (section["strategy"], section["listed"], section["other_split"]) == ("file", len(rows), 1)
    before = pairs.table.select(["left_path", "right_path", "same"]).to_pylist()
    marked_folder(own.parent / "photos", people=8, photos=6)
    done("split", own, "--split-by", "identity")  # they are mapped again
    table = PairManifest.open(own).table
    assert table.select(["left_path", "right_path", "same"]).to_pylist() == before
    for options in (("--count", "3"), ("--split", "test")):
        assert here("pairs", own, "--from", file, *options).status == 2
    done("pairs", own)
    assert here("pairs", own, "--strategy", "file").status == 2


def test_own_pairs_stay_when_a_set_grows(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=6, photos=3)
    prepare_marked(tmp_path / "photos", tmp_path / "set", size=32)
    test = list(ClassManifest.open(tmp_path / "set", split="test"))
    file = tmp_path / "mine.txt"
    file.write_text(
        "".join(f"{a.photo} {b.photo} {int(a.identity == b.identity)}\n" for a, b in itertools.pairwise(test))
    )
    done("pairs", tmp_path / "set", "--from", file)
    before = [(row.left.photo, row.right.photo) for row in PairManifest.open(tmp_path / "set")]
    (tmp_path / "photos" / "person-00" / "00.png").rename(tmp_path / "photos" / "person-00" / "99.png")
    prepare_marked(tmp_path / "photos", tmp_path / "set", size=32)
    gone = "person-00/00.png"
    kept = [pair for pair in before if gone not in pair]
    assert [(row.left.photo, row.right.photo) for row in PairManifest.open(tmp_path / "set")] == kept


def test_what_is_wrong_with_own_pairs_is_one_line(own: Path, tmp_path: Path) -> None:
    before = set_bytes(own)
    file = tmp_path / "mine.txt"
    for text, why in (
        ("person-00/00.png person-77/00.png 0\n", "line 1: 'person-77/00.png' is no photo of this set"),
        ("person-00/00.png person-01/00.png 1\n", "line 1: it contradicts the set"),
        ("person-00/00.png person-00/01.png\n", "line 1: 2 fields where a pair has 3"),
    ):
        file.write_text(text)
        refused = here("pairs", own, "--from", file)
        assert refused.status == 1
        assert why in refused.error
    assert set_bytes(own) == before


def test_info_says_source_and_licence_and_notices_lost_crops(own: Path, tmp_path: Path) -> None:
    said = done("info", own).stdout
    assert re.search(r"^source     folder .*photos$", said, re.MULTILINE)
    assert "licence    not known" in said
    marked_folder(tmp_path / "a", people=2, photos=2)
    marked_folder(tmp_path / "b", people=2, photos=1, seed=3)
    roots = f"a={tmp_path / 'a'}", f"b={tmp_path / 'b'}"
    done("prepare", "folder", *roots, "--out", tmp_path / "two", "--licence", "with consent", "--size", "32")
    said = done("info", tmp_path / "two").stdout
    assert "(a 4, b 2)" in said
    assert "licence    with consent" in said
    shutil.move(own / "crops", tmp_path / "crops")
    noticed = here("info", own)
    assert noticed.status == 1
    assert "48 of the 48 crops" in noticed.stderr
    assert "facedata prepare" in noticed.stderr
    assert json.loads(here("info", own, "--json").stdout)["counts"]["records"] == 48


def test_the_bar_says_what_is_done_before_and_after_the_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    marked_folder(tmp_path / "photos", **FIVE)
    monkeypatch.setitem(DETECTORS, "mtcnn", lambda least_px, device: FakeDetector)
    monkeypatch.setenv("COLUMNS", "120")
    for is_terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda is_terminal=is_terminal: is_terminal)
        with inline():
            assert (
                main(
                    ["prepare", "folder", str(tmp_path / "photos"), "--out", str(tmp_path / f"{is_terminal}")]
                )
                == 0
            )
        shown = capsys.readouterr().err
        steps = ["listing photos", "starting workers", "writing the ledger", "drawing pairs"]
        places = [shown.find(step) for step in steps]
        assert places == sorted(places) if is_terminal else set(places) == {-1}
        assert (shown == "") is not is_terminal
