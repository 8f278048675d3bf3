"""Another locale, the same bytes: names are UTF-8 whatever the environment says."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.marked_photos import write_marked
from tests.support.processes import ROOT
from tests.support.set_bytes import set_bytes

PEOPLE = ["Anna", "Jos\u00e9", "Jose\u0301", "Ünal", "李", os.fsdecode(b"caf\xe9")]
NAMES = ["é", "e\u0301", os.fsdecode(b"x\xff")]

_ENVIRONMENTS = {
    "utf8": {"LC_ALL": "C.UTF-8"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
_PROGRAM = """
import sys
from facedata.cli import main
from facedata.config import DETECTORS
from facedata.testing import FakeDetector as factory
DETECTORS["mtcnn"] = lambda least_px, device: factory
if __name__ == "__main__":
    raise SystemExit(main({arguments}))
"""


def run_in(locale: str, folder: Path, *arguments: str | bytes, in_process: bool = False) -> str:
    """Run ``facedata``; in the process that Python started in this locale, or as the program does."""
    program = _PROGRAM.format(arguments="sys.argv[1:]" if in_process else "None")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHON"))
    }
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT), **_ENVIRONMENTS[locale]},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    assert b"Traceback" not in finished.stderr
    return finished.stdout.decode()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos below a folder whose own name is not ASCII either."""
    folder = tmp_path / "été"
    for number, person in enumerate(PEOPLE):
        for index, name in enumerate(NAMES):
            write_marked(tmp_path / "plain.png", seed=10 * number + index)
            (folder / person).mkdir(parents=True, exist_ok=True)
            (tmp_path / "plain.png").rename(folder / person / f"{name}.png")
    (tmp_path / "hors.txt").write_bytes("Ünal/é.png\n".encode())
    return folder


def test_an_ascii_process_sees_no_utf_8(tmp_path: Path) -> None:
    """The tests below rest on it."""
    program = "import sys; print(sys.getfilesystemencoding(), sys.flags.utf8_mode)"
    seen = [
        subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).split()
        for environment in _ENVIRONMENTS.values()
    ]
    assert seen == [["utf-8", "0"], ["ascii", "0"]]


@pytest.mark.parametrize(("store", "in_process"), [("folders", True), ("tar", False)])
def test_a_set_has_the_same_bytes_in_every_locale(
    photos: Path, tmp_path: Path, store: str, in_process: bool
) -> None:
    options = ["--size", "64", "--store", store, "--workers", "2", "--exclude", "hors.txt"]
    if not in_process:  # text that is no path is decoded by Python itself before any of ours runs
        options += ["--licence", "© Ünal", "--reference", "*é*"]
    for locale in _ENVIRONMENTS:
        words = ("prepare", "folder", "été", "--out", f"visages-é-{locale}")
        shown = run_in(locale, tmp_path, *words, *options, in_process=in_process)
        assert "note       1 photo excluded by hors.txt" in shown
    one, other = (set_bytes(tmp_path / f"visages-é-{locale}") for locale in _ENVIRONMENTS)
    assert one == other
    assert ("crops/李/e\u0301.jpg" in one) == (store == "folders")


@pytest.mark.parametrize("in_process", [True, False], ids=["python", "program"])
def test_a_set_made_in_one_locale_is_cropped_and_continued_in_another(
    photos: Path, tmp_path: Path, in_process: bool
) -> None:
    words = ("prepare", "été", "--out", "é", "--size", "64", "--workers", "1")
    run_in("utf8", tmp_path, *words)
    before, log = set_bytes(tmp_path / "é"), (tmp_path / "é/log.jsonl").read_bytes()
    run_in("ascii", tmp_path, *words, in_process=in_process)
    assert set_bytes(tmp_path / "é") == before
    assert (tmp_path / "é/log.jsonl").read_bytes() == log  # nothing was done
    for locale in _ENVIRONMENTS:
        crop = ("crop", "é", "--out", f"{locale}-é", "--template", "arcface112", "--workers", "1")
        run_in(locale, tmp_path, *crop, in_process=in_process)
    assert set_bytes(tmp_path / "utf8-é") == set_bytes(tmp_path / "ascii-é")


def test_a_tar_is_unpacked_the_same_in_every_locale(photos: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive:
        archive.add(photos, ".")
    for locale in _ENVIRONMENTS:
        options = ("--size", "64", "--workers", "1", "--cache", f"é-{locale}")
        run_in(locale, tmp_path, "prepare", "a.tar", "--out", locale, *options, in_process=True)
    assert set_bytes(tmp_path / "utf8") == set_bytes(tmp_path / "ascii")
