"""What --reference, --split-from and --exclude make of a scan's records."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from facedata.errors import SourceError, UsageError
from facedata.plan.overrides import exclude_photos, set_references, set_splits
from facedata.sources.base import PlanBuilder


def records() -> pa.Table:
    builder = PlanBuilder()
    for photo in ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/x/1.jpg"):
        builder.add(photo, identity=photo.partition("/")[0], size=1, mtime_ns=1)
    return builder.table()


def splits(split_from: str) -> list[str | None]:
    return list(set_splits(records(), split_from).column("official_split").to_pylist())


def split_file(folder: Path, text: str) -> str:
    (folder / "splits.csv").write_text(text, encoding="utf-8")
    return str(folder / "splits.csv")


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [("1.JPG", [0, 2, 3]), ("ann/*", [0, 1]), ("*/1.jpg", [0, 2, 3]), ("[ab]*/2.jpg", [1])],
)
def test_a_reference_pattern_without_a_slash_is_for_names(pattern: str, matched: list[int]) -> None:
    roles = set_references(records(), pattern).column("role").to_pylist()
    assert [at for at, role in enumerate(roles) if role == "reference"] == matched


def test_a_line_of_the_excluded_is_a_record_a_path_or_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("ann/2.jpg\nbob/x/*\n")
    excluded, note = exclude_photos(records(), str(tmp_path / "out.txt"))
    assert excluded.column("status").to_pylist() == [None, "excluded", None, "excluded"]
    assert note == "2 photos excluded by out.txt"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("header", ["", "photo,split\n", "\n", "\ufeff"])
def test_a_split_file_gives_each_photo_its_split(tmp_path: Path, header: str, end: str) -> None:
    text = header + "ann/1.jpg,train\nbob/1.jpg, test\n\nann/1.jpg,train\n"
    file = split_file(tmp_path, text.replace("\n", end))
    assert splits(file) == ["train", None, "test", None]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("gone/1.jpg,train\nann/1.jpg,train\n", r"line 1: there is no photo 'gone/1\.jpg'"),
        ("photo,split\nann/1.jpg,train\ngone/1.jpg,test\n", r"line 3: there is no photo 'gone/1\.jpg'"),
        (
            "ann/1.jpg,train\nann/2.jpg,test\nann/1.jpg,test\n",
            r"line 3: 'ann/1\.jpg' is in train and in test",
        ),
        ("photo,split\nann/1.jpg\n", r"line 2: 'ann/1\.jpg' is not a photo, a comma and its split"),
    ],
)
def test_a_bad_line_of_a_split_file_is_named(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(SourceError, match=rf"splits\.csv, {line}"):
        splits(split_file(tmp_path, text))


@pytest.mark.parametrize(
    "text", ["sep=;\nphoto;split\nann/1.jpg;train\n;\n", "photo,split,\nann/1.jpg,train,\n,,\n"]
)
def test_a_split_file_as_excel_saves_it(tmp_path: Path, text: str) -> None:
    assert splits(split_file(tmp_path, text)) == ["train", None, None, None]


def test_a_workbook_or_another_binary_file_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "splits.xlsx").write_bytes(b"PK\3\4\x14\0\0\0\x08\0\xff")
    with pytest.raises(UsageError, match=r"^--split-from: .*splits\.xlsx is not a text file: save what it"):
        splits(str(tmp_path / "splits.xlsx"))


def test_photos_without_a_split_in_the_file_have_none(tmp_path: Path) -> None:
    assert splits(split_file(tmp_path, "\nann/1.jpg,\nbob/1.jpg,test\n")) == [None, None, "test", None]


@pytest.mark.parametrize(
    "line",
    [
        "./ann/2.jpg", "ann\\2.jpg", ".\\ann\\2.jpg", " ann/2.jpg\t", "/home/me/photos/ann/2.jpg",
        "C:\\photos\\ann\\2.jpg", "ann//2.jpg", "ann/2.jpg  # blurred", '"C:\\photos\\ann\\2.jpg"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_excluded_paths_may_be_written_in_other_ways(tmp_path: Path, line: str, encoding: str) -> None:
    (tmp_path / "out.txt").write_bytes(f"  # why\r\n{line}\r\n".encode(encoding))
    excluded, note = exclude_photos(records(), str(tmp_path / "out.txt"))
    assert excluded.column("status").to_pylist() == [None, "excluded", None, None]
    assert note == "1 photo excluded by out.txt"


@pytest.mark.parametrize("line", ["bob/", "bob\\", "./bob/*", "bob\\*", "BOB/*", "./bob/"])
def test_excluded_folders_and_patterns_may_be_written_in_other_ways(tmp_path: Path, line: str) -> None:
    (tmp_path / "out.txt").write_text(line)
    excluded, _ = exclude_photos(records(), str(tmp_path / "out.txt"))
    assert excluded.column("status").to_pylist() == [None, None, "excluded", "excluded"]


def test_excluded_lines_that_match_nothing_are_said_with_their_number(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("ann/1.jpg\n\nBen/1.jpg\n*copy*\n# no\nann/9.jpg \n")
    _, note = exclude_photos(records(), str(tmp_path / "out.txt"))
    assert note == (
        "1 photo excluded by out.txt; 3 of its lines name no photo of the source: line 3 'Ben/1.jpg', "
        "line 4 '*copy*', line 6 'ann/9.jpg'"
    )


def test_a_root_s_own_photo_is_no_pattern_for_all_folders(tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("./1.jpg\n./1*\n")
    excluded, note = exclude_photos(records(), str(tmp_path / "out.txt"))
    assert excluded.column("status").null_count == 4
    assert "2 of its lines" in note


@pytest.mark.parametrize("pattern", ["ann\\*", "./ann/*", ".\\ann\\*", " ann/* "])
def test_a_reference_pattern_may_be_written_in_other_ways(pattern: str) -> None:
    roles = set_references(records(), pattern).column("role").to_pylist()
    assert roles == ["reference", "reference", None, None]


@pytest.mark.parametrize(
    "text",
    [
        "./ann/1.jpg,train\nbob\\1.jpg,test\n",
        "ann/1.jpg;train\nbob/1.jpg;test\n",
        "ann/1.jpg\ttrain\nbob/1.jpg\ttest\n",
        "ann/1.jpg train\nbob/1.jpg test\n",
        "image_id,partition\nann/1.jpg,train\nbob/1.jpg,test\n",
        "/p/ann/1.jpg, train \n/p/bob/1.jpg,test\n",
    ],
)
def test_a_split_file_may_be_written_in_other_ways(tmp_path: Path, text: str) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "splits.csv").write_bytes(text.encode(encoding))
        assert splits(str(tmp_path / "splits.csv")) == ["train", None, "test", None]


@pytest.mark.parametrize("first", ["ann/l.jpg,train", "an/1.jpg,split", "ann,valid", "x.png,validation"])
def test_a_slip_on_the_first_line_is_no_header(tmp_path: Path, first: str) -> None:
    file = split_file(tmp_path, f"{first}\nbob/1.jpg,test\n")
    with pytest.raises(SourceError, match=rf"splits\.csv, line 1: there is no photo '{first.split(',')[0]}'"):
        splits(file)


def test_an_empty_group_of_a_pattern_is_no_split() -> None:
    assert splits("^bob/(x?)") == [None, None, None, "x"]
    assert splits("ann|bob") == ["ann", "ann", "bob", "bob"]


@pytest.mark.parametrize("pattern", ["(", "x" * 300, "^(train|test)/"])
def test_a_pattern_that_is_none_or_matches_nothing_is_wrong_use(pattern: str) -> None:
    with pytest.raises(UsageError, match="--split-from"):
        splits(pattern)
