"""Manifests: opened, indexed, iterated over, drawn and written."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from facedata.errors import NotASetError, OtherSetError, SampleError, StoreError, UsageError
from facedata.sets.pairs_triplets import ClassManifest, ClassRow, PairManifest, TripletManifest
from facedata.sets.prepared import PreparedSet
from tests.support.small_set import class_table, crop_image, make_set

PEOPLE = {f"p{i}": 5 for i in range(6)}
KINDS = (ClassManifest, PairManifest, TripletManifest)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return make_set(tmp_path_factory.mktemp("set"), PEOPLE, skip_ids=2, reference=["p0/0.jpg"])


def test_a_class_row_has_its_columns_and_its_image(prepared: PreparedSet) -> None:
    row = ClassManifest.open(prepared.path)[7]
    assert (row.id, row.path, row.identity, row.photo) == (21, "p1/2.jpg", "p1", "photos/p1/2.jpg")
    image = row.image()
    assert image.shape == (24, 24, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - crop_image(7)).max() <= 4  # RGB, not BGR: JPEG changes colours little
    assert row.bytes() == (prepared.path / "crops/p1/2.jpg").read_bytes()
    assert ClassManifest.open(prepared.path)[0].role == "reference"


@pytest.mark.parametrize("kind", KINDS)
def test_rows_by_index_iteration_and_pandas_agree(prepared: PreparedSet, kind: Any) -> None:
    manifest = kind.open(prepared.path)
    rows = list(manifest)
    assert len(rows) == len(manifest) == len(manifest.to_pandas())
    for index in (0, 3, len(manifest) - 1, -1, -len(manifest), np.int64(2)):
        assert manifest[index] == rows[index]
    for index in (len(manifest), -len(manifest) - 1):
        with pytest.raises(IndexError):
            manifest[index]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [slice(2, 5), slice(None, None, -1), slice(20, 2, -7), slice(5, 5)])
def test_slices_are_manifests(prepared: PreparedSet, kind: Any, part: slice) -> None:
    manifest = kind.open(prepared.path)
    assert isinstance(manifest[part], kind)
    assert list(manifest[part]) == list(manifest)[part]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_cover_the_rows_in_order(prepared: PreparedSet, kind: Any) -> None:
    manifest = kind.open(prepared.path)
    batches = list(manifest.batches(7))
    assert {len(batch) for batch in batches[:-1]} == {7}
    assert [row for batch in batches for row in batch] == list(manifest)
    with pytest.raises(UsageError, match="at least 1"):
        next(manifest.batches(0))


def test_triplet_rows_are_what_their_table_says(prepared: PreparedSet) -> None:
    manifest = TripletManifest.open(prepared.path, split="train")
    for row, record in zip(manifest, manifest.to_pandas().to_dict("records"), strict=True):
        assert (row.anchor.path, row.positive.path, row.negative.path) == (
            record["anchor_path"], record["positive_path"], record["negative_path"],
        )  # fmt: skip
        assert row.anchor.identity == row.positive.identity != row.negative.identity
        assert {row.split, row.anchor.split, row.positive.split, row.negative.split} == {"train"}


def test_pair_rows_are_what_their_table_says(prepared: PreparedSet) -> None:
    manifest = PairManifest.open(prepared.path)
    frame = manifest.to_pandas()
    assert [row.left.path for row in manifest] == frame["left_path"].tolist()
    assert [row.right.id for row in manifest] == manifest.right.tolist()
    assert [row.left.identity == row.right.identity for row in manifest] == manifest.same.tolist()
    assert manifest[0].fold is None
    assert manifest.left.dtype == manifest.right.dtype == np.int64


def test_a_split_is_a_part(prepared: PreparedSet) -> None:
    for kind in KINDS:
        parts = [kind.open(prepared.path, split=name) for name in ("train", "test")]
        whole = kind.open(prepared.path)
        assert sum(map(len, parts)) == len(whole) > len(parts[0])
    with pytest.raises(UsageError, match=r"no split 'dev'.*its splits are: train, test"):
        PairManifest.open(prepared.path, split="dev")


def test_a_split_without_pairs_opens_empty(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 2, "ben": 2, "cara": 2})
    sizes = {name: len(PairManifest.open(tmp_path, split=name)) for name in ("train", "test")}
    assert sorted(sizes.values()) == [0, 4]
    empty = PairManifest.open(tmp_path, split=min(sizes, key=lambda name: sizes[name]))
    assert list(empty) == []
    assert list(empty.batches(5)) == []
    assert empty.usage().never == 2


def test_what_is_sampled_can_be_written_and_opened_again(prepared: PreparedSet, tmp_path: Path) -> None:
    train = ClassManifest.open(prepared.path, split="train")
    for kind in (PairManifest, TripletManifest):
        made = kind.sample(train, count=33, seed=7)
        assert len(made) == 33
        assert made.split == "train"
        file = tmp_path / f"{kind.kind}.parquet"
        made.write(file)
        again = kind.open(file, of=prepared.path)
        assert list(again) == list(made) == list(kind.sample(train, count=33, seed=7))
        assert len(pd.read_parquet(file)) == 33


def test_a_file_in_the_sets_folder_finds_its_set(prepared: PreparedSet) -> None:
    file = Path(str(prepared.path)) / "more" / "triplets.parquet"
    file.parent.mkdir()
    made = TripletManifest.sample(ClassManifest.open(prepared.path), count=10)
    made.write(file)
    assert list(TripletManifest.open(file)) == list(made)


def test_samples_of_several_splits_stay_within_each_in_proportion(prepared: PreparedSet) -> None:
    made = TripletManifest.sample(ClassManifest.open(prepared.path), count=101)
    assert made.split is None
    assert sorted(pd.Series([row.split for row in made]).value_counts()) == [50, 51]
    assert all(row.anchor.split == row.negative.split == row.split for row in made)


def test_samples_use_only_the_crops_given(prepared: PreparedSet) -> None:
    some = ClassManifest.open(prepared.path, split="train")[:10]
    made = PairManifest.sample(some, strategy="all")
    assert set(made.left) | set(made.right) <= set(some.ids)
    assert made.same.sum() == 20  # two people with five photos: ten pairs each
    with pytest.raises(SampleError, match="only one person"):
        PairManifest.sample(some[:5])
    home = ClassManifest.open(prepared.path)[0].split  # where the one reference photo is
    away = ClassManifest.open(prepared.path, split="test" if home == "train" else "train")
    with pytest.raises(SampleError, match="--reference"):
        TripletManifest.sample(away, strategy="reference")


@pytest.mark.parametrize("wrong", [{"strategy": "hard"}, {"uniform": "rows"}, {"count": 0}])
def test_impossible_options_are_refused(prepared: PreparedSet, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TripletManifest.sample(ClassManifest.open(prepared.path), **wrong)


def test_usage_counts_every_side_and_the_never_used(prepared: PreparedSet) -> None:
    manifest = TripletManifest.open(prepared.path, split="train")[:8]
    found = manifest.usage()
    slow = {row.id: 0 for row in ClassManifest.open(prepared.path, split="train")}
    for row in manifest:
        for crop in (row.anchor, row.positive, row.negative):
            slow[crop.id] += 1
    assert found.counts.tolist() == list(slow.values())
    assert (found.mean, found.most) == (24 / len(slow), max(slow.values()))
    assert found.never == sum(count == 0 for count in slow.values()) > 0
    assert found.std == pytest.approx(float(np.std(list(slow.values()))))


def test_a_manifest_of_another_set_is_refused(prepared: PreparedSet, tmp_path: Path) -> None:
    other = make_set(tmp_path / "other", {"anna": 3, "ben": 3, "cara": 3, "dora": 3})
    file = tmp_path / "pairs.parquet"
    PairManifest.open(other.path).write(file)
    with pytest.raises(OtherSetError) as caught:
        PairManifest.open(file, of=prepared.path)
    assert other.fingerprint[:12] in str(caught.value)
    assert prepared.fingerprint[:12] in str(caught.value)


def test_an_id_that_is_no_crop_is_refused(prepared: PreparedSet) -> None:
    crops = ClassManifest.open(prepared.path)
    assert crops.find(np.array([21, 0])).tolist() == [7, 0]
    for wrong in (1, -3, 10_000):
        with pytest.raises(OtherSetError, match=f"id {wrong} "):
            crops.find(np.array([0, wrong]))


def test_a_crop_is_found_by_its_id_its_path_and_its_photo(prepared: PreparedSet) -> None:
    crops = ClassManifest.open(prepared.path)
    row = crops[5]
    assert [crops.find(one) for one in (row.id, row.path, row.photo)] == [5, 5, 5]
    assert crops.find([row.id]).tolist() == [5]
    with pytest.raises(UsageError, match=r"no crop in this manifest has the path 'nobody/1.jpg'"):
        crops.find("nobody/1.jpg")
    with pytest.raises(OtherSetError, match="id 10000 "):
        crops.find(10_000)


def test_a_photo_with_several_crops_is_not_guessed(tmp_path: Path) -> None:
    classes = class_table({"anna": 2, "ben": 2})
    crops = ClassManifest(make_set(tmp_path, {"anna": 2, "ben": 2}), _of_one_photo(classes))
    with pytest.raises(UsageError, match=r"4 crops are of the photo 'group.jpg': name the path of one"):
        crops.find("group.jpg")
    assert crops.find("ben/1.jpg") == 3


def _of_one_photo(classes: pa.Table) -> pa.Table:
    at = classes.schema.get_field_index("photo")
    return classes.set_column(at, classes.schema.field(at), pa.array(["group.jpg"] * len(classes)))


def test_files_that_cannot_be_opened_say_why(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "pairs.parquet"
    with pytest.raises(NotASetError, match="no file"):
        PairManifest.open(file)
    PairManifest.open(prepared.path).write(file)
    with pytest.raises(UsageError, match="of="):
        PairManifest.open(file)
    with pytest.raises(NotASetError, match="table of pairs, not of triplets"):
        TripletManifest.open(file, of=prepared.path)
    pd.DataFrame({"left": [0]}).to_parquet(file)
    with pytest.raises(OtherSetError, match="unknown"):
        PairManifest.open(file, of=prepared.path)


def test_the_sets_own_table_is_not_overwritten(prepared: PreparedSet) -> None:
    with pytest.raises(UsageError, match="own table"):
        PairManifest.open(prepared.path).write(f"{prepared.path}/more/../pairs.parquet")


def test_a_crop_that_is_gone_is_said(tmp_path: Path) -> None:
    made = make_set(tmp_path, PEOPLE)
    row = ClassManifest.open(made.path)[0]
    (tmp_path / row.file).unlink()
    with pytest.raises(StoreError, match=row.path):
        row.image()


def test_manifests_travel_to_worker_processes(prepared: PreparedSet) -> None:
    manifest = TripletManifest.open(prepared.path)
    assert list(pickle.loads(pickle.dumps(manifest))) == list(manifest)


def test_rows_do_not_show_where_they_lie(prepared: PreparedSet) -> None:
    row = ClassManifest.open(prepared.path)[0]
    assert isinstance(row, ClassRow)
    assert str(prepared.path) not in repr(row)
