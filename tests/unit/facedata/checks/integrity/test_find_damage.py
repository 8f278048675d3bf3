"""Each way in which a table or dataset.json can be wrong is found by its contents; nothing raises."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from facedata import SplitConfig
from facedata.checks.findings import Severity
from facedata.checks.integrity.damage_list import MOST
from facedata.checks.integrity.find_damage import find_damage
from facedata.errors import NotASetError, StoreError
from facedata.files import remote
from facedata.files.remote import Remote
from facedata.tables import schema
from tests.support.damaged_sets import (
    Rows,
    alter_info,
    alter_rows,
    alter_table,
    kinds,
    look,
    of_kind,
    record_table,
)
from tests.support.set_bytes import snapshot
from tests.support.small_set import make_set

PEOPLE = {"anna": 4, "bert": 3, "cora": 3, "dora": 2, "emil": 2}
TABLES = ("photos", "classes", "pairs", "triplets")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "faces"
    make_set(folder, PEOPLE, reference=["anna/0.jpg"], skip_ids=2)
    return folder


@pytest.fixture
def faces(whole: Path, tmp_path: Path) -> Path:
    """A set that may be damaged; its ids have holes."""
    return Path(shutil.copytree(whole, tmp_path / "faces"))


def split_of(faces: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the crops of each split."""
    crops = look(faces).classes
    assert crops is not None
    found: dict[str, list[dict[str, Any]]] = {}
    for row in crops.to_pylist():
        found.setdefault(str(row["split"]), []).append(row)
    return found


def test_a_whole_set_has_no_damage_and_stays_as_it_is(faces: Path) -> None:
    before = snapshot(faces)
    damage = look(faces)
    assert damage.findings == []
    assert damage.prepared is not None
    assert damage.classes is not None
    assert damage.classes.num_rows == sum(PEOPLE.values())
    assert snapshot(faces) == before


@pytest.mark.parametrize("split_by", ["photo", "identity"])
@pytest.mark.parametrize(
    "splits", ["train=0.5,test=0.5", "train=0.4,val=0.3,test=0.3", "a=0.5,b=0.5", "all=1"]
)
def test_however_it_is_divided(split_by: str, splits: str, tmp_path: Path) -> None:
    make_set(tmp_path / "faces", PEOPLE, split=SplitConfig(splits=splits, split_by=split_by))
    assert look(tmp_path / "faces").findings == []


def _set(rows: Rows, at: int, **values: Any) -> Rows:
    return [{**row, **values} if number == at else row for number, row in enumerate(rows)]


def _null(name: str, at: int = 2) -> Callable[[Rows], Rows]:
    return lambda rows: _set(rows, at, **{name: None})


