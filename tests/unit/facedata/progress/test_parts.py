"""Parts read together are the rows of parts read one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.errors import NotASetError
from facedata.progress.parts import NARROW, ROWS, PartReader, read_rows, read_settling, write_rows
from facedata.progress.settling import SETTLING, STATUSES, settling_numbers


def _rows(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.Table.from_pylist(
        [
            {
                "record": f"anna/{number}.jpg",
                "status": "kept" if number % 3 else "no_face",
                "path": f"anna/{number}.jpg" if number % 3 else None,
                "all_boxes": [[0.5 * number, 1, 2, 3]] * (number % 3),
                "box": [0.5 * number, 1, 2, 3] if number % 3 else None,
                "matrix": [float(number)] * 6 if number % 3 else None,
                "sha256": f"{number:064x}",
                "size": number,
                "mtime_ns": -number,
            }
            for number in numbers
        ],
        schema=ROWS,
    )


def _write(folder: Path, lengths: list[int]) -> list[str]:
    paths = []
    for number, length in enumerate(lengths):
        path = folder / f"{number}.arrow"
        write_rows(path, _rows(100 * number, length))
        paths.append(str(path))
    return paths


@pytest.mark.parametrize("lengths", [[4], [64] * 40, [1, 64, 3, 64], [3, 0, 2], [0, 0], [2] * 257])
@pytest.mark.parametrize("columns", [ROWS.names, NARROW])
def test_parts_read_together_are_those_read_one_by_one(
    tmp_path: Path, lengths: list[int], columns: list[str]
) -> None:
    paths = _write(tmp_path, lengths)
    rows, found = PartReader().read(paths, columns)
    assert found == lengths
    assert rows.equals(pa.concat_tables([read_rows(path) for path in paths]).select(columns))


def test_later_reading_does_not_change_earlier_rows(tmp_path: Path) -> None:
    paths, reader = _write(tmp_path, [64] * 8), PartReader()
    first, _ = reader.read(paths[:4])
    expected = first.to_pylist()
    reader.read(paths[4:])
    reader._memory[:] = 255  # even if nothing of it were left
    assert first.to_pylist() == expected
    assert first.column("record").num_chunks == 1


def test_the_first_part_may_be_much_the_smallest(tmp_path: Path) -> None:
    paths = _write(tmp_path, [1, *[5000] * 5])
    reader = PartReader()
    rows, lengths = reader.read(paths)
    assert lengths == [1, *[5000] * 5]
    assert rows.equals(pa.concat_tables([read_rows(path) for path in paths]))


@pytest.mark.parametrize("damage", ["cut", "empty", "foot", "missing"])
def test_a_damaged_part_among_others_is_named(tmp_path: Path, damage: str) -> None:
    paths = _write(tmp_path, [3, 4, 5])
    part = Path(paths[1])
    data = bytearray(part.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "empty":
        data = bytearray()
    elif damage == "foot":
        data[-10:-6] = b"\xff\xff\xff\x7f"
    part.write_bytes(data)
    if damage == "missing":
        part.unlink()
    with pytest.raises(NotASetError, match=r"1\.arrow"):
        PartReader().read(paths)


def test_a_part_of_several_batches_is_read_too(tmp_path: Path) -> None:
    paths = _write(tmp_path, [3, 4, 5])
    with pa.ipc.new_file(paths[1], ROWS) as writer:
        writer.write_table(_rows(0, 10), max_chunksize=4)
    rows, lengths = PartReader().read(paths, NARROW)
    assert lengths == [3, 10, 5]
    assert rows.column("size").to_pylist() == [*range(3), *range(10), *range(200, 205)]
    assert np.array(lengths).sum() == rows.num_rows


def _write_without_numbers(path: str, rows: pa.Table) -> None:
    """Write a part as versions before 2026-11-27 did."""
    with pa.ipc.new_file(path, ROWS) as writer:
        writer.write_table(rows)


@pytest.mark.parametrize("old", [[], [1], [0, 1, 2, 3, 4]])
def test_a_part_ends_with_what_settling_needs(tmp_path: Path, old: list[int]) -> None:
    lengths = [3, 64, 1000, 1, 0]  # a thousand are more than the bytes that are looked at first
    paths = _write(tmp_path, lengths)
    for number in old:
        _write_without_numbers(paths[number], _rows(100 * number, lengths[number]))
    found, counts = read_settling(paths)
    assert counts == lengths
    together, counts = PartReader().read(paths)
    assert counts == lengths
    assert together.equals(pa.concat_tables([read_rows(path) for path in paths]))
    assert found.tobytes() == settling_numbers(together).tobytes()
    assert found.dtype == SETTLING
    for numbers, row in zip(found, together.to_pylist(), strict=True):
        assert STATUSES[numbers["status"]] == row["status"]
        assert numbers["digest"].tobytes() == bytes.fromhex(row["sha256"])[:16]
        assert numbers["crop"].tobytes() == bytes(32)
        assert numbers["length"] == -1
        assert numbers["box"].tolist() == (row["box"] or [0, 0, 0, 0])
        assert np.isnan(numbers["box_iou"])


def test_crops_and_hashes_are_among_the_numbers() -> None:
    row = {**_rows(1, 1).to_pylist()[0], "crop_sha256": "0f" * 32, "crop_length": 77, "box_iou": 0.5}
    row |= {"picture_hash_along": 2**64 - 1, "picture_hash_down": 5}
    (numbers,) = settling_numbers(pa.Table.from_pylist([row], schema=ROWS))
    assert numbers["crop"].tobytes() == b"\x0f" * 32
    assert (numbers["length"], numbers["box_iou"]) == (77, 0.5)
    assert numbers["picture"].tolist() == [2**64 - 1, 5]
    without_path = pa.Table.from_pylist([{**row, "path": None}], schema=ROWS)
    assert settling_numbers(without_path)["length"].tolist() == [-1]
    with pytest.raises(NotASetError, match="SHA-256"):
        settling_numbers(pa.Table.from_pylist([{**row, "sha256": "0F" * 32}], schema=ROWS))


@pytest.mark.parametrize("damage", ["cut", "empty", "missing"])
def test_a_damaged_part_is_named_when_its_end_is_read(tmp_path: Path, damage: str) -> None:
    paths = _write(tmp_path, [3, 4, 5])
    part = Path(paths[1])
    data = part.read_bytes()
    part.unlink()
    if damage != "missing":
        part.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    with pytest.raises(NotASetError, match=r"1\.arrow"):
        read_settling(paths)
