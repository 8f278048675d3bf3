"""One face under two names: against a slow loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facedata.closing.settle import find_shared_faces
from facedata.detect.choose import box_iou

PLACES = np.array([(0, 0, 40, 50), (1, 0, 41, 51), (100, 0, 140, 50), (25, 0, 65, 50)], np.float32)


def test_the_better_overlap_keeps_the_face_and_of_equals_the_first() -> None:
    kept = np.array([True] * 6)
    photo = np.array([0, 0, 0, 1, 1, -1])
    boxes = PLACES[[0, 1, 2, 0, 0, 0]]
    overlap = np.array([0.3, 0.6, 0.9, 0.5, 0.5, 0.1], np.float32)
    assert find_shared_faces(kept, photo, boxes, overlap).tolist() == [1, -1, -1, -1, 3, -1]


def test_a_row_without_a_box_loses_to_one_with_a_box() -> None:
    overlap = np.array([np.nan, 0.2], np.float32)
    keeper = find_shared_faces(np.array([True, True]), np.array([0, 0]), PLACES[[0, 1]], overlap)
    assert keeper.tolist() == [1, -1]


rows_of = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(-1, 2),
        st.integers(0, 3),
        st.sampled_from([0.2, 0.5, 0.5, 0.8, float("nan")]),
    ),
    max_size=12,
)


@given(rows_of)
def test_no_face_is_left_to_two(rows: list[tuple[bool, int, int, float]]) -> None:
    kept, photo = np.array([row[0] for row in rows], bool), np.array([row[1] for row in rows], np.int64)
    boxes = PLACES[[row[2] for row in rows]].reshape(-1, 4)
    overlap = np.array([row[3] for row in rows], np.float32)
    keeper = find_shared_faces(kept, photo, boxes, overlap)
    left = [at for at in range(len(rows)) if kept[at] and keeper[at] < 0]
    same = [(a, b) for a in left for b in left if a < b and photo[a] == photo[b] >= 0]
    assert not [pair for pair in same if box_iou(boxes[pair[0]], boxes[pair[1]]) > 0.5]
    for at in np.flatnonzero(keeper >= 0):
        winner = keeper[at]
        assert kept[at]
        assert winner in left
        assert photo[winner] == photo[at] >= 0
        fits = np.nan_to_num(overlap[[winner, at]], nan=-1)
        assert (fits[0], -winner) > (fits[1], -at)