CHANGED_ROWS: list[tuple[str, str, Callable[[Rows], Rows], str]] = [
    ("photos", "a kept row fewer", lambda rows: rows[1:], "counts_differ"),
    ("photos", "another row fewer", lambda rows: rows[:-1], "counts_differ"),
    ("photos", "a row twice", lambda rows: [*rows, rows[0]], "table_torn"),
    ("photos", "backwards", lambda rows: rows[::-1], "table_torn"),
    ("photos", "two rows swapped", lambda rows: [rows[1], rows[0], *rows[2:]], "table_torn"),
    ("photos", "no row", lambda rows: [], "counts_differ"),
    ("photos", "an unknown status", lambda rows: _set(rows, 1, status="fine"), "table_torn"),
    ("photos", "kept without a path", _null("path"), "table_torn"),
    ("photos", "kept without a person", _null("identity"), "table_torn"),
    ("photos", "a path, and not kept", lambda rows: _set(rows, 1, status="no_face"), "table_torn"),
    ("photos", "another photo", lambda rows: _set(rows, 1, photo="x.jpg"), "table_torn"),
    ("photos", "another person", lambda rows: _set(rows, 1, identity="zoe"), "table_torn"),
    ("photos", "another role", lambda rows: _set(rows, 1, role="reference"), "table_torn"),
    ("photos", "a score that is no number", lambda rows: _set(rows, 1, score=float("nan")), "table_torn"),
    ("photos", "a box of three", lambda rows: _set(rows, 1, box=[1.0, 2.0, 3.0]), "table_torn"),
    ("photos", "an infinite matrix", lambda rows: _set(rows, 1, matrix=[float("inf")] * 6), "table_torn"),
    ("photos", "a landmark that is null", lambda rows: _set(rows, 1, landmarks=[None] * 10), "table_torn"),
    ("classes", "a row fewer", lambda rows: rows[:-1], "counts_differ"),
    ("classes", "a row fewer, which others name", lambda rows: rows[:-1], "unknown_id"),
    ("classes", "no row", lambda rows: [], "unknown_id"),
    ("classes", "a row twice", lambda rows: [*rows, rows[-1]], "table_torn"),
    ("classes", "an id twice", lambda rows: _set(rows, 1, id=rows[0]["id"]), "table_torn"),
    ("classes", "backwards", lambda rows: rows[::-1], "table_torn"),
    ("classes", "another label", lambda rows: [{**row, "label": (row["label"] or 0) + 1} for row in rows],
     "labels_wrong"),
    ("classes", "no label", lambda rows: [{**row, "label": None} for row in rows], "labels_wrong"),
    ("classes", "a label for everybody", lambda rows: [{**row, "label": row["label"] or 0} for row in rows],
     "labels_wrong"),
    ("classes", "a negative label", lambda rows: [{**row, "label": -1} for row in rows], "labels_wrong"),
    ("classes", "a path twice", lambda rows: _set(rows, 1, path=rows[0]["path"]), "table_torn"),
    ("classes", "another person", lambda rows: _set(rows, 1, identity="zoe"), "table_torn"),
    ("classes", "another photo", lambda rows: _set(rows, 1, photo="x.jpg"), "table_torn"),
    ("classes", "no split", _null("split"), "table_torn"),
    ("classes", "a file elsewhere", lambda rows: _set(rows, 1, file="../../etc/passwd"), "crop_missing"),
    ("classes", "a file that climbs out", lambda rows: _set(rows, 1, file="crops/../../x"), "crop_missing"),
    ("classes", "a SHA-256 that is none", lambda rows: _set(rows, 1, crop_sha256="A" * 64), "table_torn"),
    ("classes", "a negative length", lambda rows: _set(rows, 1, length=-1), "table_torn"),
    ("classes", "a huge length", lambda rows: _set(rows, 1, length=2**62), "table_torn"),
    ("classes", "a huge offset", lambda rows: _set(rows, 1, offset=2**63 - 1), "table_torn"),
    ("pairs", "a row fewer", lambda rows: rows[:-1], "counts_differ"),
    ("pairs", "a row twice", lambda rows: [*rows, rows[0]], "counts_differ"),
    ("pairs", "no row", lambda rows: [], "counts_differ"),
    ("pairs", "an unknown id", lambda rows: _set(rows, 3, left=10**15), "unknown_id"),
    ("pairs", "an id of a hole", lambda rows: _set(rows, 3, right=1), "unknown_id"),
    ("pairs", "a negative id", lambda rows: _set(rows, 3, right=-(2**63)), "unknown_id"),
    ("pairs", "another path", lambda rows: _set(rows, 3, left_path="zoe/0.jpg"), "unknown_id"),
    ("pairs", "the sides' paths swapped", lambda rows: [
        {**row, "left_path": row["right_path"], "right_path": row["left_path"]} for row in rows
    ], "unknown_id"),
    ("pairs", "the other answer", lambda rows: _set(rows, 0, same=not rows[0]["same"]), "labels_wrong"),
    ("pairs", "a crop with itself", lambda rows: _set(
        rows, 0, right=rows[0]["left"], right_path=rows[0]["left_path"]
    ), "labels_wrong"),
    ("pairs", "another split", lambda rows: _set(rows, 0, split="test"), "train_in_test"),
    ("pairs", "a split that there is not", lambda rows: _set(rows, 0, split="val"), "train_in_test"),
    ("triplets", "a row fewer", lambda rows: rows[:-1], "counts_differ"),
    ("triplets", "an unknown id", lambda rows: _set(rows, 3, negative=10**15), "unknown_id"),
    ("triplets", "another path", lambda rows: _set(rows, 3, positive_path="zoe/0.jpg"), "unknown_id"),
    ("triplets", "another split", lambda rows: _set(rows, 0, split="test"), "train_in_test"),
    ("triplets", "an anchor that is its positive", lambda rows: _set(
        rows, 0, positive=rows[0]["anchor"], positive_path=rows[0]["anchor_path"]
    ), "labels_wrong"),
    ("triplets", "a negative of the same person", lambda rows: _set(
        rows, 0, negative=rows[0]["positive"], negative_path=rows[0]["positive_path"]
    ), "labels_wrong"),
    ("triplets", "a positive of another person", lambda rows: _set(
        rows, 0, positive=rows[0]["negative"], positive_path=rows[0]["negative_path"]
    ), "labels_wrong"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "change", "wanted"),
    [pytest.param(kind, change, wanted, id=f"{kind}, {what}") for kind, what, change, wanted in CHANGED_ROWS],
)
def test_changed_rows_are_found_by_what_they_say(
    kind: str, change: Callable[[Rows], Rows], wanted: str, faces: Path
) -> None:
    alter_rows(faces, kind, change)
    assert wanted in kinds(faces)


