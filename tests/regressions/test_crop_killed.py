"""`facedata crop` killed in its very last step: the set was whole, and its progress stayed there for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facedata import crop_set, prepare
from facedata.progress.folder import ProgressFolder
from facedata.testing import FakeDetector, marked_folder
from tests.support.inline_engine import inline
from tests.support.set_bytes import set_bytes


@pytest.fixture(autouse=True)
def _inline() -> Iterator[None]:
    with inline():
        yield


@pytest.mark.parametrize("store", ["folders", "tar"])
def test_a_crop_killed_while_it_tidies_up_is_tidied_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    marked_folder(tmp_path / "photos", people=2, photos=2)
    prepare(tmp_path / "photos", tmp_path / "set", store=store, size=32, detector=FakeDetector)
    crop_set(tmp_path / "set", tmp_path / "undisturbed", template="arcface112")
    with monkeypatch.context() as patched:
        patched.setattr(ProgressFolder, "remove", _killed)
        with pytest.raises(KeyboardInterrupt):
            crop_set(tmp_path / "set", tmp_path / "crops", template="arcface112")
    assert (tmp_path / "crops" / ".work").is_dir()
    crop_set(tmp_path / "set", tmp_path / "crops", template="arcface112")
    assert set_bytes(tmp_path / "crops") == set_bytes(tmp_path / "undisturbed")
    assert not (tmp_path / "crops" / ".work").exists()


def _killed(self: ProgressFolder) -> None:
    raise KeyboardInterrupt
