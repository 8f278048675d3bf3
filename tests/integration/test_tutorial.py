"""The tutorial runs from its first cell, and the outputs in it are those of this version."""

from __future__ import annotations

import getpass
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.support.run_notebook import FIGURES, OUTCOME, read_outputs

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial.ipynb"
MOST_BYTES = 1_500_000
ADVICE = "if this is meant, write the tutorial again with `make docs-notebook`"


def read(file: Path) -> Any:
    return nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def kept() -> Any:
    return read(TUTORIAL)


@pytest.mark.timeout(1800)
def test_every_cell_runs_in_a_new_kernel_and_shows_what_is_kept(kept: Any, tmp_path: Path) -> None:
    """No cell fails or writes to stderr; figures that depend on the processor may differ, texts may not."""
    out = tmp_path / "tutorial.ipynb"
    program: list[str | Path] = [sys.executable, "-m", "tests.support.run_notebook", TUTORIAL, "--to", out]
    finished = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    again = read(out)
    assert [cell.source for cell in again.cells] == [cell.source for cell in kept.cells]
    assert read_outputs(again) == read_outputs(kept), ADVICE
    assert set(again.metadata) == {"kernelspec", "language_info"}


def test_its_outputs_are_there_and_are_pictures(kept: Any) -> None:
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    shown = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in shown} <= {"execute_result", "stream"}
    html = "".join(output.data.get("text/html", "") for output in shown if "data" in output)
    assert html.count('src="data:image/jpeg;base64,') >= 5 * 12
    assert any("image/jpeg" in output.data for output in shown if "data" in output)
    assert sum(bool({FIGURES, OUTCOME} & {*cell.metadata.get("tags", [])}) for cell in code) <= 4
    texts = " ".join(text for cell in read_outputs(kept) for text in cell)
    for said in (
        "PreparedSet('faces': 95 crops of 12 people, train 71, test 24)",
        "96 photos found, 95 kept, 1 no_face",
        "ClassManifest('faces', train: 71 crops)",
        "12 of one person, 12 of two people",
        "TripletManifest('faces', train: 710 triplets)",
    ):
        assert said in texts, ADVICE


def test_it_is_small_and_says_nothing_of_the_machine_that_wrote_it(kept: Any) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES
    outputs = re.sub(
        r"data:image/jpeg;base64,[\w+/=]*", "", str([cell.get("outputs") for cell in kept.cells])
    )
    outputs = re.sub(r"'image/(jpeg|png)': '[^']*'", "", outputs)
    assert not re.findall(r"(?<![\w<.])/(?:home|root|tmp|usr|work|var|private|Users)\b", outputs)
    assert not re.findall(r"\d\s?(?:s|ms|min|it/s|photos?/s|images/s)\b|\d\d:\d\d", outputs)
    names = {socket.gethostname(), getpass.getuser()} - {"root", "localhost"}
    assert not [name for name in names if len(name) > 3 and name in outputs]
    assert "version" not in kept.metadata.language_info


def test_its_links_lead_to_docs_that_are_there(kept: Any) -> None:
    prose = "\n".join(cell.source for cell in kept.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([\w./-]+)\)", prose)
    assert len(links) > 3
    assert not [link for link in links if not (TUTORIAL.parent / link).is_file()]
