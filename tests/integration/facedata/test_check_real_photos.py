"""`facedata check` on photos of LFW with published errors, from the photos to the corrected set."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import facedata
from tests.support.facedata_command import here
from tests.support.shared_data import SHARED, needs_shared

PEOPLE = ("Andrew_Caldecott", "Andrew_Gilligan", "Aaron_Peirsol", "Abdullah_Gul", "Ana_Guevara")


@pytest.fixture(scope="module")
def lfw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set of a few people: one photo is there under two names, another one was saved again, smaller."""
    home = tmp_path_factory.mktemp("lfw")
    for person in PEOPLE:
        shutil.copytree(SHARED / "data/lfw/lfw-deepfunneled" / person, home / "photos" / person)
    photo = home / "photos/Ana_Guevara/Ana_Guevara_0003.jpg"
    with Image.open(photo) as picture:
        picture.resize((160, 160)).save(photo.with_name("zz.jpg"), quality=70)
    facedata.prepare(home / "photos", home / "faces", face="center", workers=1)
    return home / "faces"


@needs_shared
def test_what_is_published_is_found_and_decided(lfw: Path, tmp_path: Path) -> None:
    found = facedata.check(lfw).table.select(["kind", "severity", "left_photo", "right_photo"]).to_pylist()
    copies = [tuple(one.values()) for one in found if one["kind"] == "same_picture"]
    assert copies == [
        (
            "same_picture", "error", "Andrew_Caldecott/Andrew_Caldecott_0001.jpg",
            "Andrew_Gilligan/Andrew_Gilligan_0001.jpg",
        ),
        ("same_picture", "note", "Ana_Guevara/Ana_Guevara_0003.jpg", "Ana_Guevara/zz.jpg"),
    ]  # fmt: skip
    assert [one["kind"] for one in found if one["severity"] != "note"] == ["same_picture"]
    file = lfw / "check/corrections.csv"
    text = file.read_text("utf-8-sig")
    assert "\ndrop,Ana_Guevara/zz.jpg,Ana_Guevara,," in text
    # the proposal is taken, and the user decides about the two names
    file.write_text(text + "drop,Andrew_Caldecott/Andrew_Caldecott_0001.jpg,,,it is Gilligan\n", "utf-8")
    fixed = here("fix", lfw, file, "--out", tmp_path / "fixed")
    assert fixed.status == 0, fixed.stderr
    again = here("check", tmp_path / "fixed")
    assert again.status == 0, again.stderr
    assert "same_picture" not in again.stdout
