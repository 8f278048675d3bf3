from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from facedata.report import ledger_counts
from facedata.report.ledger_counts import EXAMPLES, TextCounts, count_meta, count_statuses
from facedata.sets.prepared import PreparedSet, open_set
from facedata.tables import schema
from facedata.tables.text_hash import hash_texts
from tests.support.damaged_sets import alter_table
from tests.support.report_sets import prepare_photos
from tests.support.small_set import make_set


def _with_rows(folder: Path, rows: Sequence[Mapping[str, str]]) -> PreparedSet:
    """Return a set whose ledger has further rows that were not kept."""
    make_set(folder, {"anna": 2, "ben": 2})
    alter_table(
        folder, "photos",
        lambda table: pa.concat_tables([table, pa.Table.from_pylist(list(rows), schema=schema.PHOTOS)]),
    )  # fmt: skip
    return open_set(folder)


def test_photos_are_counted_by_status_with_the_reasons(tmp_path: Path) -> None:
    found = count_statuses(prepare_photos(tmp_path))
    assert [(one.status, one.count) for one in found] == [
        ("kept", 12), ("no_face", 1), ("unreadable", 1), ("low_score", 2), ("duplicate", 1),
    ]  # fmt: skip
    reasons = {one.status: one.reasons for one in found}
    assert reasons["kept"] == []
    # two photos with scores of their own have one reason
    assert reasons["low_score"] == [("best score … is below 0.9", 2)]
    assert [count for _, count in reasons["unreadable"]] == [1]


def test_statuses_are_in_their_order_and_unknown_ones_last(tmp_path: Path) -> None:
    names = ["failed", "from_the_future", "too_few", "excluded"]
    prepared = _with_rows(tmp_path, [{"record": one, "photo": one, "status": one} for one in names])
    assert [one.status for one in count_statuses(prepared)] == [
        "kept", "no_face", "too_few", "excluded", "failed", "from_the_future",
    ]  # fmt: skip


def test_examples_are_the_eight_whose_names_hash_lowest(tmp_path: Path) -> None:
    names = [f"photos/lost-{number:03}.jpg" for number in range(40)]
    rows = [{"record": one, "photo": one, "status": "no_face", "reason": "no face found"} for one in names]
    prepared = _with_rows(tmp_path, rows)
    found = {one.status: one for one in count_statuses(prepared)}
    hashes = dict(
        zip([*names, "photos/lost.jpg"], hash_texts(pa.array([*names, "photos/lost.jpg"])), strict=True)
    )
    expected = sorted(hashes, key=lambda name: hashes[name])[:EXAMPLES]
    assert [row["record"] for row in found["no_face"].examples] == expected
    assert found["no_face"].count == 41
    assert {row["record"] for row in found["kept"].examples} == {
        "photos/anna/0.jpg", "photos/anna/1.jpg", "photos/ben/0.jpg", "photos/ben/1.jpg",
    }  # fmt: skip


def test_reasons_beyond_the_most_frequent_are_one_line(tmp_path: Path) -> None:
    reasons = [word for number, word in enumerate("abcdefgh") for _ in range(9 - number)]
    rows = [
        {"record": f"x{at:02}", "photo": f"x{at:02}", "status": "excluded", "reason": reason}
        for at, reason in enumerate(reasons)
    ]
    found = {one.status: one for one in count_statuses(_with_rows(tmp_path, rows))}["excluded"]
    assert found.reasons == [("a", 9), ("b", 8), ("c", 7), ("d", 6), ("e", 5), ("f", 4), ("others", 3 + 2)]


def test_any_number_of_reasons_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_counts, "_HELD", 20)
    rows = [
        {"record": f"x{at:03}", "photo": f"x{at:03}", "status": "excluded", "reason": "x" * (at + 1)}
        for at in range(100)
    ]
    found = {one.status: one for one in count_statuses(_with_rows(tmp_path, rows))}["excluded"]
    assert sum(count for _, count in found.reasons) == 100
    assert found.reasons[-1] == ("others", 94)


def test_texts_that_differ_by_numbers_keep_those_that_are_always_the_same() -> None:
    counts = TextCounts()
    sizes = [f"{size} is more than 9" for size in ("4x5", "4x6", "7x6")]
    for text in (*sizes, "4 and 5", "4 and 5", "\0", "\0 8", "3 8"):
        counts.add(pa.chunked_array([[text]]), has_numbers=True)
    found = counts.most_frequent(9)
    assert found[0] == ("…x… is more than 9", 3)
    assert ("4 and 5", 2) in found
    assert sum(count for _, count in found) == 8


def test_what_the_source_says_of_the_photos_is_counted(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 3, "ben": 2})

    def add(table: pa.Table) -> pa.Table:
        table = table.append_column("meta_consent", pa.array(["yes", "yes", None, "<b>no</b>", "yes", None]))
        table = table.append_column("meta_age", pa.array([31, 31, None, 5, 5, 5], pa.int64()))
        table = table.append_column("meta_tags", pa.array([["a"], ["a"], [], None, ["b"], ["b"]]))
        return table.append_column("meta_empty", pa.nulls(6))

    alter_table(tmp_path, "photos", add)
    columns, counts = count_meta(open_set(tmp_path))
    assert columns == ["consent", "age", "tags", "empty"]
    assert counts == [
        ("consent", "yes", 3), ("consent", "not given", 2), ("consent", "<b>no</b>", 1),
        ("age", "5", 3), ("age", "31", 2), ("age", "not given", 1),
        ("tags", "['a']", 2), ("tags", "['b']", 2), ("tags", "[]", 1), ("tags", "not given", 1),
        ("empty", "not given", 6),
    ]  # fmt: skip


def test_a_column_of_many_values_has_twenty_of_them_and_a_line_for_the_others(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 30})
    names = [f"name {number:02}" for number in range(31)]
    alter_table(tmp_path, "photos", lambda table: table.append_column("meta_name", pa.array(names)))
    _, counts = count_meta(open_set(tmp_path))
    assert counts == [*(("name", f"name {number:02}", 1) for number in range(20)), ("name", "others", 11)]


def test_a_set_without_such_columns_has_none(tmp_path: Path) -> None:
    assert count_meta(make_set(tmp_path, {"anna": 2})) == ([], [])
