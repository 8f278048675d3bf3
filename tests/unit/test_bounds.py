"""The lower bounds in pyproject.toml are the versions that `make test-lowest` installs and runs."""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
_FOR_DEVELOPERS = {"dev", "docs"}


def promised() -> dict[str, Version]:
    """Return the lowest version of each package that the product needs, by name; exact ones too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: needs for name, needs in project["optional-dependencies"].items() if name not in _FOR_DEVELOPERS
    }
    bounds: dict[str, Version] = {}
    for text in [*project["dependencies"], *(need for needs in extras.values() for need in needs)]:
        need = Requirement(text)
        (bound,) = (one.version for one in need.specifier if one.operator in (">=", "=="))
        assert bounds.setdefault(need.name, Version(bound)) == Version(bound), f"{need.name} has two bounds"
    return bounds


def pinned() -> dict[str, Version]:
    """Return the version of each package in tests/lowest.txt."""
    lines = (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    assert all(str(pin.specifier).startswith("==") for pin in pins)
    return {pin.name: Version(str(pin.specifier)[2:]) for pin in pins}


def test_every_lower_bound_is_one_that_is_installed_and_run() -> None:
    assert promised() == pinned()


def test_what_make_installs_has_every_extra() -> None:
    """A new extra without a place in both venvs would be promised and never run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest, newest = re.findall(r"--editable \"\.\[([a-z0-9,]+)\]\"(?= \$\(TEST_TOOLS\)| onnx)", makefile())
    extras = project["optional-dependencies"].keys() - _FOR_DEVELOPERS
    assert set(lowest.split(",")) == extras
    assert {*newest.split(","), "export"} == extras


def makefile() -> str:
    return re.sub(r"\\\n\s*", "", (ROOT / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.skipif(os.environ.get("FACEDATA_BOUNDS") != "lowest", reason="for `make test-lowest`")
def test_these_are_the_lowest_versions() -> None:
    there = {name: Version(version(name)) for name in pinned() if name != "tomli"}
    assert there == {name: pin for name, pin in pinned().items() if name != "tomli"}
