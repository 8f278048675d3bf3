"""``--doubted``: photos whose label ``check`` doubts are left out of a run, or count for whom they show.

Those that show somebody whom no name is left for count for a new person, if there are several.

The run's folder keeps which photos these were, so that a resumed run has the same, whatever ``check`` has
found since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest, PreparedSet
from facedata.errors import SetError
from facedata.sampling.split import TRAIN
from facedata.tables.parquet import read_footer, read_table, write_table

from ...batches.people import TrainingPeople
from ...epochs.holdout import VAL
from ...epochs.outliers import FINDINGS, read_doubted
from ...errors import DataError, RunError
from .new_people import find_new_people, is_new_person

DOUBTED = "doubted.parquet"
"""The table in a run's folder."""

KEEP, DROP, MOVE = "keep", "drop", "move"

_KIND = "doubted"
_LABEL = ["id", "photo", "identity", "split"]
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), False),
        pa.field("photo", pa.string(), False),
        pa.field("identity", pa.string(), False),
        pa.field("to_identity", pa.string()),  # null: it is left out
        pa.field("split", pa.string()),
    ]
)


@dataclass(frozen=True, eq=False)
class Doubted:
    """The doubted photos of a run, and photos that are left alone under their name and are of a new person.

    Attributes:
        table: ``id``, ``photo`` and ``identity``; ``to_identity`` and ``split``: whom the photo counts for,
            and where; null if it is left out.
    """

    table: pa.Table

    @property
    def moves(self) -> int:
        """How many photos count for another person."""
        return int(len(self.table) - self.table.column("to_identity").null_count)

    @property
    def line(self) -> str:
        """What becomes of them, for the user."""
        out, every = len(self.table) - self.moves, f"{len(self.table):,} photos"
        names = self.table.column("to_identity").drop_null().to_pylist()
        new = [name for name in names if is_new_person(name)]
        moved = len(names) - len(new)
        moves = f", {moved:,} count for the person they seem to show" if moved else ""
        if not new:
            return f"`check` doubts {every}: {out:,} are left out{moves}"
        people = len(set(new))
        return (
            f"`check` doubts {every} or leaves them alone under their name: {out:,} are left out{moves}, "
            f"{len(new):,} count for {people:,} new {'person' if people == 1 else 'people'}"
        )

    def apply(self, crops: ClassManifest) -> ClassManifest:
        """Return a set's crops without those that are left out, and the others under their new names."""
        rows, kept, table = (
            crops.find(self.table.column("id").to_numpy()),
            np.ones(len(crops), np.bool_),
            crops.table,
        )
        for name, new in (("identity", "to_identity"), ("split", "split")):
            values = np.array(table.column(name).to_pylist(), object)
            values[rows] = self.table.column(new).to_pylist()
            field = table.schema.field(name)
            column = pa.array(values.tolist(), pa.string()).cast(field.type)
            table = table.set_column(table.schema.get_field_index(name), field, column)
        kept[rows] = self.table.column("to_identity").is_valid().to_numpy()
        return ClassManifest(crops.prepared, table.filter(pa.array(kept)))

    def write(self, folder: Path, prepared: PreparedSet) -> None:
        """Write the table to a run's folder.

        Raises:
            StoreError: it cannot be written.
        """
        write_table(
            folder / DOUBTED, self.table, kind=_KIND, schema=_SCHEMA, fingerprint=prepared.fingerprint
        )


def find_doubted(prepared: PreparedSet, how: str, *, new_people: bool = True) -> Doubted:
    """Return the photos of the splits train and val whose label the set's findings doubt.

    Args:
        prepared: the set.
        how: ``drop``: all of them are left out; ``move``: where the findings carry the proposal to move a
            photo to another person, it counts for that person.
        new_people: with ``move``: photos that train, would be left out or alone under their name, and are
            alike, count for a new person.

    Raises:
        DataError: the set has no findings, or they are about another state of it.
    """
    findings = _read_findings(prepared, how)
    every = ClassManifest.open(prepared).table
    can = pc.is_in(every.column("split"), value_set=pa.array([TRAIN, VAL], pa.string())).to_numpy()
    people = TrainingPeople.of(ClassManifest(prepared, every))
    is_doubted = read_doubted(people)
    rows = every.filter(pa.array(is_doubted & can)).select(_LABEL).to_pylist()
    _count_for(rows, _read_moves(findings) if how == MOVE else {}, every)
    if how == MOVE and new_people:
        new = find_new_people(people, rows, findings)
        ours = every.filter(pc.is_in(every.column("id"), pa.array(list(new), pa.int64()))).select(_LABEL)
        rows = [row for row in rows if row["id"] not in new]
        rows += [row | {"to_identity": new[row["id"]]} for row in ours.to_pylist()]
    return Doubted(pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), schema=_SCHEMA))


def _read_findings(prepared: PreparedSet, how: str) -> pa.Table:
    """Read what the set's check says of photos and people.

    Raises:
        DataError: there are no findings, or they are about another state of the set.
    """
    path = Path(str(prepared.path)) / FINDINGS  # a set at a URL has none: they are beside its crops
    try:
        if read_footer(path).fingerprint != prepared.fingerprint:
            raise DataError(
                f"{path} is about another state of the set: run `facemodel check MODEL {prepared}` again, or "
                "drop --doubted"
            )
        columns = ["proposal", "kind", "left", "right", "left_identity", "right_identity", "to_identity"]
        return read_table(path, "findings", columns)
    except (SetError, OSError, pa.ArrowException) as error:
        raise DataError(
            f"--doubted {how} goes by the findings of a check, and {prepared} has none: run `facemodel check "
            f"MODEL {prepared}` first"
        ) from error


def _read_moves(findings: pa.Table) -> dict[int, str]:
    """Return the crops that findings propose to move, and to whom."""
    moves = dict[int, str]()
    for one in findings.filter(pc.equal(findings.column("proposal"), MOVE)).to_pylist():
        if one["kind"] == "swapped":
            moves |= {one["left"]: one["right_identity"], one["right"]: one["left_identity"]}
        elif one["to_identity"]:
            moves[one["left"]] = one["to_identity"]
    return moves


def _count_for(rows: list[dict[str, Any]], moves: Mapping[int, str], crops: pa.Table) -> None:
    """Fill in whom doubted photos count for, and in which split; null if they are left out.

    Nobody comes into another split than their own, and those who are tested do not train.

    Args:
        rows: the photos: ``id`` and their own ``split``; they get ``to_identity``.
        moves: to whom photos move, by their id.
        crops: of the set: ``identity`` and ``split``.
    """
    splits: dict[str, set[str]] = {name: set() for name in moves.values()}
    for name, split in zip(*(crops.column(name).to_pylist() for name in ("identity", "split")), strict=True):
        if name in splits and split is not None:
            splits[name].add(split)
    for row in rows:
        to = moves.get(row["id"])
        theirs = splits[to] if to is not None else set()
        if row["split"] not in theirs:
            row["split"] = next((split for split in (TRAIN, VAL) if theirs == {split}), None)
        row["to_identity"] = None if row["split"] is None else to


def read_doubted_of(folder: Path) -> Doubted:
    """Return what :meth:`Doubted.write` wrote to a run's folder.

    Raises:
        RunError: the file is gone or damaged.
    """
    try:
        return Doubted(read_table(folder / DOUBTED, _KIND, _SCHEMA.names))
    except (SetError, OSError, pa.ArrowException) as error:
        raise RunError(
            f"which photos the run {folder} doubts cannot be read ({error}): start over with --overwrite"
        ) from error
