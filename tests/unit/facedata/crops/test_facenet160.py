"""FaceNet's template against the photo itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facedata.crops.align import warp
from facedata.crops.facenet160 import facenet160
from tests.support.placed_faces import in_box, mapped


@given(
    st.tuples(st.floats(-40, 300), st.floats(-40, 300), st.floats(20, 400), st.floats(20, 400)),
    st.integers(16, 512),
    st.floats(-90, 90),
)
def test_a_facenet_box_takes_four_fifths_of_the_crop(
    place_and_sides: tuple[float, float, float, float], size: int, tilt_deg: float
) -> None:
    x0, y0, width, height = place_and_sides
    one = in_box((x0, y0, x0 + width, y0 + height), tilt_deg)
    placement = facenet160(one, size)
    corners = mapped(placement.matrix, one.box.reshape(2, 2))
    # 16 of 160 pixels on each side; the crop's own edges are at -1/2 and size - 1/2
    np.testing.assert_allclose(corners, [[0.1 * size - 0.5] * 2, [0.9 * size - 0.5] * 2], atol=1e-3)
    assert placement.matrix[0, 1] == placement.matrix[1, 0] == 0
    assert placement.window == (0, 0, size, size)


def test_a_facenet_crop_of_a_box_of_128_px_is_the_photo_itself() -> None:
    photo = np.random.default_rng(4).integers(0, 256, (240, 250, 3), dtype=np.uint8)
    crop = warp(photo, facenet160(in_box((49.5, 39.5, 177.5, 167.5), 20.0)), 160)
    assert np.array_equal(crop, photo[24:184, 34:194])
    edge = warp(photo, facenet160(in_box((149.5, 39.5, 277.5, 167.5))), 160)
    assert np.array_equal(edge[:, :116], photo[24:184, 134:])
    assert not edge[:, 116:].any()
