"""Files of pairs, as people have them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from facedata.errors import SourceError
from facedata.sampling.pair_file import PAIR_FILE, read_pair_file

Row = tuple[str, str, bool]


def read(tmp_path: Path, text: str, name: str = "pairs.txt") -> list[Row]:
    """Return the pairs of a file with this text: left, right, same."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    table = read_pair_file(tmp_path / name).table
    assert table.schema.equals(PAIR_FILE)
    return [(row["left"], row["right"], row["same"]) for row in table.to_pylist()]


LFW: list[Row] = [
    ("Ben_Lee/Ben_Lee_0001", "Ben_Lee/Ben_Lee_0012", True),
    ("Ben_Lee/Ben_Lee_0002", "Eva/Eva_0003", False),
]


@pytest.mark.parametrize(
    "text",
    [
        "Ben_Lee\t1\t12\nBen_Lee\t2\tEva\t3\n",
        "1\nBen_Lee\t1\t12\nBen_Lee\t2\tEva\t3\n",
        "1 1\nBen_Lee 1 12\nBen_Lee 2 Eva 3\n\n",
        "name,imagenum1,imagenum2,\nBen_Lee,1,12,\nBen_Lee,2,Eva,3\n",
        "# of 2020\r\nBen_Lee 1 12\r\nBen_Lee 2 Eva 3\r\n",
    ],
)
def test_lfw_s_format(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == LFW


def test_names_with_blanks_and_dots_between_tabs(tmp_path: Path) -> None:
    text = "Ben A. Lee\t1\t2\n"
    assert read(tmp_path, text) == [("Ben A. Lee/Ben A. Lee_0001", "Ben A. Lee/Ben A. Lee_0002", True)]


@pytest.mark.parametrize(
    "text",
    [
        "path1,path2,label\na/1.jpg,a/2.jpg,1\na/1.jpg,b/1.jpg,0\n",
        "image_a;image_b;is_same\na/1.jpg;a/2.jpg;True\na/1.jpg;b/1.jpg;False\n",
        "label\tImg 1\tImg 2\nsame\ta/1.jpg\ta/2.jpg\ndifferent\ta/1.jpg\tb/1.jpg\n",
        "left right same\na/1.jpg a/2.jpg 1\na/1.jpg b/1.jpg -1\n",
        "id1,id2,file1,file2,target\n0,1,a/1.jpg,a/2.jpg,1.0\n0,2,a/1.jpg,b/1.jpg,0.0\n",
        "a/1.jpg a/2.jpg 1\na/1.jpg b/1.jpg 0\n",
        "sep=;\nleft;right;same\na/1.jpg;a/2.jpg;1\n;;\na/1.jpg;b/1.jpg;0\n",
        'left, right, same\n"a/1.jpg", "a/2.jpg", "1"\n"a/1.jpg", "b/1.jpg", "0"\n',
        '{"left": ["a/1.jpg", "a/1.jpg"], "right": ["a/2.jpg", "b/1.jpg"], "same": [true, 0]}',
        "1 a/1.jpg a/2.jpg\n0 a/1.jpg b/1.jpg\n",
        "a/1.jpg, a/2.jpg, genuine\na/1.jpg, b/1.jpg, impostor\n",
        "\ufeffpath1,path2,label\r\na/1.jpg,a/2.jpg,yes\r\na/1.jpg,b/1.jpg,no\r\n",
    ],
)
def test_two_photos_and_a_label(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [("a/1.jpg", "a/2.jpg", True), ("a/1.jpg", "b/1.jpg", False)]


def test_quoted_paths_and_ids(tmp_path: Path) -> None:
    assert read(tmp_path, 'path1,path2,label\n"a, b/1.jpg",c.jpg,0\n') == [("a, b/1.jpg", "c.jpg", False)]
    assert read(tmp_path, "12,30,1\n12,7,0\n") == [("12", "30", True), ("12", "7", False)]


def test_parquet_and_compressed_csv(tmp_path: Path) -> None:
    columns = {
        "left": [3, 4],
        "right": [5, 6],
        "same": [True, False],
        "fold": [2, 1],
        "split": ["test", None],
    }
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    (tmp_path / "nameless").write_bytes((tmp_path / "p.parquet").read_bytes())
    for name in ("p.parquet", "nameless"):
        rows = read_pair_file(tmp_path / name).table.to_pylist()
        assert [(row["left"], row["right"], row["same"]) for row in rows] == [
            ("3", "5", True),
            ("4", "6", False),
        ]
        assert [(row["split"], row["fold"]) for row in rows] == [("test", 1), (None, 0)]
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(b"path1,path2,label\na,b,1\n"))
    assert read_pair_file(tmp_path / "p.csv.gz").table.num_rows == 1


def test_other_files_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "p.txt.gz").write_bytes(gzip.compress(b"1\nBen_Lee 1 12\nBen_Lee 2 Eva 3\n"))
    assert read_pair_file(tmp_path / "p.txt.gz").table.column("left").to_pylist() == [row[0] for row in LFW]
    table = pa.table({"left": ["a"], "right": ["b"], "same": [True]})
    feather.write_feather(table, tmp_path / "p.arrow")
    assert (
        read_pair_file(tmp_path / "p.arrow").table.select(table.column_names).to_pylist() == table.to_pylist()
    )
    (tmp_path / "lfw.bin").write_bytes(b"\x80\x03]q\0(\xff")
    with pytest.raises(SourceError, match=r"lfw\.bin is not a text file: save what it lists as text or CSV"):
        read_pair_file(tmp_path / "lfw.bin")


