"""The pages that the gallery shows: of the demo set, made here, and of a demo run where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import facedata

_RUNS = (
    ("demo-run/report.html", "run.html", "A training run: curves, the best epoch, the first batch"),
    (
        "demo-scores/report.html",
        "scores.html",
        "A model's scores: ROC, histograms, the worst pairs as pictures",
    ),
)


def add_pages(docs: Path, root: Path, work: Path) -> None:
    """Put real pages into the folder ``gallery/`` of ``docs``, and name them at the end of gallery.md.

    Args:
        docs: the folder of the site's pages, to be added to.
        root: the checkout; pages of the run and scores of ``make demo`` are taken from here if there are any.
        work: a folder for the demo set.

    Raises:
        FacedataError: the demo set cannot be made.
    """
    faces = work / "demo-faces"
    facedata.prepare(None, faces, kind="demo", device="cpu")
    facedata.check(faces)
    facedata.review_set(faces, notes=True)
    folder = docs / "gallery"
    shutil.copytree(faces / "report", folder / "set")
    shutil.copytree(faces / "review", folder / "review")
    lines = [
        "- [A set](gallery/set/index.html): photos, people, distributions, pairs and triplets",
        "- [A review](gallery/review/index.html): deciding on a check's findings, one after another",
    ]
    for made, name, text in _RUNS:
        if (root / made).is_file():
            shutil.copyfile(root / made, folder / name)
            lines.append(f"- [{text.partition(':')[0]}](gallery/{name}):{text.partition(':')[2]}")
    if not any((folder / name).is_file() for _, name, _ in _RUNS):
        lines.append(
            "- pages of a run and of its scores are here where `make demo` has been run before `make docs`"
        )
    page = docs / "gallery.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(f"{text}\n## The pages themselves\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
