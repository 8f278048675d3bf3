"""What other programs make of a set's tables: all of them read, with the same rows, and written again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from facedata.testing import marked_folder
from tests.support.marked_photos import prepare_marked

KINDS = ("photos", "classes", "pairs", "triplets")
LISTS = ("all_boxes", "all_scores", "box", "landmarks", "matrix")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with rejected photos, so that every list has nulls; `given_box` is null throughout."""
    folder = tmp_path_factory.mktemp("readers")
    marked_folder(folder / "photos", people=6, photos=4)
    (folder / "photos" / "person-00" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    shutil.copy(folder / "photos" / "person-01" / "00.png", folder / "photos" / "person-01" / "again.png")
    prepare_marked(folder / "photos", folder / "faces", size=64, licence="CC0")
    return folder / "faces"


def plain(value: Any) -> Any:
    """Return a cell as lists and numbers, whatever a library makes of it."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value


def wanted(file: Path, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the rows as pyarrow reads them."""
    rows = pq.read_table(file).to_pylist()
    return [{name: value for name, value in row.items() if name not in without} for row in rows]


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a pandas frame."""
    columns = {str(name): [plain(value) for value in frame[name]] for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_pandas(kind: str, faces: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(faces / f"{kind}.parquet", engine="pyarrow")
    assert rows_of(frame) == wanted(faces / f"{kind}.parquet")
    frame.to_parquet(tmp_path / "again.parquet", engine="pyarrow")
    assert wanted(tmp_path / "again.parquet") == wanted(faces / f"{kind}.parquet")


@pytest.mark.parametrize("kind", KINDS)
def test_polars(kind: str, faces: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.read_parquet(faces / f"{kind}.parquet")
    assert frame.to_dicts() == wanted(faces / f"{kind}.parquet")
    frame.write_parquet(tmp_path / "again.parquet")
    assert wanted(tmp_path / "again.parquet") == wanted(faces / f"{kind}.parquet")


@pytest.mark.parametrize("kind", KINDS)
def test_duckdb(kind: str, faces: Path, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        found = connection.sql(f"SELECT * FROM '{faces / kind}.parquet'")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        assert [{name: plain(value) for name, value in row.items()} for row in rows] == wanted(
            faces / f"{kind}.parquet"
        )
        found.write_parquet(str(tmp_path / "again.parquet"))
    assert wanted(tmp_path / "again.parquet") == wanted(faces / f"{kind}.parquet")


@pytest.mark.parametrize("kind", KINDS)
def test_fastparquet_reads_all_but_lists_of_lists(kind: str, faces: Path) -> None:
    """It knows no lists of lists, and cannot write lists at all."""
    fastparquet = pytest.importorskip("fastparquet")
    with (faces / f"{kind}.parquet").open("rb") as file:
        frame = fastparquet.ParquetFile(file).to_pandas()
    assert list(frame.columns) == pq.read_schema(faces / f"{kind}.parquet").names
    unknown = ("all_boxes",) if kind == "photos" else ()
    assert frame[list(unknown)].isna().all(axis=None)
    assert rows_of(frame.drop(columns=list(unknown))) == wanted(faces / f"{kind}.parquet", without=unknown)


@pytest.mark.parametrize("kind", KINDS)
def test_hugging_face_datasets(kind: str, faces: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    found = datasets.Dataset.from_parquet(str(faces / f"{kind}.parquet"), cache_dir=str(tmp_path / "cache"))
    assert found.to_list() == wanted(faces / f"{kind}.parquet")
    found.to_parquet(str(tmp_path / "again.parquet"))
    assert wanted(tmp_path / "again.parquet") == wanted(faces / f"{kind}.parquet")


def test_the_lists_have_nulls_and_values(faces: Path) -> None:
    """So that the tests above are about both."""
    table = pq.read_table(faces / "photos.parquet")
    for name in LISTS:
        assert 0 < table.column(name).null_count < len(table), name
    assert table.column("given_box").null_count == len(table)
