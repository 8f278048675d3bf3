"""The real command line in a process of its own, a small source of photos, a finished set, a small disk."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from facedata.cli import main
from facedata.detect import DETECTOR_FACTORIES
from facedata.testing import FakeDetector, marked_folder
from facedata.types import Face, UInt8Image

ROOT = Path(__file__).parents[2]
SMALL = ("--size", "64", "--splits", "train=0.5,test=0.5", "--workers", "1")
"""Options of quick runs whose splits both have pairs."""

FAKE = "from facedata.testing import FakeDetector as factory"
_PROGRAM = """
from facedata.cli import main
from facedata.detect import DETECTOR_FACTORIES
{detector}
DETECTOR_FACTORIES["mtcnn"] = lambda least_px, device: factory
raise SystemExit(main())
"""
_REAL_PROGRAM = "from facedata.cli import main; raise SystemExit(main())"
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Finished:
    """What a command left: exit status and both outputs."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line that says what was wrong; everything else about a refusal is checked here."""
        assert "Traceback" not in self.stderr, self.stderr
        lines = self.stderr.splitlines()
        errors = [line for line in lines if ": error: " in line]
        assert len(errors) == 1, self.stderr
        assert lines[-1] == errors[0], self.stderr
        # argparse shows the usage first, nothing else may stand before the line
        assert len(lines) == 1 or lines[0].startswith("usage: "), self.stderr
        assert self.stdout == ""
        return errors[0]


def start(
    *arguments: object,
    detector: str | None = FAKE,
    before: str = "",
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Start ``facedata`` as the head of its own process group.

    ``detector`` is a statement that makes ``factory``; None leaves the real one. ``before`` runs first.
    """
    program = _REAL_PROGRAM if detector is None else _PROGRAM.format(detector=detector)
    return subprocess.Popen(
        [sys.executable, "-c", before + "\n" + program, *map(_argument, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="backslashreplace",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def run(*arguments: object, detector: str | None = FAKE, before: str = "") -> Finished:
    """Run ``facedata`` to its end; see :func:`start`."""
    return finish(start(*arguments, detector=detector, before=before))


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for a process."""
    with process:
        try:
            stdout, stderr = process.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Finished(process.returncode, stdout, stderr or "")


def here(*arguments: object) -> Finished:
    """Run a command in this process, which saves the second that importing takes; FakeDetector detects."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        patch.dict(DETECTOR_FACTORIES, mtcnn=lambda least_px, device: FakeDetector),
        _logging_as_in_a_fresh_process(),
    ):
        try:
            status: object = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends so
            status = end.code
    assert isinstance(status, int)
    return Finished(status, stdout.getvalue(), stderr.getvalue())


@contextlib.contextmanager
def _logging_as_in_a_fresh_process() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("facedata")
    handlers, level = root.handlers[:], ours.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        ours.setLevel(level)


def done(*arguments: object) -> Finished:
    """Run a command that must succeed, in this process."""
    finished = here(*arguments)
    assert finished.status == 0, finished.stderr
    return finished


def _argument(value: object) -> str | bytes:
    return value if isinstance(value, (str, bytes)) else os.fspath(value)  # type: ignore[call-overload]


def contents(out: Path) -> dict[str, bytes]:
    """Return the bytes the byte promise is about, by path: everything but the log and the file times."""
    apart = {"log.jsonl", ".seen.arrow"}
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name not in apart
    }


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return all that lies below a folder: files' bytes by path, None for folders."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }


@dataclass(frozen=True)
class Gate:
    """Makes detectors that stop before their ``passes``-th batch until the file ``open`` is there.

    The file ``reached`` says that one has come so far. The same gate makes one detector per worker.
    """

    folder: Path
    passes: int = 0

    def __call__(self) -> GatedDetector:
        return GatedDetector(self)

    @property
    def statement(self) -> str:
        """What :func:`start` takes as its detector."""
        return (
            "from pathlib import Path; from tests.integration.conftest import Gate; "
            f"factory = Gate(Path({str(self.folder)!r}), {self.passes})"
        )

    def wait_until_reached(self, process: subprocess.Popen[str]) -> None:
        """Return once a worker stands at the gate."""
        wait_for(lambda: (self.folder / "reached").exists() or process.poll() is not None)
        assert process.poll() is None, finish(process)

    def open(self) -> None:
        """Let the workers go on."""
        (self.folder / "open").touch()


class GatedDetector(FakeDetector):
    """Waits at its gate, within a batch."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._calls = gate, 0

    def detect(self, images: Sequence[UInt8Image], searches: object = None) -> list[list[Face]]:
        if self._calls == self._gate.passes:
            (self._gate.folder / "reached").touch()
            wait_for((self._gate.folder / "open").exists)
        self._calls += 1
        return super().detect(images)


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once a condition holds; TimeoutError when it never does."""
    end = time.monotonic() + _TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened within {_TIMEOUT_S} s")
        time.sleep(0.01)


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


@dataclass(frozen=True)
class Disk:
    """A tmpfs mount."""

    folder: Path

    def remount(self, options: str) -> None:
        """Change its size, or make it read-only."""
        subprocess.run(
            ["mount", "-o", f"remount,{options}", self.folder],
            check=True,
            capture_output=True,
        )


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
