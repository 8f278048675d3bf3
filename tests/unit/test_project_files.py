"""The files beside the code: workflow, hooks, templates, citation, and what the README says of the extras."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from typing import Any

import pytest
import yaml
from packaging.version import Version

from tests.support.processes import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_YAML = [
    ".github/workflows/ci.yml",
    ".github/ISSUE_TEMPLATE/bug.yml",
    ".github/ISSUE_TEMPLATE/feature.yml",
    ".github/ISSUE_TEMPLATE/config.yml",
    ".pre-commit-config.yaml",
    "CITATION.cff",
]


def _read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


@pytest.mark.parametrize("name", _YAML)
def test_it_is_yaml_with_something_in_it(name: str) -> None:
    assert isinstance(_read(name), dict)


def test_the_workflow_runs_what_ci_runs_with_no_more_rights_than_that() -> None:
    workflow = _read(".github/workflows/ci.yml")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert any(step.get("run") == "bash .ci/run" for step in steps)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    for step in steps:  # a moved tag of a major version would be other code
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", step.get("uses", "a/b@v1.0.0"))


def test_the_workflow_runs_pythons_that_the_package_promises() -> None:
    (job,) = _read(".github/workflows/ci.yml")["jobs"].values()
    least = Version(_project()["requires-python"].removeprefix(">="))
    assert min(map(Version, job["strategy"]["matrix"]["python"])) >= least


def test_hooks_run_what_make_check_runs() -> None:
    (repo,) = _read(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    entries = [hook["entry"] for hook in repo["hooks"]]
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe
    lines = recipe[1].replace("$(BIN)", ".venv/bin").splitlines()
    checks = [line.strip().removesuffix(" .") for line in lines]
    assert [entry.removesuffix(" --force-exclude") for entry in entries] == checks


@pytest.mark.parametrize("name", ["bug.yml", "feature.yml"])
def test_an_issue_form_asks_for_something(name: str) -> None:
    form = _read(f".github/ISSUE_TEMPLATE/{name}")
    assert {"name", "description", "body"} <= form.keys()
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in asked}) == len(asked)
    assert any(part.get("validations", {}).get("required") for part in asked)


def test_the_version_is_said_in_one_place_and_cited_as_it_is() -> None:
    said = _project()["version"]
    assert version("facedata") == said
    assert _read("CITATION.cff")["version"] == said
    for package in ("facedata", "facemodel"):
        texts = [path.read_text("utf-8") for path in (ROOT / package).rglob("*.py")]
        assert not [text for text in texts if "__version__" in text or f'"{said}"' in text]
    assert f"({said}, " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_readme_says_what_every_extra_costs() -> None:
    table = re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+) MB \|$", (ROOT / "README.md").read_text("utf-8"), re.M)
    extras = _project()["optional-dependencies"].keys() - {"dev", "docs"}
    assert {name for name, _ in table} == extras
    assert all(int(megabytes.replace(",", "")) > 0 for _, megabytes in table)


def test_the_package_index_gets_a_page_without_neighbours() -> None:
    page = ROOT / _project()["readme"]
    text = page.read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)]+)\)", text)
    assert not [target for target in linked if not target.startswith("https://")]
    for extra in _project()["optional-dependencies"].keys() - {"dev", "docs"}:
        assert f"`{extra}`" in text, extra
