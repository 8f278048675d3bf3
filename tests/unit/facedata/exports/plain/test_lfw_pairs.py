"""Pairs in the order of LFW's lists, against a loop that counts fold by fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facedata.config import ExportConfig
from facedata.exports.base import Export
from facedata.exports.plain.lfw_names import LfwNames
from facedata.exports.plain.lfw_pairs import arrange_pairs, count_people
from facedata.sets.prepared import PreparedSet
from facedata.tables.schema import PAIRS

PEOPLE = [0, 0, 0, 1, 1, 2, 2, 2, 2]
IDS = [2, 3, 5, 8, 13, 21, 34, 55, 89]
NAMES = LfwNames(
    np.array(IDS), np.array(PEOPLE, np.int32), np.array([1, 2, 4, 1, 2, 7, 1, 2, 3], np.int32),
    ["Al_Gore", "Bo", "É_C"], ["Al Gore", "Bo", "É C"],
)  # fmt: skip


class _Pairs:
    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def has(self, kind: str) -> bool:
        return kind == "pairs"

    def blocks(self, kind: str) -> Iterator[pa.Table]:
        for at in range(0, self.table.num_rows, 4):
            yield self.table.slice(at, 4).combine_chunks()


row = st.tuples(st.integers(0, 8), st.integers(0, 8), st.booleans(), st.sampled_from([None, 0, 1, 2]))


@given(st.lists(row, max_size=40), st.booleans())
def test_each_fold_has_as_many_of_one_person_as_of_two(
    rows: list[tuple[int, int, bool, int | None]], has_folds: bool
) -> None:
    rows = [(left, right, same, (fold or 0) if has_folds else None) for left, right, same, fold in rows]
    table = pa.table(
        {
            "left": [IDS[left] for left, *_ in rows],
            "right": [IDS[right] for _, right, *_ in rows],
            "left_path": ["" for _ in rows],
            "right_path": ["" for _ in rows],
            "same": [same for _, _, same, _ in rows],
            "split": ["test" for _ in rows],
            "fold": [fold for *_, fold in rows],
        },
        schema=PAIRS,
    )
    export = Export(cast(PreparedSet, _Pairs(table)), Path(), ("test",), ExportConfig())
    pairs = arrange_pairs(export, "test", NAMES)

    expected: dict[int | None, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    told = 0
    for left, right, same, fold in rows:
        if left == right or same != (PEOPLE[left] == PEOPLE[right]):
            told += 1
            continue
        one, other = NAMES.names[PEOPLE[left]], NAMES.names[PEOPLE[right]]
        first, second = NAMES.number[left], NAMES.number[right]
        line = f"{one}\t{first}\t{second}" if same else f"{one}\t{first}\t{other}\t{second}"
        expected[fold][not same].append(line)
    each = min((len(lists[what]) for lists in expected.values() for what in (0, 1)), default=0)
    head = f"{len(expected)}\t{each}" if has_folds and expected else f"{each}"
    lines = [line for fold in sorted(expected, key=lambda one: one or 0) for what in (0, 1)
             for line in expected[fold][what][:each]]  # fmt: skip
    assert list(pairs.lines(NAMES)) == [head, *lines]
    assert pairs.contradicted == told
    assert pairs.surplus == len(rows) - told - len(lines)


def test_people_are_counted_in_the_order_of_their_names() -> None:
    assert count_people(NAMES, np.array([0, 1, 5, 8])) == [("Al_Gore", 2), ("É_C", 2)]
    assert count_people(NAMES, np.array([], np.int64)) == []
