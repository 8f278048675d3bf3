"""Runs a notebook from its first cell in a new kernel and an empty folder, and keeps what readers should see.

python -m tests.support.run_notebook docs/tutorial.ipynb      write it again with its outputs
"""

from __future__ import annotations

import argparse
import html
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

_CELL_S = 600
WIDGET = "application/vnd.jupyter.widget-view+json"
FIGURES, OUTCOME = "figures", "outcome"
"""Tags of cells whose numbers, or even words, differ between kinds of processors."""


def run_notebook(notebook: Any, folder: Path, keeps_bars: bool = False) -> None:
    """Run all cells in a folder; their outputs are then in the notebook, without bars, times and versions.

    Raises:
        CellExecutionError: a cell failed.
        ValueError: a cell wrote to stderr whose outcome is the same everywhere.
    """
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
    NotebookClient(
        notebook, timeout=_CELL_S, kernel_name="python3", record_timing=False, store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()  # fmt: skip
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if keeps_bars or WIDGET not in one.get("data", {})]
            said = [one for one in cell.outputs if one.output_type == "stream" and one.name == "stderr"]
            # on another processor a weak model may be warned of
            if said and OUTCOME not in cell.metadata.get("tags", []):
                raise ValueError(f"cell {number} wrote to stderr: {said[0].text}")
            cell.outputs = [one for one in cell.outputs if one not in said]


def read_outputs(notebook: Any) -> list[list[str]]:
    """Return the text of each code cell's outputs, as a reader sees it, but for what differs by processor.

    Numbers are ``#`` in cells tagged as figures; of those tagged as outcomes the first word is left.
    """
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            texts, tags = [_text_of(output) for output in cell.outputs], cell.metadata.get("tags", [])
            if FIGURES in tags:
                texts = [re.sub(r"\d[\d,.e-]*", "#", text) for text in texts]
            if OUTCOME in tags:
                texts = [re.split(r"\W", text)[0] for text in texts]
            cells.append(texts)
    return cells


def _text_of(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    data = output.data
    if "text/html" not in data:
        return str(data.get("text/plain", ""))
    shown = re.sub(r"<style.*?</style>", "", data["text/html"], flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", shown)).split())


def main() -> None:
    """Run a notebook, and write it with its outputs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--to", type=Path, help="another file to write (default: the notebook itself)")
    parser.add_argument("--bars", action="store_true", help="keep progress bars, which say how long it took")
    parsed = parser.parse_args()
    notebook = nbformat.read(parsed.notebook, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"IPYTHONDIR": f"{folder}/ipython", "JUPYTER_PLATFORM_DIRS": "1"}
        root = str(Path(__file__).parents[2])
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        work = Path(folder, "work")
        work.mkdir()
        run_notebook(notebook, work, parsed.bars)
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    (parsed.to or parsed.notebook).write_text(text.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
