"""The order in which people read the faces of a photo."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.recognition.faces import reading_order


def box(x: float, y: float, side: float = 100) -> tuple[float, float, float, float]:
    return (x, y, x + side, y + side)


@pytest.mark.parametrize(
    ("boxes", "order"),
    [
        ([], []),
        ([box(0, 0)], [0]),
        ([box(300, 0), box(0, 10), box(150, 40)], [1, 2, 0]),  # one uneven row
        ([box(0, 200), box(300, 210), box(10, 0), box(320, 20)], [2, 3, 0, 1]),
        ([box(0, 60), box(200, 0)], [1, 0]),  # less than half of their heights overlap: two rows
        ([box(0, 0, 200), box(300, 150, 40), box(400, 20, 60)], [0, 2, 1]),  # a child beside a parent
        ([box(0, 100 * at) for at in (3, 1, 2, 0)], [3, 1, 2, 0]),
        ([box(100 * at, 40 * at) for at in range(6)], [0, 1, 2, 3, 4, 5]),  # a row that climbs falls apart
    ],
)
def test_rows_from_top_to_bottom_each_from_left_to_right(
    boxes: list[tuple[float, float, float, float]], order: list[int]
) -> None:
    assert reading_order(boxes) == order


def test_the_order_does_not_depend_on_how_faces_were_found() -> None:
    rng = np.random.default_rng(0)
    boxes = [
        box(120 * column + rng.uniform(0, 15), 160 * row + rng.uniform(0, 30))
        for row in range(3)
        for column in range(5)
    ]
    for _ in range(20):
        mixed = rng.permutation(len(boxes))
        assert [int(mixed[place]) for place in reading_order([boxes[at] for at in mixed])] == list(range(15))
