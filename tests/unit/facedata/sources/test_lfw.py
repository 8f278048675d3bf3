"""LFW: photos of a folder or archive, and the official views, absent photos and malformed lists included."""

from __future__ import annotations

import dataclasses
import os
import tarfile
from pathlib import Path

import pytest

from facedata.errors import SourceError, UnsafeArchiveError, UsageError
from facedata.files.atomic import file_sha256
from facedata.sources import lfw
from facedata.sources.base import Scan, Source
from facedata.sources.lfw import LFW_IMAGES, LFW_PROTOCOL, LfwSource
from facedata.tables.schema import PROTOCOL

SHARED = Path(os.environ.get("FACEDATA_SHARED", Path(__file__).parents[4] / ".." / "shared")) / "data" / "lfw"
PEOPLE = {"Ann": 3, "Bob": 1, "Cy": 2, "Di_O'Hara": 2, "Zoë Ö": 1}
VIEW_1 = {
    "pairsDevTrain.txt": "1\nAnn\t1\t3\nAnn\t2\tBob\t1\n",
    "pairsDevTest.txt": "1\nCy\t1\t2\nCy\t1\tDi_O'Hara\t2\n",
}
PEOPLE_LISTS = {"peopleDevTrain.txt": "2\nAnn\t3\nBob\t1\n", "peopleDevTest.txt": "2\nCy\t2\nZoë Ö\t1\n"}
VIEW_2 = {"pairs.txt": "2\t1\nAnn\t1\t2\nAnn\t2\tBob\t1\nCy\t1\t2\nCy\t2\tZoë Ö\t1\n"}


def make(root: Path, lists: dict[str, str], images: str = "lfw", at: str = "protocol") -> Path:
    for name, count in PEOPLE.items():
        (root / images / name).mkdir(parents=True)
        for number in range(1, count + 1):
            (root / images / name / f"{name}_{number:04d}.jpg").write_bytes(f"{name} {number}".encode())
    put(root / at, lists)
    return root