@pytest.mark.parametrize("kind", TABLES)
def test_every_change_of_rows_is_found_even_if_only_by_the_sha256(
    kind: str, faces: Path, tmp_path: Path
) -> None:
    recorded = (faces / "dataset.json").read_text(encoding="utf-8")
    alter_rows(faces, kind, lambda rows: rows)  # other bytes, the same rows
    assert kinds(faces) == set()
    (faces / "dataset.json").write_text(recorded, encoding="utf-8")
    (finding,) = look(faces).findings
    assert finding.kind.value == "table_torn"
    assert f"{kind}.parquet is not the file that was written" in finding.why
    assert finding.why.endswith(": run the command that made the set again")


_REQUIRED = [(kind, column.name) for kind in TABLES for column in schema.KINDS[kind] if not column.nullable]


@pytest.mark.parametrize(("kind", "name"), _REQUIRED)
def test_a_null_where_there_must_be_none_is_found(kind: str, name: str, faces: Path) -> None:
    alter_rows(faces, kind, _null(name))
    torn = of_kind(look(faces), "table_torn")
    assert any(f"row 2 of {kind}.parquet lacks its {name}" in one.why for one in torn)


def _without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def _twice(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.append_column(name, table.column(name))


def _of_another_type(name: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        texts = [f"x{number}" for number in range(table.num_rows)]
        numbers = [float("nan")] * table.num_rows
        is_text = pa.types.is_string(table.schema.field(name).type)
        return table.set_column(
            table.schema.get_field_index(name), name, pa.array(numbers if is_text else texts)
        )

    return change


_WRONG_COLUMNS = [
    (_without, "no column {}"),
    (_twice, "2 columns {}"),
    (_of_another_type, "a column {} of"),
]
_COLUMNS = [
    (kind, column.name, *_WRONG_COLUMNS[(number + at) % 3])
    for number, kind in enumerate(TABLES)
    for at, column in enumerate(schema.KINDS[kind])
]


@pytest.mark.parametrize(("kind", "name", "change", "words"), _COLUMNS)
def test_a_column_that_is_gone_or_twice_or_of_another_type_is_found(
    kind: str, name: str, change: Callable[[str], Callable[[pa.Table], pa.Table]], words: str, faces: Path
) -> None:
    alter_table(faces, kind, change(name))
    assert any(words.format(name) in one.why for one in of_kind(look(faces), "table_torn"))


@pytest.mark.parametrize("change", [change for change, _ in _WRONG_COLUMNS])
@pytest.mark.parametrize(("kind", "name"), [("classes", "id"), ("pairs", "left"), ("photos", "path")])
def test_columns_that_much_rests_on_may_be_missing(
    kind: str, name: str, change: Callable[[str], Callable[[pa.Table], pa.Table]], faces: Path
) -> None:
    alter_table(faces, kind, change(name))
    damage = look(faces)
    assert of_kind(damage, "table_torn")
    assert (damage.classes is None) == (kind == "classes")


def test_ids_that_fit_in_another_type_are_still_followed(faces: Path) -> None:
    """A table that pandas wrote again: ids as floats, paths as plain texts."""

    def change(table: pa.Table) -> pa.Table:
        for name in ("left", "right"):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table.column(name).cast(pa.float64()))
        for name in ("left_path", "right_path", "split"):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table.column(name).cast(pa.string()))
        return table

    alter_table(faces, "pairs", change)
    assert kinds(faces) == {"table_torn"}
    alter_rows(faces, "pairs", lambda rows: _set(rows, 3, left=1e9))
    assert kinds(faces) == {"table_torn", "unknown_id"}


