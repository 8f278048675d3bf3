"""The ledger: duplicates and people with too few photos, against a slow loop over rows."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facedata.closing.ledger import Ledger
from facedata.errors import SetError
from facedata.plan.plan import Plan
from facedata.progress import disk_columns
from facedata.progress.parts import ROWS, read_rows, undo_settling, write_rows
from facedata.progress.resume import add_parts
from facedata.progress.row_index import RowIndex
from facedata.sampling.divide import Division
from facedata.sources.base import PLAN, Scan

BOXES = [None, [0.0, 0.0, 9.0, 9.0], [20.0, 0.0, 29.0, 9.0], [0.0, 0.0, 0.0, 0.0]]


@pytest.fixture(autouse=True)
def digests_on_disk() -> Iterator[None]:
    """Of an odd number of rows, digests are on disk, as those of a million are."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(disk_columns, "_MANY_ROWS", 1)
        yield


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def plan_of(people: list[str], boxes: list[Any] | None = None, status: list[Any] | None = None) -> Plan:
    columns: dict[str, list[Any]] = {name: [None] * len(people) for name in PLAN.names}
    columns["record"] = columns["photo"] = [f"{i:04}.jpg" for i in range(len(people))]
    columns["identity"] = list(people)
    columns["size"] = columns["mtime_ns"] = [1] * len(people)
    columns["given_box"] = boxes or columns["given_box"]
    columns["status"] = status or columns["status"]
    paths = [None if status and status[i] else f"p/{i:04}.jpg" for i in range(len(people))]
    records = pa.table(columns, schema=PLAN).append_column("crop_path", pa.array(paths, pa.string()))
    records = records.append_column("source_identity", records.column("identity"))
    return Plan(records, (), Scan(records, lambda photo: b""))


def row_of(record: str, digest: str, status: str) -> dict[str, Any]:
    kept = status == "kept"
    return {
        "record": record, "status": status, "sha256": sha(digest), "size": 1, "mtime_ns": 1,
        "path": f"p/{record}" if kept else None,
        "crop_sha256": sha(f"crop {record}") if kept else None,
        "crop_length": int(record[:4]) if kept else None,
        "all_boxes": [[float(record[:4]), 0, 1, 1]], "matrix": [float(record[:4])] * 6,
    }  # fmt: skip


def index_of(folder: Path, plan: Plan, rows: list[dict[str, Any]], shards: list[list[int]]) -> RowIndex:
    """Write each shard's rows as a part; ``rows`` are in the records' order."""
    index = RowIndex(plan.records, folder if len(rows) % 2 else None)
    parts = []
    for number, places in enumerate(shards):
        parts.append(folder / f"{number}.arrow")
        write_rows(parts[-1], pa.Table.from_pylist([rows[place] for place in places], schema=ROWS))
    add_parts(index, parts, np.array([place for places in shards for place in places], np.int64))
    return index


def whole(ledger: Ledger) -> list[dict[str, Any]]:
    return [row for block in ledger.blocks() for row in block.to_pylist()]


def slowly_settled(entries: list[tuple[str, str, str, int]], min_photos: int) -> list[str]:
    wanted: list[str] = []
    seen = set()
    for person, digest, status, box in entries:
        key = (person, digest, box)
        wanted.append("duplicate" if status == "kept" and key in seen else status)
        seen |= {key} if status == "kept" else set()
    left = [entry[0] for entry, status in zip(entries, wanted, strict=True) if status == "kept"]
    return [
        "too_few" if status == "kept" and left.count(entry[0]) < min_photos else status
        for entry, status in zip(entries, wanted, strict=True)
    ]


