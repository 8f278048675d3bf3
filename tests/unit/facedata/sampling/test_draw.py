"""Drawing for every split, and the commands that redo parts of a set."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.commands.redraw import pairs_set, split_set, triplets_set
from facedata.config import PairsConfig, SplitConfig, TripletsConfig
from facedata.errors import LockedError, NotASetError, SampleError, UsageError
from facedata.files.atomic import file_sha256
from facedata.files.locks import locked
from facedata.sampling.draw import draw_pairs, draw_triplets
from facedata.sets.prepared import open_set
from facedata.tables import schema
from tests.support.small_set import class_table, divide_classes, ledger_of, make_set

PEOPLE = {f"p{i}": 4 for i in range(8)}


def divided(people: dict[str, int], splits: str = "train=0.5,test=0.5") -> pa.Table:
    bare = class_table(people)
    return divide_classes(bare, ledger_of(bare), SplitConfig(splits=splits))[0]


def test_pairs_of_every_split_stay_within_it_train_first() -> None:
    classes = divided(PEOPLE)
    drawn = draw_pairs(classes, PairsConfig())
    table = pa.concat_tables(drawn.chunks).unify_dictionaries()
    of = {row["id"]: row for row in classes.to_pylist()}
    rows = table.to_pylist()
    for row in rows:
        left, right = of[row["left"]], of[row["right"]]
        assert left["split"] == right["split"] == row["split"]
        assert (left["path"], right["path"]) == (row["left_path"], row["right_path"])
        assert (left["identity"] == right["identity"]) is row["same"]
    assert [row["split"] for row in rows] == ["train"] * 32 + ["test"] * 32
    assert drawn.section["splits"] == {
        name: {"asked": 32, "rows": 32, "same": 16} for name in ("train", "test")
    }


def test_triplets_are_so_many_a_photo() -> None:
    drawn = draw_triplets(divided(PEOPLE), TripletsConfig(per_photo=3))
    table = pa.concat_tables(drawn.chunks)
    assert table.schema.equals(schema.TRIPLETS)
    assert table.num_rows == 3 * 32
    assert drawn.section["splits"]["test"] == {"asked": 48, "rows": 48}


def test_one_splits_rows_do_not_depend_on_another() -> None:
    classes = divided(PEOPLE)
    train = classes.filter(pa.compute.equal(classes.column("split"), "train"))
    alone = pa.concat_tables(draw_triplets(train, TripletsConfig()).chunks)
    together = pa.concat_tables(draw_triplets(classes, TripletsConfig()).chunks)
    assert together.slice(0, alone.num_rows).to_pylist() == alone.to_pylist()


def test_many_rows_come_in_full_row_groups() -> None:
    people = {f"p{i}": 8 for i in range(40)}
    drawn = draw_triplets(divided(people), TripletsConfig(count=150_000))
    sizes = [chunk.num_rows for chunk in drawn.chunks]
    assert sizes == [schema.ROW_GROUP_ROWS, 150_000 - schema.ROW_GROUP_ROWS] * 2


def test_a_split_that_can_have_none_gets_a_note_and_the_others_their_rows() -> None:
    classes = divided({"anna": 3, "ben": 3, "cara": 3}, "train=0.7,test=0.3")
    drawn = draw_pairs(classes, PairsConfig(count=4))
    assert drawn.section["splits"]["test"] == {"asked": None, "rows": 0, "same": 0}
    assert [note for note in drawn.section["notes"] if "test has no pairs: only one person" in note]
    assert pa.concat_tables(drawn.chunks).num_rows == 4


def test_fewer_than_asked_is_said_with_the_cap() -> None:
    section = draw_pairs(divided(PEOPLE), PairsConfig(count=1000, max_per_person=2)).section
    assert section["notes"][0] == (
        "train has 16 pairs, not 1,000: no more distinct ones exist with at most 2 a person"
    )


def test_official_pairs_without_a_protocol_are_refused() -> None:
    with pytest.raises(UsageError, match="no official pairs"):
        draw_pairs(divided(PEOPLE), PairsConfig(strategy="official"))


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        make_set(tmp_path / name, PEOPLE)
        pairs_set(tmp_path / name, seed=5, count=20)
        triplets_set(tmp_path / name, seed=5)
    for file in ("pairs.parquet", "triplets.parquet", "dataset.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_pairs_set_replaces_the_pairs_and_what_dataset_json_says_of_them(tmp_path: Path) -> None:
    before = make_set(tmp_path, PEOPLE)
    counts = pairs_set(tmp_path, strategy="all", max_per_person=3)
    after = open_set(tmp_path)
    assert after.fingerprint == before.fingerprint
    assert after.table("pairs").num_rows == after.info["tables"]["pairs"]["rows"] == 48
    assert after.info["tables"]["pairs"]["sha256"] == file_sha256(tmp_path / "pairs.parquet")
    assert after.info["counts"] == counts
    assert counts["splits"]["train"] == {"people": 4, "photos": 16, "pairs": 24, "triplets": 160}
    assert after.info["drawing"]["pairs"]["max_per_person"] == 3
    assert after.info["tables"]["triplets"] == before.info["tables"]["triplets"]


def test_split_set_redoes_labels_pairs_and_triplets_and_moves_no_crop(tmp_path: Path) -> None:
    make_set(tmp_path, PEOPLE)
    pairs_set(tmp_path, count=6, seed=3)
    before = open_set(tmp_path)
    crops = {file: file.stat().st_mtime_ns for file in (tmp_path / "crops").rglob("*.jpg")}
    split_set(tmp_path, splits="train=0.25,val=0.25,test=0.5", seed=1)
    after = open_set(tmp_path)
    assert after.fingerprint != before.fingerprint
    assert pq.read_schema(tmp_path / "photos.parquet").metadata[b"facedata.fingerprint"].decode() == (
        after.fingerprint
    )
    classes = after.table("classes").to_pylist()
    assert {row["label"] for row in classes if row["split"] == "train"} == {0, 1}
    assert {row["label"] for row in classes if row["split"] != "train"} == {None}
    assert {name: split["pairs"] for name, split in after.info["counts"]["splits"].items()} == {
        "train": 6, "val": 6, "test": 6,
    }  # fmt: skip
    assert after.info["drawing"]["pairs"] == before.info["drawing"]["pairs"]
    assert crops == {file: file.stat().st_mtime_ns for file in (tmp_path / "crops").rglob("*.jpg")}


def test_splitting_back_gives_the_same_bytes_again(tmp_path: Path) -> None:
    make_set(tmp_path, PEOPLE)
    files = ("classes.parquet", "pairs.parquet", "triplets.parquet", "photos.parquet", "dataset.json")
    before = {file: (tmp_path / file).read_bytes() for file in files}
    split_set(tmp_path, seed=1)
    split_set(tmp_path, splits="train=0.5,test=0.5")
    assert {file: (tmp_path / file).read_bytes() for file in files} == before


def test_official_pairs_can_be_had_again_from_the_stored_protocol(tmp_path: Path) -> None:
    official = {f"p{i}/{j}.jpg": "train" if i < 4 else "test" for i in range(8) for j in range(4)}
    row = {"left": "photos/p0/1.jpg", "right": "photos/p3/0.jpg", "same": False, "split": "train"}
    protocol = pa.Table.from_pylist([row], schema=schema.PROTOCOL)
    config = SplitConfig(split_by="official")
    make_set(tmp_path, PEOPLE, official=official, protocol=protocol, split=config)
    counts = pairs_set(tmp_path, strategy="official")
    assert counts["splits"]["train"]["pairs"] == counts["pairs"]["complete"] == 1
    split_set(tmp_path, splits="train=0.125,test=0.875")  # one train person: the pair cannot be in train
    with pytest.raises(SampleError, match="--split-by official"):
        pairs_set(tmp_path, strategy="official")


def test_a_set_in_which_no_split_can_have_any_is_left_as_it_was(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 2, "ben": 1})
    before = (tmp_path / "dataset.json").read_bytes()
    for command in (pairs_set, triplets_set):
        with pytest.raises(SampleError, match=r"train has no .* only one person"):
            command(tmp_path)
    assert (tmp_path / "dataset.json").read_bytes() == before


def test_configs_and_single_changes_say_the_same(tmp_path: Path) -> None:
    make_set(tmp_path, PEOPLE)
    by_config = triplets_set(tmp_path, TripletsConfig(count=9, seed=2))
    by_both = triplets_set(tmp_path, TripletsConfig(count=9), seed=2)
    assert by_config == by_both
    with pytest.raises(UsageError, match="unknown option sead"):
        triplets_set(tmp_path, sead=2)


def test_a_set_that_another_run_holds_is_not_touched(tmp_path: Path) -> None:
    make_set(tmp_path, PEOPLE)
    with locked(tmp_path), pytest.raises(LockedError):
        split_set(tmp_path)


def test_a_folder_that_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotASetError):
        pairs_set(tmp_path)


def test_what_the_commands_return_is_json(tmp_path: Path) -> None:
    make_set(tmp_path, PEOPLE)
    assert json.loads(json.dumps(split_set(tmp_path)))["split"]["by"] == "identity"
