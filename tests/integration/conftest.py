"""The real command line in a process of its own, a small source of photos, a finished set, a small disk."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from facedata.testing import marked_folder
from tests.support.facedata_command import SMALL, done
from tests.support.gates import Gate
from tests.support.small_disk import Disk


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A closed gate before the first batch."""
    folder = tmp_path / "gate"
    folder.mkdir()
    return Gate(folder)


@pytest.fixture(scope="session")
def _source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "photos"
    marked_folder(folder, people=4, photos=4)
    return folder


@pytest.fixture
def photos(_source: Path, tmp_path: Path) -> Path:
    """Four people with four photos each, as FakeDetector sees them; the test's own."""
    return Path(shutil.copytree(_source, tmp_path / "photos"))


@pytest.fixture(scope="session")
def finished_set(_source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A source and its set, prepared undisturbed with SMALL; not to be changed."""
    out = tmp_path_factory.mktemp("set") / "faces"
    done("prepare", "folder", _source, "--out", out, *SMALL)
    return _source, out


@pytest.fixture
def own_set(finished_set: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The same source, and a copy of its set that may be changed."""
    source, out = finished_set
    return source, Path(shutil.copytree(out, tmp_path / "faces"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of one megabyte of our own; skips where mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    mounted = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("this user may not mount a tmpfs, which this test needs as its small disk")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True, capture_output=True)
