"""A review's page and its thumbnails."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from facedata.review import review_page
from facedata.review.review_page import TILE_PX, make_thumbnails, render_review
from tests.support.packed_pages import read_data
from tests.support.small_set import crop_image, make_set

DATA = {"set": "faces"}


@pytest.mark.parametrize("most", [0, 512])
def test_thumbnails_are_of_the_crops_in_their_order_and_grey_where_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(review_page, "_MOST_INSIDE", most)
    prepared = make_set(tmp_path / "faces", {"ana": 3, "bo": 2})
    (tmp_path / "faces/crops/ana/1.jpg").unlink()
    order = [4, 0, 1]
    crops = prepared.table("classes").take(pa.array(order))
    seen: list[tuple[int, int]] = []
    (tmp_path / "page").mkdir()
    sheets = make_thumbnails(crops, tmp_path / "faces", tmp_path / "page", lambda *two: seen.append(two))
    assert sheets.count == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    (file,) = sheets.files
    assert file.startswith("data:image/jpeg" if most else "sheets/")
    if most:
        assert list((tmp_path / "page").iterdir()) == []
        return
    image = cv2.imread(str(tmp_path / "page" / file))
    assert image is not None
    assert image.shape == (TILE_PX, 3 * TILE_PX, 3)
    wanted = [crop_image(4)[0, 0], crop_image(0)[0, 0], np.array([128] * 3)]
    for at, colour in enumerate(wanted):
        tile = image[20:140, at * TILE_PX + 20 : (at + 1) * TILE_PX - 20].reshape(-1, 3).mean(axis=0)[::-1]
        assert np.abs(tile - colour).max() < 8


def test_a_page_has_the_set_s_name_as_text_and_its_data(tmp_path: Path) -> None:
    page = render_review({**DATA, "people": ["</script>"]}, "<b>faces</b>")
    assert b"<title>Review of &lt;b&gt;faces&lt;/b&gt;</title>" in page
    assert read_data(page)["people"] == ["</script>"]
    assert b'<meta name="generator" content="facedata review">' in page
    assert b'id="done"' not in page
    assert b'id="done"' in render_review(DATA, "faces", is_served=True)
    assert b"style=" not in page, "the policy lets no inline style in"
