"""How a set's tables are encoded: what each column costs, and that every value comes back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.files.staged import StagedFiles
from facedata.tables import schema
from facedata.tables.parquet import read_table, stage_table, write_table

ROWS = 3000
LARGEST = np.iinfo(np.int64).max


def ledger() -> pa.Table:
    """Return photos of 30 people, every seventh without a face, with numbers at the ends of their types."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(ROWS):
        record, has_face = f"p{number % 30:02d}/{number:06d}.jpg", bool(number % 7)
        floats = rng.random(24).astype(np.float32).tolist()
        rows.append(
            {
                "record": record,
                "photo": record,
                "identity": record[:3],
                "status": "kept" if has_face else "no_face",
                "width": [1, None, 2**31 - 1, -(2**31)][number % 4],
                "all_boxes": [floats[:4]] * (number % 3),
                "score": floats[4] if has_face else None,
                "landmarks": floats[5:15] if has_face else None,
                "matrix": floats[15:21] if has_face else None,
                "sha256": hashlib.sha256(record.encode()).hexdigest(),
                "path": record if has_face else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=schema.PHOTOS)


def columns_of(file: Path) -> dict[str, pq.ColumnChunkMetaData]:
    """Return the first row group's columns by name."""
    group = pq.read_metadata(file).row_group(0)
    found = [group.column(index) for index in range(group.num_columns)]
    return {column.path_in_schema.partition(".")[0]: column for column in found}


def test_a_ledgers_columns_are_encoded_by_what_they_hold(tmp_path: Path) -> None:
    rows = ledger()
    write_table(tmp_path / "photos.parquet", rows, kind="photos", schema=schema.PHOTOS, fingerprint="f")
    assert read_table(tmp_path / "photos.parquet", "photos").equals(rows)
    columns = columns_of(tmp_path / "photos.parquet")
    dictionaries = {name for name, column in columns.items() if column.has_dictionary_page}
    few = {"identity", "source_identity", "role", "official_split", "status", "reason", "source", "licence"}
    assert dictionaries == few
    packed = {name for name, column in columns.items() if "DELTA_BINARY_PACKED" in column.encodings}
    assert packed == {"width", "height", "turned_deg", "faces"}
    plain = {name for name, column in columns.items() if column.compression == "UNCOMPRESSED"}
    assert plain - packed == {
        "all_boxes", "all_scores", "score", "box", "landmarks", "tilt_deg", "given_box", "box_iou", "matrix",
    }  # fmt: skip
    assert all(column.is_stats_set for column in columns.values())


@pytest.mark.parametrize("values", [[], [7], [-LARGEST - 1, LARGEST, 0, -1], [5] * 1000, [None, 3, None]])
def test_packed_numbers_come_back(values: list[int | None], tmp_path: Path) -> None:
    columns = pa.schema([pa.field("fold", pa.int64()), pa.field("same", pa.bool_())])
    rows = pa.table([values, [True] * len(values)], schema=columns)
    write_table(tmp_path / "pairs.parquet", rows, kind="pairs", schema=columns, fingerprint="f")
    assert read_table(tmp_path / "pairs.parquet", "pairs").equals(rows)


def test_fastparquet_reads_wide_numbers_too(tmp_path: Path) -> None:
    """It misreads packed differences of 28 bits and more."""
    fastparquet = pytest.importorskip("fastparquet")
    times = np.random.default_rng(0).integers(0, 2**41, ROWS)
    rows = ledger().append_column("meta_time_ms", pa.array(times))
    width = pa.array(np.arange(ROWS, dtype=np.int32))
    rows = rows.set_column(rows.schema.get_field_index("width"), "width", width)
    with_time = schema.PHOTOS.append(rows.schema.field("meta_time_ms"))
    write_table(tmp_path / "photos.parquet", rows, kind="photos", schema=with_time, fingerprint="f")
    numbers = {"offset": times, "length": times[::-1].copy(), "id": np.arange(ROWS)}
    tar = pa.table({column: pa.array(values) for column, values in numbers.items()})
    write_table(tmp_path / "classes.parquet", tar, kind="classes", schema=tar.schema, fingerprint="f")
    for name, wanted, columns in (
        ("photos", rows, ["meta_time_ms", "width"]), ("classes", tar, ["offset", "length", "id"])
    ):  # fmt: skip
        with (tmp_path / f"{name}.parquet").open("rb") as file:
            found = fastparquet.ParquetFile(file).to_pandas(columns=columns)
        for column in columns:
            assert found[column].tolist() == wanted.column(column).to_pylist()


def test_paths_of_pairs_have_a_dictionary_however_many_they_are(tmp_path: Path) -> None:
    paths = [f"{'a long name of a person ' * 4}/{number:09d}.jpg" for number in range(40_000)]
    indices = np.repeat(np.arange(len(paths), dtype=np.int32), 3)
    path = pa.DictionaryArray.from_arrays(indices, paths)
    split = pa.DictionaryArray.from_arrays(np.zeros(len(indices), np.int32), ["train"])
    same = np.ones(len(indices), np.bool_)
    rows = [indices.astype(np.int64), indices.astype(np.int64), path, path, same, split]
    pairs = pa.table([*rows, pa.nulls(len(indices), pa.int32())], schema=schema.PAIRS)
    write_table(tmp_path / "pairs.parquet", pairs, kind="pairs", schema=schema.PAIRS, fingerprint="f")
    columns = columns_of(tmp_path / "pairs.parquet")
    once = sum(len(path) + 4 for path in paths)
    for name in ("left_path", "right_path"):
        assert once < columns[name].total_uncompressed_size < 1.2 * once
        assert not columns[name].is_stats_set
    assert columns["left"].is_stats_set
    assert columns["split"].is_stats_set
    assert read_table(tmp_path / "pairs.parquet", "pairs").to_pylist()[::5000] == pairs.to_pylist()[::5000]


def test_the_digest_is_of_the_file_as_it_is_on_disk(tmp_path: Path) -> None:
    rows = ledger()
    with StagedFiles() as staged:
        written = stage_table(
            staged, tmp_path / "photos.parquet", [rows.slice(0, 1000), rows.slice(1000)],
            kind="photos", schema=schema.PHOTOS, fingerprint="f",
        )  # fmt: skip
        staged.commit()
    data = (tmp_path / "photos.parquet").read_bytes()
    assert written == {"rows": ROWS, "sha256": hashlib.sha256(data).hexdigest()}


def test_nothing_is_left_of_a_table_whose_rows_fail(tmp_path: Path) -> None:
    def rows() -> Iterator[pa.Table]:
        yield ledger()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_table(tmp_path / "photos.parquet", rows(), kind="photos", schema=schema.PHOTOS, fingerprint="f")
    assert list(tmp_path.iterdir()) == []


def test_tables_that_are_no_sets_are_encoded_as_ever(tmp_path: Path) -> None:
    rows = pa.table({"path": ["a", "b"], "value": pa.array([0.5, 0.5], pa.float32())})
    write_table(tmp_path / "found.parquet", rows, kind="findings", schema=rows.schema, fingerprint="f")
    columns = columns_of(tmp_path / "found.parquet")
    assert all(column.has_dictionary_page for column in columns.values())
    assert {column.compression for column in columns.values()} == {"ZSTD"}
