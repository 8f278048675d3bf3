from __future__ import annotations

import numpy as np
import pytest

from facedata.report.choice import choose_crops
from facedata.report.crop_columns import CropColumns
from facedata.types import Int64Array


def _crops(person: list[int], people: int) -> CropColumns:
    count = len(person)
    return CropColumns(
        np.arange(count), [f"person {number}" for number in range(people)], np.array(person, np.int32), [],
        np.full(count, 255, np.uint8), np.zeros(count, np.uint16), np.zeros(count, np.int16),
        np.zeros(count, np.uint16),
    )  # fmt: skip


def _none(people: int) -> Int64Array:
    return np.zeros(people, np.int64)


def test_all_crops_are_there_by_person_then_by_id() -> None:
    choice = choose_crops(_crops([2, 0, 1, 0, 2, 2], 3), _none(3), np.empty(0, np.int64))
    assert choice.crops.tolist() == [1, 3, 2, 0, 4, 5]
    assert choice.people.tolist() == [0, 1, 2]
    assert choice.start.tolist() == [0, 2, 3]
    assert choice.count.tolist() == choice.count_of.tolist() == [2, 1, 3]
    assert choice.place.tolist() == [3, 0, 2, 1, 4, 5]


def test_a_set_without_crops_gives_an_empty_page() -> None:
    choice = choose_crops(_crops([], 0), _none(0), np.empty(0, np.int64))
    assert not len(choice.crops)
    assert not len(choice.people)


def test_of_too_many_those_that_findings_are_about_come_first_then_people_with_findings() -> None:
    person = np.repeat(np.arange(50), 10)
    of_person = _none(50)
    of_person[[7, 9]] = 3
    needed = np.array([222, 222, 481])  # crops of the people 22 and 48
    choice = choose_crops(_crops(person.tolist(), 50), of_person, needed, most=45)
    assert len(choice.crops) == 45
    assert {222, 481} <= set(choice.crops.tolist())
    counts = dict(zip(choice.people.tolist(), choice.count.tolist(), strict=True))
    # the two who are named are whole; so are the two with findings; a last one is there in part
    assert {number: counts[number] for number in (7, 9, 22, 48)} == {7: 10, 9: 10, 22: 10, 48: 10}
    assert len(choice.people) == 5
    assert choice.count_of.tolist() == [10] * 5
    assert [person[crop] for crop in choice.crops] == sorted(person[crop] for crop in choice.crops)
    assert np.array_equal(choice.crops[choice.place[choice.crops]], choice.crops)
    assert np.count_nonzero(choice.place >= 0) == 45


def test_others_are_drawn_by_their_name_so_always_the_same() -> None:
    person = np.repeat(np.arange(200), 3)
    first, again = (
        choose_crops(_crops(person.tolist(), 200), _none(200), np.empty(0, np.int64), most=60)
        for _ in range(2)
    )
    assert first.crops.tolist() == again.crops.tolist()
    assert len(first.people) == 20
    assert first.people.max() > 100 > first.people.min()  # not simply the first ones
    fewer = choose_crops(_crops(person.tolist(), 200), _none(200), np.empty(0, np.int64), most=30)
    assert set(fewer.people.tolist()) < set(first.people.tolist())


@pytest.mark.parametrize("most", [1, 4, 9])
def test_one_person_with_more_crops_than_fit_is_there_in_part(most: int) -> None:
    choice = choose_crops(_crops([0] * 10, 1), _none(1), np.array([8]), most=most)
    assert len(choice.crops) == most
    assert 8 in choice.crops
    assert choice.crops.tolist()[: most - 1] == [at for at in range(most - 1) if at != 8][: most - 1]
    assert (choice.count.tolist(), choice.count_of.tolist()) == ([most], [10])


def test_more_needed_crops_than_fit_are_cut_off() -> None:
    choice = choose_crops(_crops(list(range(20)), 20), _none(20), np.arange(20), most=5)
    assert len(choice.crops) == len(choice.people) == 5
