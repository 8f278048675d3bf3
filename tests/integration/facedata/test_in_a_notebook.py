"""In a real kernel: a bar by default, plain without ipywidgets, none for who follows the progress."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

from facedata.testing import marked_folder
from tests.support.run_notebook import WIDGET

ROOT = Path(__file__).parents[3]
CELLS = [
    "import sys, facedata\nfrom facedata.testing import FakeDetector",
    "how = dict(size=32, workers=1, detector=FakeDetector, report=False)",
    "facedata.prepare({photos!r}, 'faces', **how)",
    "told = []\nfacedata.prepare({photos!r}, 'told', on_progress=told.append, **how)\ntold[-1].kept",
    "sys.modules['ipywidgets'] = None\nfacedata.prepare({photos!r}, 'plain', **how)",
    "%env TQDM_DISABLE=1\nfacedata.check('faces')",
]


def test_bars_in_a_kernel(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=4, photos=3)
    notebook: Any = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    cells = [cell.format(photos=str(tmp_path / "photos")) for cell in CELLS]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    nbformat.write(notebook, tmp_path / "in.ipynb")  # type: ignore[no-untyped-call]
    program = [sys.executable, "-m", "tests.support.run_notebook", "--bars", "--to"]
    files = [str(tmp_path / name) for name in ("out.ipynb", "in.ipynb")]
    finished = subprocess.run([*program, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr  # so nothing went to stderr, no warning either
    ran: Any = nbformat.read(tmp_path / "out.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    _, _, drawn, told, plain, disabled = ([dict(one) for one in cell.outputs] for cell in ran.cells)

    bars = [one["data"]["text/plain"] for one in drawn if WIDGET in one.get("data", {})]
    assert bars[0] == "listing photos …"
    assert any("photo/s" in bar and "/12 " in bar for bar in bars)
    assert drawn[-1]["data"]["text/plain"].startswith("PreparedSet('faces': 12 crops of 4 people, ")
    assert 'class="facedata-shown"' in drawn[-1]["data"]["text/html"]

    (result,) = told
    assert result["data"]["text/plain"] == "12"

    assert not [one for one in plain if WIDGET in one.get("data", {})]
    text = "".join(one["text"] for one in plain if one["output_type"] == "stream")
    assert "listing photos …" in text
    assert "/12 " in text

    assert not [one for one in disabled if WIDGET in one.get("data", {})]
    assert disabled[-1]["data"]["text/plain"].startswith("Findings('faces/check': ")