def put(folder: Path, lists: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in lists.items():
        (folder / name).write_text(text, encoding="utf-8")


def splits(scan: Scan) -> dict[str, str | None]:
    columns = (scan.photos.column(name).to_pylist() for name in ("identity", "official_split"))
    return dict(zip(*columns, strict=True))


def pairs(scan: Scan) -> list[tuple[object, ...]]:
    assert scan.protocol is not None
    assert scan.protocol.schema == PROTOCOL
    return [tuple(row.values()) for row in scan.protocol.to_pylist()]


def refusal(root: Path, view: int = 1) -> str:
    with pytest.raises(SourceError) as raised:
        LfwSource(root, view=view).scan()
    return str(raised.value)


def test_view_1_takes_its_people_from_the_pairs(tmp_path: Path) -> None:
    source: Source = LfwSource(make(tmp_path, VIEW_1))
    assert (source.kind, source.face, source.search) == ("lfw", "center", "photo")
    assert source.root == str(tmp_path)
    scan = source.scan()
    assert splits(scan) == {"Ann": "train", "Bob": "train", "Cy": "test", "Di_O'Hara": "test", "Zoë Ö": None}
    assert pairs(scan) == [
        ("lfw/Ann/Ann_0001.jpg", "lfw/Ann/Ann_0003.jpg", True, "train", None),
        ("lfw/Ann/Ann_0002.jpg", "lfw/Bob/Bob_0001.jpg", False, "train", None),
        ("lfw/Cy/Cy_0001.jpg", "lfw/Cy/Cy_0002.jpg", True, "test", None),
        ("lfw/Cy/Cy_0001.jpg", "lfw/Di_O'Hara/Di_O'Hara_0002.jpg", False, "test", None),
    ]
    assert (scan.photos.num_rows, scan.other_files, scan.missing, scan.notes) == (9, 0, [], [])
    assert scan.reader("lfw/Zoë Ö/Zoë Ö_0001.jpg") == "Zoë Ö 1".encode()


def test_people_files_add_people_who_are_in_no_pair(tmp_path: Path) -> None:
    assert splits(LfwSource(make(tmp_path, VIEW_1 | PEOPLE_LISTS)).scan())["Zoë Ö"] == "test"


def test_people_files_alone_give_splits_without_pairs(tmp_path: Path) -> None:
    scan = LfwSource(make(tmp_path, PEOPLE_LISTS)).scan()
    assert splits(scan) == {"Ann": "train", "Bob": "train", "Cy": "test", "Di_O'Hara": None, "Zoë Ö": "test"}
    assert scan.protocol is None
    assert scan.notes == ["no official pairs: there is no pairsDevTrain.txt and no pairsDevTest.txt"]


@pytest.mark.parametrize("lists", [{}, {"pairsDevTest.txt": VIEW_1["pairsDevTest.txt"]}, VIEW_2])
def test_view_1_without_its_files_has_no_splits_and_says_so(tmp_path: Path, lists: dict[str, str]) -> None:
    scan = LfwSource(make(tmp_path, lists)).scan()
    assert set(splits(scan).values()) == {None}
    assert scan.protocol is None
    assert "pairsDevTrain.txt" in " ".join(scan.notes)


def test_view_2_is_all_test_with_folds(tmp_path: Path) -> None:
    scan = LfwSource(make(tmp_path, VIEW_1 | VIEW_2), view=2).scan()
    assert set(splits(scan).values()) == {"test"}
    assert pairs(scan) == [
        ("lfw/Ann/Ann_0001.jpg", "lfw/Ann/Ann_0002.jpg", True, "test", 0),
        ("lfw/Ann/Ann_0002.jpg", "lfw/Bob/Bob_0001.jpg", False, "test", 0),
        ("lfw/Cy/Cy_0001.jpg", "lfw/Cy/Cy_0002.jpg", True, "test", 1),
        ("lfw/Cy/Cy_0002.jpg", "lfw/Zoë Ö/Zoë Ö_0001.jpg", False, "test", 1),
    ]


def test_view_2_without_its_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    message = refusal(make(tmp_path, VIEW_1), view=2)
    assert f"needs pairs.txt, and there is none in {tmp_path}, {tmp_path}/protocol" in message


@pytest.mark.parametrize("at", [".", "protocol", "deep", "deep/protocol"])
def test_lists_are_found_in_the_source_and_beside_the_photos(tmp_path: Path, at: str) -> None:
    scan = LfwSource(make(tmp_path, VIEW_1, images="deep/lfw-deepfunneled", at=at)).scan()
    assert len(pairs(scan)) == 4
    assert scan.other_files == 0


@pytest.mark.parametrize("at", [".", "protocol"])
def test_lists_are_found_beside_a_source_that_is_the_image_folder(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, VIEW_1, at=at)
    expected = ("Cy/Cy_0001.jpg", "Cy/Cy_0002.jpg", True, "test", None)
    assert pairs(LfwSource(tmp_path / "lfw").scan())[2] == expected
    monkeypatch.chdir(tmp_path / "lfw")
    assert pairs(LfwSource(Path()).scan())[2] == expected


def test_other_files_are_counted_without_the_protocols(tmp_path: Path) -> None:
    make(tmp_path, VIEW_1 | VIEW_2 | PEOPLE_LISTS | {"people.txt": "", "README": "hello", "notes.txt": ""})
    scan = LfwSource(tmp_path).scan()
    assert (scan.other_files, scan.photos.num_rows) == (2, 9)


def test_pairs_of_absent_photos_keep_the_path_they_would_have(tmp_path: Path) -> None:
    make(tmp_path, VIEW_1)
    (tmp_path / "lfw" / "Ann" / "Ann_0003.jpg").unlink()
    scan = LfwSource(tmp_path).scan()
    assert pairs(scan)[0][:2] == ("lfw/Ann/Ann_0001.jpg", "lfw/Ann/Ann_0003.jpg")
    assert scan.missing == ["lfw/Ann/Ann_0003.jpg"]


def test_photos_of_another_ending_are_the_pairs_photos(tmp_path: Path) -> None:
    make(tmp_path, VIEW_1)
    photo = tmp_path / "lfw" / "Ann" / "Ann_0003.jpg"
    photo.rename(photo.with_suffix(".png"))
    scan = LfwSource(tmp_path).scan()
    assert pairs(scan)[0][1] == "lfw/Ann/Ann_0003.png"
    assert scan.missing == []


def test_of_two_copies_the_fuller_has_the_pairs_and_the_other_is_said(tmp_path: Path) -> None:
    make(tmp_path, VIEW_1, images="b")
    make(tmp_path, VIEW_1, images="a")
    (tmp_path / "a" / "Bob" / "Bob_0001.jpg").unlink()
    scan = LfwSource(tmp_path).scan()
    assert {str(path)[0] for row in pairs(scan) for path in row[:2]} == {"b"}
    assert scan.notes == ["people's folders lie in 2 places (a/, b/); pairs are of the fullest"]


@pytest.mark.parametrize("at", ["archives", "archives/protocol"])
def test_an_archive_is_unpacked_and_its_lists_lie_beside_it(tmp_path: Path, at: str) -> None:
    make(tmp_path / "made", {})
    put(tmp_path / at, VIEW_1)
    archive = tmp_path / "archives" / "lfw.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "made" / "lfw", "lfw")
    source = LfwSource(archive, cache=tmp_path / "cache")
    assert source.root == str(archive)
    scan = source.scan()
    assert pairs(scan)[0][0] == "lfw/Ann/Ann_0001.jpg"
    assert (scan.photos.num_rows, scan.other_files, scan.missing) == (9, 0, [])
    assert scan.reader("lfw/Bob/Bob_0001.jpg") == b"Bob 1"


def test_an_unsafe_archive_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "made", {})
    with tarfile.open(tmp_path / "lfw.tgz", "w:gz") as tar:
        tar.add(tmp_path / "made" / "lfw", "../lfw")
    with pytest.raises(UnsafeArchiveError):
        LfwSource(tmp_path / "lfw.tgz", cache=tmp_path / "cache").scan()


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("", 1, "number of pairs"),
        ("x\nAnn\t1\t2\n", 1, "'x'"),
        ("0\n", 1, "'0'"),
        ("1\t2\t3\n", 1, "number of pairs"),
        ("1\nAnn\t1\t2\nAnn\t1\n", 3, "'Ann\\t1'"),
        ("1\nAnn\t1\t2\nAnn\t1\tBob\t1\tx\n", 3, "fields"),
        ("1\nAnn\t1\t2\nAnn\t1\tBob\tone\n", 3, "photo number"),
        ("1\nAnn\t1\t2\nAnn\t1\tBob\t²\n", 3, "photo number"),
        ("1\nAnn\t-1\t2\nAnn\t1\tBob\t1\n", 2, "photo number"),
        ("1\nAnn\t0\t2\nAnn\t1\tBob\t1\n", 2, "photo number"),
        ("1\nAnn\t1\t2\nAnn\t1\tAnn\t2\n", 3, "two people's"),
        ("1\nAnn\t1\t01\nAnn\t1\tBob\t2\n", 2, "with itself"),
        ("1\n\nAnn\t1\tBob\t2\n", 2, "''"),
    ],
)
def test_a_bad_line_of_pairs_is_named(tmp_path: Path, text: str, line: int, shown: str) -> None:
    message = refusal(make(tmp_path, VIEW_1 | {"pairsDevTrain.txt": text}))
    assert f"{tmp_path}/protocol/pairsDevTrain.txt, line {line}: " in message
    assert shown in message


