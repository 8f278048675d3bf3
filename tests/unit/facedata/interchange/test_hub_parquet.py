"""Parquet as the hub has it: features that `datasets` reads, shards whose names say how many there are."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import StoreError
from facedata.interchange.hub_parquet import FEATURES, IMAGE, HubShards, hub_schema, plain_type

COLUMNS = pa.schema(
    [
        ("image", IMAGE),
        ("label", pa.int64()),
        ("text", pa.string()),
        ("small", pa.int8()),
        ("half", pa.float16()),
        ("score", pa.float32()),
        ("long", pa.float64()),
        ("yes", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("box", pa.list_(pa.float32())),
        ("boxes", pa.list_(pa.list_(pa.float32()))),
    ]
)


def rows(count: int, size: int = 1000) -> pa.Table:
    images = [{"bytes": bytes([n % 256]) * size, "path": f"{n}.jpg"} for n in range(count)]
    return pa.table({"image": pa.array(images, IMAGE), "id": pa.array(range(count), pa.int64())})


def test_datasets_reads_the_features(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    schema = hub_schema(COLUMNS, {"label": ["Anna", '"é\n"']})
    pq.write_table(schema.empty_table(), tmp_path / "x.parquet")
    found = datasets.Features.from_arrow_schema(pq.read_schema(tmp_path / "x.parquet"))
    assert found["image"] == datasets.Image()
    assert found["label"] == datasets.ClassLabel(names=["Anna", '"é\n"'])
    plain = {name: feature.dtype for name, feature in found.items() if isinstance(feature, datasets.Value)}
    assert plain == {
        "text": "string", "small": "int8", "half": "float16", "score": "float32", "long": "float64",
        "yes": "bool", "day": "date32", "at": "timestamp[us, tz=UTC]",
    }  # fmt: skip
    # also what older ones do, which take the features from the metadata alone
    told = json.loads(schema.metadata[FEATURES])["info"]["features"]
    assert datasets.Features.from_dict(told) == found


def test_dictionaries_and_nulls_become_plain() -> None:
    assert plain_type(pa.dictionary(pa.int32(), pa.string())) == pa.string()
    assert plain_type(pa.null()) == plain_type(pa.large_string()) == pa.string()
    assert plain_type(pa.int8()) == pa.int8()
    assert (
        plain_type(pa.list_(pa.float32(), 4))
        == plain_type(pa.large_list(pa.float32()))
        == pa.list_(pa.float32())
    )


def test_shards_are_numbered_and_named_by_their_count(tmp_path: Path) -> None:
    table = rows(10)
    with HubShards(tmp_path / "data", "train", hub_schema(table.schema), 5000, group_rows=2) as shards:
        for start in range(0, 10, 2):
            shards.write(table.slice(start, 2))
        files = shards.close()
    count = len(files)
    assert count > 1
    names = [f"train-{number:05d}-of-{count:05d}.parquet" for number in range(count)]
    assert (
        [file.name for file in files] == sorted(file.name for file in (tmp_path / "data").iterdir()) == names
    )
    assert pa.concat_tables(map(pq.read_table, files)).to_pylist() == table.to_pylist()
    assert all(file.stat().st_size < 8000 for file in files)  # a small file's footer is most of it
    groups = pq.ParquetFile(files[0]).metadata.row_group(0)
    by_path = {groups.column(at).path_in_schema: groups.column(at) for at in range(groups.num_columns)}
    assert by_path["image.bytes"].compression == "UNCOMPRESSED"
    assert by_path["id"].compression == "ZSTD"
    assert shards.rows == 10


def test_a_table_without_rows_is_a_file_without_rows(tmp_path: Path) -> None:
    with HubShards(tmp_path / "data", "train", hub_schema(rows(1).schema), 5000) as shards:
        (file,) = shards.close()
    assert file.name == "train-00000-of-00001.parquet"
    assert pq.read_table(file).num_rows == 0


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with (
        HubShards(tmp_path / "data", "train", rows(1).schema, 5000) as shards,
        pytest.raises(StoreError, match="data"),
    ):
        shards.write(rows(1))
