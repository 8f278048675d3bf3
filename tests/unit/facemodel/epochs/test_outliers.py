"""Planted crops that show nobody are passed over as negatives, faces are not; `check` is listened to."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata import ClassManifest
from facedata.config import SplitConfig
from facedata.tables.parquet import write_table
from facedata.types import BoolArray, Float32Array, Int64Array
from facemodel.batches.people import TrainingPeople
from facemodel.epochs.candidates import MiningRule
from facemodel.epochs.hard_negatives import FeatureCache, hard_epoch
from facemodel.epochs.outliers import FINDINGS, find_outliers, read_doubted
from facemodel.epochs.plan import EpochRows
from tests.support.small_set import make_set

_COLUMNS = pa.schema(
    [
        ("finding", pa.int64()), ("kind", pa.string()), ("severity", pa.string()), ("left", pa.int64()),
        ("right", pa.int64()), ("left_identity", pa.string()), ("right_identity", pa.string()),
    ]
)  # fmt: skip


def _people(
    seed: int, people: int = 60, each: int = 8, noise: float = 0.6, dim: int = 64
) -> tuple[Float32Array, Int64Array]:
    """Photos around each person's direction; as long as one another, give or take."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((people, dim))
    person = np.repeat(np.arange(people), each)
    features = centres[person] + noise * rng.standard_normal((len(person), dim))
    return (features * rng.uniform(0.8, 1.2, (len(person), 1))).astype(np.float32), person


def _plant(features: Float32Array, count: int, seed: int = 9) -> BoolArray:
    """Put crops of nobody in the place of some: short embeddings of any direction, near to everybody."""
    rng = np.random.default_rng(seed)
    planted = np.zeros(len(features), np.bool_)
    planted[rng.permutation(len(features))[:count]] = True
    length = np.linalg.norm(features, axis=1).mean()
    nobody = rng.standard_normal((count, features.shape[1]))
    features[planted] = 0.2 * length * nobody / np.linalg.norm(nobody, axis=1, keepdims=True)
    return planted


@pytest.mark.parametrize("seed", range(5))
def test_planted_outliers_are_found_and_no_face_is(seed: int) -> None:
    features, person = _people(seed)
    planted = _plant(features, 24)
    found = find_outliers(features, person)
    assert found[planted].all()
    assert np.count_nonzero(found & ~planted) <= 0.01 * len(person)


@pytest.mark.parametrize("noise", [0.05, 0.3, 0.6, 1.0, 5.0])
def test_among_faces_alone_next_to_none_is_an_outlier(noise: float) -> None:
    """Also for a network that tells nobody apart yet (the last), and one that has learnt all by heart."""
    features, person = _people(1, noise=noise)
    assert np.count_nonzero(find_outliers(features, person)) <= 0.005 * len(person)


def test_a_photo_under_a_wrong_name_is_near_somebody_and_no_outlier() -> None:
    features, person = _people(2)
    person[3] = 17
    assert not find_outliers(features, person)[3]


def test_people_with_few_photos_are_judged_like_the_others() -> None:
    features, person = _people(3, people=200, each=2)
    assert np.count_nonzero(find_outliers(features, person)) <= 0.02 * len(person)
    one_each = np.arange(100)
    assert not find_outliers(features[:100], one_each).any()  # a person's only photo cannot be judged
    assert not find_outliers(features[:10], person[:10]).any()  # and of ten crops nothing is known


def test_the_order_and_the_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from facemodel.epochs import outliers

    features, person = _people(4)
    _plant(features, 24)
    want, order = find_outliers(features, person), np.random.default_rng(0).permutation(len(person))
    assert np.array_equal(find_outliers(features[order], person[order]), want[order])
    monkeypatch.setattr(outliers, "_BLOCK_ROWS", 7)
    monkeypatch.setattr(outliers, "_BLOCK_FLOATS", 100)
    assert np.array_equal(find_outliers(features, person), want)


