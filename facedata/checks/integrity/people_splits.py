"""People, splits and labels: nobody in two splits, labels dense; pure functions on the classes' rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ...sampling.split import labels_of
from ..findings import Kind, Severity
from .crop_rows import CropRows
from .damage_list import DamageList
from .dataset_file import Recorded


def check_labels(rows: CropRows, recorded: Recorded, damage: DamageList) -> None:
    """Compare the labels with those that the people and splits give.

    People with training crops are numbered from 0 in UTF-8 byte order; the others have no label.
    """
    if recorded.training is None:
        return
    known = rows.person >= 0
    home = rows.splits.index(recorded.training) if recorded.training in rows.splits else -2
    wanted = np.full(len(rows), -1, np.int64)
    wanted[known] = labels_of(rows.person[known], rows.split[known] == home)
    column = rows.table.column("label")
    found = pc.fill_null(column, -1).to_numpy()
    wrong = known & ((found != wanted) | ((found < 0) & pc.is_valid(column).to_numpy()))

    def describe(row: int) -> Mapping[str, Any]:
        should = "none" if wanted[row] < 0 else str(wanted[row])
        has = "none" if column[row].as_py() is None else str(found[row])
        return {
            "why": f"{rows.path(row)} has the label {has}, and its person's is {should}: `facedata split` "
            "numbers the people again",
            "left": int(rows.ids[row]),
            "identity": rows.people[rows.person[row]],
        }

    damage.add_rows(Kind.LABELS_WRONG, "crops with a wrong label", np.flatnonzero(wrong), describe)


def check_assigned(rows: CropRows, recorded: Recorded, damage: DamageList) -> None:
    """Find crops in no split, which only official splits may have."""
    if recorded.split_by not in ("identity", "photo"):
        return
    damage.add_rows(
        Kind.TABLE_TORN,
        "crops in no split",
        np.flatnonzero(rows.split < 0),
        lambda row: {
            "why": f"{rows.path(row)} is in no split, though the set is divided by {recorded.split_by}: "
            "`facedata split` divides it again",
            "left": int(rows.ids[row]),
        },
    )


def check_people(rows: CropRows, recorded: Recorded, damage: DamageList) -> None:
    """Find people who are in two splits, unless the set is divided by photo.

    An official split that has people in two splits is what the source made it: that is said once, as a note.
    """
    if recorded.split_by not in ("identity", "official"):
        return
    here = np.flatnonzero((rows.person >= 0) & (rows.split >= 0))
    several = len(rows.splits) + 1
    places = np.unique(rows.person[here].astype(np.int64) * several + rows.split[here]) // several
    people, splits = np.unique(places, return_counts=True)
    people = people[splits > 1]
    if not len(people):
        return
    if recorded.split_by == "official":
        name, everybody = rows.people[int(people[0])], len(np.unique(rows.person[rows.person >= 0]))
        damage.add(
            Kind.PERSON_IN_TWO_SPLITS,
            f"{len(people):,} of {everybody:,} people are in two splits, such as {name!r}, as the source's "
            "own split has them: scores on the test split are then of people whom training has seen",
            severity=Severity.NOTE,
            score=len(people) / everybody,
            identity=name,
            value=float(len(people)),
        )
        return
    order = here[np.argsort(rows.person[here], kind="stable")]
    starts = np.searchsorted(rows.person[order], people)
    ends = np.searchsorted(rows.person[order], people, side="right")

    def describe(index: int) -> dict[str, Any]:
        mine = order[starts[index] : ends[index]]
        number, first, count = np.unique(rows.split[mine], return_index=True, return_counts=True)
        counts = zip(number.tolist(), count.tolist(), strict=True)
        parts = ", ".join(f"{photos:,} in {rows.splits[one]}" for one, photos in counts)
        name = rows.people[int(people[index])]
        left, right = (int(rows.ids[mine[at]]) for at in first[:2])
        return {
            "why": f"{name!r} is in {len(number)} splits (crops: {parts}), and the set is divided by person: "
            "`facedata split` divides it again",
            "left": left,
            "right": right,
            "identity": name,
            "value": float(len(number)),
            "threshold": 1.0,
        }

    damage.add_rows(Kind.PERSON_IN_TWO_SPLITS, "people in two splits", np.arange(len(people)), describe)
