"""COCO's JSON: the photos of a split with their face's box, five points and person; no picture.

Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014; https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pyarrow.compute as pc

from ...errors import UsageError, writing
from ..base import Export, Written
from ..left_out import tell_left_out
from ..split_folders import changed_names, name_splits
from .coco_faces import find_faces
from .ledger_rows import pair_rows

_FOLDER = "annotations"
_CATEGORY = {
    "id": 1,
    "name": "face",
    "supercategory": "person",
    "keypoints": ["right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner"],
    "skeleton": [[1, 2], [1, 3], [2, 3], [3, 4], [3, 5], [4, 5]],
}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Coco:
    """``annotations/<split>.json``: images are photos, annotations their kept faces with who it is."""

    def refuse(self, export: Export) -> None:
        """Refuse a set that knows no box.

        Raises:
            UsageError: it is such a set.
        """
        if not any(pc.any(pc.is_valid(photos.column("box"))).as_py() for _, photos in pair_rows(export)):
            raise UsageError(
                f"{export.prepared} has no boxes, which is what coco holds: its photos were taken as "
                "finished crops"
            )

    def write(self, export: Export) -> Written:
        """Write a file a split, some rows at a time.

        Raises:
            OtherSetError: the set's tables do not fit each other.
            StoreError: a file cannot be written.
        """
        names = name_splits(export.splits)
        with writing(_FOLDER):
            (export.folder / _FOLDER).mkdir()
        without_box = 0
        for split, name in names.items():
            without_box += self._write_split(export, split, export.folder / _FOLDER / f"{name}.json")
            export.count_written(export.counts[split or ""]["crops"])
        left_out = ["the crops: file_name is the photo's path below the source"]
        if without_box:
            left_out.append(f"{without_box:,} faces whose box is not known; their photos are listed")
        left_out += tell_left_out(export, "pairs", "triplets", "roles", "meta")
        left_out.append("the photos that were not kept, and other faces in those that were")
        first = f"{export.shown}/{_FOLDER}/{next(iter(names.values()))}.json"
        return Written(
            {}, tuple(left_out), (f"pycocotools.coco.COCO({first!r})",), split_names=changed_names(names)
        )

    def _write_split(self, export: Export, split: str | None, file: Path) -> int:
        """Write a split's file; return how many of its faces have no box.

        Images and annotations are two lists, and neither may be in memory: annotations wait in a file beside.
        """
        waiting = file.with_suffix(".annotations")
        info = {
            "description": "Faces of people, boxes and points in pixels of the photo after its EXIF turn",
            "version": export.prepared.fingerprint,
        }
        without_box = 0
        with ExitStack() as stack:
            stack.enter_context(writing(file.name))
            out = stack.enter_context(file.open("w", encoding="utf-8", newline="\n"))
            beside = stack.enter_context(waiting.open("w+", encoding="utf-8", newline="\n"))
            out.write(
                f'{{"info":{_encode(info)},"licenses":[],"categories":[{_encode(_CATEGORY)}],\n"images":['
            )
            list_image, list_annotation = _list_items(out), _list_items(beside)
            for image, is_new, annotation in find_faces(export, split):
                if is_new:
                    list_image(image)
                if annotation is None:
                    without_box += 1
                else:
                    list_annotation(annotation)
            out.write('\n],\n"annotations":[')
            beside.seek(0)
            while piece := beside.read(1 << 20):
                out.write(piece)
            out.write("\n]}\n")
        with writing(waiting.name):
            waiting.unlink()
        return without_box


def _list_items(file: IO[str]) -> Callable[[dict[str, Any]], None]:
    """Return what writes an item of a JSON list, each on a line of its own."""
    before = "\n"

    def write(item: dict[str, Any]) -> None:
        nonlocal before
        file.write(before + _encode(item))
        before = ",\n"

    return write


COCO = Coco()
