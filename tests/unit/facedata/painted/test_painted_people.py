"""The painted people as photos: whom they show, and that no photo is another one's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from PIL import Image

from facedata.painted import NAMES
from facedata.painted.__main__ import write_people


def test_people_unseen_photos_and_strangers(tmp_path: Path) -> None:
    write_people(tmp_path)
    assert {folder.name for folder in (tmp_path / "people").iterdir()} == set(NAMES)
    unseen = {folder.name for folder in (tmp_path / "unseen").iterdir()}
    assert unseen == {*NAMES, *(f"stranger {number:02d}" for number in range(1, 13))}
    photos = sorted(tmp_path.rglob("*.jpg"))
    assert len(photos) == 12 * 4 + 12 * 2 + 12 + 1
    assert len({hashlib.sha256(photo.read_bytes()).digest() for photo in photos}) == len(photos)
    with Image.open(tmp_path / "group.jpg") as group:
        assert group.size == (1080, 720)


def test_the_same_bytes_again_from_the_command(tmp_path: Path) -> None:
    write_people(tmp_path / "a")
    subprocess.run([sys.executable, "-m", "facedata.painted", tmp_path / "b"], check=True)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.jpg"))
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