entries_of = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["kept", "kept", "no_face"]),
        st.sampled_from([0, 0, 0, 1, 2, 3]),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(entries_of, st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_streamed_ledger_agrees_with_a_slow_loop(
    entries: list[tuple[str, str, str, int]], min_photos: int, random: Any
) -> None:
    plan = plan_of([entry[0] for entry in entries], [BOXES[entry[3]] for entry in entries])
    rows = [row_of(f"{i:04}.jpg", entry[1], entry[2]) for i, entry in enumerate(entries)]
    order = list(range(len(rows)))
    random.shuffle(order)
    shards = [order[start : start + 4] for start in range(0, len(order), 4)]
    with tempfile.TemporaryDirectory() as name:
        ledger = Ledger(plan, index_of(Path(name), plan, rows, shards), min_photos)
        found = whole(ledger)
        wanted = slowly_settled(entries, min_photos)
        assert [row["status"] for row in found] == wanted
        assert ledger.count_statuses() == {status: wanted.count(status) for status in set(wanted)}
        for place, (row, before) in enumerate(zip(found, rows, strict=True)):
            assert row["record"] == f"{place:04}.jpg"
            assert row["path"] == (before["path"] if row["status"] == "kept" else None)
            assert (row["reason"] is not None) == (row["status"] in ("duplicate", "too_few"))
            assert (row["all_boxes"], row["matrix"], row["sha256"]) == (
                before["all_boxes"], before["matrix"], before["sha256"],
            )  # fmt: skip
        check_classes(ledger, found, rows)


def check_classes(ledger: Ledger, found: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    kept = [place for place, row in enumerate(found) if row["status"] == "kept"]
    numbers = np.arange(len(kept))
    division = Division(
        ["train", "test"], (numbers % 3 - 1).astype(np.int16), (numbers - 1).astype(np.int32), {}
    )
    crops = [crop for block in ledger.classes(division) for crop in block.to_pylist()]
    assert [crop["id"] for crop in crops] == list(range(len(kept)))
    for number, (place, crop) in enumerate(zip(kept, crops, strict=True)):
        assert crop["path"] == found[place]["path"]
        assert crop["identity"] == found[place]["identity"]
        assert (crop["crop_sha256"], crop["length"]) == (
            rows[place]["crop_sha256"],
            rows[place]["crop_length"],
        )
        assert crop["split"] == [None, "train", "test"][number % 3]
        assert crop["label"] == (number - 1 if number else None)


def test_what_was_settled_can_be_taken_back(tmp_path: Path) -> None:
    entries = [("a", "x", "kept"), ("a", "x", "kept"), ("b", "y", "kept"), ("a", "z", "no_face")]
    plan = plan_of([entry[0] for entry in entries])
    rows = [row_of(f"{i:04}.jpg", digest, status) for i, (_, digest, status) in enumerate(entries)]
    ledger = Ledger(plan, index_of(tmp_path, plan, rows, [[0, 1, 2, 3]]), 3)
    (block,) = ledger.blocks()
    assert block.column("status").to_pylist() == ["too_few", "duplicate", "too_few", "no_face"]
    assert undo_settling(block).column("status").to_pylist() == ["kept", "kept", "kept", "no_face"]
    assert undo_settling(block).column("reason").null_count == 4


def test_a_status_the_source_set_is_kept(tmp_path: Path) -> None:
    plan = plan_of(["a", "b"], status=["unsupported", None])
    index = index_of(tmp_path, plan, [{}, row_of("0001.jpg", "x", "kept")], [[1]])
    found = whole(Ledger(plan, index, 1))
    assert [(row["record"], row["status"]) for row in found] == [
        ("0000.jpg", "unsupported"),
        ("0001.jpg", "kept"),
    ]


def test_a_row_that_lost_its_crop_is_named_once_it_is_kept_again(tmp_path: Path) -> None:
    plan = plan_of(["a", "a"])
    rows = [row_of("0000.jpg", "x", "kept"), row_of("0001.jpg", "y", "kept") | {"path": None}]
    index = index_of(tmp_path, plan, rows, [[0, 1]])
    assert Ledger(plan, index, 1).without_crop().tolist() == [1]
    index.drop(np.array([1]))
    assert np.flatnonzero(index.file < 0).tolist() == [1]


def test_the_first_row_given_for_a_record_stays(tmp_path: Path) -> None:
    plan = plan_of(["a"])
    rows = [row_of("0000.jpg", "x", "kept")]
    index = index_of(tmp_path, plan, [row_of("0000.jpg", "y", "no_face")], [[0]])
    write_rows(tmp_path / "late.arrow", pa.Table.from_pylist(rows, schema=ROWS))
    add_parts(index, [tmp_path / "late.arrow"], np.array([0]))
    assert whole(Ledger(plan, index, 1))[0]["status"] == "no_face"


def test_rows_of_another_record_are_refused(tmp_path: Path) -> None:
    plan = plan_of(["a", "b"])
    rows = [row_of(f"000{i}.jpg", "x", "kept") for i in range(2)]
    index = index_of(tmp_path, plan, rows, [[0, 1]])
    write_rows(tmp_path / "0.arrow", read_rows(tmp_path / "0.arrow").take([1, 0]))
    with pytest.raises(SetError, match=r"row of '0000\.jpg' is no longer in its file"):
        whole(Ledger(plan, index, 1))


def test_a_ledger_frees_its_memory_and_cannot_be_used_afterwards(tmp_path: Path) -> None:
    plan = plan_of(["a"])
    rows = index_of(tmp_path, plan, [row_of("0000.jpg", "x", "kept")], [[0]])
    ledger = Ledger(plan, rows, 1)
    with ledger:
        assert ledger.count_statuses() == {"kept": 1}
    for freed, name in ((ledger, "kept"), (plan, "records"), (rows, "file")):
        with pytest.raises(AttributeError):
            getattr(freed, name)