@pytest.mark.parametrize("text", ["1\nAnn\t1\t2\n", "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\n", "2\nAnn\t1\t2\n"])
def test_more_or_fewer_pairs_than_promised_are_refused(tmp_path: Path, text: str) -> None:
    message = refusal(make(tmp_path, VIEW_1 | {"pairsDevTest.txt": text}))
    assert "pairsDevTest.txt: its first line promises" in message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x\n", "line 1"),
        ("1\nAnn\n", "line 2"),
        ("1\nAnn\tx\n", "line 2"),
        ("2\nAnn\t3\n", "promises 2 people"),
    ],
)
def test_a_bad_people_file_is_named(tmp_path: Path, text: str, shown: str) -> None:
    message = refusal(make(tmp_path, VIEW_1 | {"peopleDevTrain.txt": text}))
    assert "peopleDevTrain.txt" in message
    assert shown in message


def test_a_person_in_both_splits_is_refused(tmp_path: Path) -> None:
    assert "(Ann)" in refusal(make(tmp_path, VIEW_1 | {"peopleDevTest.txt": "1\nAnn\t3\n"}))


def test_fields_may_be_parted_by_spaces(tmp_path: Path) -> None:
    spaced = {name: text.replace("\t", "  ").replace("\n", "\r\n") for name, text in VIEW_1.items()}
    assert len(pairs(LfwSource(make(tmp_path, spaced)).scan())) == 4


