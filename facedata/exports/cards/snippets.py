"""The lines of Python that load an export, for its card."""

from __future__ import annotations

import re

from ...interchange.export_note import ExportNote
from ...pages.card import Markdown

_LINES = {
    "imagefolder": """\
from torchvision.datasets import ImageFolder

data = ImageFolder("path/to/this/folder/{split}")
picture, person = data[0]""",
    "hf": """\
from datasets import load_dataset

data = load_dataset("path/to/this/folder", split="{split}")
data[0]["image"]""",
    "webdataset": """\
import glob
import webdataset

shards = sorted(glob.glob("path/to/this/folder/{split}-*.tar"))
data = webdataset.WebDataset(shards, shardshuffle=False).decode("rgb").to_tuple("jpg", "json")
for picture, facts in data:
    print(facts["identity"], picture.shape)""",
    "csv": """\
import pandas

crops = pandas.read_csv(
    "path/to/this/folder/crops.csv",
    dtype={"identity": str, "split": str}, keep_default_na=False, na_values=[""],
)""",
    "rec": """\
from facedata import prepare

prepare("path/to/this/folder", "faces", kind="rec", as_crops=True, template="{template}", size={size_px})""",
    "pairs-txt": """\
from pathlib import Path

files = sorted(Path("path/to/this/folder").glob("pairs*.txt"))
pairs = {file.name: file.read_text(encoding="utf-8").splitlines() for file in files}""",
    "coco": """\
import json
from pathlib import Path

photos = json.loads(Path("path/to/this/folder/annotations/{split}.json").read_text(encoding="utf-8"))""",
}
"""How a format is loaded, in Python."""


def loading_lines(note: ExportNote) -> Markdown | None:
    """Return the lines that load an export, as a block of code; None for a format of somebody else's.

    Args:
        note: of the export; its first split stands in the lines.
    """
    if (lines := _LINES.get(note.format)) is None:
        return None
    named = {split: name for name, split in note.split_names.items()}
    splits = (named.get(split, split) for split in note.splits)
    split = next((name for name in splits if re.fullmatch(r"[\w.-]+", name)), "SPLIT")
    for name, value in {"split": split, "template": note.template, "size_px": note.size_px}.items():
        lines = lines.replace("{" + name + "}", str(value))
    return Markdown(f"```python\n{lines}\n```")