def test_ten_folds_of_lfw_s_view_2(tmp_path: Path) -> None:
    file = tmp_path / "pairs.txt"
    one = "Ben 1 2\nBen 1 3\nBen 1 Eva 1\nBen 2 Eva 1\n"
    file.write_text("3 2\n" + 3 * one)
    found = read_pair_file(file)
    assert found.table.column("fold").to_pylist() == [0] * 4 + [1] * 4 + [2] * 4
    assert found.lines[0] == 2
    assert not found.notes
    file.write_text("2 2\nBen 1 2\nBen 1 Eva 1\nBen 2 Eva 1\nBen 1 3\nBen 2 Eva 2\n")  # one is lost
    assert read_pair_file(file).table.column("fold").to_pylist() == [0, 0, 0, 1, 1]
    file.write_text("5 300\n" + one)
    found = read_pair_file(file)
    assert found.table.column("fold").null_count == 4
    assert "5 folds of 300 and 300 pairs" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "lists no pair"),
        ("path1,path2,label\n", "lists no pair"),
        ("a/1.jpg b/1.jpg\n", "line 1: 2 fields where a pair has 3"),
        ("a/1.jpg a/2.jpg 1\nmy photos/1.jpg b.jpg 0\n", "line 2: 4 fields where a pair has 3"),
        ("path1,path2,label\na,b,1\na,c,perhaps\n", "line 3: 'perhaps' does not say"),
        ("path1,path2,label\na,,1\n", "line 2: one of its two photos is missing"),
        ("path1,path2,label\na,b,1\na,c,0,1\n", "line 3: 4 fields where the header has 3"),
        ("path1,path2,label,label\na,b,1,0\n", "has two columns label; rename one"),
        ("Ben 1 2\nBen 1 Eva\n", "line 2: is not `name n m`"),
        ("path1,path2,colour\na,b,1\n", "no column that says whether"),
    ],
)
def test_what_is_not_a_list_of_pairs_is_refused_with_the_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        read(tmp_path, text)


def test_a_table_without_two_photos_names_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"photo": ["a"], "person": ["b"]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="its columns are: photo, person"):
        read_pair_file(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match=r"cannot read the pairs .*No such file"):
        read_pair_file(tmp_path / "gone.csv")
