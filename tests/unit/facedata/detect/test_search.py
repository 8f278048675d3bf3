"""When a search may stop: never while a face not seen yet could still be chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from facedata.detect.boxes import suppress
from facedata.detect.search import Search
from facedata.types import Face

SIZE = (640, 480)
_SELDOM = settings(suppress_health_check=[HealthCheck.filter_too_much])
"""Most faces drawn settle nothing, or are not chosen."""


def face(x: float, y: float, width: float, height: float, score: float = 0.99) -> Face:
    box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2], np.float32)
    return Face(box, score, np.zeros((5, 2), np.float32))


@st.composite
def faces(draw: st.DrawFn, most: float = 300.0) -> Face:
    side = draw(st.floats(8, most))
    return face(
        draw(st.floats(0, SIZE[0])), draw(st.floats(0, SIZE[1])), side, side * draw(st.floats(0.8, 1.2))
    )


searches = st.one_of(
    st.sampled_from([Search("largest", min_face_px=1), Search("center", min_face_px=1)]),
    faces().map(lambda one: Search("center", min_face_px=1, given_box=tuple(one.box.tolist()))),
)


def parts(one: Face, other: Face) -> bool:
    """Whether suppression takes one of the two for the other."""
    return len(suppress(np.stack([one.box, other.box]), 0.7, of_smaller=True)) == 1


@_SELDOM
@given(searches, faces(), st.floats(8, 60), st.data())
def test_a_settled_choice_stands_whatever_smaller_face_turns_up(
    search: Search, first: Face, cell_px: float, data: st.DataObject
) -> None:
    chosen = search.chosen([first], SIZE)
    assume(search.is_settled(chosen, SIZE, cell_px))
    unseen = data.draw(
        faces(most=1.2 * cell_px).filter(lambda one: (one.box[2:] - one.box[:2]).max() < 1.4 * cell_px)
    )
    assume(not parts(first, unseen))
    assert search.chosen([first, unseen], SIZE) is first


@_SELDOM
@given(searches, faces(), faces())
def test_what_could_be_chosen_instead_is_a_contender(search: Search, first: Face, other: Face) -> None:
    chosen = search.chosen([first], SIZE)
    assume(not parts(first, other))
    assume(search.chosen([first, other], SIZE) is other)
    assert search.contenders(other.box[None], chosen, SIZE).all()


@pytest.mark.parametrize("rule", ["all", "only", "score"])
def test_rules_that_need_every_face_never_settle_early(rule: str) -> None:
    search = Search(rule)
    assert not search.can_stop_early
    assert search.chosen([face(100, 100, 50, 50)], SIZE) is None


def test_no_face_settles_nothing() -> None:
    assert not Search("largest").is_settled(None, SIZE, 1.0)
    assert Search("largest").contenders(np.zeros((2, 4), np.float32), None, SIZE).all()
