"""When a search may stop: never while a face not seen yet could still be chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from facedata.detect.boxes import suppress
from facedata.detect.search import SearchRule
from facedata.types import Face

SIZE = (640, 480)
_SELDOM = settings(suppress_health_check=[HealthCheck.filter_too_much])
"""With most faces drawn no search can stop, or they are not chosen."""


def face(x: float, y: float, width: float, height: float, score: float = 0.99) -> Face:
    box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2], np.float32)
    return Face(box, score, np.zeros((5, 2), np.float32))


@st.composite
def faces(draw: st.DrawFn, most: float = 300.0) -> Face:
    side = draw(st.floats(8, most))
    return face(
        draw(st.floats(0, SIZE[0])), draw(st.floats(0, SIZE[1])), side, side * draw(st.floats(0.8, 1.2))
    )


rules = st.one_of(
    st.sampled_from([SearchRule("largest", min_face_px=1), SearchRule("center", min_face_px=1)]),
    faces().map(lambda one: SearchRule("center", min_face_px=1, given_box=tuple(one.box.tolist()))),
)


def parts(one: Face, other: Face) -> bool:
    """Whether suppression takes one of the two for the other."""
    return len(suppress(np.stack([one.box, other.box]), 0.7, of_smaller=True)) == 1


@_SELDOM
@given(rules, faces(), st.floats(8, 60), st.data())
def test_where_a_search_can_stop_no_smaller_face_changes_the_choice(
    rule: SearchRule, first: Face, cell_px: float, data: st.DataObject
) -> None:
    chosen, _, _ = rule.choose([first], SIZE)
    assume(rule.can_stop(chosen, SIZE, cell_px))
    unseen = data.draw(
        faces(most=1.2 * cell_px).filter(lambda one: (one.box[2:] - one.box[:2]).max() < 1.4 * cell_px)
    )
    assume(not parts(first, unseen))
    assert rule.choose([first, unseen], SIZE)[0] is first


@_SELDOM
@given(rules, faces(), faces())
def test_what_could_be_chosen_instead_is_a_contender(rule: SearchRule, first: Face, other: Face) -> None:
    chosen, _, _ = rule.choose([first], SIZE)
    assume(not parts(first, other))
    assume(rule.choose([first, other], SIZE)[0] is other)
    assert rule.contenders(other.box[None], chosen, SIZE).all()


@pytest.mark.parametrize("name", ["all", "only", "score"])
def test_rules_that_need_every_face_never_stop_early(name: str) -> None:
    assert not SearchRule(name).can_stop_early


def test_without_a_face_no_search_stops() -> None:
    assert not SearchRule("largest").can_stop(None, SIZE, 1.0)
    assert SearchRule("largest").contenders(np.zeros((2, 4), np.float32), None, SIZE).all()
