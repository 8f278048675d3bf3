"""A table's file: every dialect of CSV reads the same, its values stay text, and bad files are refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
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
    with pytest.raises(SourceError, match=r"line 1: not UTF-8"):
        read(tmp_path, "path,identity\na.jpg,x\n".encode("utf-16"))


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