def test_a_crop_of_train_in_a_test_pair_is_named(faces: Path) -> None:
    train = split_of(faces)["train"][0]

    def leak(rows: Rows) -> Rows:
        at = next(number for number, row in enumerate(rows) if row["split"] == "test" and not row["same"])
        return _set(rows, at, left=train["id"], left_path=train["path"])

    alter_rows(faces, "pairs", leak)
    damage = look(faces)
    assert {one.kind.value for one in damage.findings} == {"train_in_test"}
    (finding,) = damage.findings
    assert finding.left == train["id"]
    assert finding.severity is Severity.ERROR
    assert f"it is of the split test, and its left {train['path']} in the split train" in finding.why


def test_a_person_in_two_splits_is_named_with_a_crop_of_each(faces: Path) -> None:
    crops = split_of(faces)
    moved = crops["test"][0]
    alter_rows(
        faces,
        "classes",
        lambda rows: [{**row, "split": "train"} if row["id"] == moved["id"] else row for row in rows],
    )
    (finding,) = of_kind(look(faces), "person_in_two_splits")
    assert finding.identity == moved["identity"]
    assert finding.right == moved["id"] or finding.left == moved["id"]
    assert {"1 in train", f"{PEOPLE[moved['identity']] - 1} in test"} == set(
        finding.why.partition("(crops: ")[2].partition(")")[0].split(", ")
    )


def test_by_photo_people_may_be_in_two_splits(tmp_path: Path) -> None:
    make_set(tmp_path / "faces", PEOPLE, split=SplitConfig(splits="train=0.5,test=0.5", split_by="photo"))
    assert look(tmp_path / "faces").findings == []


@pytest.mark.parametrize("everybody", [True, False])
def test_an_official_split_with_people_in_two_is_one_note(everybody: bool, tmp_path: Path) -> None:
    paths = [f"{person}/{number}.jpg" for person, count in PEOPLE.items() for number in range(count)]
    official = {
        path: "test" if path.endswith("/0.jpg") and (everybody or path.startswith("anna")) else "train"
        for path in paths
    }
    make_set(tmp_path / "faces", PEOPLE, official=official, split=SplitConfig(split_by="official"))
    (finding,) = look(tmp_path / "faces").findings
    assert (finding.kind.value, finding.severity) == ("person_in_two_splits", Severity.NOTE)
    assert finding.value == (5 if everybody else 1)
    assert finding.why.startswith(f"{5 if everybody else 1} of 5 people are in two splits, such as 'anna'")


def test_an_official_split_that_the_crops_do_not_have_is_found(tmp_path: Path) -> None:
    paths = [f"{person}/{number}.jpg" for person, count in PEOPLE.items() for number in range(count)]
    official = {path: "test" if path.startswith(("anna", "bert")) else "train" for path in paths}
    faces = tmp_path / "faces"
    make_set(faces, PEOPLE, official=official, split=SplitConfig(split_by="official"))
    alter_rows(faces, "photos", lambda rows: _set(rows, 0, official_split="train"))
    (finding,) = look(faces).findings
    assert "anna/0.jpg: its split is 'test' in classes.parquet, and 'train' in photos.parquet" in finding.why


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_of_another_set_is_said_with_few_findings(kind: str, faces: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_set(other, {f"person {number}": 30 for number in range(10)})
    shutil.copy(other / f"{kind}.parquet", faces)
    record_table(faces, kind)
    damage = look(faces)
    assert any("belongs to the set" in one.why for one in of_kind(damage, "table_torn"))
    assert len(damage.findings) < 20 * MOST
    rest = [one for one in damage.findings if one.why.split(" ")[1:2] == ["more"]]
    assert bool(rest) == (kind != "photos")
    assert all(one.value for one in rest)


def test_a_table_in_place_of_another_is_said(faces: Path) -> None:
    shutil.copy(faces / "pairs.parquet", faces / "triplets.parquet")
    record_table(faces, "triplets")
    assert any("triplets.parquet is a table of 'pairs'" in one.why for one in look(faces).findings)


def test_a_table_that_facedata_did_not_write_is_said(faces: Path) -> None:
    alter_table(faces, "pairs", lambda table: table)
    table = pa.parquet.read_table(faces / "pairs.parquet").replace_schema_metadata(None)
    pa.parquet.write_table(table, faces / "pairs.parquet")
    record_table(faces, "pairs")
    (finding,) = look(faces).findings
    assert "is not written by facedata" in finding.why


def test_an_interrupted_update_is_said(faces: Path, tmp_path: Path) -> None:
    """Tables are renamed one after the other, dataset.json last."""
    other = tmp_path / "other"
    make_set(
        other,
        PEOPLE,
        reference=["anna/0.jpg"],
        skip_ids=2,
        split=SplitConfig(splits="train=0.5,test=0.5", seed=5),
    )
    for kind in ("classes", "pairs"):
        shutil.copy(other / f"{kind}.parquet", faces)
    found = kinds(faces)
    assert "table_torn" in found


@pytest.mark.parametrize("kind", TABLES)
def test_a_later_schema_version_is_said(kind: str, faces: Path) -> None:
    def later(table: pa.Table) -> pa.Table:
        return table

    alter_table(faces, kind, later)
    table = pa.parquet.read_table(faces / f"{kind}.parquet")
    metadata = {**table.schema.metadata, b"facedata.schema_version": b"99"}
    pa.parquet.write_table(table.replace_schema_metadata(metadata), faces / f"{kind}.parquet")
    record_table(faces, kind)
    assert any("has schema version 99" in one.why for one in of_kind(look(faces), "table_torn"))


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"no table", bytes(5000), None], ids=str)
def test_a_table_that_is_gone_or_no_table_is_said(kind: str, content: bytes | None, faces: Path) -> None:
    file = faces / f"{kind}.parquet"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    damage = look(faces)
    assert any(f"{kind}.parquet" in one.why for one in of_kind(damage, "table_torn"))
    assert (damage.classes is None) == (kind == "classes")
    file.unlink(missing_ok=True)
    file.mkdir()
    assert "table_torn" in kinds(faces)


