"""The picture hash: alike for copies, different for other pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from facedata.painted import paint
from facedata.photos.picture_hash import MOST_DIFFERENT, hash_picture
from facedata.types import UInt8Image

PEOPLE = [paint(person, photo).image for person in range(4) for photo in range(3)]


def bits_between(one: UInt8Image, two: UInt8Image) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(hash_picture(one), hash_picture(two), strict=True))


@pytest.mark.parametrize("copy", ["saved again", "halved", "enlarged", "mirrored"])
def test_copies_have_nearly_the_same_hash(copy: str) -> None:
    for image in PEOPLE:
        changed: Any = image[:, ::-1] if copy == "mirrored" else image
        factor = {"halved": 0.5, "enlarged": 1.7}.get(copy, 1.0)
        changed = cv2.resize(np.ascontiguousarray(changed), None, fx=factor, fy=factor)
        changed = cv2.imdecode(cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], 1)
        assert bits_between(image, changed) <= MOST_DIFFERENT


def test_other_pictures_have_another_hash() -> None:
    between = [bits_between(one, two) for at, one in enumerate(PEOPLE) for two in PEOPLE[:at]]
    assert min(between) > MOST_DIFFERENT


def test_a_flat_picture_has_none() -> None:
    assert hash_picture(np.full((40, 30, 3), 90, np.uint8)) == (0, 0)
