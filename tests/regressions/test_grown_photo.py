"""A photo that became too large to be read ended a rerun with a traceback; it is a row like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata import open_set, prepare
from facedata.sources import folder
from facedata.testing import FakeDetector, marked_folder
from tests.support.inline_engine import inline


def test_a_photo_that_grew_beyond_reading_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked_folder(tmp_path / "photos", people=2, photos=2)
    files = sorted((tmp_path / "photos").rglob("*.png"))
    most = max(file.stat().st_size for file in files)
    monkeypatch.setattr(folder, "_MOST_BYTES", most)
    with inline():
        prepare(tmp_path / "photos", tmp_path / "set", size=32, detector=FakeDetector)
        files[0].write_bytes(files[0].read_bytes() + bytes(most))
        prepare(tmp_path / "photos", tmp_path / "set", size=32, detector=FakeDetector)
    assert open_set(tmp_path / "set").info["counts"]["status"] == {"kept": 3, "too_large": 1}
