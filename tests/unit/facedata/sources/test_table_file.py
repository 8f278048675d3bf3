"""A table's file: every dialect of CSV reads the same, its values stay text, and bad files are refused."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from facedata.errors import SourceError
from facedata.sources.table_file import Cells, read_cells


def read(folder: Path, data: bytes, name: str = "faces.csv") -> Cells:
    (folder / name).write_bytes(data)
    return read_cells(folder / name)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_any_csv_dialect_reads_the_same(tmp_path: Path, delimiter: str, line_end: str, encoding: str) -> None:
    values = [
        ["path", "identity", "note, a;b"],
        ["1.jpg", 'Zoë "Z" Müller', "x,y;z\tw"],
        ["2.jpg", "two\nlines", ""],
    ]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(values)
    cells = read(tmp_path, file.getvalue().encode(encoding))
    assert cells.columns.column_names == values[0]
    assert [list(row.values()) for row in cells.columns.to_pylist()] == values[1:]
    assert (list(cells.lines), cells.unit) == ([2, 3], "line")
    assert cells.texts("identity") == ['Zoë "Z" Müller', "two\nlines"]


def test_csv_values_stay_text(tmp_path: Path) -> None:
    people = ["007", "NA", "null", "1e5", "True"]
    cells = read(tmp_path, "\n".join(["path,identity", *(f"a.jpg,{person}" for person in people)]).encode())
    assert cells.texts("identity") == people


def test_bytes_that_are_not_utf8_are_named_by_their_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 3: not UTF-8; save the table as UTF-8"):
        read(tmp_path, "path,identity\na.jpg,x\nb.jpg,Zoë\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"line 2: not UTF-8"):
        read(tmp_path, "path,identity\n".encode("utf-16") + b"\x00\xdc\x00\xdc\n\0")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "sep=|", "SEP=;"])
def test_excel_s_first_line_names_the_delimiter(tmp_path: Path, first: str, end: str) -> None:
    mark = first.strip('"')[-1]
    lines = [first, f"path{mark}identity,x", f"a.jpg{mark}anna", "", f"b.jpg{mark}bert", ""]
    cells = read(tmp_path, end.join(lines).encode("utf-16"))
    assert cells.columns.column_names == ["path", "identity,x"]
    assert cells.columns.column(1).to_pylist() == ["anna", "bert"]
    assert list(cells.lines) == [3, 5]
    with pytest.raises(SourceError, match=r"line 3: 1 fields where the header has 2"):
        read(tmp_path, end.join([first, f"path{mark}identity", "a.jpg"]).encode())


def test_rows_that_excel_wrote_of_marks_alone_are_no_rows(tmp_path: Path) -> None:
    cells = read(tmp_path, b',\r\n ,\r\npath,identity\r\na.jpg,anna\r\n,\r\nb.jpg,\r\n"",\r\n')
    assert cells.columns.to_pylist() == [
        {"path": "a.jpg", "identity": "anna"},
        {"path": "b.jpg", "identity": ""},
    ]
    assert list(cells.lines) == [4, 6]


def test_a_field_that_holds_the_mark_needs_quotes(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 2: 3 fields .* holds ',' itself needs double quotes"):
        read(tmp_path, b"path,identity\na.jpg,Blair, Tony\n")
    assert read(tmp_path, b'path,identity\na.jpg,"Blair, Tony"\n').texts("identity") == ["Blair, Tony"]


def test_blanks_after_commas_are_no_part_of_a_quoted_cell(tmp_path: Path) -> None:
    cells = read(tmp_path, b'path, identity\na.jpg, "Smith, John"\n')
    assert cells.columns.to_pylist() == [{"path": "a.jpg", "identity": "Smith, John"}]


def test_compressed_tables_read_the_same(tmp_path: Path) -> None:
    data = b"path,identity\na.jpg,anna\n"
    plain = read(tmp_path, data)
    for name, pack in (("t.csv.gz", gzip.compress), ("t.csv.bz2", bz2.compress), ("t.csv.xz", lzma.compress)):
        assert read(tmp_path, pack(data), name).columns.equals(plain.columns)
    with pytest.raises(
        SourceError, match=r"cannot read the table .*t\.gz: its compressed content is damaged"
    ):
        read(tmp_path, gzip.compress(data)[:20], "t.gz")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('[{"path": "a.jpg", "identity": 7,\n "box": [1, 2, 3, 4]},\n {"path": "b.jpg"}]', [1, 2]),
        (
            '{"path": "a.jpg", "identity": 7, "box": [1, 2, 3, 4]}\n\n{"path": "b.jpg", "identity": null}\n',
            [1, 3],
        ),
        (
            '{"path":{"0":"a.jpg","1":"b.jpg"}, "identity":{"0":7,"1":null}, "box":{"0":[1,2,3,4],"1":null}}',
            [1, 2],
        ),
        ('{\n"path": ["a.jpg", "b.jpg"],\n"identity": [7, null],\n"box": [[1, 2, 3, 4], null]\n}', [1, 2]),
    ],
)
def test_json_is_a_table(tmp_path: Path, text: str, lines: list[int]) -> None:
    cells = read(tmp_path, text.encode(), "faces.json")
    assert cells.texts("path") == ["a.jpg", "b.jpg"]
    assert cells.texts("identity") == ["7", None]
    assert cells.columns.column("box").to_pylist() == ["[1, 2, 3, 4]", None]
    assert list(cells.lines) == lines


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[{"path": "a.jpg"},\n{"path": }]', r"line 2: is not complete JSON"),
        ('{\n"path": ["a.jpg"],\n"identity": }', r"line 3: is not complete JSON"),
        ('{"path": "a.jpg"}\n{"path"', r"line 2: is not complete JSON"),
        ('{"path": "a.jpg"}\n7\n', r"is not a list of objects"),
    ],
)
def test_json_that_is_no_table_is_refused(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        read(tmp_path, text.encode(), "faces.json")


def test_feather_is_a_table(tmp_path: Path) -> None:
    table = pa.table({"path": ["a.jpg"], "identity": ["anna"], "box": [[1, 2, 3, 4]]})
    feather.write_feather(table, tmp_path / "t.feather")
    cells = read_cells(tmp_path / "t.feather")
    assert (cells.columns.to_pylist(), cells.unit) == (table.to_pylist(), "row")
    with pytest.raises(SourceError, match=r"not a complete Feather file"):
        read(tmp_path, b"ARROW1 and then nothing", "t.feather")


def test_a_workbook_s_first_sheet_is_a_table(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (
        [],
        ["path", "identity", None, "age"],
        ["a.jpg", 7, "x", 31.5],
        [],
        ["b.jpg", "bert", None, None],
    ):
        book.active.append(row)
    book.create_sheet("other").append(["nothing"])
    book.save(tmp_path / "faces.xlsx")
    cells = read_cells(tmp_path / "faces.xlsx")
    assert cells.columns.to_pylist() == [
        {"path": "a.jpg", "identity": "7", "age": "31.5"},
        {"path": "b.jpg", "identity": "bert", "age": None},
    ]
    (tmp_path / "faces.csv").write_bytes((tmp_path / "faces.xlsx").read_bytes())  # renamed, not converted
    assert read_cells(tmp_path / "faces.csv").columns.equals(cells.columns)
    assert cells.unit == "row"
    assert next(iter(cells.lines)) == 3


def test_a_workbook_without_the_package_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "faces.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        SourceError, match=r"save the table as CSV \(UTF-8\).*; or install the package openpyxl"
    ):
        read_cells(tmp_path / "faces.xlsx")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"old Excel file \(\.xls\): save the table as CSV"),
        (b"PK\x03\x04 and nothing", r"damaged Excel file or zip"),
    ],
)
def test_office_files_that_are_not_read_say_what_to_do(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(SourceError, match=what):
        read(tmp_path, data, "faces.xls")
    with zipfile.ZipFile(tmp_path / "faces.ods", "w") as archive:
        archive.writestr("content.xml", "")
    with pytest.raises(SourceError, match=r"not a table: unpack it, or save the table as CSV"):
        read_cells(tmp_path / "faces.ods")


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read the table .*gone\.csv: No such file"):
        read_cells(tmp_path / "gone.csv")
    with pytest.raises(SourceError, match=r"cannot read the table .*Is a directory"):
        read_cells(tmp_path)
    with pytest.raises(SourceError, match=r"not a complete Parquet file"):
        read(tmp_path, b"PAR1 and then nothing", "faces.parquet")


def test_a_column_that_is_not_text_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["a.jpg"], "identity": [["x"]]}), tmp_path / "faces.parquet")
    with pytest.raises(SourceError, match=r"the column identity must hold text, not list"):
        read_cells(tmp_path / "faces.parquet").texts("identity")
