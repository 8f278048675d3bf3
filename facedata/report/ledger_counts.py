"""What became of the photos and why, what the source says of them, and some photos of each status."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..sets.prepared import PreparedSet
from ..tables.forgotten_rows import drop_forgotten
from ..tables.parquet import read_blocks, read_schema
from ..tables.text_hash import hash_texts
from ..types import Status, UInt64Array

EXAMPLES = 8
"""How many photos of each status are shown."""

_MOST_REASONS = 6
_MOST_VALUES = 20
_HELD = 10_000
"""Different texts counted at most: what is beyond is one line in the end, however many there are."""

_NOT_GIVEN = "not given"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PLACE, _ANY = "\0", "\N{HORIZONTAL ELLIPSIS}"
"""Where a number was, and what stands there if it is not always the same."""

_META = "meta_"
_EXAMPLE_COLUMNS = [
    "record", "photo", "identity", "status", "reason", "width", "height", "turned_deg", "faces", "all_boxes",
    "all_scores", "score", "box", "landmarks", "given_box", "sha256", "path",
]  # fmt: skip
_ORDER = {status.value: number for number, status in enumerate(Status)}


@dataclass(frozen=True)
class StatusCount:
    """What is said of one status.

    Attributes:
        status: its name.
        count: how many records have it.
        reasons: why, with how many each, the most frequent first; reasons that differ by numbers are one.
        examples: rows of the ledger, drawn by chance, the same each time.
    """

    status: str
    count: int
    reasons: list[tuple[str, int]]
    examples: list[dict[str, Any]]


def count_statuses(prepared: PreparedSet) -> list[StatusCount]:
    """Return what became of the photos, in the order of :class:`facedata.types.Status`.

    Raises:
        SetError: the ledger is missing or belongs to another set.
    """
    prepared.table("photos", [])  # checks whose it is
    file = prepared.path / "photos.parquet"
    counts = Counter[str]()
    reasons: dict[str, TextCounts] = defaultdict(TextCounts)
    drawn: dict[str, _Drawn] = defaultdict(_Drawn)
    for group, block in enumerate(read_blocks(file, ["record", "status", "reason"])):
        keys = hash_texts(block.column("record"))
        for status in block.column("status").unique().to_pylist():
            mine = pc.equal(block.column("status"), status)
            rows = np.flatnonzero(mine.to_numpy())
            counts[status] += len(rows)
            reasons[status].add(block.column("reason").filter(mine).drop_null(), has_numbers=True)
            shown = rows[:0] if status == Status.FORGOTTEN.value else rows  # of whom nothing is left
            drawn[status].add(keys[shown], group, shown)
    examples = _read_examples(prepared, drawn)
    ordered = sorted(counts, key=lambda status: (_ORDER.get(status, len(_ORDER)), status))
    return [
        StatusCount(one, counts[one], reasons[one].most_frequent(_MOST_REASONS), examples[one])
        for one in ordered
    ]


class _Drawn:
    """The records of a status whose names have the smallest hashes, and where they are in the ledger."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int, int]] = []

    def add(self, keys: UInt64Array, group: int, rows: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        """Take those of a row group that have smaller hashes."""
        least = np.argsort(keys, kind="stable")[:EXAMPLES]
        more = [(int(keys[at]), group, int(rows[at])) for at in least]
        self.places = sorted(self.places + more)[:EXAMPLES]


def _read_examples(prepared: PreparedSet, drawn: Mapping[str, _Drawn]) -> dict[str, list[dict[str, Any]]]:
    """Return the drawn rows with all that is shown of them, in the order of their hashes."""
    places = sorted({(group, row) for one in drawn.values() for _, group, row in one.places})
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for group in sorted({group for group, _ in places}):
        rows = [row for number, row in places if number == group]
        for block in read_blocks(prepared.path / "photos.parquet", _EXAMPLE_COLUMNS, [group]):
            some = block.take(pa.array(rows, pa.int64())).to_pylist()
            found |= {(group, row): one for row, one in zip(rows, some, strict=True)}
    return {status: [found[group, row] for _, group, row in one.places] for status, one in drawn.items()}


def count_meta(prepared: PreparedSet) -> tuple[list[str], list[tuple[str, str, int]]]:
    """Return the columns that the source passed on (consent, licence, age …), and how often they say what.

    Returns:
        The columns' names, without ``meta_``; and column, value and number of photos, the most frequent
        first. What goes beyond twenty values of a column is one line.
    """
    file = prepared.path / "photos.parquet"
    columns = [name for name in read_schema(file).names if name.startswith(_META)]
    totals = {name: TextCounts() for name in columns}
    for block in map(drop_forgotten, read_blocks(file, [*columns, "status"]) if columns else ()):
        for name in columns:
            try:
                texts = block.column(name).cast(pa.string())
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # lists, or bytes that are no text
                values = block.column(name).to_pylist()
                texts = pa.chunked_array([[None if one is None else str(one) for one in values]], pa.string())
            given = pc.fill_null(pc.not_equal(texts, ""), False)
            totals[name].add(pc.if_else(given, texts, _NOT_GIVEN))
    names = {name: name.removeprefix(_META) for name in columns}
    return list(names.values()), [
        (names[name], value, count)
        for name in columns
        for value, count in totals[name].most_frequent(_MOST_VALUES)
    ]


class TextCounts:
    """How often texts occur, however many there are: rare ones beyond some thousands are counted together."""

    def __init__(self) -> None:
        self._counts, self._others = Counter[str](), 0
        self._numbers: dict[str, list[str]] = {}

    def add(self, texts: pa.ChunkedArray, has_numbers: bool = False) -> None:
        """Count further texts, none of them null.

        Args:
            texts: ``(n,)`` strings.
            has_numbers: texts that differ only by numbers are one text, in which these are left out.
        """
        for text, count in ((one["values"], one["counts"]) for one in pc.value_counts(texts).to_pylist()):
            if has_numbers:
                numbers = _NUMBER.findall(text)
                text = _NUMBER.sub(_PLACE, text)
                known = self._numbers.setdefault(text, numbers)
                both = zip(known, numbers, strict=False)  # a text may hold the place's own letter
                self._numbers[text] = [one if one == other else _ANY for one, other in both]
            self._counts[text] += count
        if len(self._counts) > _HELD:
            for text, count in self._counts.most_common()[_HELD // 2 :]:
                del self._counts[text]
                self._numbers.pop(text, None)
                self._others += count

    def most_frequent(self, most: int) -> list[tuple[str, int]]:
        """Return the most frequent texts, of equals the first in order, and the others together."""
        ranked = sorted(self._counts.items(), key=lambda one: (-one[1], one[0]))
        others = self._others + sum(count for _, count in ranked[most:])
        shown = []
        for text, count in ranked[:most]:
            for number in self._numbers.get(text, ()):
                text = text.replace(_PLACE, number, 1)
            shown.append((text, count))
        return shown + ([("others", others)] if others else [])