def test_a_pipe_in_place_of_a_table_is_not_waited_for(faces: Path) -> None:
    (faces / "pairs.parquet").unlink()
    os.mkfifo(faces / "pairs.parquet")
    assert "table_torn" in kinds(faces)


JUNK = [None, True, 0, -1, 2**70, 1.5, "", "x", [], [1], {}, {"x": {"y": 1}}]


def test_dataset_json_with_anything_anywhere_raises_nothing(faces: Path) -> None:
    file = faces / "dataset.json"
    whole = json.loads(file.read_text(encoding="utf-8"))

    def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        found = [above] if above else []
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        return found + [place for key, below in items for place in places(below, (*above, key))]

    for number, keys in enumerate(places(whole)):
        for junk in JUNK[number % 3 :: 3] if len(keys) == 1 else [JUNK[number * 7 % len(JUNK)]]:
            info = json.loads(json.dumps(whole))
            target = info
            for key in keys[:-1]:
                target = target[key]
            if target[keys[-1]] == junk:
                continue
            target[keys[-1]] = junk
            file.write_text(json.dumps(info), encoding="utf-8")
            found = kinds(faces)
            if keys[0] in ("kind", "schema_version", "fingerprint", "settings", "tables"):
                assert found, (keys, junk)
            if keys[0] == "counts" and keys[-1] in ("records", "people", "kept", "rows", "same", "photos"):
                assert "counts_differ" in found, (keys, junk)


@pytest.mark.parametrize(
    "key", ["kind", "schema_version", "fingerprint", "settings", "drawing", "counts", "tables"]
)
def test_a_key_that_is_gone_is_named(key: str, faces: Path) -> None:
    alter_info(faces, lambda info: info.pop(key))
    damage = look(faces)
    words = key.replace("_", " ")
    assert any(words in one.why for one in of_kind(damage, "table_torn"))
    assert damage.prepared is None
    assert damage.classes is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"1" * 10_000,
        b'{"kind": 1}',
    ],
    ids=lambda content: repr(content[:8]),
)
def test_dataset_json_that_is_none_is_said_and_the_tables_are_looked_at(content: bytes, faces: Path) -> None:
    (faces / "dataset.json").write_bytes(content)
    alter = faces / "pairs.parquet"
    alter.unlink()
    damage = look(faces)
    assert damage.prepared is None
    assert damage.classes is not None
    assert any("dataset.json" in one.why for one in of_kind(damage, "table_torn"))
    assert any("pairs.parquet is not there" in one.why for one in of_kind(damage, "table_torn"))


