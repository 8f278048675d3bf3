"""Where results may go."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import StoreError, UsageError
from facemodel.outputs import is_table_of, local_out, parquet_out


def of_triplets(path: Path) -> bool:
    return is_table_of(path, "triplets")


@pytest.mark.parametrize("out", ["s3://bucket/run", "file:///tmp/run", "memory://x"])
def test_no_folder_is_made_of_a_url(out: str) -> None:
    with pytest.raises(UsageError, match="facemodel writes to this machine"):
        local_out(out)


@pytest.mark.parametrize("out", ["", "o\udcff"])
def test_names_that_nothing_can_be_written_under(out: str) -> None:
    with pytest.raises(UsageError, match="it takes a path in UTF-8"):
        local_out(out)


def test_a_name_that_no_such_file_can_have_is_refused_at_once(tmp_path: Path) -> None:
    assert (
        parquet_out(tmp_path / "made" / "later" / "g.parquet", "a gallery", of_triplets).name == "g.parquet"
    )
    for name in ("g.csv", "g", "."):
        with pytest.raises(UsageError, match=r"the name of a gallery must end in \.parquet"):
            parquet_out(tmp_path / name, "a gallery", of_triplets)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file is a file"):
        parquet_out(tmp_path / "file" / "x" / "g.parquet", "a gallery", of_triplets)
    (tmp_path / "d.parquet").mkdir()
    with pytest.raises(StoreError, match="it is a folder"):
        parquet_out(tmp_path / "d.parquet", "a gallery", of_triplets)


def test_only_a_file_of_the_same_kind_is_written_anew(tmp_path: Path) -> None:
    path, table = tmp_path / "x.parquet", pa.table({"a": [1]})
    for kind in ("triplets", "embeddings", ""):
        pq.write_table(table.replace_schema_metadata({"facedata.kind": kind} if kind else None), path)
        if kind == "triplets":
            assert parquet_out(path, "a file of triplets", of_triplets) == path
            continue
        with pytest.raises(UsageError, match=r"x\.parquet exists and is not a file of triplets"):
            parquet_out(path, "a file of triplets", of_triplets)
    path.write_text("precious")
    with pytest.raises(UsageError, match="exists and is not"):
        parquet_out(path, "a file of triplets", of_triplets)
    pq.write_table(
        table.replace_schema_metadata({"facedata.kind": "triplets", "facedata.schema_version": "99"}), path
    )
    assert parquet_out(path, "a file of triplets", of_triplets) == path  # of a later version, and so ours
