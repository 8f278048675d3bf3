"""What the page's scripts read: people, crops, findings, and some pairs and triplets, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..pages.packed import column
from ..pages.sheets import Sheets
from ..types import Int64Array
from .check_files import UNKNOWN, CheckFiles, worst_quality
from .choice import Choice
from .crop_columns import UNKNOWN_SCORE, UNKNOWN_TILT, CropColumns
from .drawn_rows import DrawnRows

_U2 = 65_535
_MANY_CROPS = 50_000
"""From here on numbers are rounded to what a person can tell, so that the page stays small."""

_QUALITY_STEP, _TILT_STEP = 8, 10


def describe_page(
    crops: CropColumns,
    choice: Choice,
    names: pa.Table,
    sheets: Sheets,
    check: CheckFiles,
    drawn: Mapping[str, DrawnRows],
    crop_files: str | None,
) -> dict[str, Any]:
    """Return the page's data, plain values and packed columns.

    Args:
        crops: all crops of the set.
        choice: those of the page.
        names: their columns photo and path.
        sheets: their thumbnails.
        check: what the last check found.
        drawn: the pairs and the triplets.
        crop_files: how the addresses of the crops' own files begin; None if the page cannot reach them.
    """
    shown, is_large = choice.crops, len(choice.crops) > _MANY_CROPS
    score = np.where(crops.score[shown] == UNKNOWN_SCORE, UNKNOWN, np.round(crops.score[shown] / 100))
    tilt = np.where(crops.tilt[shown] == UNKNOWN_TILT, UNKNOWN_TILT, np.round(crops.tilt[shown] / 10))
    tilt = tilt.astype(np.int16)  # in tenths of a degree
    return {
        "sheets": sheets.describe(),
        "splits": crops.splits,
        "kinds": list(dict.fromkeys(kind for _, kind, _ in check.counts)),
        "people": describe_people(crops, choice, check),
        "crops": {
            "id": column(crops.ids[shown], "u4"),
            "photo": names.column("photo").to_pylist(),
            "split": column(crops.split[shown], "u1"),
            "score": column(score, "u1"),
            "tilt": column(_round_known(tilt, _TILT_STEP, is_large), "i2"),
            "face_px": column(crops.face_px[shown], "u2"),
            **{
                kind: column(np.minimum(drawn[kind].uses[shown], _U2), "u2") for kind in ("pairs", "triplets")
            },
            "quality": {
                name: column(_round_known(values[shown], _QUALITY_STEP, is_large), "u1")
                for name, values in check.quality.items()
            },
            "path": None if crop_files is None else names.column("path").to_pylist(),
        },
        "crop_files": crop_files,
        "total": {"people": len(crops.people), "crops": len(crops)},
        "findings": describe_findings(crops, choice, check),
        **{kind: drawn[kind].samples for kind in ("pairs", "triplets")},
    }


def describe_people(crops: CropColumns, choice: Choice, check: CheckFiles) -> dict[str, Any]:
    """Return the columns of the page's people."""
    mine, has_all = choice.people, len(choice.crops) == len(crops)
    return {
        "name": [crops.people[number] for number in mine.tolist()],
        "start": column(choice.start, "u4"),
        "count": column(choice.count, "u4"),
        "findings": column(np.minimum(check.of_person[mine], _U2), "u2"),
        "quality": column(worst_quality(check.quality, crops.person, len(crops.people))[mine], "u1"),
        "shown_of": None if has_all else column(choice.count_of, "u4"),
    }


def _round_known(values: npt.NDArray[Any], step: int, is_large: bool) -> npt.NDArray[Any]:
    """Return numbers rounded to a step where there are many, but for the ends of their type's range."""
    if not is_large:
        return values
    limits = np.iinfo(values.dtype)
    rounded = np.clip(np.round(values / step) * step, limits.min + 1, limits.max - 1).astype(values.dtype)
    return np.where((values == limits.min) | (values == limits.max), values, rounded)


def describe_findings(crops: CropColumns, choice: Choice, check: CheckFiles) -> list[dict[str, Any]]:
    """Return the listed findings; of a crop its place on the page, None where it is not there."""
    rows: list[dict[str, Any]] = check.listed.drop_columns(["finding"]).to_pylist()
    for side in ("left", "right"):
        ids: Int64Array = pc.fill_null(check.listed.column(side), -1).to_numpy()
        at = crops.rows_of(ids)
        places = np.where(at < 0, -1, np.append(choice.place, -1)[at])
        for row, place in zip(rows, places.tolist(), strict=True):
            row[side] = None if place < 0 else place
    for row in rows:
        for name in ("score", "value", "threshold"):
            if row[name] is not None:
                row[name] = float(f"{row[name]:.4g}") if np.isfinite(row[name]) else None
    return rows
