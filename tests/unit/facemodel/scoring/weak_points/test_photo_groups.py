"""Photos in groups: texts and few numbers as they are, many numbers in thirds, nothing guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from facedata import ClassManifest
from facedata.checks.quality.measure import QUALITY
from facedata.errors import UsageError
from facedata.sets.prepared import PreparedSet
from facedata.tables.parquet import write_table
from facemodel.scoring.weak_points.photo_groups import MOST_GROUPS, PhotoGroups, group_photos
from tests.support.ledger_columns import add_ledger_column
from tests.support.small_set import make_set

PEOPLE = {f"p{number:02d}": 3 for number in range(20)}
COUNT = 60


@pytest.fixture
def faces(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", PEOPLE, skip_ids=2, reference=["p03/1.jpg"])


def groups_of(prepared: PreparedSet, column: str, rows: Any = None) -> PhotoGroups:
    classes = ClassManifest.open(prepared)
    return group_photos(classes, column, np.arange(len(classes)) if rows is None else rows)


def named(groups: PhotoGroups) -> list[str | None]:
    return [None if code < 0 else groups.names[code] for code in groups.codes.tolist()]


def test_texts_are_a_group_each_the_largest_first(faces: PreparedSet) -> None:
    wanted = {0: "b", 1: "a", 2: "b", 3: "", 4: None}
    faces = add_ledger_column(faces, "meta_site", lambda person, _: wanted[int(person[1:]) % 5])
    groups = groups_of(faces, "meta_site")
    assert groups.names == ("b", "a")
    people = ClassManifest.open(faces).table.column("identity").to_pylist()
    assert named(groups) == [wanted[int(person[1:]) % 5] or None for person in people]
    assert groups.left_out == 0


def test_only_the_twelve_largest_are_groups_and_the_others_are_counted(faces: PreparedSet) -> None:
    faces = add_ledger_column(faces, "meta_name", lambda person, _: person)
    groups = groups_of(faces, "meta_name", np.arange(6, COUNT))  # p00 and p01 have no tested photo
    assert len(groups.names) == MOST_GROUPS
    assert groups.left_out == 18 - MOST_GROUPS
    assert groups.names == tuple(f"p{number:02d}" for number in range(2, 14))  # equally large: by name


@pytest.mark.parametrize("as_text", [False, True])
def test_few_numbers_are_groups_in_their_order(faces: PreparedSet, as_text: bool) -> None:
    faces = add_ledger_column(
        faces,
        "meta_age",
        lambda person, _: str(int(person[1:]) % 3 * 10) if as_text else int(person[1:]) % 3 * 10,
    )
    assert groups_of(faces, "meta_age").names == ("0", "10", "20")


@pytest.mark.parametrize("as_text", [False, True])
def test_many_numbers_are_thirds_of_the_tested_photos(faces: PreparedSet, as_text: bool) -> None:
    values = np.random.default_rng(0).normal(size=COUNT + 1).round(6).tolist()
    faces = add_ledger_column(faces, "meta_weight", lambda _, at: str(values[at]) if as_text else values[at])
    rows = np.arange(0, COUNT, 2)
    groups = groups_of(faces, "meta_weight", rows)
    assert [name.partition(":")[0] for name in groups.names] == ["low", "middle", "high"]
    assert np.bincount(groups.codes[rows]).tolist() == [10, 10, 10]
    for name, code in zip(groups.names, range(3), strict=True):
        low, high = (float(end) for end in name.partition(": ")[2].split(" to "))
        mine = np.array(values)[rows][groups.codes[rows] == code]
        assert mine.min() >= low - 1e-3
        assert mine.max() <= high + 1e-3


def test_a_number_that_is_not_known_is_in_no_group(faces: PreparedSet) -> None:
    faces = add_ledger_column(faces, "meta_weight", lambda _, at: None if at % 4 == 0 else at * 1.5)
    codes = groups_of(faces, "meta_weight").codes
    assert (codes[::4] == -1).all()
    assert (np.delete(codes, np.s_[::4]) >= 0).all()
    empty = add_ledger_column(faces, "meta_none", lambda *_: float("nan"))
    assert (groups_of(empty, "meta_none").codes == -1).all()


def test_truth_values_and_columns_of_the_set_s_own(faces: PreparedSet) -> None:
    faces = add_ledger_column(faces, "meta_glasses", lambda person, _: int(person[1:]) < 5)
    assert groups_of(faces, "meta_glasses").names == ("false", "true")
    assert set(groups_of(faces, "split").names) == {"train", "test"}
    assert groups_of(faces, "role").names == ("reference",)


def write_quality(faces: PreparedSet, fingerprint: str) -> np.ndarray[Any, Any]:
    ids = ClassManifest.open(faces).ids[::-1]  # in any order
    columns = {name: np.linspace(0, 1, COUNT, dtype=np.float32) for name in QUALITY.names[1:]}
    Path(faces.path, "check").mkdir()  # type: ignore[arg-type]
    file = Path(faces.path, "check", "quality.parquet")  # type: ignore[arg-type]
    write_table(
        file, pa.table({"id": ids, **columns}), kind="quality", schema=QUALITY, fingerprint=fingerprint
    )
    return columns["sharpness"][::-1]


def test_a_measured_quality_is_found_by_id(faces: PreparedSet) -> None:
    sharpness = write_quality(faces, faces.fingerprint)
    groups = groups_of(faces, "sharpness")
    assert np.bincount(groups.codes).tolist() == [20, 20, 20]
    assert sharpness[groups.codes == 0].max() < sharpness[groups.codes == 1].min()


def test_a_quality_of_another_state_or_none_is_refused(faces: PreparedSet) -> None:
    with pytest.raises(
        UsageError, match=r"--by sharpness: .*quality.parquet is not there: run `facedata check"
    ):
        groups_of(faces, "sharpness")
    write_quality(faces, "other")
    with pytest.raises(UsageError, match="is about another state of the set"):
        groups_of(faces, "sharpness")


@pytest.mark.parametrize("column", ["meta_ages", "box", "sha256", "path"])
def test_no_such_column_names_those_there_are(faces: PreparedSet, column: str) -> None:
    faces = add_ledger_column(faces, "meta_age", lambda *_: 3)
    with pytest.raises(UsageError, match=rf"--by {column}: there is no such column.*meta_age") as caught:
        groups_of(faces, column)
    assert ("did you mean meta_age?" in str(caught.value)) == (column == "meta_ages")


def test_lists_are_refused(faces: PreparedSet) -> None:
    faces = add_ledger_column(faces, "meta_tags", lambda *_: ["a", "b"])
    with pytest.raises(UsageError, match="has a list there"):
        groups_of(faces, "meta_tags")