def test_a_table_s_path_in_dataset_json_is_not_followed(faces: Path) -> None:
    alter_info(faces, lambda info: info["tables"].update({"../../x": {"rows": 1, "sha256": "0"}}))
    assert any("a table that is not known" in one.why for one in look(faces).findings)


def test_a_set_without_dataset_json_is_said_and_looked_at(faces: Path) -> None:
    (faces / "dataset.json").unlink()
    damage = look(faces)
    assert [one.kind.value for one in damage.findings] == ["table_torn"]
    assert "dataset.json is not there" in damage.findings[0].why
    assert damage.prepared is None
    assert damage.classes is not None


@pytest.mark.parametrize("has_tables", [True, False])
def test_an_unfinished_set_is_one_finding(has_tables: bool, faces: Path) -> None:
    (faces / "dataset.json").unlink()
    (faces / ".work").mkdir()
    if not has_tables:
        for kind in TABLES:
            (faces / f"{kind}.parquet").unlink()
    damage = look(faces)
    (finding,) = damage.findings
    assert finding.severity is Severity.ERROR
    assert "is not finished: run the same `facedata prepare` again" in finding.why


def test_a_finished_set_with_a_run_at_work_is_a_note(faces: Path) -> None:
    (faces / ".work").mkdir()
    (finding,) = look(faces).findings
    assert finding.severity is Severity.NOTE


def test_what_is_no_set_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    for path in (tmp_path / "nowhere", tmp_path / "photos", tmp_path / "photos" / "a.jpg"):
        with pytest.raises(NotASetError, match=str(path)):
            find_damage(path)
    with pytest.raises(NotASetError):
        find_damage(Remote("memory://nowhere/at/all"))


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_set_behind_a_url_is_looked_at_there(is_damaged: bool, faces: Path, tmp_path: Path) -> None:
    if is_damaged:
        alter_rows(faces, "pairs", lambda rows: _set(rows, 3, left=10**15))
        (faces / "triplets.parquet").write_bytes((faces / "triplets.parquet").read_bytes()[:-50])
    url = f"memory://{tmp_path.name}"
    memory = fsspec.filesystem("memory")
    memory.put(str(faces), f"/{tmp_path.name}", recursive=True)
    try:
        there, here = look(Remote(url)), look(faces)
    finally:
        memory.rm(f"/{tmp_path.name}", recursive=True)
    assert [one.kind for one in there.findings] == [one.kind for one in here.findings]
    assert bool(there.findings) == is_damaged


class _SilentStore(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A store in memory that stops answering after some requests; other stores are as they were."""

    protocol = "silent"
    cachable = False
    left = 0

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("silent://", "memory://")))

    def _answer(self) -> None:
        type(self).left -= 1
        if self.left < 0:
            raise TimeoutError(110, "the store does not answer")

    def info(self, path: str, **options: Any) -> Any:
        self._answer()
        return super().info(path, **options)

    def cat_file(self, path: str, *arguments: Any, **options: Any) -> Any:
        self._answer()
        return super().cat_file(path, *arguments, **options)


def test_a_store_that_does_not_answer_is_no_damage(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0)
    fsspec.register_implementation("silent", _SilentStore, clobber=True)
    memory = fsspec.filesystem("memory")
    memory.put(str(faces), f"/{tmp_path.name}", recursive=True)
    place, answers, damage = Remote(f"silent://{tmp_path.name}"), 0, None
    try:
        while damage is None:
            monkeypatch.setattr(_SilentStore, "left", answers)
            with contextlib.suppress(StoreError, NotASetError):
                damage = find_damage(place)
            answers += 1
    finally:
        memory.rm(f"/{tmp_path.name}", recursive=True)
    assert answers > 10
    assert damage.findings == []


def test_rows_in_one_huge_row_group_are_read_in_blocks(faces: Path) -> None:
    """Another program wrote the table: its row groups are not ours."""
    alter_table(faces, "pairs", lambda table: pa.concat_tables([table] * 6000))
    rows = pa.parquet.read_metadata(faces / "pairs.parquet").num_rows
    assert rows > schema.ROW_GROUP_ROWS
    assert kinds(faces) == {"counts_differ"}
    last = pc.subtract(pa.scalar(rows), 1).as_py()
    alter_table(
        faces, "pairs", lambda table: table.slice(0, last).append_column("more", table.column("left")[:last])
    )
    assert kinds(faces) == {"counts_differ"}
