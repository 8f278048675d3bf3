"""New people: photos that no name is left for, and that show one person.

Where both photos of a person lie under others' names, and `check` finds neither name theirs, nothing is left
to compare these photos with but each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata.sampling.split import TRAIN
from facedata.types import BoolArray

from ...batches.people import TrainingPeople
from ...epochs.outliers import FINDINGS
from .alike import group_alike
from .likeness import read_likeness

_BEGINNING = "(new person "
_NEW = re.compile(r"\(+new person \d+\)")


def is_new_person(name: str) -> bool:
    """Tell whether a name was made up by :func:`find_new_people`."""
    return _NEW.fullmatch(name) is not None


def find_new_people(
    people: TrainingPeople, doubted: Sequence[Mapping[str, Any]], findings: pa.Table
) -> dict[int, str]:
    """Find photos of the train split that show one person, among those that no name is left for.

    These are the photos that are left out, and those that are left alone under their name since others are
    left out or were moved. Not among them is who may show a person of another split, nor a copy.

    Args:
        people: of all of a set's splits.
        doubted: the doubted photos: ``id``, and ``to_identity`` and ``split``, whom they count for and where.
        findings: ``kind``, ``left``, ``right``, ``left_identity``, ``right_identity`` and ``to_identity``.

    Returns:
        Each such photo's id, and the new person's name; nobody in the set has it. Empty if the check has kept
        no embeddings.
    """
    table = people.classes.table
    trains = pc.fill_null(pc.equal(table.column("split"), TRAIN), False).to_numpy()
    others = pc.is_valid(table.column("split")).to_numpy() & ~trains
    outside = {people.names[code] for code in np.unique(people.person[others]).tolist()}
    loose = people.ids[_find_loose(people, trains, doubted)]
    loose = loose[~np.isin(loose, list(_find_kept_out(findings, outside)))]
    folder = Path(str(people.prepared.path)) / FINDINGS.parent
    likeness = read_likeness(folder, people.prepared, loose) if len(loose) else None
    if likeness is None:
        return {}
    group = group_alike(likeness.directions, likeness.limit)
    beginning = _choose_beginning(people.names)
    return {
        at: f"{beginning}{number + 1})"
        for at, number in zip(likeness.ids.tolist(), group.tolist(), strict=True)
        if number >= 0
    }


def _find_loose(people: TrainingPeople, trains: BoolArray, doubted: Sequence[Mapping[str, Any]]) -> BoolArray:
    """Return which photos train by their label, and are now left out or alone under a name that lost some.

    Args:
        people: as in :func:`find_new_people`.
        trains: ``(photos,)`` bool, those of the train split.
        doubted: as in :func:`find_new_people`.

    Returns:
        ``(photos,)`` bool.
    """
    now, left_out = np.where(trains, people.person, -1), np.zeros(len(people), np.bool_)
    rows, _ = people.rows_of(np.array([row["id"] for row in doubted], np.int64))
    to = np.array([row["to_identity"] or "" for row in doubted], object)
    arrives = np.array([row["split"] == TRAIN for row in doubted], np.bool_)
    now[rows], left_out[rows] = -1, to == ""
    now[rows[arrives]] = people.codes_of(to[arrives].tolist())
    size = len(people.names)
    had = np.bincount(people.person[trains], minlength=size)
    has = np.bincount(now[now >= 0], minlength=size)
    alone = (now >= 0) & (has[now] == 1) & (had[now] > 1)
    return np.asarray((alone | left_out) & trains)


def _find_kept_out(findings: pa.Table, outside: set[str]) -> set[int]:
    """Return the crops that may show a person of another split than train, and those that are copies.

    Args:
        findings: as in :func:`find_new_people`.
        outside: people with photos in other splits.
    """
    found = set[int]()
    for one in findings.to_pylist():
        sides = (one["left"], one["left_identity"]), (one["right"], one["right_identity"])
        if one["kind"] in ("same_bytes", "same_picture") and sides[0][1] != sides[1][1]:
            found |= {one["left"], one["right"]}
        elif one["kind"] == "swapped":
            found |= {mine[0] for mine, other in (sides, sides[::-1]) if other[1] in outside}
        elif one["kind"] == "wrong_person" and one["to_identity"] in outside:
            found.add(one["left"])
    return found


def _choose_beginning(names: Sequence[str]) -> str:
    """Return how new people's names begin, and nobody's in the set.

    >>> _choose_beginning(["Anna", "(new person 3)"])
    '((new person '
    """
    beginning = _BEGINNING
    while any(name.startswith(beginning) for name in names):
        beginning = f"({beginning}"
    return beginning