def test_outliers_made_a_large_part_of_all_negatives_and_now_make_none() -> None:
    """The issue's case: 24 crops made 45% of all negatives, one of them 122."""
    features, person = _people(5, people=100)
    planted = _plant(features, 24)
    cache = FeatureCache(len(person), features.shape[1])
    cache.update(np.arange(len(person)), features)
    anchors = np.flatnonzero(~planted)
    plan = EpochRows(np.column_stack([anchors, anchors, anchors]), None, 8)
    before, capped, now = (
        hard_epoch(plan, cache, person, rule, (0, 1)).rows[:, 2]
        for rule in (
            MiningRule(50, most=10**6),
            MiningRule(50),
            MiningRule(50, passed_over=find_outliers(features, person)),
        )
    )
    assert planted[before].mean() > 0.4
    assert np.bincount(before).max() > 30
    assert np.bincount(capped).max() == 10
    assert planted[now].sum() == 0
    assert np.bincount(now).max() <= 10


def test_if_all_but_one_person_are_passed_over_nobody_is() -> None:
    features, person = _people(6, people=3, each=4)
    cache = FeatureCache(12, 64)
    cache.update(np.arange(12), features)
    plan = EpochRows(np.array([[0, 1, 4], [4, 5, 8]]), None, 2)
    rows = [
        hard_epoch(plan, cache, person, MiningRule(5, passed_over=mask), (0, 1)).rows.tolist()
        for mask in (None, person > 0)
    ]
    assert rows[0] == rows[1]


@pytest.fixture
def training(tmp_path: Path) -> TrainingPeople:
    people = {"a": 3, "b": 3, "c": 4, "d": 2}
    prepared = make_set(tmp_path / "set", people, split=SplitConfig(splits="train=1"))
    return TrainingPeople.of(ClassManifest.open(prepared.path))


def _write(training: TrainingPeople, rows: list[tuple[object, ...]], fingerprint: str | None = None) -> Path:
    names = ("kind", "left", "right", "left_identity", "right_identity")
    values = [
        {"finding": number, "severity": "suspect", **dict(zip(names, row, strict=True))}
        for number, row in enumerate(rows)
    ]
    path = Path(str(training.prepared.path)) / FINDINGS
    path.parent.mkdir(exist_ok=True)
    write_table(
        path, pa.Table.from_pylist(values, schema=_COLUMNS), kind="findings", schema=_COLUMNS,
        fingerprint=fingerprint or training.prepared.fingerprint,
    )  # fmt: skip
    return path


def test_what_check_doubts_is_passed_over(training: TrainingPeople) -> None:
    assert not read_doubted(training).any()
    ids = training.ids.tolist()
    _write(
        training,
        [
            ("wrong_person", ids[1], ids[7], "a", "c"),  # the right one only shows whom it looks like
            ("stranger", ids[4], None, "b", None),
            ("same_bytes", ids[5], ids[10], "b", "d"),  # one picture, two people
            ("same_picture", ids[6], ids[8], "c", "c"),  # twice the same person: no harm
            ("blurred", ids[0], None, "a", None),
            ("stranger", 999_999, None, "z", None),  # of another split
        ],
    )
    assert np.flatnonzero(read_doubted(training)).tolist() == [1, 4, 5, 10]


def test_findings_about_another_state_of_the_set_are_not_used(
    training: TrainingPeople, caplog: pytest.LogCaptureFixture
) -> None:
    path = _write(training, [("stranger", 0, None, "a", None)], fingerprint="f" * 64)
    with caplog.at_level(logging.WARNING):
        assert not read_doubted(training).any()
    assert "another state of the set" in caplog.text
    path.write_bytes(b"no table")
    with caplog.at_level(logging.WARNING):
        assert not read_doubted(training).any()
    assert "findings.parquet is not used" in caplog.text


def test_a_split_s_ids_are_looked_up_not_counted(training: TrainingPeople) -> None:
    _write(training, [("stranger", int(training.ids[5]), None, "b", None)])
    part = training.classes
    later = dataclasses.replace(training, ids=training.ids[2:], person=training.person[2:])
    assert len(part) == 12
    assert np.flatnonzero(read_doubted(later)).tolist() == [3]
