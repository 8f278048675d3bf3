"""Official pairs: from records to crops, and what becomes of those that cannot be."""

from __future__ import annotations

import pyarrow as pa

from facedata.config import SplitConfig
from facedata.sampling.official import official_pairs
from facedata.tables import schema
from tests.support.small_set import class_table, divide_classes, ledger_of

OFFICIAL = {"anna/0.jpg": "train", "anna/1.jpg": "train", "ben/0.jpg": "train", "cara/0.jpg": "test"}


def protocol(*rows: tuple[str, str, bool, str, int | None]) -> pa.Table:
    names = schema.PROTOCOL.names
    records = [dict(zip(names, (f"photos/{a}", f"photos/{b}", *rest), strict=True)) for a, b, *rest in rows]
    return pa.Table.from_pylist(records, schema=schema.PROTOCOL)


def drawn(*rows: tuple[str, str, bool, str, int | None]) -> tuple[pa.Table, dict[str, object]]:
    bare = class_table({"anna": 2, "ben": 1, "cara": 1}, skip_ids=1)
    ledger = ledger_of(bare, OFFICIAL)
    classes, _ = divide_classes(bare, ledger, SplitConfig(split_by="official"))
    return official_pairs(classes, protocol(*rows), ledger.select(["record", "path"]))


def test_pairs_come_in_the_protocols_order_with_ids_and_folds() -> None:
    table, section = drawn(
        ("ben/0.jpg", "anna/1.jpg", False, "train", 3), ("anna/0.jpg", "anna/1.jpg", True, "train", None)
    )
    assert table.schema.equals(schema.PAIRS)
    assert table.to_pylist() == [
        {
            "left": 4, "right": 2, "left_path": "ben/0.jpg", "right_path": "anna/1.jpg",
            "same": False, "split": "train", "fold": 3,
        },
        {
            "left": 0, "right": 2, "left_path": "anna/0.jpg", "right_path": "anna/1.jpg",
            "same": True, "split": "train", "fold": None,
        },
    ]  # fmt: skip
    assert section["splits"] == {"train": {"asked": 2, "rows": 2, "same": 1}}
    assert (section["official"], section["complete"], section["missing"]) == (2, 2, [])


def test_pairs_with_a_photo_that_was_not_kept_are_named() -> None:
    table, section = drawn(
        ("lost.jpg", "anna/0.jpg", False, "train", None),
        ("anna/0.jpg", "anna/1.jpg", True, "train", None),
        ("lost.jpg", "unheard-of.jpg", False, "test", 1),
    )
    assert table.num_rows == section["complete"] == 1
    assert section["missing"] == [
        {
            "left": "photos/lost.jpg", "right": "photos/anna/0.jpg", "split": "train", "fold": None,
            "missing": ["photos/lost.jpg"],
        },
        {
            "left": "photos/lost.jpg", "right": "photos/unheard-of.jpg", "split": "test", "fold": 1,
            "missing": ["photos/lost.jpg", "photos/unheard-of.jpg"],
        },
    ]  # fmt: skip
    assert section["splits"] == {
        "train": {"asked": 2, "rows": 1, "same": 1},
        "test": {"asked": 1, "rows": 0, "same": 0},
    }


def test_pairs_outside_their_split_are_left_out_and_said() -> None:
    table, section = drawn(("anna/0.jpg", "cara/0.jpg", False, "train", None))
    assert table.num_rows == 0
    assert (section["complete"], section["other_split"]) == (1, 1)
    assert "--split-by official" in str(section["notes"])


def test_an_empty_protocol_gives_an_empty_table() -> None:
    table, section = drawn()
    assert (table.num_rows, section["splits"]) == (0, {})
