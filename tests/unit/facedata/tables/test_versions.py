"""Files with lists of a fixed size, as schema version 1 and other programs write them."""

from __future__ import annotations

import base64
import io
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import SchemaVersionError
from facedata.tables.parquet import read_blocks, read_footer, read_table
from facedata.tables.schema import PHOTOS, SCHEMA_VERSION
from facedata.tables.versions import open_parquet, upgrade_ledger

BOXES = [[0.0, 1.0, 2.0, 3.0], None, [4.0, 5.0, 6.0, 7.0], None]
NESTED = [[[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 2.0, 3.0]], None, [], [[4.0, 5.0, 6.0, 7.0]]]
BOX = pa.list_(pa.float32(), 4)


def write_fixed(file: Path, columns: dict[str, tuple[list[Any], pa.DataType]], **metadata: str) -> None:
    """Write columns whose lists have a fixed size, with any pyarrow: the file differs in its schema alone."""

    def any_length(kind: pa.DataType) -> pa.DataType:
        is_list = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)
        return pa.list_(any_length(kind.value_type)) if is_list else kind

    about = {f"facedata.{name}".encode(): value.encode() for name, value in metadata.items()}
    old = pa.schema([pa.field(name, kind) for name, (_, kind) in columns.items()], about)
    table = pa.table({name: pa.array(values, any_length(kind)) for name, (values, kind) in columns.items()})
    table = table.replace_schema_metadata({**about, b"ARROW:schema": base64.b64encode(old.serialize())})
    pq.write_table(table, file, row_group_size=3)
    assert pq.read_schema(file).types == old.types


def test_lists_of_a_fixed_size_are_read_by_every_pyarrow(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "box": (BOXES, BOX),
        "all_boxes": (NESTED, pa.list_(BOX)),
        "n": ([1, 2, 3, 4], pa.int64()),
    }
    write_fixed(tmp_path / "t.parquet", columns)
    with (tmp_path / "t.parquet").open("rb") as file:
        parquet = open_parquet(file)
        assert parquet.read().to_pydict() == {name: values for name, (values, _) in columns.items()}
        assert parquet.num_row_groups == 2
        assert parquet.read_row_group(1, columns=["box"]).to_pydict() == {"box": BOXES[3:]}


def test_other_files_are_opened_as_they_are(tmp_path: Path) -> None:
    table = pa.table({"n": [1, 2], "words": [["a"], None], "at": pa.array([1, 2], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "t.parquet", use_compliant_nested_type=False)
    with (tmp_path / "t.parquet").open("rb") as file:
        assert open_parquet(file).read().equals(table)


def test_lists_that_another_program_named_differently_are_read_where_pyarrow_can(tmp_path: Path) -> None:
    table = pa.table({"box": pa.array([BOXES[0], BOXES[2]], BOX)})
    pq.write_table(table, tmp_path / "t.parquet", use_compliant_nested_type=False)
    with (tmp_path / "t.parquet").open("rb") as file:
        assert open_parquet(file).read().to_pydict() == {"box": [BOXES[0], BOXES[2]]}


def test_an_old_ledger_gets_the_columns_it_lacks() -> None:
    rows = pa.table(
        {
            "record": pa.array(["1.jpg", "2.jpg", "3.jpg", "4.jpg"]),
            "identity": pa.array(["anna", None, "ben", "anna"]),
            "faces": pa.array([1, None, 2, 0], pa.int32()),
            "box": pa.array(BOXES, BOX),
            "meta_box": pa.array(BOXES, BOX),
        }
    )
    found = upgrade_ledger(rows)
    assert found.column("source_identity").to_pylist() == ["anna", None, "ben", "anna"]
    assert found.column("turned_deg").to_pylist() == [0, None, 0, None]
    assert found.column("licence").null_count == found.column("source").null_count == 4
    assert found.column("box").to_pylist() == BOXES
    for name in found.column_names[:-1]:
        assert found.schema.field(name).equals(PHOTOS.field(name)), name
    assert found.column_names[-1] == "meta_box"
    assert found.column("meta_box").equals(rows.column("meta_box"))  # the source's own, as it is
    sink = pa.BufferOutputStream()
    pq.write_table(
        found.drop_columns(["meta_box"]), sink
    )  # older pyarrows refuse nulls with numbers behind them


def test_an_old_ledger_is_read_with_any_of_its_columns(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "record": (["1.jpg", "2.jpg", "3.jpg", "4.jpg"], pa.string()),
        "identity": (["anna", None, "ben", "anna"], pa.string()),
        "faces": ([1, None, 2, 0], pa.int32()),
        "box": (BOXES, BOX),
    }
    write_fixed(tmp_path / "photos.parquet", columns, kind="photos", schema_version="1", fingerprint="f")
    footer = read_footer(tmp_path / "photos.parquet")
    assert (footer.kind, footer.fingerprint, footer.rows, footer.version) == ("photos", "f", 4, 1)
    everything = read_table(tmp_path / "photos.parquet", "photos")
    assert everything.num_rows == 4
    for names in (["box"], ["turned_deg", "record"], ["source_identity"], ["licence"]):
        found = read_table(tmp_path / "photos.parquet", "photos", names)
        assert found.column_names == names
        assert found.equals(everything.select(names))
    (second,) = read_blocks(tmp_path / "photos.parquet", ["box"], groups=[1])
    assert second.to_pydict() == {"box": BOXES[3:]}


@pytest.mark.parametrize("version", [str(SCHEMA_VERSION + 1), "0", "-1", "1.0", "", "x"])
def test_another_version_is_refused_with_what_to_do(version: str, tmp_path: Path) -> None:
    metadata = {"facedata.kind": "photos", "facedata.schema_version": version}
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata(metadata), tmp_path / "t.parquet")
    with pytest.raises(
        SchemaVersionError, match=rf"version {version}; .* reads versions 1 to {SCHEMA_VERSION}: install"
    ):
        read_footer(tmp_path / "t.parquet")


class WatchedFile(io.BytesIO):
    """A file that knows which threads read it."""

    readers: set[int]

    def read(self, size: int | None = -1) -> bytes:
        self.readers = {*getattr(self, "readers", ()), threading.get_ident()}
        return super().read(size)


def test_only_the_thread_that_asks_reads_a_file(tmp_path: Path) -> None:
    """A thread of pyarrow's that still frees what it read when Python ends aborts the process."""
    file = tmp_path / "boxes.parquet"
    write_fixed(file, {"box": (BOXES, BOX), "name": (["a", "b", "c", "d"], pa.string())})
    watched = WatchedFile(file.read_bytes())
    assert open_parquet(watched).read(use_threads=False).num_rows == len(BOXES)
    assert watched.readers == {threading.get_ident()}
