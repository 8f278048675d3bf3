from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata.report.examples.photo_copies import copy_key, copy_photo
from facedata.report.examples.show_statuses import PhotoSource, show_statuses
from facedata.report.ledger_counts import count_statuses
from facedata.sets.prepared import PreparedSet
from facedata.sources.folder import FolderReader
from tests.support.report_sets import prepare_photos, read_picture


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    return prepare_photos(tmp_path)


def _photos(prepared: PreparedSet, **copies: bytes) -> PhotoSource:
    assert isinstance(prepared.path, Path)
    return PhotoSource(FolderReader({"": prepared.path.parent / "photos"}), copies, 10_000_000, True)


def _shown(prepared: PreparedSet, photos: PhotoSource, folder: Path | None = None) -> dict[str, Any]:
    found = show_statuses(prepared, count_statuses(prepared), photos, folder, threads=2)
    return {one["status"]: one for one in found}


def test_counts_and_shares_are_of_all_photos(prepared: PreparedSet) -> None:
    shown = _shown(prepared, _photos(prepared))
    assert {name: (one["count"], one["share"]) for name, one in shown.items()} == {
        "kept": (12, "70.6%"), "no_face": (1, "5.9%"), "unreadable": (1, "5.9%"), "low_score": (2, "11.8%"),
        "duplicate": (1, "5.9%"),
    }  # fmt: skip
    assert {name: len(one["examples"]) for name, one in shown.items()} == {
        "kept": 8, "no_face": 1, "unreadable": 1, "low_score": 2, "duplicate": 1,
    }  # fmt: skip


def test_a_kept_photo_has_all_faces_with_the_chosen_one_first_and_its_crop(prepared: PreparedSet) -> None:
    examples = _shown(prepared, _photos(prepared))["kept"]["examples"]
    rows = {row["photo"]: row for row in prepared.table("photos").to_pylist()}
    assert {one["faces"] for one in examples} == {1, 2}
    for one in examples:
        row = rows[one["photo"]]
        assert (one["picture_width"], one["picture_height"]) == (120, 120)
        assert read_picture(one["picture"], Path()).shape == (120, 120, 3)
        assert one["boxes"][0]["is_chosen"]
        # box edges lie half a pixel from the pixels' centres
        assert np.allclose(one["boxes"][0]["box"], np.array(row["box"]) + 0.5, atol=0.051)
        assert one["boxes"][0]["score"] == pytest.approx(row["score"])
        assert not any(box["is_chosen"] for box in one["boxes"][1:])
        assert len(one["boxes"]) == row["faces"]
        assert np.allclose(np.ravel(one["points"]), np.array(row["landmarks"]) + 0.5, atol=0.051)
        crop = read_picture(one["crop"], Path())
        assert crop.shape == (48, 48, 3)
        assert isinstance(prepared.path, Path)
        full = read_picture(str(prepared.path / "crops" / row["path"]), Path())
        assert np.abs(crop.astype(int) - full.astype(int)).mean() < 4


def test_a_rejected_photo_has_its_reason_and_its_faces_but_no_crop(prepared: PreparedSet) -> None:
    shown = _shown(prepared, _photos(prepared))
    weak = shown["low_score"]["examples"]
    assert {one["reason"] for one in weak} == {
        "best score 0.500 is below 0.9",
        "best score 0.400 is below 0.9",
    }
    for one in weak:
        assert [(box["box"], box["is_chosen"]) for box in one["boxes"]] == [
            ([30.5, 20.5, 90.5, 100.5], False)
        ]
        assert (one["points"], one["crop"], one["given_box"]) == (None, None, None)
    assert shown["no_face"]["examples"][0]["boxes"] == []
    assert shown["no_face"]["examples"][0]["picture"] is not None
    assert shown["unreadable"]["examples"][0]["picture"] is None


