"""The people a model was trained on, by name: a table in its run folder, so that they do not pass for unseen.

The set's fingerprint is not enough: it changes with `facedata split`, after which the same people may be in
other splits than when the model was trained.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from facedata.tables.parquet import read_table, write_table

from ..batches.people import TrainingPeople
from .ready.table import is_ready

PEOPLE = "people.parquet"
_KIND = "people"
_SCHEMA = pa.schema(
    [
        pa.field("identity", pa.string(), False),
        pa.field("photos", pa.int64(), False),
        pa.field("trains", pa.bool_(), False),  # false: they only validated, and chose the threshold
    ]
)


def write_people(
    folder: Path, training: TrainingPeople, judges: TrainingPeople, models: Sequence[str | None] = ()
) -> None:
    """Write to a run folder who trains, who only validates, and with how many photos.

    Args:
        folder: of the run.
        training: who trains.
        judges: who validates.
        models: the models that it starts and learns from, None for none: whom they know this one knows, too.

    Raises:
        StoreError: it cannot be written.
        NotASetError: the table of one of the models cannot be read.
    """
    rows = [(name, count, True) for name, count in zip(training.names, training.counts.tolist(), strict=True)]
    earlier = [row for model in models for row in read_rows(model)]
    rows += [row for row in earlier if row[2]]
    rows += [(name, count, False) for name, count in zip(judges.names, judges.counts.tolist(), strict=True)]
    rows = list({row[0]: row for row in reversed([*rows, *earlier])}.values())[::-1]  # the first of a name
    table = pa.table([list(column) for column in zip(*rows, strict=True)], schema=_SCHEMA)
    fingerprint = training.prepared.fingerprint
    write_table(folder / PEOPLE, table, kind=_KIND, schema=_SCHEMA, fingerprint=fingerprint)


@dataclass(frozen=True)
class KnownPeople:
    """The people a model was trained on, and those who only validated it and chose its threshold.

    Attributes:
        trained: the names of those it was trained on.
        judged: the names of those who only validated it.
        is_told: the model may say who they are; networks of others and exports never do.
    """

    trained: frozenset[str] = frozenset()
    judged: frozenset[str] = frozenset()
    is_told: bool = True


def read_people(model: object) -> KnownPeople:
    """Return the people a model knows; none if there is no table (a bare network, an export).

    Args:
        model: a run folder, or a file in one; of an open model nothing is known, nor of a ready one.

    Raises:
        NotASetError: the table there cannot be read.
    """
    if not isinstance(model, str | os.PathLike):
        return KnownPeople()
    path = Path(model)
    is_told = not is_ready(model) and path.suffix != ".onnx"
    file = (path if path.is_dir() else path.parent) / PEOPLE
    if is_ready(model) or not file.is_file():
        return KnownPeople(is_told=is_told)
    table = read_table(file, _KIND)
    trains = table.column("trains").to_pylist() if "trains" in table.column_names else [True] * len(table)
    names = list(zip(table.column("identity").to_pylist(), trains, strict=True))
    trained, judged = (frozenset(name for name, one in names if one is kind) for kind in (True, False))
    return KnownPeople(trained, judged, is_told)


def read_rows(model: str | None) -> list[tuple[str, int, bool]]:
    """Return the rows of a model's table; none where it has none."""
    if model is None or is_ready(model):
        return []
    path = Path(model)
    file = (path if path.is_dir() else path.parent) / PEOPLE
    if path.suffix == ".onnx" or not file.is_file():
        return []
    columns = read_table(file, _KIND).to_pydict()
    trains = columns.get("trains", [True] * len(columns["identity"]))  # an older run lacks it
    return list(zip(columns["identity"], columns["photos"], trains, strict=True))


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
