"""Who judges has never been seen in training, and the test split is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedata import ClassManifest, PairManifest, PreparedSet
from facedata.config import SplitConfig
from facemodel.batches.people import TrainingPeople
from facemodel.config import FitConfig
from facemodel.epochs.holdout import Validation, hold_out
from facemodel.errors import DataError
from tests.support.small_set import make_set

ALL_TRAIN = SplitConfig(splits="train=1")
THIRDS = SplitConfig(splits="train=0.6,val=0.2,test=0.2")
PEOPLE = {f"p{number:02d}": 1 + number % 5 for number in range(40)}
CLOSED = FitConfig(batches="photos", loss="cross-entropy", closed=True, best_by="accuracy")


def _people(classes: ClassManifest) -> set[str]:
    return set(TrainingPeople.of(classes).names)


def _paths(classes: ClassManifest) -> set[str]:
    return set(classes.table.column("path").to_pylist())


def _in_split(prepared: PreparedSet, split: str) -> set[str]:
    return _paths(ClassManifest.open(prepared.path, split=split))


def _are_pairs_of(found: Validation) -> None:
    judges = TrainingPeople.of(found.validation)
    left, right, same = found.pairs
    assert np.array_equal(judges.person[left] == judges.person[right], same)
    assert np.array_equal(judges.ids[left], found.manifest.left)
    assert (left != right).all()


def test_a_val_split_judges(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, split=THIRDS)
    found = hold_out(prepared, FitConfig())
    assert not found.set_aside
    assert _paths(found.training) == _in_split(prepared, "train")
    assert _paths(found.validation) == _in_split(prepared, "val")
    _are_pairs_of(found)


def test_else_a_tenth_of_the_people_are_set_aside(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, split=SplitConfig(splits="train=0.75,test=0.25"))
    found = hold_out(prepared, FitConfig())
    assert found.set_aside
    assert len(_people(found.validation)) == 3  # of 30
    assert not _people(found.validation) & _people(found.training)
    assert _paths(found.validation) | _paths(found.training) == _in_split(prepared, "train")
    assert not _in_split(prepared, "test") & (_paths(found.validation) | _paths(found.training))
    _are_pairs_of(found)
    assert "set aside from the people that train" in found.notes[0]


def test_the_same_seed_sets_the_same_people_aside(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, split=ALL_TRAIN)
    first, again, other = (hold_out(prepared, FitConfig(seed=seed)) for seed in (1, 1, 2))
    assert _paths(first.validation) == _paths(again.validation)
    assert np.array_equal(first.pairs.left, again.pairs.left)
    assert _paths(first.validation) != _paths(other.validation)


@pytest.mark.parametrize("seed", range(12))
def test_at_least_two_people_judge_and_one_of_them_has_two_photos(tmp_path: Path, seed: int) -> None:
    people = {"one": 1, "uno": 1, "eins": 1, "ein": 1, "two": 2, "zwei": 2, "zwo": 2}
    prepared = make_set(tmp_path / "faces", people, split=ALL_TRAIN)
    found = hold_out(prepared, FitConfig(seed=seed))
    judges = TrainingPeople.of(found.validation)
    assert 2 <= len(judges.names) <= 3
    assert judges.counts.max() == 2
    assert found.pairs.same.any()
    assert not found.pairs.same.all()


def test_so_many_pairs_at_most(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, split=THIRDS)
    assert len(hold_out(prepared, FitConfig(val_pairs=12)).pairs.same) == 12


def test_closed_sets_give_photos_and_everyone_goes_on_training(tmp_path: Path) -> None:
    people = {"a": 30, "b": 20, "c": 9, "d": 2, "e": 1}
    prepared = make_set(tmp_path / "faces", people, split=ALL_TRAIN)
    found = hold_out(prepared, CLOSED)
    assert found.set_aside
    assert _people(found.training) == set(people)
    judges = TrainingPeople.of(found.validation)
    assert dict(zip(judges.names, judges.counts.tolist(), strict=True)) == {"a": 3, "b": 2, "c": 1}
    assert not _paths(found.training) & _paths(found.validation)
    _are_pairs_of(found)


def test_closed_sets_of_few_photos_give_one_of_each(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"a": 2, "b": 3, "c": 1}, split=ALL_TRAIN)
    found = hold_out(prepared, CLOSED)
    assert sorted(TrainingPeople.of(found.validation).counts.tolist()) == [1, 1]
    assert len(found.pairs.same) == 0  # no two of one person: photos are named, pairs are not needed
    assert len(found.manifest) == 0


def test_closed_sets_judge_known_people_only(tmp_path: Path) -> None:
    """A val split of other people: a classifier cannot name any of them."""
    prepared = make_set(tmp_path / "faces", {f"p{n}": 12 for n in range(10)}, split=THIRDS)
    found = hold_out(prepared, CLOSED)
    assert found.set_aside
    assert _people(found.validation) == _people(found.training)


def test_closed_sets_divided_by_photo_use_their_val_split(tmp_path: Path) -> None:
    by_photo = SplitConfig(splits="train=0.6,val=0.2,test=0.2", split_by="photo")
    prepared = make_set(tmp_path / "faces", {"a": 10, "b": 10, "c": 10}, split=by_photo)
    found = hold_out(prepared, CLOSED)
    assert not found.set_aside
    assert _paths(found.validation) == _in_split(prepared, "val")


def test_the_pairs_can_be_written_and_read(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, split=ALL_TRAIN)
    found = hold_out(prepared, FitConfig())
    found.write(tmp_path / "validation.parquet")
    read = PairManifest.open(tmp_path / "validation.parquet", of=prepared.path)
    assert np.array_equal(read.left, found.manifest.left)
    assert np.array_equal(read.same, found.pairs.same)


def test_photos_set_aside_in_a_closed_set_can_be_written_and_read(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"a": 2, "b": 3, "c": 1}, split=ALL_TRAIN)
    found = hold_out(prepared, CLOSED)
    found.write(tmp_path / "validation.parquet")
    read = ClassManifest.open(tmp_path / "validation.parquet", of=prepared.path)
    assert len(read) == 2
    assert _paths(read) == _paths(found.validation)


def test_no_train_split_is_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, split=SplitConfig(splits="test=1"))
    with pytest.raises(DataError, match="no crop in the split 'train'"):
        hold_out(prepared, FitConfig())


def test_too_few_people_are_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"a": 5, "b": 5, "c": 5}, split=ALL_TRAIN)
    with pytest.raises(DataError, match="3 people in the split 'train' are too few"):
        hold_out(prepared, FitConfig())


def test_no_positive_pair_is_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", dict.fromkeys("abcdef", 1), split=ALL_TRAIN)
    with pytest.raises(DataError, match="validation needs a positive and a negative pair"):
        hold_out(prepared, FitConfig())


def test_a_val_split_of_one_person_is_refused(tmp_path: Path) -> None:
    names = [f"p{number}/{photo}.jpg" for number in range(4) for photo in range(3)]
    official = {name: "val" if name.startswith("p0") else "train" for name in names}
    prepared = make_set(
        tmp_path / "faces",
        {f"p{number}": 3 for number in range(4)},
        official=official,
        split=SplitConfig(split_by="official"),
    )
    with pytest.raises(DataError, match="validation needs a positive and a negative pair"):
        hold_out(prepared, FitConfig())


def test_a_closed_set_judged_by_pairs_needs_some(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"a": 2, "b": 3, "c": 1}, split=ALL_TRAIN)
    config = FitConfig(batches="photos", loss="cross-entropy", closed=True, best_by="auc")
    with pytest.raises(DataError, match="needs a positive and a negative pair"):
        hold_out(prepared, config)


def test_a_closed_set_of_single_photos_is_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", dict.fromkeys("abc", 1), split=ALL_TRAIN)
    with pytest.raises(DataError, match="no person in the split 'train' has two photos"):
        hold_out(prepared, CLOSED)


def test_two_people_are_left_to_train(tmp_path: Path) -> None:
    """Where both that were ranked first have one photo, a third is set aside; of four, one would be left."""
    prepared = make_set(tmp_path / "faces", {"a": 1, "b": 1, "c": 1, "d": 2}, split=ALL_TRAIN)
    refused = 0
    for seed in range(8):
        try:
            found = hold_out(prepared, FitConfig(seed=seed))
        except DataError:
            refused += 1
        else:
            assert len(_people(found.training)) == 2
    assert 0 < refused < 8
