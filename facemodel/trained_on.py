"""Whom a model was trained on, by name: a table in its run folder, so that nobody calls these people unseen.

The set's fingerprint tells that a set is another one; after `facedata split` it is, and the same people may
stand in other splits than when the model was trained.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from facedata.schema import read_table, write_table

from .dataset import TrainingSet

PEOPLE = "people.parquet"
_KIND = "people"
_SCHEMA = pa.schema([pa.field("identity", pa.string(), False), pa.field("photos", pa.int64(), False)])


def write_people(folder: Path, training: TrainingSet) -> None:
    """Write who trains, and with how many photos, into a run folder.

    Raises:
        StoreError: it cannot be written.
    """
    table = pa.table([pa.array(training.names, pa.string()), pa.array(training.counts)], schema=_SCHEMA)
    fingerprint = training.prepared.fingerprint
    write_table(folder / PEOPLE, table, kind=_KIND, schema=_SCHEMA, fingerprint=fingerprint)


def read_people(model: str | os.PathLike[str]) -> frozenset[str]:
    """Return the people a model was trained on; nobody where it does not say (a bare network, an export).

    Args:
        model: a run folder, or a file in one.

    Raises:
        NotASetError: the table there cannot be read.
    """
    path = Path(model)
    file = (path if path.is_dir() else path.parent) / PEOPLE
    if not file.is_file():
        return frozenset()
    return frozenset(read_table(file, _KIND).column("identity").to_pylist())
