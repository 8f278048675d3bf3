"""Tars, whatever the crops, the shards and pieces they came in, and what was there before."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from facedata.store import tars
from facedata.store.read import read_crop
from facedata.store.tars import TarStore
from facedata.tables.parquet import write_table
from facedata.tables.schema import CLASSES, WORK

crops = st.lists(st.binary(min_size=1, max_size=1200), max_size=9)
cuts = st.lists(st.integers(0, 9), max_size=3).map(sorted)


def classes_of(found: list[bytes]) -> pa.Table:
    rows = [
        {
            "id": 2 * number, "path": f"a/{number}.jpg", "identity": "a", "label": None, "role": None,
            "split": None, "file": "", "offset": 0, "length": len(crop), "photo": f"a/{number}.png",
            "crop_sha256": hashlib.sha256(crop).hexdigest(),
        }
        for number, crop in enumerate(found)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CLASSES)


def cut(table: pa.Table, at: list[int]) -> list[pa.Table]:
    ends = [0, *(min(end, table.num_rows) for end in at), table.num_rows]
    return [table.slice(start, end - start) for start, end in pairwise(ends)]


def settled(out: Path, found: list[bytes], at: list[int]) -> pa.Table:
    classes = pa.concat_tables(
        [CLASSES.empty_table(), *TarStore(out).assign_files(cut(classes_of(found), at))]
    )
    TarStore(out).keep_only(cut(classes, at[1:]))
    return classes


@settings(max_examples=25)  # each writes and flushes some twenty files
@given(crops, cuts, cuts, crops, st.integers(1, 4))
def test_tars_hold_the_crops_and_nothing_of_how_they_came(
    found: list[bytes], shards: list[int], pieces: list[int], earlier: list[bytes], size: int
) -> None:
    with tempfile.TemporaryDirectory() as name, patch.object(tars, "TAR_CROPS", size):
        plain, out = Path(name, "plain"), Path(name, "out")
        TarStore(plain).put("all", [("", crop) for crop in found])
        expected = settled(plain, found, [])

        TarStore(out).put("earlier", [("", crop) for crop in earlier])
        before = settled(out, earlier, [])
        (out / WORK / "previous").mkdir(parents=True)
        write_table(
            out / WORK / "previous/classes.parquet", before, kind="classes", schema=CLASSES, fingerprint=""
        )
        for blob in (out / WORK / "parts").glob("*"):
            blob.unlink()  # these crops are in the earlier tars only
        ends = [0, *(min(end, len(found)) for end in shards), len(found)]
        for number, (start, end) in enumerate(pairwise(ends)):
            new = [("", crop) for crop in found[start:end] if crop not in earlier]
            TarStore(out).put(f"shard{number}", new)
        classes = settled(out, found, pieces)

        assert classes.equals(expected)
        names = []
        for file in sorted(out.glob("crops/*")):
            assert file.read_bytes() == (plain / "crops" / file.name).read_bytes()
            with tarfile.open(file) as tar:
                names += tar.getnames()
        numbers = sorted({2 * n // size for n in range(len(found))})  # by ids, which have holes here
        assert [file.name for file in sorted(plain.glob("crops/*"))] == [f"{n:05d}.tar" for n in numbers]
        assert names == [f"{2 * n:09d}.{kind}" for n in range(len(found)) for kind in ("jpg", "json")]
        for row, crop in zip(classes.to_pylist(), found, strict=True):
            assert read_crop(out, row["file"], row["offset"], row["length"]) == crop
