"""``--doubted``: photos whose label ``check`` doubts are left out of a run, or count for whom they show.

The run's folder keeps which photos these were, so that a resumed run has the same, whatever ``check`` has
found since.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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

DOUBTED = "doubted.parquet"
"""The table in a run's folder."""

KEEP, DROP, MOVE = "keep", "drop", "move"

_KIND = "doubted"
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
    """The doubted photos of a run.

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
        out = len(self.table) - self.moves
        moves = f", {self.moves:,} count for the person they seem to show" if self.moves else ""
        return f"`check` doubts {len(self.table):,} photos: {out:,} are left out{moves}"

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


def find_doubted(prepared: PreparedSet, how: str) -> Doubted:
    """Return the photos of the splits train and val whose label the set's findings doubt.

    Args:
        prepared: the set.
        how: ``drop``: all of them are left out; ``move``: where the findings carry the proposal to move a
            photo to another person, it counts for that person.

    Raises:
        DataError: the set has no findings, or they are about another state of it.
    """
    path = Path(str(prepared.path)) / FINDINGS  # a set at a URL has none: they are beside its crops
    try:
        if read_footer(path).fingerprint != prepared.fingerprint:
            raise DataError(
                f"{path} is about another state of the set: run `facemodel check MODEL {prepared}` again, or "
                "drop --doubted"
            )
        columns = ["proposal", "kind", "left", "right", "left_identity", "right_identity", "to_identity"]
        findings = read_table(path, "findings", columns)
    except (SetError, OSError, pa.ArrowException) as error:
        raise DataError(
            f"--doubted {how} goes by the findings of a check, and {prepared} has none: run `facemodel check "
            f"MODEL {prepared}` first"
        ) from error
    every = ClassManifest.open(prepared).table
    can = pc.is_in(every.column("split"), value_set=pa.array([TRAIN, VAL], pa.string())).to_numpy()
    is_doubted = read_doubted(TrainingPeople.of(ClassManifest(prepared, every)))
    table = every.filter(pa.array(is_doubted & can)).select(["id", "photo", "identity", "split"])
    moves = _read_moves(findings) if how == MOVE else {}
    splits: dict[str, set[str]] = {name: set() for name in moves.values()}
    for name, split in zip(
        every.column("identity").to_pylist(), every.column("split").to_pylist(), strict=True
    ):
        if name in splits and split is not None:
            splits[name].add(split)
    rows = table.to_pylist()
    for row in rows:
        to = moves.get(row["id"])
        theirs = splits[to] if to is not None else set()
        if row["split"] not in theirs:  # nobody comes into another split than their own, or test people train
            row["split"] = next((split for split in (TRAIN, VAL) if theirs == {split}), None)
        row["to_identity"] = None if row["split"] is None else to
    return Doubted(pa.Table.from_pylist(rows, schema=_SCHEMA))


def _read_moves(findings: pa.Table) -> dict[int, str]:
    """Return the crops that findings propose to move, and to whom."""
    moves = dict[int, str]()
    for one in findings.filter(pc.equal(findings.column("proposal"), MOVE)).to_pylist():
        if one["kind"] == "swapped":
            moves |= {one["left"]: one["right_identity"], one["right"]: one["left_identity"]}
        elif one["to_identity"]:
            moves[one["left"]] = one["to_identity"]
    return moves


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
