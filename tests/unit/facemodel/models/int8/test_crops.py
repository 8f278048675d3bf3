"""Who gives the ranges and who judges: never the same people, never the test split for ranges."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import UsageError
from facemodel.models.int8 import crops
from facemodel.models.int8.crops import choose_rows

crop_lists = st.lists(
    st.tuples(st.sampled_from("abcdefghij"), st.sampled_from(["train", "val", "test", None])),
    min_size=1,
    max_size=60,
)


@given(crop_lists, st.integers(1, 70))
def test_nobody_judges_who_gives_ranges_unless_all_people_are_in_both(
    rows: list[tuple[str, str | None]], count: int
) -> None:
    people, splits = [one[0] for one in rows], [one[1] for one in rows]
    try:
        chosen = choose_rows(people, splits, count)
    except UsageError:
        return
    giving, judging = ({people[row] for row in some} for some in (chosen.calibrate, chosen.judge))
    assert {splits[row] for row in chosen.calibrate} <= {"train", "val"}
    assert len(chosen.calibrate) <= count
    assert not set(chosen.calibrate) & set(chosen.judge)
    assert (chosen.note == "") == (not giving & judging) or chosen.note == ""
    if giving & judging:
        assert "divided by photo" in chosen.note
    assert min(Counter(people[row] for row in chosen.judge).values()) >= 2
    assert list(chosen.judge) == sorted(chosen.judge)


def test_people_who_train_give_ranges_and_all_others_judge() -> None:
    people = [name for name in "abcdef" for _ in range(4)]
    splits = ["train"] * 12 + ["val"] * 4 + ["test"] * 8
    chosen = choose_rows(people, splits, 6)
    assert len(chosen.calibrate) == 6
    assert {people[row] for row in chosen.calibrate} == {"a", "b", "c"}  # from all over the split
    assert list(chosen.judge) == list(range(12, 24))
    assert chosen.note == ""


def test_with_one_split_every_other_person_judges() -> None:
    people = [name for name in "abcd" for _ in range(3)]
    chosen = choose_rows(people, ["train"] * 12, 100)
    assert {people[row] for row in chosen.judge} == {"b", "d"}
    assert {people[row] for row in chosen.calibrate} == {"a", "c"}


def test_a_set_divided_by_photo_is_judged_on_other_photos_and_it_is_said() -> None:
    people = list("aabbccaabbcc")
    chosen = choose_rows(people, ["train"] * 6 + ["test"] * 6, 100)
    assert list(chosen.judge) == [6, 7, 8, 9, 10, 11]
    assert "other photos of the same people" in chosen.note


@pytest.mark.parametrize(
    ("people", "splits", "text"),
    [
        ("aabb", ["test"] * 4, "never of test, and the set has neither"),
        ("aabb", [None] * 4, "never of test, and the set has neither"),
        ("aaab", ["train"] * 3 + ["test"], "no such person with two photos"),
        ("aa", ["train"] * 2, "no such person with two photos"),
    ],
)
def test_a_set_that_cannot_judge_is_refused(people: str, splits: list[str | None], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        choose_rows(list(people), splits, 10)


def test_many_crops_judge_by_whole_people_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "MOST_JUDGING", 20)
    people = [f"{number:03d}" for number in range(50) for _ in range(6)]
    splits = ["train"] * 60 + ["test"] * 240
    chosen = choose_rows(people, splits, 10)
    counts = Counter(people[row] for row in chosen.judge)
    assert set(counts.values()) == {6}
    assert len(counts) == 3  # 18 of 20
    assert np.ptp([int(name) for name in counts]) > 5  # not the first ones
