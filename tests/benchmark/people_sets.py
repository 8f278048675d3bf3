"""The real people that models are trained and judged on: LFW's and CelebA's, in one set.

Both are prepared on their own, since the person meant is the central one in LFW and the largest in
CelebA, and their crops are then taken as they are. People with one photo cannot be told from
themselves: they are left out. Nobody is in two splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facedata import PrepareConfig, PreparedSet, open_set, prepare
from tests.support.shared_data import SHARED

SPLITS = "train=0.6,val=0.1,test=0.3"


def make_people(folder: Path, template: str = "square", size: int = 64, splits: str = SPLITS) -> PreparedSet:
    """Return the set of both, made below ``folder`` unless it is there.

    Args:
        folder: where sets are kept.
        template: of the crops.
        size: side of the crops, in pixels; some templates have one of their own.
        splits: as ``facedata prepare --splits`` takes them.
    """
    out, crops = folder / f"people-{template}-{size}", folder / f"crops-{template}-{size}"
    if (out / "dataset.json").is_file():
        return open_set(out)
    for name, kind in (("lfw", "folder"), ("celeba", "celeba")):
        source = SHARED / "data" / name
        photos = source / "lfw-deepfunneled" if kind == "folder" else source
        face = {"face": "center"} if kind == "folder" else {}
        one = _make(
            photos, folder / f"{name}-{template}-{size}", kind=kind, template=template, size=size, **face
        )
        _link_crops(one, crops, name)
    return _make(
        crops, out, kind="folder", as_crops=True, template=template, size=size, min_photos=2, splits=splits
    )


def _make(source: Path, out: Path, **options: Any) -> PreparedSet:
    if (out / "dataset.json").is_file():
        return open_set(out)
    return prepare(source, out, PrepareConfig(**options))


def _link_crops(one: PreparedSet, crops: Path, name: str) -> None:
    """Link a set's crops into a folder for each person; CelebA's people are numbers."""
    for person in sorted((Path(str(one.path)) / "crops").iterdir()):
        folder = crops / (person.name if name == "lfw" else f"{name}-{person.name}")
        folder.mkdir(parents=True, exist_ok=True)
        for crop in person.iterdir():
            if not (folder / crop.name).exists():
                (folder / crop.name).hardlink_to(crop)