def test_pictures_are_files_where_there_is_a_folder(prepared: PreparedSet, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    shown = _shown(prepared, _photos(prepared), tmp_path / "pictures")
    first = shown["kept"]["examples"][0]
    assert (first["picture"], first["crop"]) == ("pictures/photo-000.jpg", "pictures/crop-000.jpg")
    assert read_picture(first["picture"], tmp_path / "index.html").shape == (120, 120, 3)
    names = {file.name for file in (tmp_path / "pictures").iterdir()}
    assert len(names) == 12 + 8  # photos but the unreadable one, and the kept ones' crops


def test_a_photo_that_is_gone_or_changed_has_no_picture(prepared: PreparedSet, tmp_path: Path) -> None:
    (tmp_path / "photos/Birgit/landscape.png").unlink()
    other = (tmp_path / "photos/Birgit/weak.png").read_bytes()
    (tmp_path / "photos/Amara/same.png").write_bytes(other)
    shown = _shown(prepared, _photos(prepared))
    gone, changed = shown["no_face"]["examples"][0], shown["duplicate"]["examples"][0]
    assert (gone["picture"], gone["photo"]) == (None, "Birgit/landscape.png")
    assert (changed["picture"], changed["boxes"], changed["points"]) == (None, [], None)


def test_the_copy_of_an_earlier_report_stands_for_its_photo(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "photos/Birgit/landscape.png"
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    copy = copy_photo(data, digest, 0, 10_000_000, True)
    file.unlink()
    shown = _shown(prepared, _photos(prepared, **{copy_key(digest, 0): copy}))
    picture = shown["no_face"]["examples"][0]["picture"]
    assert np.array_equal(read_picture(picture, Path()), _as_pixels(copy))
    # so it does without any photos; of other bytes or turned otherwise it does not
    nowhere = PhotoSource(None, {copy_key(digest, 0): copy}, 10_000_000, True)
    assert _shown(prepared, nowhere)["no_face"]["examples"][0]["picture"] == picture
    for key in (copy_key(digest, 90), copy_key("00" * 32, 0)):
        assert _shown(prepared, _photos(prepared, **{key: copy}))["no_face"]["examples"][0]["picture"] is None


def test_a_damaged_earlier_copy_is_no_picture(prepared: PreparedSet, tmp_path: Path) -> None:
    file = tmp_path / "photos/Birgit/landscape.png"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    nowhere = PhotoSource(None, {copy_key(digest, 0): b"\xff\xd8\xff"}, 10_000_000, True)
    assert _shown(prepared, nowhere)["no_face"]["examples"][0]["picture"] is None


def test_a_crop_that_is_gone_or_no_picture_is_left_out(prepared: PreparedSet) -> None:
    examples = _shown(prepared, _photos(prepared))["kept"]["examples"]
    rows = {row["photo"]: row["path"] for row in prepared.table("photos").to_pylist()}
    assert isinstance(prepared.path, Path)
    crops = [prepared.path / "crops" / rows[one["photo"]] for one in examples[:2]]
    crops[0].unlink()
    crops[1].write_bytes(b"no picture")
    found = _shown(prepared, _photos(prepared))["kept"]["examples"]
    assert [one["crop"] is None for one in found] == [True, True] + [False] * 6


def test_a_photo_is_turned_as_the_ledger_says(prepared: PreparedSet) -> None:
    statuses = count_statuses(prepared)
    row = statuses[0].examples[0]
    row.update(turned_deg=90)
    one = show_statuses(prepared, statuses, _photos(prepared))[0]["examples"][0]
    x0, y0, x1, y1 = np.array(row["box"]) + 0.5
    assert np.allclose(one["boxes"][0]["box"], [120 - y1, x0, 120 - y0, x1], atol=0.051)
    assert isinstance(prepared.path, Path)
    upright = read_picture(str(prepared.path.parent / "photos" / row["photo"]), Path())
    turned = read_picture(one["picture"], Path())
    assert np.abs(turned[8:].astype(int) - np.rot90(upright, -1)[8:].astype(int)).mean() < 12


def test_given_boxes_are_shown_too(prepared: PreparedSet) -> None:
    statuses = count_statuses(prepared)
    statuses[0].examples[0]["given_box"] = [9.5, 19.5, 29.5, 59.5]
    one = show_statuses(prepared, statuses, _photos(prepared))[0]["examples"][0]
    assert one["given_box"] == [10, 20, 30, 60]


def _as_pixels(jpeg: bytes) -> np.ndarray[Any, Any]:
    return read_picture("data:image/jpeg;base64," + base64.b64encode(jpeg).decode(), Path())
