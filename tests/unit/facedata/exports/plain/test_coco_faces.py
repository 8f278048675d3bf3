"""COCO's numbers of photos that have several faces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from facedata.exports.plain.coco_faces import ImageIds

photos = st.text(alphabet="a#1!~", min_size=1, max_size=5)


@given(st.dictionaries(photos, st.integers(1, 3), max_size=12))
def test_faces_of_one_photo_share_its_number_whatever_lies_between_them(faces: dict[str, int]) -> None:
    records = [
        (photo if count == 1 else f"{photo}#{at + 1}", photo)
        for photo, count in faces.items()
        for at in range(count)
    ]
    if len({record for record, _ in records}) < len(records):
        return  # no set has two records of one name
    images, numbers = ImageIds(), dict[str, int]()
    for record, photo in sorted(records, key=lambda one: one[0].encode()):
        number, is_new = images.number(record, photo)
        assert is_new == (photo not in numbers)
        assert numbers.setdefault(photo, number) == number
    assert sorted(numbers.values()) == list(range(1, len(faces) + 1))
