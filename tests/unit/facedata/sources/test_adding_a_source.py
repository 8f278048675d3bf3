"""A source from outside: one assignment, and every command that opens sources knows it, workers included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from facedata import crop_set, prepare
from facedata.cli import main
from facedata.config import SOURCES, PrepareConfig
from facedata.errors import UsageError
from facedata.sources.base import PlanBuilder, Scan
from facedata.sources.open import SourceKind, local_paths
from facedata.testing import FakeDetector, marked_folder


@dataclass(frozen=True)
class Backwards:
    """Reads files whose bytes are stored backwards: workers have to have this very class."""

    folder: Path

    def __call__(self, photo: str) -> bytes:
        return (self.folder / photo).read_bytes()[::-1]


class Mine:
    """Photos stored backwards, a folder per person."""

    kind, face, search = "mine", "largest", "photo"

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder)

    def scan(self) -> Scan:
        plan = PlanBuilder()
        for file in self.folder.glob("*/*"):
            size, mtime_ns = file.stat().st_size, file.stat().st_mtime_ns
            plan.add(
                f"{file.parent.name}/{file.name}", identity=file.parent.name, size=size, mtime_ns=mtime_ns
            )
        return Scan(plan.table(), Backwards(self.folder))


@pytest.fixture(autouse=True)
def added() -> Iterator[None]:
    SOURCES["mine"] = SourceKind(lambda roots, config: Mine(*local_paths(roots, "mine", 1, "a folder")))
    yield
    del SOURCES["mine"]


def test_a_source_from_outside_is_prepared_by_its_name_in_workers(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    marked_folder(folder, 2, 2)
    for file in folder.glob("*/*"):
        file.write_bytes(file.read_bytes()[::-1])
    faces = prepare(folder, tmp_path / "faces", kind="mine", workers=2, detector=FakeDetector)
    assert faces.info["source"] == {"kind": "mine", "root": str(folder)}
    assert faces.info["settings"]["kind"] == "mine"
    assert faces.info["counts"]["status"] == {"kept": 4}
    again = crop_set(tmp_path / "faces", tmp_path / "small", size=64, workers=1)
    assert again.info["source"] == faces.info["source"]


def test_the_command_line_knows_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prepare", "mine", "--out", str(tmp_path / "faces")]) == 2
    assert "no source is given; this kind takes a folder" in capsys.readouterr().err


def test_a_name_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(UsageError, match=r"it takes one of demo, folder, table, .*, mine"):
        PrepareConfig(kind="yours")
