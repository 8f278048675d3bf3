"""Crops beside their photos, and the ledger with its splits, in blocks that do not fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from facedata.config import ExportConfig
from facedata.errors import OtherSetError
from facedata.exports.base import Export
from facedata.exports.plain.ledger_rows import ledger_with_splits, pair_rows
from facedata.sets.prepared import PreparedSet
from facedata.tables.schema import CLASSES, PHOTOS


class _Tables:
    """Stands for a set whose tables come in blocks of these numbers of rows."""

    def __init__(self, tables: dict[str, tuple[pa.Table, list[int]]]) -> None:
        self.tables = tables

    def blocks(self, kind: str) -> Iterator[pa.Table]:
        table, sizes = self.tables[kind]
        at = 0
        for size in sizes:
            yield table.slice(at, size)
            at += size
        assert at == table.num_rows


SPLITS = ["train", "test", None, "train", "val", "train"]
KEPT = [True, False, True, True, False, False, True, True, True, False]


def _export(
    splits: tuple[str | None, ...], split: str | None, crops: list[int], photos: list[int], swap: bool = False
) -> Export:
    names = [f"{at}.jpg" for at in range(len(KEPT))]
    kept = [name for name, is_kept in zip(names, KEPT, strict=True) if is_kept]
    rows = [
        {
            "record": name,
            "photo": name,
            "status": "kept" if is_kept else "no_face",
            "path": name if is_kept else None,
        }
        for name, is_kept in zip(names, KEPT, strict=True)
    ]
    nothing: dict[str, Any] = {
        "identity": "a",
        "file": "f",
        "offset": 0,
        "length": 1,
        "crop_sha256": "",
        "photo": "",
    }
    paths = [kept[1], kept[0], *kept[2:]] if swap else kept
    classes = [
        {"id": at, "path": path, "split": one, **nothing}
        for at, (path, one) in enumerate(zip(paths, SPLITS, strict=True))
    ]
    tables = {
        "classes": (pa.Table.from_pylist(classes, schema=CLASSES), crops),
        "photos": (pa.Table.from_pylist(rows, schema=PHOTOS), photos),
    }
    return Export(cast(PreparedSet, _Tables(tables)), Path(), splits, ExportConfig(split=split))


@pytest.mark.parametrize("crops", [[6], [1, 0, 5], [4, 2]])
@pytest.mark.parametrize("photos", [[10], [3, 7], [1, 1, 3, 5], [4, 2, 4]])
def test_rows_meet_whatever_the_blocks_are(crops: list[int], photos: list[int]) -> None:
    pairs = list(pair_rows(_export(("train", "test", "val", None), None, crops, photos)))
    assert all(left.num_rows == right.num_rows > 0 for left, right in pairs)
    met = [
        (one["path"], other["record"], one["split"])
        for left, right in pairs
        for one, other in zip(left.to_pylist(), right.to_pylist(), strict=True)
    ]
    kept = [f"{at}.jpg" for at, is_kept in enumerate(KEPT) if is_kept]
    assert met == list(zip(kept, kept, SPLITS, strict=True))
    only = [
        left.column("path").to_pylist() for left, _ in pair_rows(_export(("train",), "train", crops, photos))
    ]
    assert [path for paths in only for path in paths] == [kept[0], kept[3], kept[5]]
    ledger = pa.concat_tables(
        ledger_with_splits(_export(("train", "test", "val", None), None, crops, photos))
    )
    of_kept = dict(zip(kept, SPLITS, strict=True))
    assert ledger.column("record").to_pylist() == [f"{at}.jpg" for at in range(10)]
    assert ledger.column("split").to_pylist() == [of_kept.get(f"{at}.jpg") for at in range(10)]


def test_tables_that_do_not_fit_are_refused() -> None:
    for read in (pair_rows, ledger_with_splits):
        with pytest.raises(OtherSetError, match="list other crops"):
            list(read(_export(("train",), None, [6], [10], swap=True)))
