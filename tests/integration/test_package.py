"""What goes to a package index: whole, the same wheel from the source distribution, and a wheel that runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.processes import ROOT

_BESIDE = [
    "*.md",
    "*.cff",
    "*.yml",
    "*.in",
    "Makefile",
    "LICENSE",
    "pyproject.toml",
    ".pre-commit-config.yaml",
]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution of this checkout and the wheel built from it; beside it the checkout's own."""
    folder = tmp_path_factory.mktemp("package")
    copy, out = folder / "checkout", folder / "dist"
    for name in ("facedata", "facemodel", "tests", "docs", ".ci", ".github"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for pattern in _BESIDE:
        for path in ROOT.glob(pattern):
            shutil.copyfile(path, copy / path.name)
    _build(copy, out)
    _build(copy, folder / "direct", "--wheel")
    return out


def _build(source: Path, out: Path, *options: str) -> None:
    # setuptools itself warns of what is its own
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), *options, str(source)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def _wheel(folder: Path) -> dict[str, bytes]:
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as members:
        return {name: members.read(name) for name in members.namelist()}


def test_the_wheel_has_every_file_of_the_packages_and_none_beside(dist: Path) -> None:
    wheel, checkout = _wheel(dist), dist.parent / "checkout"
    here = {
        str(path.relative_to(checkout))
        for package in ("facedata", "facemodel")
        for path in (checkout / package).rglob("*")
        if path.is_file()
    }
    assert {name for name in wheel if ".dist-info/" not in name} == here
    (entry,) = [text for name, text in wheel.items() if name.endswith("entry_points.txt")]
    assert b"facedata = facedata.cli:main" in entry
    assert b"facemodel = facemodel.cli:main" in entry


def test_the_source_distribution_builds_the_wheel_of_the_checkout(dist: Path) -> None:
    assert _wheel(dist) == _wheel(dist.parent / "direct")


def test_the_source_distribution_has_what_its_tests_and_docs_need(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        there = {name.partition("/")[2] for name in members.getnames()}
    wanted = {"Makefile", "mkdocs.yml", "README.md", "LICENSE", "CITATION.cff", ".ci/run", "docs/site.css"}
    assert wanted <= there
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py")} <= there
    assert not [name for name in there if name.endswith(".pyc")]


def test_a_package_index_would_take_it(dist: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_unpacked_wheel_runs(dist: Path, tmp_path: Path) -> None:
    """Apart from the checkout; that it installs from nothing is tried by hand before a release."""
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as members:
        members.extractall(tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import facedata.cli as cli, facemodel.recipes as r;"
        "assert cli.__file__.startswith(sys.path[0]); assert len(r.list_recipes()) > 5;"
        "raise SystemExit(cli.main())"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "site"), "--version"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.stdout.startswith("facedata "), finished.stderr