def test_names_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    folder = make(tmp_path, VIEW_1) / "lfw" / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / os.fsdecode(b"\xff_0001.jpg")).write_bytes(b"odd")
    scan = LfwSource(tmp_path).scan()
    assert "\\xff" in splits(scan)
    assert scan.reader("lfw/\\xff/\\xff_0001.jpg") == b"odd"


def test_impossible_questions_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="--view is 3"):
        LfwSource(view=3)
    with pytest.raises(UsageError, match="original, funneled"):
        LfwSource(images="frontal")


def test_a_missing_source_is_said(tmp_path: Path) -> None:
    assert "cannot open" in refusal(tmp_path / "none")
    assert "too long" in refusal(tmp_path / ("x" * 300))


def test_nothing_named_means_the_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pinned table is pointed at a cache that is already full: no network, the rest is real."""
    make(tmp_path / "made", {})
    cache = tmp_path / "cache"
    put(cache / "lfw", VIEW_1 | VIEW_2)
    with tarfile.open(cache / "lfw" / "lfw-funneled.tgz", "w:gz") as tar:
        tar.add(tmp_path / "made" / "lfw", "lfw_funneled")
    here = [
        dataclasses.replace(remote, sha256=file_sha256(cache / "lfw" / remote.name))
        for remote in (*LFW_PROTOCOL, LFW_IMAGES["funneled"])
    ]
    monkeypatch.setattr(lfw, "LFW_PROTOCOL", here[:3])
    monkeypatch.setitem(LFW_IMAGES, "funneled", here[3])
    source = LfwSource(cache=cache)
    scan = source.scan()
    assert source.root == "https://ndownloader.figshare.com/files/5976015"
    assert pairs(scan)[0][0] == "lfw_funneled/Ann/Ann_0001.jpg"
    assert scan.other_files == 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real LFW is not here: set FACEDATA_SHARED")
class TestTheRealLfw:
    def test_view_1(self) -> None:
        scan = LfwSource(SHARED).scan()
        notes = [file for file in SHARED.iterdir() if file.is_file()]  # such as the list of known errors
        assert (scan.photos.num_rows, scan.other_files, scan.missing) == (4992, len(notes), [])
        people = splits(scan)
        assert len(people) == 3095
        assert set(people.values()) == {"train", "test"}
        rows = pairs(scan)
        for split, count in (("train", 2200), ("test", 1000)):
            of_split = [row for row in rows if row[3] == split]
            assert len(of_split) == count
            assert sum(row[2] is True for row in of_split) == count // 2
        present = set(scan.photos.column("photo").to_pylist())
        for left, right, same, part, fold in rows:
            assert {left, right} <= present
            ends = [str(photo).split("/")[-2] for photo in (left, right)]
            assert (ends[0] == ends[1], people[ends[0]], people[ends[1]], fold) == (same, part, part, None)

    def test_view_2(self) -> None:
        scan = LfwSource(SHARED, view=2).scan()
        rows = pairs(scan)
        assert [row[4] for row in rows] == [fold for fold in range(10) for _ in range(600)]
        present = set(scan.photos.column("photo").to_pylist())
        assert scan.missing == sorted({str(photo) for row in rows for photo in row[:2]} - present)

    def test_the_pairs_files_are_those_that_are_pinned(self) -> None:
        for remote in LFW_PROTOCOL:
            assert file_sha256(SHARED / "protocol" / remote.name) == remote.sha256


def test_a_number_of_thousands_of_digits_is_a_bad_line_like_any_other(tmp_path: Path) -> None:
    lists = VIEW_1 | {"pairsDevTrain.txt": "1\nAnn\t1\t" + "9" * 5000 + "\nAnn\t1\tBob\t1\n"}
    with pytest.raises(SourceError, match="line 2"):
        LfwSource(make(tmp_path, lists)).scan()


KAGGLE = {
    "matchpairsDevTrain.csv": "name,imagenum1,imagenum2\nAnn,1,3\n",
    "mismatchpairsDevTrain.csv": "name,imagenum1,name,imagenum2\nAnn,2,Bob,1\n",
    "matchpairsDevTest.csv": "name,imagenum1,imagenum2\nCy,1,2\n",
    "mismatchpairsDevTest.csv": "name,imagenum1,name,imagenum2\nCy,1,Di_O'Hara,2\n",
    "peopleDevTrain.csv": "name,images\nAnn,3\nBob,1\n",
    "peopleDevTest.csv": "name,images\nCy,2\nZoë Ö,1\n",
    "pairs.csv": "name,imagenum1,imagenum2,\nAnn,1,2,\nAnn,2,Bob,1\nCy,1,2,\nCy,2,Zoë Ö,1\n",
    "people.csv": "name,images\nAnn,3\n",
    "lfw_allnames.csv": "name,images\nAnn,3\n",
    "lfw_readme.csv": "a,b\n",
}


@pytest.mark.parametrize("named", ["", "lfw-deepfunneled", "lfw-deepfunneled/lfw-deepfunneled"])
def test_kaggle_s_protocol_in_csv_is_the_same(tmp_path: Path, named: str) -> None:
    images = "lfw-deepfunneled/lfw-deepfunneled"
    csv, text = (
        make(tmp_path / "csv", {}, images),
        make(tmp_path / "text", VIEW_1 | PEOPLE_LISTS | VIEW_2, images),
    )
    put(csv, KAGGLE)
    for view in (1, 2):
        found, wanted = (
            LfwSource(root / path, view=view).scan() for root, path in ((csv, named), (text, ""))
        )
        start = images.removeprefix(named).strip("/")
        assert [
            tuple(str(side).replace(f"{images}/", f"{start}/".lstrip("/")) for side in pair[:2]) + pair[2:]
            for pair in pairs(wanted)
        ] == pairs(found)
        assert splits(found) == splits(wanted)
        assert (found.other_files, found.notes) == (0, [])


def test_a_bad_line_of_kaggle_s_protocol_is_named(tmp_path: Path) -> None:
    root = make(tmp_path, {})
    put(root, KAGGLE | {"matchpairsDevTest.csv": "name,imagenum1,imagenum2\nCy,1,x\n"})
    assert "matchpairsDevTest.csv, line 2: 'Cy,1,x' has no photo number" in refusal(root)
