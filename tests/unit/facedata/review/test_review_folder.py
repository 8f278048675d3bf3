"""The folder of a page: replaced as a whole, and only where it is a review's."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from facedata.errors import LockedError, StoreError, UsageError
from facedata.files.locks import locked
from facedata.files.remote import Remote
from facedata.pages.packed import read_data
from facedata.review import review_folder
from facedata.review.review_folder import (
    TILE_PX,
    choose_folder,
    make_thumbnails,
    render_review,
    replace_folder,
    write_index,
)
from tests.support.set_bytes import snapshot
from tests.support.small_set import crop_image, make_set

DATA = {"kind": "facedata review"}


def test_a_page_goes_into_the_set_or_elsewhere(tmp_path: Path) -> None:
    faces = tmp_path / "faces"
    faces.mkdir()
    assert choose_folder(faces, None) == faces / "review"
    assert choose_folder(faces, faces / "review") == faces / "review"
    assert choose_folder(faces, tmp_path / "page") == tmp_path / "page"
    assert choose_folder(Remote("s3://b/faces"), tmp_path / "page") == tmp_path / "page"


@pytest.mark.parametrize("out", [None, "s3://bucket/page"])
def test_a_page_is_not_written_to_a_url(out: str | None) -> None:
    with pytest.raises(UsageError, match=r"is at a URL: name a folder on this machine .* --out"):
        choose_folder(Remote("s3://bucket/faces"), out)


@pytest.mark.parametrize("out", ["faces", "faces/crops", "faces/check", "faces/review/deeper", "."])
def test_a_page_is_not_written_over_the_set(tmp_path: Path, out: str) -> None:
    (tmp_path / "faces").mkdir()
    with pytest.raises(UsageError, match="choose a folder elsewhere"):
        choose_folder(tmp_path / "faces", tmp_path / out)


def test_only_a_review_is_replaced(tmp_path: Path) -> None:
    faces, page = tmp_path / "faces", tmp_path / "page"
    faces.mkdir()
    page.mkdir()
    assert choose_folder(faces, page) == page, "it is empty"
    write_index(page, render_review(DATA, "faces"))
    (page / "sheets").mkdir()
    assert choose_folder(faces, page) == page
    (page / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something else than a review"):
        choose_folder(faces, page)
    (page / "notes.txt").unlink()
    (page / "index.html").write_bytes(render_review({"kind": "another"}, "faces"))
    with pytest.raises(UsageError, match="holds something else"):
        choose_folder(faces, page)
    (page / "index.html").write_text("<p>mine</p>")
    with pytest.raises(UsageError, match="holds something else"):
        choose_folder(faces, page)
    with pytest.raises(UsageError, match="holds something else"):
        choose_folder(faces, page / "index.html")


def test_a_folder_takes_another_s_place_when_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    with replace_folder(folder) as staged:
        (staged / "index.html").write_text("one")
        assert not folder.exists()
    (tmp_path / ".review.new").mkdir()  # of a run that was killed
    (tmp_path / ".review.new/sheets").mkdir()
    (tmp_path / ".review.old").mkdir()
    with replace_folder(folder) as staged:
        assert list(staged.iterdir()) == []
        (staged / "index.html").write_text("two")
        assert (folder / "index.html").read_text() == "one"
    assert snapshot(tmp_path) == {"review": None, "review/index.html": b"two"}


def test_a_page_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    with replace_folder(folder) as staged:
        (staged / "index.html").write_text("one")

    def fail() -> None:
        with replace_folder(folder) as staged:
            (staged / "index.html").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert snapshot(tmp_path) == {"review": None, "review/index.html": b"one"}


def test_two_reviews_do_not_write_one_page(tmp_path: Path) -> None:
    (tmp_path / ".review.new").mkdir()
    with locked(tmp_path / ".review.new"), pytest.raises(LockedError), replace_folder(tmp_path / "review"):
        pytest.fail("it is locked")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--out"), replace_folder(tmp_path / "file/review"):
        pytest.fail("there is no such folder")


@pytest.mark.parametrize("most", [0, 512])
def test_thumbnails_are_of_the_crops_in_their_order_and_grey_where_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(review_folder, "_MOST_INSIDE", most)
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
    assert b'id="done"' not in page
    assert b'id="done"' in render_review(DATA, "faces", is_served=True)
    assert b"style=" not in page, "the policy lets no inline style in"
