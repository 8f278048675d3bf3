"""Parts read together are the rows of parts read one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.errors import NotASetError
from facedata.progress.parts import NARROW, ROWS, PartReader, read_rows, write_rows


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


@pytest.mark.parametrize("lengths", [[4], [64] * 40, [1, 64, 3, 64], [3, 0, 2], [0, 0]])
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
