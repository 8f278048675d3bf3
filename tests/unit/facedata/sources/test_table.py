from __future__ import annotations

import math
import os
import pickle
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.sources.base import PLAN, Scan
from facedata.sources.listed.box_formats import parse_box
from facedata.sources.table import TableSource

PHOTO = b"\xff\xd8\xff\xe0" + bytes(20)


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PHOTO)


def listed(root: Path, text: str | bytes, name: str = "faces.csv") -> TableSource:
    table = root / name
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TableSource(table)


def parquet(root: Path, columns: dict[str, Any]) -> TableSource:
    pq.write_table(pa.table(columns), root / "faces.parquet")
    return TableSource(root / "faces.parquet")


def rows(found: Scan) -> list[dict[str, Any]]:
    assert found.photos.select(PLAN.names).schema.equals(PLAN)
    listing: list[dict[str, Any]] = found.photos.to_pylist()
    assert len({row["record"] for row in listing}) == len(listing)
    return listing


def column(found: Scan, name: str) -> list[Any]:
    return [row[name] for row in rows(found)]


def test_listed_photos_are_rows_and_unlisted_ones_are_not(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg", "c/unlisted.jpg")
    os.utime(tmp_path / "a/1.jpg", ns=(5, 1_700_000_000_123_456_789))
    found = listed(tmp_path, "path,identity\nb/2.jpg,bert\na/1.jpg,anna\n").scan()
    assert column(found, "record") == column(found, "photo") == ["b/2.jpg", "a/1.jpg"]
    assert column(found, "identity") == ["bert", "anna"]
    assert column(found, "size") == [len(PHOTO)] * 2
    assert column(found, "mtime_ns")[1] == 1_700_000_000_123_456_789
    assert found.missing == []
    assert found.reader("a/1.jpg") == PHOTO
    assert pickle.loads(pickle.dumps(found.reader))("a/1.jpg") == PHOTO


def test_system_e_tables_are_understood(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    frame = pd.DataFrame(
        {
            "image_path": ["a.jpg", "b.jpg"],
            "person_name": ["anna", "bert"],
            "bbox": ["[10, 20, 110, 140]", "[0,0,5,5]"],
            "split_type": ["train", "test"],
            "label": [0, 1],
        }
    )
    frame.to_csv(tmp_path / "faces.csv", index=False)
    found = TableSource(tmp_path / "faces.csv").scan()
    assert column(found, "identity") == ["anna", "bert"]
    assert column(found, "given_box") == [[10, 20, 110, 140], [0, 0, 5, 5]]
    assert column(found, "official_split") == ["train", "test"]
    assert column(found, "meta_label") == ["0", "1"]
    assert found.photos.column_names == [*PLAN.names, "meta_label"]


def test_our_own_column_name_wins_over_anothers(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    found = listed(tmp_path, "image_path,path,identity\nx.jpg,a.jpg,anna\n").scan()
    assert column(found, "photo") == ["a.jpg"]
    assert column(found, "meta_image_path") == ["x.jpg"]


def test_other_columns_pass_through_under_one_prefix(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    found = listed(tmp_path, ",path,identity,age,meta_consent\n0,a.jpg,anna,31,yes\n").scan()
    assert found.photos.column_names == [*PLAN.names, "meta_age", "meta_consent"]
    assert (column(found, "meta_age"), column(found, "meta_consent")) == (["31"], ["yes"])


def test_parquet_columns_keep_their_types(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "c.jpg")
    source = parquet(
        tmp_path,
        {
            "path": ["a.jpg", "gone.jpg", "c.jpg"],
            "identity": pa.array(["anna", "bert", None]).dictionary_encode(),
            "box": [[1.0, 2.0, 3.0, 4.0], None, []],
            "age": pa.array([31, 32, None], pa.int8()),
        },
    )
    found = source.scan()
    assert column(found, "given_box") == [[1, 2, 3, 4], None]
    assert column(found, "status") == [None, "no_identity"]
    assert found.photos.schema.field("meta_age").type == pa.int8()
    assert column(found, "meta_age") == [31, None]
    assert found.missing == ["gone.jpg"]


def test_numbers_can_name_people_in_parquet(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    pd.DataFrame({"path": ["a.jpg"], "identity": [2880]}).to_parquet(tmp_path / "faces.parquet")
    assert column(TableSource(tmp_path / "faces.parquet").scan(), "identity") == ["2880"]


def test_several_rows_of_one_photo_are_numbered_in_table_order(tmp_path: Path) -> None:
    put(tmp_path, "group.jpg", "one.jpg")
    found = listed(
        tmp_path, "path,identity\ngroup.jpg,anna\none.jpg,bert\n./group.jpg,carl\ngroup.jpg,anna\n"
    ).scan()
    assert column(found, "record") == ["group.jpg#1", "one.jpg", "group.jpg#2", "group.jpg#3"]
    assert column(found, "photo") == ["group.jpg", "one.jpg", "group.jpg", "group.jpg"]
    assert column(found, "identity") == ["anna", "bert", "carl", "anna"]


def test_a_photo_that_is_called_as_anothers_second_face_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "a.jpg#2")
    with pytest.raises(SourceError, match=r"line 4: .*'a\.jpg#2'"):
        listed(tmp_path, "path,identity\na.jpg,x\na.jpg#2,x\na.jpg,y\n").scan()


def test_absent_photos_are_named_once_and_have_no_row(tmp_path: Path) -> None:
    put(tmp_path, "here.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    names = ["z.jpg", "here.jpg", "a.jpg", "z.jpg", "here.jpg/x.jpg", "folder.jpg", "pipe.jpg", "broken.jpg"]
    names.append("n" * 300 + ".jpg")
    found = listed(tmp_path, "path,identity\n" + "".join(f"{name},p\n" for name in names)).scan()
    assert column(found, "record") == ["here.jpg"]
    assert found.missing == sorted(set(names) - {"here.jpg"})


def test_a_photo_out_of_reach_is_a_row_and_an_impossible_name_is_missing(tmp_path: Path) -> None:
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    found = parquet(tmp_path, {"path": ["circle.jpg", "nul\0.jpg"], "identity": ["x", "x"]}).scan()
    assert [(row["record"], row["size"], row["status"]) for row in rows(found)] == [("circle.jpg", 0, None)]
    assert found.missing == ["nul\0.jpg"]
    with pytest.raises(OSError, match="circle"):
        found.reader("circle.jpg")


def test_a_table_of_which_nothing_is_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of the 2 photos .* \(the first is a\.jpg"):
        listed(tmp_path, "path,identity\nb.jpg,x\na.jpg,x\n").scan()


def test_people_roles_and_splits_may_be_empty(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    found = listed(
        tmp_path, "path,identity,role,split\na.jpg,anna,reference,\nb.jpg,,,train\nc.jpg, ,,\n"
    ).scan()
    assert column(found, "role") == ["reference", None, None]
    assert column(found, "official_split") == [None, "train", None]
    assert column(found, "status") == [None, "no_identity", "no_identity"]
    assert column(found, "reason") == [None] + ["the table gives no identity"] * 2


def test_videos_are_unsupported_whoever_they_show(tmp_path: Path) -> None:
    put(tmp_path, "a.MP4", "b.mov", "noending")
    found = listed(tmp_path, "path,identity\na.MP4,anna\nb.mov,\nnoending,anna\n").scan()
    assert column(found, "status") == ["unsupported", "unsupported", None]


def test_search_looks_around_the_boxes_if_there_is_one(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    assert listed(tmp_path, "path,identity\na.jpg,x\n").search == "photo"
    assert listed(tmp_path, "path,identity,box\na.jpg,x,\nb.jpg,x, \n").search == "photo"
    source = listed(tmp_path, "path,identity,box\na.jpg,x,\nb.jpg,x,1 2 3 4\n")
    assert source.search == "given_box"
    assert column(source.scan(), "given_box") == [None, [1, 2, 3, 4]]


sides = st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2).map(sorted).filter(lambda side: side[0] < side[1])


@given(sides, sides)
def test_a_box_reads_the_same_however_it_is_written(across: list[float], down: list[float]) -> None:
    box = (across[0], down[0], across[1], down[1])
    numbers = [repr(value) for value in box]
    forms: list[object] = [list(box), f"[{','.join(numbers)}]", ", ".join(numbers), " ".join(numbers)]
    forms += [f" ( {' , '.join(numbers)} ) ", str(np.array(box, np.float32).astype(np.float64).tolist())]
    assert [parse_box(form) for form in forms] == [box] * len(forms)


@pytest.mark.parametrize("value", [None, "", "  ", "[]", "[ ]", [], ()])
def test_an_empty_box_is_none(value: object) -> None:
    assert parse_box(value) is None


BAD_BOXES: list[object] = [
    *("1,2,3", "1,2,3,4,5", "a,b,c,d", "1,,3,4", "[1,2,3,4", 7, {"x": 1}, [1, 2, 3, None], [[1, 2], [3, 4]]),
    *("1,2,nan,4", "1,2,inf,4", [1, 2, math.inf, 4], "1,2,1e39,4", "1" * 400 + ",2,3,4"),
    *("3,2,1,4", "1,4,3,2", "1,2,1,4", "1,2,3,2", "16777216,0,16777217,9"),  # the last as float32 are equal
]


@pytest.mark.parametrize("value", BAD_BOXES)
def test_a_bad_box_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"^(is not four|has no width)"):
        parse_box(value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,anna,1 2 3,", r"the box '1 2 3' is not four numbers"),
        ("a.jpg,anna,5 5 1 9,", r"the box '5 5 1 9' has no width"),
        ('a.jpg,"an\r\nna",5 5 1 9,', r"the box '5 5 1 9' has no width"),  # the line it starts on
        ("a.jpg,anna,,anchor", r"the role is 'anchor'; it takes reference"),
        (",anna,,", r"the path is empty"),
        ("../b.jpg,anna,,", r"'\.\./b\.jpg' leaves the root"),
        ("x/../../b.jpg,anna,,", r"leaves the root"),
        ("/etc/hostname,anna,,", r"leaves the root"),
        ("a.jpg,anna", r"2 fields where the header has 4"),
        ('"a.jpg,anna,,', r"a quote opens a field here, and none closes it"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: str, message: str) -> None:
    put(tmp_path, "root/a.jpg", "b.jpg")
    text = f'path,identity,box,role\r\n\r\na.jpg,"two\r\nlines",,\r\n{row}\r\na.jpg,x,,\r\n'
    with pytest.raises(SourceError, match=rf"faces\.csv, line 5: .*{message}"):
        listed(tmp_path / "root", text).scan()


def test_a_bad_parquet_row_is_named_by_its_number(tmp_path: Path) -> None:
    columns = {"path": ["a.jpg"] * 2, "identity": ["x"] * 2, "box": [[1, 2, 3, 4], [4, 3, 2, 1]]}
    with pytest.raises(SourceError, match=r"faces\.parquet, row 2: the box \[4, 3, 2, 1\]"):
        parquet(tmp_path, columns).scan()


def test_absolute_paths_below_the_root_are_accepted(tmp_path: Path) -> None:
    put(tmp_path, "real/a.jpg", "real/x/b.jpg")
    (tmp_path / "link").symlink_to("real")
    table = tmp_path / "faces.csv"
    table.write_text(f"path,identity\n{tmp_path}/link/a.jpg,x\n{tmp_path}/real/./x/b.jpg,x\n")
    source = TableSource(table, tmp_path / "link")
    assert column(source.scan(), "photo") == ["a.jpg", "x/b.jpg"]
    assert source.root == f"table={table},root={tmp_path}/link"


def test_a_relative_root_starts_where_the_process_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "photos/a.jpg")
    (tmp_path / "faces.csv").write_text(f"path,identity\n{tmp_path}/photos/a.jpg,x\n")
    monkeypatch.chdir(tmp_path)
    assert column(TableSource(Path("faces.csv"), Path("photos")).scan(), "photo") == ["a.jpg"]
    assert column(TableSource(Path("faces.csv")).scan(), "photo") == ["photos/a.jpg"]
    assert TableSource(Path("faces.csv")).root == "faces.csv"


def test_paths_are_written_as_in_the_ledger(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    put(tmp_path, name, "back\\slash.jpg")
    found = listed(tmp_path, "path,identity\ncaf\\xe9.jpg,x\nback\\slash.jpg,x\n").scan()
    assert column(found, "photo") == ["caf\\xe9.jpg", "back\\slash.jpg"]
    assert [found.reader(photo) for photo in column(found, "photo")] == [PHOTO, PHOTO]


@pytest.mark.parametrize("text", ["", "\n\n", "path,who\na.jpg,x\n", "path\na.jpg\n"])
def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path, text: str) -> None:
    there = text.split("\n")[0].replace(",", ", ") or "none"
    with pytest.raises(SourceError, match=rf"no column (path|identity) \(or \w+\); it has {there}$"):
        listed(tmp_path, text).scan()


@pytest.mark.parametrize("header", ["path,identity,path", "path,identity,age,meta_age"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(SourceError, match=r"two columns (path|meta_age)"):
        listed(tmp_path, f"{header}\n{header}\n").scan()


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no rows"):
        listed(tmp_path, "path,identity\n\n").scan()
    with pytest.raises(SourceError, match="has no rows"):
        parquet(tmp_path, {"path": pa.array([], pa.string()), "identity": pa.array([], pa.string())}).scan()


def test_a_root_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("path,identity\na.jpg,x\n")
    with pytest.raises(SourceError, match=r"cannot open the folder .*gone"):
        TableSource(tmp_path / "faces.csv", tmp_path / "gone").scan()


def test_many_rows_keep_their_order_and_meta(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    count = 150_000  # more than two chunks
    text = "path,identity,n\n" + "".join(f"{'a' if n % 3 else 'gone'}.jpg,p{n},{n}\n" for n in range(count))
    found = listed(tmp_path, text).scan()
    kept = [str(n) for n in range(count) if n % 3]
    assert found.photos.column("meta_n").to_pylist() == kept
    assert found.photos.column("identity").to_pylist() == [f"p{n}" for n in kept]
    assert found.photos.column("record")[0].as_py() == "a.jpg#1"


def real(root: Path, *names: str, size: tuple[int, int] = (200, 100)) -> None:
    """Write photos that can be opened."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(root / name)


@pytest.mark.parametrize(
    "path",
    [
        "people\\anna\\1.jpg", ".\\people/anna\\1.jpg", " people/anna/1.jpg ", "./people//anna/1.jpg",
        "C:\\Users\\me\\people\\anna\\1.jpg", "\\\\server\\share\\people\\anna\\1.jpg",
    ],
)  # fmt: skip
def test_paths_as_windows_and_people_write_them(tmp_path: Path, path: str) -> None:
    put(tmp_path, "people/anna/1.jpg")
    found = listed(tmp_path, f"path;identity\n{path};anna\n").scan()
    assert column(found, "photo") == ["people/anna/1.jpg"]
    assert found.missing == []
    start = path.strip().replace("\\", "/").partition("people/")[0]
    is_absolute = start not in ("", "./", ".//")
    assert found.notes == ([f"paths: {start} is taken as {tmp_path}"] if is_absolute else [])


def test_windows_paths_of_other_folders_or_photos_are_named(tmp_path: Path) -> None:
    put(tmp_path, "anna/1.jpg")
    found = listed(tmp_path, "path,identity\nC:\\p\\anna\\1.jpg,a\nc:\\P\\anna\\gone.jpg,a\n").scan()
    assert found.missing == ["anna/gone.jpg"]
    with pytest.raises(SourceError, match=r"line 3: the path 'D:.*' is not below C:/p/ like others"):
        listed(tmp_path, "path,identity\nC:\\p\\anna\\1.jpg,a\nD:\\p\\anna\\1.jpg,a\n").scan()
    with pytest.raises(SourceError, match=r"line 2: the path 'C:.*' is one of Windows, and no end of it"):
        listed(tmp_path, "path,identity\nC:\\p\\ben\\1.jpg,a\n").scan()


def test_a_file_whose_name_holds_blanks_or_a_backslash_wins(tmp_path: Path) -> None:
    put(tmp_path, " a.jpg", "a.jpg", "x\\b.jpg", "x/b.jpg")
    text = 'path,identity\n" a.jpg",x\nx\\b.jpg,x\n'
    assert column(parquet(tmp_path, {"path": [" a.jpg"], "identity": ["x"]}).scan(), "photo") == [" a.jpg"]
    assert column(listed(tmp_path, text).scan(), "photo")[1] == "x\\b.jpg"


def test_blanks_around_cells_are_stripped(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "b.jpg")
    text = "path , identity , split , role\na.jpg , anna , train , reference \nb.jpg, anna,train ,\n"
    found = listed(tmp_path, text).scan()
    assert column(found, "identity") == ["anna", "anna"]
    assert column(found, "official_split") == ["train", "train"]
    assert column(found, "role") == ["reference", None]
    exact = TableSource(tmp_path / "faces.csv", config=PrepareConfig(kind="table", names="exact")).scan()
    assert column(exact, "identity") == ["anna ", "anna"]


def test_paths_in_another_unicode_form_are_found(tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "Zoë/1.jpg")
    put(tmp_path, nfd)
    assert column(listed(tmp_path, "path,identity\nZoë/1.jpg,x\n").scan(), "photo") == [nfd]


def test_a_path_without_an_ending_is_the_one_photo_of_that_name(tmp_path: Path) -> None:
    put(tmp_path, "n1/0001_01.jpg", "n1/0001_01.txt", "n1/2.jpg", "n1/2.png", "plain")
    found = listed(tmp_path, "path,identity\nn1/0001_01,x\nn1/2,x\nplain,x\n").scan()
    assert column(found, "photo") == ["n1/0001_01.jpg", "plain"]
    assert found.missing == ["n1/2"]
    assert found.notes == ["paths: 1 without an ending were found with one, such as .jpg"]


def test_vggface2_s_boxes(tmp_path: Path) -> None:
    real(tmp_path, "n000002/0001_01.jpg")
    found = listed(tmp_path, 'NAME_ID,X,Y,W,H\n"n000002/0001_01",10,20,60,70\n').scan()
    assert column(found, "identity") == ["n000002"]
    assert column(found, "given_box") == [[10, 20, 70, 90]]
    assert "boxes: columns X, Y, W, H, x y width height in pixels" in found.notes
    assert found.photos.column_names == PLAN.names


def test_relative_boxes_become_pixels_of_each_photo(tmp_path: Path) -> None:
    real(tmp_path, "a.jpg")
    real(tmp_path, "b.jpg", size=(400, 300))
    put(tmp_path, "damaged.jpg")
    text = "path,identity,x1,y1,x2,y2\na.jpg,x,.1,.2,.5,.6\nb.jpg,x,.1,.2,.5,.6\ndamaged.jpg,x,.1,.2,.5,.6\n"
    found = listed(tmp_path, text).scan()
    np.testing.assert_allclose(column(found, "given_box")[:2], [[20, 20, 100, 60], [40, 60, 200, 180]])
    assert column(found, "given_box")[2] is None
    assert found.notes == ["boxes: columns x1, y1, x2, y2, x0 y0 x1 y1 from 0 to 1"]


@pytest.mark.parametrize("box_format", ["xyxy", "xywh"])
def test_ambiguous_boxes_are_refused_until_they_are_declared(tmp_path: Path, box_format: str) -> None:
    real(tmp_path, "a.jpg")
    text = 'path,identity,bbox\na.jpg,x,"[10,20,60,70]"\n'
    with pytest.raises(
        SourceError, match=r"is 50 x 50 or 60 x 70\): add --box-format xyxy or --box-format xywh"
    ):
        listed(tmp_path, text).scan()
    config = PrepareConfig(kind="table", box_format=box_format)
    found = TableSource(tmp_path / "faces.csv", config=config).scan()
    assert column(found, "given_box") == [[10, 20, 60, 70] if box_format == "xyxy" else [10, 20, 70, 90]]
    assert bool(found.notes) == (box_format == "xywh")


@pytest.mark.parametrize("box_format", [None, "xyxy", "xywh"])
def test_the_numbers_of_an_object_mean_what_their_names_say(tmp_path: Path, box_format: str | None) -> None:
    real(tmp_path, "a.jpg", "b.jpg")
    text = (
        "path,identity,facial_area\n"
        'a.jpg,x,"{""name"": ""rect"", ""x"": 10, ""y"": 20, ""width"": 30, ""height"": 40}"\n'
        "b.jpg,x,\"{'x': 10, 'y': 20, 'w': 30, 'h': 40, 'left_eye': (15, 30), 'right_eye': None}\"\n"
    )
    source = listed(tmp_path, text)
    found = TableSource(source.table, config=PrepareConfig(kind="table", box_format=box_format)).scan()
    assert column(found, "given_box") == [[10, 20, 40, 60]] * 2
    assert found.notes == ["boxes: column facial_area, named numbers in pixels"]


def test_a_box_format_is_for_tables() -> None:
    with pytest.raises(UsageError, match=r"--box-format xywh is for a table; the source is folder"):
        PrepareConfig(box_format="xywh")


def test_boxes_that_are_not_used_are_said(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    found = listed(tmp_path, "path,identity,cx,cy,w,h\na.jpg,x,1,2,3,4\n").scan()
    assert column(found, "given_box") == [None]
    assert found.notes == [
        "columns cx, cy, w, h look like boxes and are not used; boxes are read from column box, x0 y0 x1 y1"
    ]
    assert found.photos.column_names[len(PLAN) :] == ["meta_cx", "meta_cy", "meta_w", "meta_h"]
    found = listed(tmp_path, "path,identity,x1,y1,x2,y2,l,t,r\na.jpg,x,1,2,3,4,5,6,7\n").scan()
    assert column(found, "given_box") == [[1, 2, 3, 4]]
    assert found.notes[1] == (
        "columns l, t, r look like boxes and are not used; the boxes are those of x1, y1, x2, y2"
    )


def test_a_list_without_a_header_is_a_table(tmp_path: Path) -> None:
    put(tmp_path, "n1/a.jpg", "n2/b.jpg")
    found = listed(tmp_path, "n1/a.jpg\nn2/b.jpg\n", "train_list.txt").scan()
    assert column(found, "identity") == ["n1", "n2"]
    assert found.photos.column_names == PLAN.names
    found = listed(tmp_path, "0\t3.0\tn1/a.jpg\n1\t4.0\tn2/b.jpg\n", "train.lst").scan()
    assert column(found, "identity") == ["3", "4"]


def test_the_reader_needs_no_boxes_to_be_understood(tmp_path: Path) -> None:
    real(tmp_path, "a.jpg")
    source = listed(tmp_path, "path,identity,box\na.jpg,x,10 20 60 70\n")
    with pytest.raises(SourceError, match="--box-format"):
        source.scan()
    assert source.open_reader()("a.jpg") == (tmp_path / "a.jpg").read_bytes()
