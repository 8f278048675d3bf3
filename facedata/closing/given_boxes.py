"""Do the boxes that a source gives fit the faces that were found? If not, they were read in another form."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ..detect.choose import box_iou
from ..errors import WrongBoxesError
from ..plan.plan import Plan
from ..progress.row_index import RowIndex
from ..progress.settling import STATUSES
from ..tables.blocks import BLOCK_ROWS
from ..types import Float64Array, Int64Array, Status
from ..work.stage import Stage

LEAST_COMPARED = 5
"""With fewer boxes compared, nothing is concluded."""
LEAST_MEDIAN = 0.3
"""Boxes whose median overlap with the faces found is below this are about something else."""
_DOUBTED_MEDIAN = 0.5
"""Below this, the other forms are tried."""
_SAMPLED = 2000
_LOOKED_AT = 24
"""Photos that are searched again, all of each, where most boxes held no face."""

_READINGS = {
    "xyxy": "x0 y0 x1 y1",
    "xywh": "x y width height",
    "relative": "x0 y0 x1 y1 from 0 to 1",
    "relative-xywh": "x y width height from 0 to 1",
}

logger = logging.getLogger(__name__)


def check_given_boxes(plan: Plan, rows: RowIndex, declared: str | None, whole_photos: Stage) -> None:
    """Check that given boxes and the faces found are in the same places.

    Compared are the faces that were taken and, with an overlap of 0, photos whose faces all lie elsewhere.
    Where most boxes held no face at all, some of those photos are searched everywhere. Boxes fit badly if the
    median overlap is below .3, or below .5 where another form fits much better.

    Args:
        plan: the plan; its scan says how the source writes its boxes.
        rows: a row for each of its records that needed one.
        declared: ``--box-format``: what the user has said is only warned about.
        whole_photos: searches all of a photo, not only its box.

    Raises:
        WrongBoxesError: they fit badly; the message shows the form that fits better, if any.
    """
    if rows.iou is None:
        return
    given = pc.is_valid(plan.records.column("given_box")).to_numpy()
    elsewhere = given & np.isnan(rows.iou) & (rows.status == STATUSES.index(Status.UNSELECTED))
    overlap = np.where(elsewhere, 0, rows.iou)
    compared = np.flatnonzero(~np.isnan(overlap))
    empty = np.flatnonzero(given & (rows.status == STATUSES.index(Status.NO_FACE)))
    found: list[dict[str, Any]] = []
    if len(empty) > len(compared):
        sample = empty[
            np.unique(np.linspace(0, len(empty) - 1, min(len(empty), _LOOKED_AT)).astype(np.int64))
        ]
        photos = plan.photos(sample)
        searched = zip(photos, whole_photos.run(photos), strict=True)
        found = [{**row, "given_box": photo.given_box} for photo, row in searched if row.get("all_boxes")]
        median = float(np.median([_best_overlap(row["given_box"], row) for row in found] or [1.0]))
        text = f"most boxes hold no face; in {len(found)} photos searched everywhere,"
    elif len(compared) >= LEAST_COMPARED:
        median = float(np.median(overlap[compared]))
        text = f"of {len(compared):,} compared,"
        if median < _DOUBTED_MEDIAN:
            at = np.unique(np.linspace(0, len(compared) - 1, min(len(compared), _SAMPLED)).astype(np.int64))
            found = _read_found(plan, rows, compared[at])
    if len(found) < LEAST_COMPARED or median >= _DOUBTED_MEDIAN:
        return
    now = plan.scan.box_format
    others = {} if now is None else _other_medians(found, now)
    best = max(others, key=lambda name: others[name], default="")
    is_better = others.get(best, 0.0) >= max(_DOUBTED_MEDIAN, 1.5 * median)
    if median >= LEAST_MEDIAN and not is_better:
        return
    text = f"the boxes do not fit the faces found: {text} the median overlap (IoU) is {median:.2f}"
    if is_better:
        text += f" when they are read as {_READINGS[str(now)]}; as {_READINGS[best]}"
        text += f" it would be {others[best]:.2f}"
    if declared is not None:
        logger.warning("%s (--box-format %s was given)", text, declared)
    elif is_better:
        raise WrongBoxesError(
            f"{text}: run again with --box-format {best} --overwrite, or with --box-format {now} --overwrite "
            "to use them as they are"
        )
    else:
        as_they_are = f"use them as they are with --box-format {now} --overwrite"
        raise WrongBoxesError(
            f"{text}: check that they belong to these photos, at this size, or "
            f"{as_they_are if now else 'take them out of the source'}"
        )


def _read_found(plan: Plan, rows: RowIndex, sample: Int64Array) -> list[dict[str, Any]]:
    """Return given box, photo's size and faces found of some records."""
    found: list[dict[str, Any]] = []
    for start in range(0, plan.records.num_rows, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, plan.records.num_rows)
        inside = sample[(sample >= start) & (sample < stop)] - start
        if len(inside):
            block = rows.read(start, stop).select(["width", "height", "all_boxes"])
            boxes = plan.records.column("given_box").slice(start, stop - start)
            found += block.append_column("given_box", boxes).take(inside).to_pylist()
    return found


def _other_medians(found: Sequence[dict[str, Any]], now: str) -> dict[str, float]:
    """Return what the median overlap would be if the source wrote its boxes in each other form."""
    overlaps: dict[str, list[float]] = {name: [] for name in _READINGS if name != now}
    for row in found:
        size = np.array([row["width"], row["height"]] * 2, np.float64)
        box = np.array(row["given_box"], np.float64)
        written = box / size if now.startswith("relative") else box
        if now.endswith("xywh"):
            written = np.concatenate([written[:2], written[2:] - written[:2]])
        for name, values in overlaps.items():
            other = np.concatenate([written[:2], written[:2] + written[2:]]) if "xywh" in name else written
            values.append(_best_overlap(other * size if name.startswith("relative") else other, row))
    return {name: float(np.median(values)) for name, values in overlaps.items()}


def _best_overlap(box: Float64Array | Sequence[float], row: dict[str, Any]) -> float:
    """Return the overlap of a box with the face that it fits best."""
    return max((box_iou(np.array(face), np.array(box)) for face in row["all_boxes"] or []), default=0.0)
