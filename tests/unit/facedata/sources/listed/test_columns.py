"""Which column is the photo and which the person, and lists without a header."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.errors import SourceError
from facedata.sources.listed.columns import Columns, find_columns
from facedata.sources.table_file import read_cells


def columns_of(folder: Path, text: str, name: str = "t.csv") -> Columns:
    (folder / name).write_text(text)
    return find_columns(read_cells(folder / name))


@pytest.mark.parametrize(
    ("header", "row", "path", "identity"),
    [
        ("image_path,person_name,label", "a/1.jpg,anna,0", "image_path", "person_name"),
        ("file,label", "a/1.jpg,anna", "file", "label"),
        ("Image,Id", "1.jpg,w_1", "Image", "Id"),
        ("id,filename,name", "0,1.jpg,anna", "filename", "name"),
        ("name,class", "1.jpg,anna", "name", "class"),
        ("id,subject", "1.jpg,7", "id", "subject"),
        ("FILENAME,Subject ID", "1.jpg,7", "FILENAME", "Subject ID"),
        ("image_id,identity", "000001.jpg,2880", "image_id", "identity"),
        ("image,filename,person", "7,1.jpg,anna", "filename", "person"),
        ("photo,person,label,class", "1.jpg,anna,0,0", "photo", "person"),
    ],
)
def test_usual_names_are_understood_and_said(
    tmp_path: Path, header: str, row: str, path: str, identity: str
) -> None:
    found = columns_of(tmp_path, f"{header}\n{row}\n")
    assert (found.path, found.identity) == (path, identity)
    ours = (path, identity) == ("image_path", "person_name")
    assert found.notes == (() if ours else (f"columns: photos in {path}, people: column {identity}",))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("f,who\n1.jpg,anna\n", r"photos can be in a column path, .* no column path .*it has f, who$"),
        ("path,who\na/1.jpg,anna\n", r"people can be in a column identity, .*it has path, who$"),
        (
            "file,image,person\na.jpg,b.jpg,x\n",
            r"file and image could both be the path; rename the right one",
        ),
        ("path,name,label\na.jpg,anna,0\n", r"name and label could both be the identity; rename"),
        ("image_id,age\na/1.jpg,3\n", r"no column identity"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        columns_of(tmp_path, text)


def test_vggface2_names_its_people_by_their_folders(tmp_path: Path) -> None:
    text = 'NAME_ID,X,Y,W,H\n"n000002/0001_01",161,140,224,324\n"n000003/0002_01",1,2,30,40\n'
    found = columns_of(tmp_path, text)
    assert (found.path, found.identity, found.box.names) == ("NAME_ID", None, ("X", "Y", "W", "H"))
    assert found.notes == ("columns: photos in NAME_ID, people: the folder it lies in",)


@pytest.mark.parametrize(
    ("text", "path", "identity"),
    [
        ("a/1.jpg,anna\nb/2.jpg,bert\n", 1, 2),
        ("a/1.jpg 0\nb c/2.jpg 1\n", 1, 2),
        ("a/1.jpg\t0\nb/2.jpg\t1\n", 1, 2),
        ("anna;a/1.jpg\nbert;b/2.jpg\n", 2, 1),
        ("0\t5.000000\ta/1.jpg\n1\t6.000000\tb/2.jpg\n", 3, 2),  # MXNet
        ("1\ta/1.jpg\t0\n1\tb/2.jpg\t1\n", 2, 3),  # InsightFace
        ("n000002/0001_01.jpg\nn000003/0002_01.jpg\n", 1, None),  # VGGFace2, MS1M
        ("my people/anna/1.jpg\nmy people/bert/2.jpg\n", 1, None),
    ],
)
def test_a_list_without_a_header_is_understood(
    tmp_path: Path, text: str, path: int, identity: int | None
) -> None:
    found = columns_of(tmp_path, text, "train.lst")
    assert found.path == f"column {path}"
    assert found.identity == (identity and f"column {identity}")
    assert len(found.notes) == 1
    assert "no header" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a/1.jpg b/2.jpg\nc/3.jpg d/4.jpg\n", r"more than one column \(line 1: a/1\.jpg, b/2\.jpg; line 2"),
        (
            "a/1.jpg,anna,7\n",
            r"has 3 columns, and which one is the person is not clear \(line 1: a/1\.jpg, anna",
        ),
        (
            "a/1.jpg train\nb/2.jpg test\n",
            r"splits beside the photos.*put a line with the columns' names first",
        ),
        ("1.jpg\n2.jpg\n", r"names nobody"),
    ],
)
def test_a_list_that_can_mean_several_things_is_refused_with_its_first_lines(
    tmp_path: Path, text: str, what: str
) -> None:
    with pytest.raises(SourceError, match=what):
        columns_of(tmp_path, text)


def test_a_list_s_malformed_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 2: 1 fields where the first line has 2"):
        columns_of(tmp_path, "a/1.jpg 0\nb/2.jpg\n")
