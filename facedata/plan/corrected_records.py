"""Records after corrections: their people, splits and statuses, and the table of what was corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables.blocks import take_rows
from ..tables.people import person_codes
from ..tables.schema import CORRECTIONS
from ..types import Int32Array, Int64Array, Status
from .correction_rules import Action, Decided

_NO_SPLIT = -1
_UNKNOWN = -2


def people_after(codes: Int32Array, decided: Decided, count: int) -> Int32Array:
    """Return each record's person after the corrections.

    Args:
        codes: ``(n,)`` int32, each record's person before, -1 for none.
        decided: what a file decides.
        count: how many people there are, new ones included.
    """
    end = np.append(np.arange(count, dtype=np.int32), np.int32(-1))  # the last one is for nobody
    for person, other in decided.end.items():
        end[person] = other
    after: Int32Array = end[codes]
    for row, one in decided.photos.items():
        if one.action is Action.MOVE:
            after[row] = decided.end_of(one.target)
    return after


def apply_decided(
    records: pa.Table, file: int, decided: Decided, people: pa.Array, codes: Int32Array, after: Int32Array
) -> pa.Table:
    """Return the records with their people, official splits, statuses and reasons after one file.

    Args:
        records: as :func:`.corrections.correct_records` takes them.
        file: the file's number, for reasons.
        decided: what it decides.
        people: everybody's name.
        codes: ``(n,)`` int32, each record's person before.
        after: the same after it.
    """
    changed = np.flatnonzero(after != codes)
    records = _replace(records, "identity", changed, people.take(pa.array(after[changed])))
    if "official_split" in records.column_names and len(changed):
        rows, splits = follow_people(records.column("official_split"), codes, after)
        records = _replace(records, "official_split", rows, splits)
    photos = sorted(decided.photos.items())
    states = take_rows(records.select(["status"]), np.array([row for row, _ in photos], np.int64))
    which = "the corrections" if file == 1 else f"corrections file {file}"
    at: list[int] = []
    statuses: list[str | None] = []
    reasons: list[str | None] = []
    for (row, one), status in zip(photos, states.column(0).to_pylist(), strict=True):
        if one.action is Action.DROP and status != Status.EXCLUDED.value:
            at.append(row)
            statuses.append(Status.EXCLUDED.value)
            reasons.append(f"dropped by line {one.line} of {which}")
        elif one.action is Action.MOVE and status == Status.NO_IDENTITY.value:
            at.append(row)
            statuses.append(None)
            reasons.append(None)
    for name, values in (("status", statuses), ("reason", reasons)):
        records = _replace(records, name, np.array(at, np.int64), pa.array(values, pa.string()))
    return records


def follow_people(
    splits: pa.ChunkedArray, codes: Int32Array, after: Int32Array
) -> tuple[Int64Array, pa.Array]:
    """Find the official splits of photos that went to another person.

    Where all photos that its old and its new person had are in one split each, as in official splits of
    people, a photo goes to its new person's split. Photos of a person who is new stay together: they go to
    the split of the first of them. Where a person had photos in two splits, a photo stays in its own.

    Args:
        splits: ``(n,)`` names, or nulls.
        codes: ``(n,)`` int32, each photo's person before, -1 for none.
        after: the same afterwards.

    Returns:
        The photos whose split changes, ascending, and their new splits.
    """
    numbers, names = person_codes(splits)
    of_photo = numbers.astype(np.int64)
    changed = np.flatnonzero(after != codes)
    count = int(max(codes.max(initial=-1), after.max(initial=-1))) + 1
    concerned = np.zeros(count + 1, np.bool_)  # the last one is for nobody
    concerned[codes[changed]] = concerned[after[changed]] = True
    concerned[-1] = False
    rows = np.flatnonzero(concerned[codes])
    lowest, highest = np.full(count + 1, len(names)), np.full(count + 1, _UNKNOWN)
    np.minimum.at(lowest, codes[rows], of_photo[rows])
    np.maximum.at(highest, codes[rows], of_photo[rows])
    home = np.where(lowest == highest, lowest, _UNKNOWN)  # everybody's one split
    may_follow = (codes[changed] < 0) | (home[codes[changed]] != _UNKNOWN)
    changed = changed[may_follow]
    newcomers, first = np.unique(after[changed], return_index=True)
    is_new = highest[newcomers] == _UNKNOWN
    home[newcomers[is_new]] = of_photo[changed[first[is_new]]]
    wanted = home[after[changed]]
    differs = (wanted != _UNKNOWN) & (wanted != of_photo[changed])
    at, wanted = changed[differs], wanted[differs]
    return at, pa.array(names, pa.string()).take(pa.array(wanted, mask=wanted == _NO_SPLIT))


def _replace(records: pa.Table, name: str, rows: Int64Array, values: pa.Array) -> pa.Table:
    """Replace the values of some rows, in ascending order; blocks without any keep their memory."""
    if not len(rows):
        return records
    column = records.column(name)

    def pieces() -> Iterator[pa.Array]:
        start = 0
        for chunk in column.chunks:
            first, last = np.searchsorted(rows, (start, start + len(chunk))).tolist()
            if first < last:
                mask = np.zeros(len(chunk), np.bool_)
                mask[rows[first:last] - start] = True
                mine = values.slice(first, last - first).cast(chunk.type)
                yield pc.replace_with_mask(chunk, pa.array(mask), mine)
            else:
                yield chunk
            start += len(chunk)

    replaced = pa.chunked_array(list(pieces()), column.type)
    return records.set_column(records.schema.get_field_index(name), name, replaced)


def decided_table(
    records: pa.Table,
    file: int,
    notes: Mapping[int, str | None],
    decided: Decided,
    people: pa.Array,
    codes: Int32Array,
    after: Int32Array,
) -> pa.Table:
    """Return what one file corrected (:data:`facedata.tables.schema.CORRECTIONS`), by line, then by record.

    A merge has a row for each photo of the person but those that are moved by their own line.

    Args:
        records: before the corrections.
        file: the file's number.
        notes: of each of its lines.
        decided: what it decides.
        people: everybody's name.
        codes: ``(n,)`` int32, each record's person before.
        after: the same after it.
    """
    line_of = np.full(len(people) + 1, -1, np.int64)  # of each merged person; the last one is for nobody
    for person, one in decided.merges.items():
        line_of[person] = one.line
    photos, pairs = sorted(decided.photos.items()), list(decided.distinct.values())
    is_merged = line_of[codes] >= 0
    is_merged[[row for row, one in photos if one.action is Action.MOVE]] = False
    merged, single = np.flatnonzero(is_merged), np.array([row for row, _ in photos], np.int64)
    moved = np.array([one.action is Action.MOVE for _, one in photos], np.bool_)
    ends = np.array([(decided.end_of(one.person), decided.end_of(one.target)) for one in pairs], np.int64)
    ends = ends.reshape(-1, 2)
    rows = np.concatenate([merged, single, np.full(len(pairs), -1)])
    lines = np.concatenate(
        [line_of[codes[merged]], np.array([one.line for one in (*(one for _, one in photos), *pairs)], int)]
    )
    left = np.concatenate([codes[merged], codes[single], ends[:, 0]])
    right = np.concatenate([after[merged], np.where(moved, after[single], -1), ends[:, 1]])
    actions = {one.line: one.action.value for one in (*decided.merges.values(), *decided.photos.values())}
    actions |= {one.line: one.action.value for one in pairs}
    order = np.lexsort((rows, lines))
    rows, lines, left, right = rows[order], lines[order], left[order], right[order]
    used, of_row = np.unique(lines, return_inverse=True)
    ascending, of_record = np.unique(rows[rows >= 0], return_inverse=True)
    named = take_rows(records.select(["record", "photo"]), ascending)
    where = np.full(len(rows), -1, np.int64)
    where[rows >= 0] = of_record
    columns = {
        "file": np.full(len(rows), file, np.int32),
        "line": lines.astype(np.int32),
        "action": pa.array([actions[line] for line in used.tolist()], pa.string()).take(pa.array(of_row)),
        "identity": people.take(pa.array(left, mask=left < 0)),
        "to_identity": people.take(pa.array(right, mask=right < 0)),
        "note": pa.array([notes[line] for line in used.tolist()], pa.string()).take(pa.array(of_row)),
    }
    for name in ("record", "photo"):
        columns[name] = named.column(name).take(pa.array(where, mask=where < 0))
    return pa.table(columns).select(CORRECTIONS.names).cast(CORRECTIONS).combine_chunks()


def count_corrections(corrections: pa.Table) -> dict[str, int]:
    """Return what dataset.json counts of a table of corrections: photos, people, and settled lines."""
    actions = corrections.column("action")

    def count(action: Action, *columns: str) -> int:
        rows = corrections.filter(pc.equal(actions, action.value)).select(columns or ["record"])
        return int(rows.group_by(rows.column_names).aggregate([]).num_rows)

    return {
        "dropped": count(Action.DROP),
        "moved": count(Action.MOVE),
        "merged_people": count(Action.MERGE, "file", "identity"),
        "merged_photos": count(Action.MERGE),
        "distinct": count(Action.DISTINCT, "identity", "to_identity"),
        "kept": count(Action.KEEP),
    }


def renamed_records(corrections: pa.Table) -> pa.Array:
    """Return the records that corrections gave to another person, from the columns action and record."""
    renaming = pa.array([Action.MOVE.value, Action.MERGE.value])
    rows = corrections.filter(pc.is_in(corrections.column("action"), value_set=renaming))
    return pc.unique(rows.column("record"))
