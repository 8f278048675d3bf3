"""Whether rows of pairs or triplets mean the same photos in two sets, such as one set and its crops."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotASetError
from ..tables.parquet import read_blocks
from ..types import BoolArray, Int64Array
from .prepared import PreparedSet


def digest_photos(prepared: PreparedSet, ids: Int64Array) -> str:
    """Return the SHA-256 of what ids stand for: the crops' paths and people, and their photos' bytes.

    Sets with other crops of the same photos give the same.

    Args:
        prepared: the set.
        ids: ``(n,)`` int64, of its crops, in any order, repeats allowed.

    Raises:
        NotASetError: the ledger and the crops do not match.
    """
    classes = prepared.table("classes", ["id", "path", "identity", "photo"])
    used = np.isin(classes.column("id").to_numpy(), ids)
    digest, start = hashlib.sha256(), 0
    # crops and the ledger's rows with a path are in the same order
    for block in read_blocks(prepared.path / "photos.parquet", ["path", "sha256"]):
        kept = block.filter(pc.is_valid(block.column("path")))
        crops = classes.slice(start, len(kept))
        if not crops.column("path").equals(kept.column("path")):
            raise NotASetError(f"photos.parquet and classes.parquet of {prepared} differ: prepare it again")
        wanted = pa.array(used[start : start + len(kept)])
        columns = [crops.column(name).cast(pa.string()) for name in ("id", "path", "identity")]
        columns.append(pc.coalesce(kept.column("sha256"), crops.column("photo")))
        lines = pc.binary_join_element_wise(*(column.filter(wanted) for column in columns), "\0")
        digest.update("".join(f"{line}\n" for line in lines.to_pylist()).encode())
        start += len(kept)
    return digest.hexdigest()


def find_contradiction(prepared: PreparedSet, table: pa.Table, sides: Sequence[str], digest: str) -> str:
    """Return why rows that were made for another set cannot be used with this one; empty if they can.

    They can if every id is the same crop of the same person and photo here, in the split that its row names,
    and if the rows say of two crops that they show one person where this set does.

    Args:
        prepared: the set.
        table: pairs or triplets, with ids and paths.
        sides: the columns with ids.
        digest: of :func:`digest_photos` in the other set; empty if unknown, and photos are not compared.
    """
    classes = prepared.table("classes", ["id", "path", "identity", "split"])
    mine = classes.column("id").to_numpy()
    ids = [table.column(side).to_numpy() for side in sides]
    rows = [np.minimum(np.searchsorted(mine, side), max(len(mine) - 1, 0)) for side in ids]
    for side, values, at in zip(sides, ids, rows, strict=True):
        known: BoolArray = mine[at] == values if len(mine) else np.zeros(len(values), np.bool_)
        if not known.all():
            return f"this set has no id {values[~known][0]}"
        crops = classes.take(pa.array(at))
        for name, column, what in (
            ("path", f"{side}_path", "is the crop {} here, not {}"),
            ("split", "split", "is in the split {} here, not {}"),
        ):
            theirs = table.column(column).cast(pa.string())
            differs = pc.fill_null(pc.not_equal(crops.column(name), theirs), True).to_numpy()
            if differs.any():
                first = int(np.argmax(differs))
                text = what.format(crops.column(name)[first].as_py(), theirs[first].as_py())
                return f"the id {values[first]} {text}"
    person = pc.dictionary_encode(classes.column("identity")).combine_chunks().indices.to_numpy()
    people = [person[at] for at in rows]
    same = table.column("same").to_numpy() if "same" in table.column_names else np.ones(len(ids[0]), np.bool_)
    wrong = (people[0] == people[1]) != same
    if len(sides) > 2:
        wrong |= people[0] == people[2]
    if wrong.any():
        return f"its row {int(np.argmax(wrong)) + 1} is about other people"
    if digest and digest != digest_photos(prepared, np.concatenate(ids)):
        return "it was made from other photos of the same names"
    return ""
