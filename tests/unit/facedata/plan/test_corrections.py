"""Corrections applied to records: what each action does, and what is refused with which words."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from facedata.errors import CorrectionsError
from facedata.plan.corrected_records import count_corrections, renamed_records
from facedata.plan.corrections import Action, CorrectionLine, correct_records
from facedata.tables.schema import CORRECTIONS

PHOTOS = {
    "anna/1.jpg": "anna",
    "anna/2.jpg": "anna",
    "ben/1.jpg": "ben",
    "ben/2.jpg": "ben",
    "cleo/1.jpg": "cleo",
    "dan/1.jpg": "dan",
}


def records_of(
    people: dict[str, str | None],
    status: dict[str, str] | None = None,
    splits: dict[str, str] | None = None,
    photos: dict[str, str] | None = None,
) -> pa.Table:
    """Records in two blocks, so that nothing depends on their being one."""
    keys = sorted(people, key=str.encode)
    columns: dict[str, list[Any]] = {
        "record": keys,
        "photo": [(photos or {}).get(key, key) for key in keys],
        "identity": [people[key] for key in keys],
        "status": [(status or {}).get(key) for key in keys],
        "reason": ["as before" if (status or {}).get(key) else None for key in keys],
        "official_split": [(splits or {}).get(key) for key in keys],
        "extra": list(range(len(keys))),
    }
    kinds = {name: pa.int64() if name == "extra" else pa.string() for name in columns}
    table = pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
    return pa.concat_tables([table.slice(0, 2), table.slice(2)])


def lines_of(*rows: str, file: int = 1) -> list[CorrectionLine]:
    """Lines as in a file, ``action,photo,identity,to_identity,note``; the first is line 2."""
    lines = []
    for number, row in enumerate(rows, 2):
        action, *cells = [cell or None for cell in row.split(",")]
        cells += [None] * (4 - len(cells))
        lines.append(CorrectionLine(file, number, Action(action), *cells))
    return lines


def people_of(records: pa.Table) -> dict[str, str | None]:
    return dict(
        zip(records.column("record").to_pylist(), records.column("identity").to_pylist(), strict=True)
    )


def corrected(*rows: str, people: dict[str, str | None] | None = None) -> dict[str, str | None]:
    return people_of(correct_records(records_of(people or dict(PHOTOS)), [lines_of(*rows)])[0])


def refused(*rows: str, records: pa.Table | None = None) -> list[str]:
    with pytest.raises(CorrectionsError) as caught:
        correct_records(records_of(dict(PHOTOS)) if records is None else records, [lines_of(*rows)])
    return caught.value.lines


def test_no_corrections_change_nothing() -> None:
    records = records_of(dict(PHOTOS))
    after, table = correct_records(records, [])
    assert after is records
    assert table.equals(CORRECTIONS.empty_table())


def test_drop_excludes_and_names_the_line() -> None:
    after, _ = correct_records(records_of(dict(PHOTOS)), [lines_of("drop,anna/2.jpg", "drop,dan/1.jpg,dan")])
    rows = after.select(["record", "status", "reason"]).to_pylist()
    assert [(row["record"], row["status"], row["reason"]) for row in rows if row["status"]] == [
        ("anna/2.jpg", "excluded", "dropped by line 2 of the corrections"),
        ("dan/1.jpg", "excluded", "dropped by line 3 of the corrections"),
    ]
    assert people_of(after) == PHOTOS


def test_move_and_merge() -> None:
    found = corrected("move,anna/1.jpg,anna,ben", "merge,,cleo,dan")
    assert found == {**PHOTOS, "anna/1.jpg": "ben", "cleo/1.jpg": "dan"}


def test_merges_are_transitive_and_moves_follow_them() -> None:
    found = corrected("merge,,anna,ben", "move,dan/1.jpg,,anna", "merge,,ben,cleo", "move,anna/2.jpg,,dan")
    assert found == {
        "anna/1.jpg": "cleo",
        "anna/2.jpg": "dan",
        "ben/1.jpg": "cleo",
        "ben/2.jpg": "cleo",
        "cleo/1.jpg": "cleo",
        "dan/1.jpg": "cleo",
    }


def test_three_names_of_one_person_by_three_merges() -> None:
    found = corrected("merge,,anna,ben", "merge,,anna,cleo", "merge,,ben,cleo")
    assert set(found.values()) == {"cleo", "dan"}


def test_what_other_columns_say_stays() -> None:
    records = records_of(dict(PHOTOS))
    after, _ = correct_records(records, [lines_of("merge,,anna,ben", "drop,dan/1.jpg")])
    assert after.column_names == records.column_names
    for name in ("record", "photo", "extra", "official_split"):
        assert after.column(name).equals(records.column(name))


def test_order_never_matters() -> None:
    rows = ["drop,anna/1.jpg", "merge,,anna,ben", "merge,,ben,+new", "move,dan/1.jpg,,anna", "keep,ben/1.jpg"]
    found = {tuple(corrected(*order).items()) for order in itertools.permutations(rows)}
    assert len(found) == 1


def test_the_same_line_twice_is_one() -> None:
    rows = ["drop,anna/1.jpg", "drop,anna\\1.jpg", "merge,,ben,dan", "merge,,ben, dan ", "distinct,,anna,dan"]
    rows += ["distinct,,dan,anna", "move,cleo/1.jpg,,anna", "move,cleo/1.jpg,cleo,anna", "keep,ben/1.jpg"]
    _, table = correct_records(records_of(dict(PHOTOS)), [lines_of(*rows, "keep,ben/1.jpg")])
    assert table.column("line").to_pylist() == [2, 4, 4, 6, 8, 10]


def test_the_table_lists_each_photo_by_file_and_line() -> None:
    first = lines_of("merge,,anna,ben,one", "move,anna/2.jpg,,dan,two", "distinct,,anna,cleo,three")
    second = lines_of("drop,anna/1.jpg,ben,,four", "keep,dan/1.jpg", file=2)
    after, table = correct_records(records_of(dict(PHOTOS)), [first, second])
    assert table.schema == CORRECTIONS
    assert [tuple(row.values()) for row in table.drop_columns(["photo"]).to_pylist()] == [
        (1, 2, "merge", "anna/1.jpg", "anna", "ben", "one"),
        (1, 3, "move", "anna/2.jpg", "anna", "dan", "two"),
        (1, 4, "distinct", None, "ben", "cleo", "three"),
        (2, 2, "drop", "anna/1.jpg", "ben", None, "four"),
        (2, 3, "keep", "dan/1.jpg", "dan", None, None),
    ]
    assert after.column("reason")[0].as_py() == "dropped by line 2 of corrections file 2"
    assert count_corrections(table) == {
        "dropped": 1,
        "moved": 1,
        "merged_people": 1,
        "merged_photos": 1,
        "distinct": 1,
        "kept": 1,
    }
    assert renamed_records(table).to_pylist() == ["anna/1.jpg", "anna/2.jpg"]


def test_files_in_turn_are_each_on_the_result_before() -> None:
    first, second = lines_of("merge,,anna,ben"), lines_of("move,anna/1.jpg,ben,+anna", file=2)
    records = records_of(dict(PHOTOS))
    both, table = correct_records(records, [first, second])
    half, one = correct_records(records, [first])
    whole, other = correct_records(half, [second])
    assert both.equals(whole)
    assert table.equals(pa.concat_tables([one, other]))
    assert people_of(both)["anna/1.jpg"] == "anna"
    assert refused("merge,,anna,ben", records=half) == ["line 2: there is nobody called 'anna'"]


def test_names_as_people_write_them() -> None:
    people: dict[str, str | None] = {
        "a/1.jpg": "José Silva",
        "a/2.jpg": "Anna Berg",
        "jose\u0301/1.jpg": "José Silva",
    }
    found = corrected("move, ./a\\2.jpg ,Anna  Berg,Jose\u0301 Silva\u00a0", people=people)
    assert found["a/2.jpg"] == "José Silva"
    assert corrected('drop,"josé/1.jpg"', people=people) == people
    # kept apart by --names exact: letter by letter wins
    apart: dict[str, str | None] = {"a/1.jpg": "Anna", "a/2.jpg": "Anna ", "b/1.jpg": "Ben"}
    assert corrected("merge,,Anna ,Ben", people=apart) == {**apart, "a/2.jpg": "Ben"}
    assert refused("merge,,Ben,\u200bAnna", records=records_of(apart)) == [
        "line 2: '\\u200bAnna' may be 'Anna' or 'Anna ': write it letter by letter"
    ]


@pytest.mark.parametrize("new", ["+Eve Oz", "+ Eve  Oz", "new:Eve Oz", "New: Eve Oz", " +Eve Oz"])
def test_new_people(new: str) -> None:
    found = corrected(f"move,anna/1.jpg,,{new}", "move,ben/1.jpg,,Eve Oz", f"merge,,cleo,{new}")
    assert [found[key] for key in ("anna/1.jpg", "ben/1.jpg", "cleo/1.jpg")] == ["Eve Oz"] * 3


def test_a_real_name_with_a_plus_wins() -> None:
    people: dict[str, str | None] = {"a/1.jpg": "+anna", "b/1.jpg": "ben", "c/1.jpg": "new:ben"}
    found = corrected("move,b/1.jpg,,+anna", people=people)
    assert found["b/1.jpg"] == "+anna"
    assert refused("merge,,+anna,+ben", records=records_of(people)) == [
        "line 2: '+ben' is no new person: 'ben' is there already"
    ]


def test_a_photo_of_nobody_gets_a_person_and_is_to_be_processed() -> None:
    people: dict[str, str | None] = {"1.jpg": None, "2.jpg": None, "a/1.jpg": "anna", "film.mp4": None}
    status = {"1.jpg": "no_identity", "2.jpg": "no_identity", "film.mp4": "unsupported"}
    records = records_of(people, status)
    rows = lines_of("move,1.jpg,,anna", "drop,2.jpg", "move,film.mp4,,anna")
    after, table = correct_records(records, [rows])
    assert people_of(after) == {"1.jpg": "anna", "2.jpg": None, "a/1.jpg": "anna", "film.mp4": "anna"}
    assert after.column("status").to_pylist() == [None, "excluded", None, "unsupported"]
    assert after.column("reason").to_pylist() == [
        None,
        "dropped by line 3 of the corrections",
        None,
        "as before",
    ]
    assert table.column("identity").to_pylist() == [None, None, None]
    assert refused("move,1.jpg,anna,anna", records=records) == ["line 2: '1.jpg' is of nobody, not of 'anna'"]


def test_excluded_photos_can_only_be_dropped() -> None:
    records = records_of(dict(PHOTOS), {"anna/1.jpg": "excluded"})
    after, table = correct_records(records, [lines_of("drop,anna/1.jpg", "merge,,anna,ben")])
    assert after.column("reason")[0].as_py() == "as before"
    assert people_of(after)["anna/1.jpg"] == "ben"
    assert table.column("action").to_pylist() == ["drop", "merge", "merge"]
    assert refused("move,anna/1.jpg,,ben", "keep,anna/1.jpg", records=records) == [
        "line 2: 'anna/1.jpg' is excluded already (as before)",
        "line 3: 'anna/1.jpg' is excluded already (as before)",
    ]


def test_a_photo_of_several_records() -> None:
    people: dict[str, str | None] = {"g.jpg#1": "anna", "g.jpg#2": "ben", "g.jpg#3": "ben", "h.jpg": "ben"}
    records = records_of(people, photos={key: "g.jpg" for key in people if "#" in key})
    assert refused("drop,g.jpg", "drop,g.jpg,ben", "drop,g.jpg,cleo", records=records) == [
        "line 2: 'g.jpg' has several records: write 'g.jpg#1' or 'g.jpg#2' or 'g.jpg#3'",
        "line 3: 'g.jpg' has several records: write 'g.jpg#2' or 'g.jpg#3'",
        "line 4: 'g.jpg#1' is of 'anna' and 'ben', not of 'cleo'",
    ]
    after, _ = correct_records(records, [lines_of("drop,g.jpg,anna", "move,g.jpg#3,,anna")])
    assert people_of(after)["g.jpg#3"] == "anna"
    assert after.column("status").to_pylist() == ["excluded", None, None, None]


_CIRCLE = "'anna' into 'ben' (line 2), 'ben' into 'cleo' (line 3), 'cleo' into 'anna' (line 4)"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["drop,anna/3.jpg"], ["line 2: there is no photo 'anna/3.jpg'; did you mean 'anna/2.jpg'?"]),
        (["drop,ana/2.jpg"], ["line 2: there is no photo 'ana/2.jpg'; did you mean 'anna/2.jpg'?"]),
        (["keep,anna/1.jpg,ben"], ["line 2: 'anna/1.jpg' is of 'anna', not of 'ben'"]),
        (["merge,,bem,anna"], ["line 2: there is nobody called 'bem'; did you mean 'ben'?"]),
        (["distinct,,+eve,anna"], ["line 2: there is nobody called '+eve'"]),
        (["merge,,anna,anna"], ["line 2: merges 'anna' into the same person"]),
        (["move,anna/1.jpg,,anna"], ["line 2: moves 'anna/1.jpg' to 'anna', whose photo it is"]),
        (["distinct,,anna,anna"], ["line 2: says that 'anna' is another person than themselves"]),
        (
            ["drop,anna/1.jpg", "move,anna/1.jpg,,ben", "keep,anna/1.jpg"],
            [
                "line 3: moves 'anna/1.jpg' to 'ben', and line 2 drops it",
                "line 4: keeps 'anna/1.jpg', and line 2 drops it",
            ],
        ),
        (
            ["move,anna/1.jpg,,ben", "move,anna/1.jpg,,cleo"],
            ["line 3: moves 'anna/1.jpg' to 'cleo', and line 2 moves it to 'ben'"],
        ),
        (
            ["merge,,anna,ben", "merge,,anna,cleo"],
            ["line 3: merges 'anna' into 'cleo', and line 2 into 'ben'"],
        ),
        (
            ["merge,,anna,ben", "merge,,ben,cleo", "merge,,cleo,anna", "merge,,dan,cleo"],
            [f"line 4: merges in a circle: {_CIRCLE}"],
        ),
        (
            ["distinct,,anna,cleo", "merge,,anna,ben", "merge,,cleo,ben"],
            ["line 2: says that 'anna' and 'cleo' are two people, and one of the lines 3, 4 merges them"],
        ),
        (
            ["move,anna/1.jpg,,ben", "merge,,ben,anna"],
            ["line 2: moves 'anna/1.jpg' from 'anna' to 'ben', and line 3 merges them"],
        ),
        (
            ["merge,,anna,+", "merge,,ben,new: "],
            [
                "line 2: '+' names nobody: the new name follows",
                "line 3: 'new:' names nobody: the new name follows",
            ],
        ),
        (
            ["merge,,anna,+eve", "merge,,eve,ben"],
            ["line 3: there is nobody called 'eve' before this file is applied"],
        ),
    ],
)
def test_what_is_refused(rows: list[str], said: list[str]) -> None:
    assert refused(*rows) == said


def test_an_unknown_name_may_be_new() -> None:
    (said,) = refused("move,anna/1.jpg,,Zoe")
    assert said.startswith("line 2: there is nobody called 'Zoe' (of a new person, write +NAME")


def test_all_problems_are_said_at_once() -> None:
    rows = ["drop,x.jpg", "merge,,nobody,noone", "move,anna/1.jpg,ben,+ben", "merge,,dan,dan"]
    assert [line.partition(":")[0] for line in refused(*rows)] == [
        "line 2",
        "line 3",
        "line 3",
        "line 4",
        "line 4",
        "line 5",
    ]


def test_files_are_called_by_their_names() -> None:
    records, lines = records_of(dict(PHOTOS)), [lines_of("drop,x"), lines_of("drop,x", file=2)]
    for names, said in (((), "line 2"), (("a.csv", "b.csv"), "a.csv, line 2")):
        with pytest.raises(CorrectionsError) as caught:
            correct_records(records, lines, names)
        assert caught.value.lines[0].startswith(f"{said}: ")
    with pytest.raises(CorrectionsError, match="corrections file 2, line 2: "):
        correct_records(records, [[], lines[1]])


def test_official_splits_of_people_follow_them() -> None:
    people: dict[str, str | None] = {
        **{f"{name}/{i}.jpg": name for name in ("anna", "ben", "cleo") for i in (1, 2)},
        "dan/1.jpg": "dan",
        "dan/2.jpg": "dan",
        "0.jpg": None,
    }
    splits = dict.fromkeys(people, "train") | {
        "ben/1.jpg": "test",
        "ben/2.jpg": "test",
        "dan/1.jpg": "test",
    }
    splits["0.jpg"] = "val"
    records = records_of(people, splits=splits)

    def splits_after(*rows: str) -> dict[str, str | None]:
        after, _ = correct_records(records, [lines_of(*rows)])
        keys, now = after.column("record").to_pylist(), after.column("official_split").to_pylist()
        return {key: split for key, split in zip(keys, now, strict=True) if split != splits[key]}

    assert splits_after("move,anna/1.jpg,,ben") == {"anna/1.jpg": "test"}
    assert splits_after("merge,,ben,anna") == {"ben/1.jpg": "train", "ben/2.jpg": "train"}
    assert splits_after("move,0.jpg,,ben") == {"0.jpg": "test"}
    # dan's photos are in two splits, so theirs are splits of photos
    assert splits_after("move,anna/1.jpg,,dan", "move,dan/1.jpg,,cleo") == {}
    # a new person's photos stay together: in the split of the first
    assert splits_after("merge,,ben,+eve", "merge,,cleo,+eve") == {"cleo/1.jpg": "test", "cleo/2.jpg": "test"}
    assert splits_after("move,anna/1.jpg,,+eve") == {}


def test_records_without_official_splits() -> None:
    records = records_of(dict(PHOTOS)).drop_columns(["official_split", "extra"])
    after, _ = correct_records(records, [lines_of("merge,,anna,ben")])
    assert after.column_names == ["record", "photo", "identity", "status", "reason"]


def test_many_lines_on_many_records() -> None:
    count, block = 200_000, 65_536
    keys = [f"{i // 5:06d}/{i:07d}.jpg" for i in range(count)]

    def column(values: list[str]) -> pa.ChunkedArray:
        return pa.chunked_array([pa.array(values[at : at + block]) for at in range(0, count, block)])

    nulls = pa.chunked_array([pa.nulls(count, pa.string())])
    names, photos = column([key[:6] for key in keys]), column(keys)
    records = pa.table(
        {"record": photos, "photo": photos, "identity": names, "status": nulls, "reason": nulls}
    )
    drops = [CorrectionLine(1, i, Action.DROP, keys[i * 7]) for i in range(5_000)]
    moves = [
        CorrectionLine(1, 5_000 + i, Action.MOVE, keys[80_000 + i * 9], None, keys[-1 - i][:6])
        for i in range(3_000)
    ]
    merges = [
        CorrectionLine(1, 8_000 + i, Action.MERGE, None, f"{30_000 + i:06d}", f"{24_000 + i:06d}")
        for i in range(2_000)
    ]
    began = time.process_time()
    after, table = correct_records(records, [drops + moves + merges])
    assert time.process_time() - began < 20  # quadratic work would take minutes
    assert table.num_rows == 5_000 + 3_000 + 10_000
    changed = pc.not_equal(after.column("identity"), names)
    assert pc.sum(changed).as_py() == 3_000 + 10_000
