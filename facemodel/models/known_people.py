"""The people a model was trained on, by name: a table in its run folder, so that they do not pass for unseen.

The set's fingerprint is not enough: it changes with `facedata split`, after which the same people may be in
other splits than when the model was trained.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from facedata.tables.parquet import read_table, write_table

from ..batches.people import TrainingPeople

PEOPLE = "people.parquet"
_KIND = "people"
_SCHEMA = pa.schema(
    [
        pa.field("identity", pa.string(), False),
        pa.field("photos", pa.int64(), False),
        pa.field("trains", pa.bool_(), False),  # false: they only validated, and chose the threshold
    ]
)


def write_people(folder: Path, training: TrainingPeople, judges: TrainingPeople) -> None:
    """Write to a run folder who trains, who only validates, and with how many photos.

    Raises:
        StoreError: it cannot be written.
    """
    known = set(training.names)
    rows = [(name, count, True) for name, count in zip(training.names, training.counts.tolist(), strict=True)]
    rows += [
        (name, count, False)
        for name, count in zip(judges.names, judges.counts.tolist(), strict=True)
        if name not in known
    ]
    table = pa.table([list(column) for column in zip(*rows, strict=True)], schema=_SCHEMA)
    fingerprint = training.prepared.fingerprint
    write_table(folder / PEOPLE, table, kind=_KIND, schema=_SCHEMA, fingerprint=fingerprint)


@dataclass(frozen=True)
class KnownPeople:
    """The people a model was trained on, and those who only validated it and chose its threshold."""

    trained: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()


def read_people(model: object) -> KnownPeople:
    """Return the people a model knows; none if there is no table (a bare network, an export).

    Args:
        model: a run folder, or a file in one; of an open model nothing is known.

    Raises:
        NotASetError: the table there cannot be read.
    """
    if not isinstance(model, str | os.PathLike):
        return KnownPeople()
    path = Path(model)
    file = (path if path.is_dir() else path.parent) / PEOPLE
    if not file.is_file():
        return KnownPeople()
    table = read_table(file, _KIND)
    trains = table.column("trains").to_pylist() if "trains" in table.column_names else [True] * len(table)
    names = list(zip(table.column("identity").to_pylist(), trains, strict=True))
    trained, judged = (frozenset(name for name, one in names if one is kind) for kind in (True, False))
    return KnownPeople(trained, judged)


def count_people(folder: Path) -> dict[str, tuple[int, int]]:
    """Return how many people ``train`` and ``only validate`` in a run folder, each with their photos.

    Nothing is returned for people of a kind that there are none of, or where there is no table.

    Raises:
        NotASetError: the table there cannot be read.
    """
    if not (folder / PEOPLE).is_file():
        return {}
    table, counts = read_table(folder / PEOPLE, _KIND), {}
    for what, trains in (("train", True), ("only validate", False)):
        mine = table.filter(pc.equal(table.column("trains"), trains))
        if len(mine):
            counts[what] = (len(mine), int(pc.sum(mine.column("photos")).as_py()))
    return counts
