"""Parquet files with pictures, whoever wrote them: what their columns are, and pictures by row."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import SourceError
from facedata.interchange.hub_columns import HubColumns, PictureRows, read_columns
from facedata.interchange.hub_parquet import FEATURES, IMAGE, hub_schema


def write(file: Path, table: pa.Table, rows: int = 4) -> Path:
    pq.write_table(table, file, row_group_size=rows)
    return file


def pictures(count: int, size: int = 10) -> list[bytes]:
    return [random.Random(number).randbytes(size) for number in range(count)]


def test_columns_of_pictures_are_known_by_their_feature_type_or_name(tmp_path: Path) -> None:
    binary = pa.array([b"x"], pa.binary())
    struct = pa.array([{"bytes": b"x", "path": "x.jpg"}], IMAGE)
    table = pa.table({"image": struct, "jpg": binary, "raw": binary, "thumb": struct, "size": pa.array([1])})
    assert HubColumns(write(tmp_path / "x.parquet", table)).pictures == ["image", "jpg", "thumb"]
    told = pa.table({"photo": struct, "who": pa.array([0])}).cast(
        hub_schema(pa.schema([("photo", IMAGE), ("who", pa.int64())]), {"who": ["Anna", "Bo"]})
    )
    columns = HubColumns(write(tmp_path / "y.parquet", told))
    assert (columns.pictures, columns.class_names) == (["photo"], {"who": ["Anna", "Bo"]})


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"info": 3}', b'{"info": {"features": 7}}', b"\xff"])
def test_features_that_make_no_sense_are_none(text: bytes, tmp_path: Path) -> None:
    table = pa.table({"image": pa.array([b"x"], pa.binary())}).replace_schema_metadata({FEATURES: text})
    columns = HubColumns(write(tmp_path / "x.parquet", table))
    assert (columns.pictures, columns.class_names, columns.rows) == (["image"], {}, 1)


def test_a_file_that_is_cut_off_or_none_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", pa.table({"image": pictures(9)}))
    data = file.read_bytes()
    for part in (
        b"",
        b"PAR1",
        data[:-1],
        data[:-20],
        data[: len(data) // 2],
        b"\0" * 100,
        data[:-8] + b"\xff" * 8,
    ):
        file.write_bytes(part)
        with pytest.raises(SourceError, match=r"x\.parquet.*copy or download it again"):
            HubColumns(file)
        with pytest.raises(SourceError, match=r"x\.parquet"):
            read_columns(file, ["image"])


@pytest.mark.parametrize("as_struct", [True, False])
def test_pictures_are_read_in_any_order_and_by_threads(as_struct: bool, tmp_path: Path) -> None:
    wanted = pictures(300)
    column = (
        pa.array([{"bytes": one, "path": None} for one in wanted], IMAGE) if as_struct else pa.array(wanted)
    )
    reader = PictureRows(
        write(tmp_path / "x.parquet", pa.table({"image": column, "id": range(300)}), 70), "image"
    )
    order = list(range(300)) + random.Random(0).sample(range(300), 300)
    assert [reader.read(row)[0] for row in order] == [wanted[row] for row in order]
    with ThreadPoolExecutor(4) as pool:
        assert [data for data, _ in pool.map(reader.read, order)] == [wanted[row] for row in order]
    for row in (-1, 300):
        with pytest.raises(OSError, match="no such row"):
            reader.read(row)


def test_a_row_group_of_large_pictures_is_not_read_as_a_whole(tmp_path: Path) -> None:
    size, count = 1 << 18, 200
    table = pa.table({"image": [bytes([number]) * size for number in range(count)]})
    file = tmp_path / "x.parquet"
    pq.write_table(
        table, file, row_group_size=count, write_batch_size=4, compression="none", use_dictionary=False
    )
    del table
    before = pa.total_allocated_bytes()
    reader = PictureRows(file, "image")
    for row in (3, 50, 190, 7):
        assert reader.read(row)[0] == bytes([row]) * size
        assert pa.total_allocated_bytes() - before < count * size // 2


def test_damage_within_a_file_is_of_the_row(tmp_path: Path) -> None:
    file = write(tmp_path / "x.parquet", pa.table({"image": pictures(40, 1000)}), 10)
    data = bytearray(file.read_bytes())
    start = pq.ParquetFile(file).metadata.row_group(2).column(0).data_page_offset
    data[start : start + 40] = b"\xff" * 40
    file.write_bytes(data)
    reader = PictureRows(file, "image")
    with pytest.raises(OSError, match=r"cannot read row 25 of .*x\.parquet"):
        reader.read(25)
    assert [reader.read(row)[0] for row in (5, 35)] == [pictures(36, 1000)[5], pictures(36, 1000)[35]]
