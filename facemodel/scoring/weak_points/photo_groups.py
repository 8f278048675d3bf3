"""The photos of a set in groups, by a column of its ledger or of its measured quality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest
from facedata.checks.quality.measure import QUALITY
from facedata.errors import UsageError
from facedata.options import nearest
from facedata.sets.prepared import PreparedSet
from facedata.tables.parquet import read_footer, read_table
from facedata.types import Float64Array, Int64Array

MOST_GROUPS = 12
_FEW_NUMBERS = 5
"""Up to so many different numbers are a group each; more are cut into thirds."""

_QUALITY = "check/quality.parquet"
_LEDGER = (
    "role", "official_split", "width", "height", "faces", "score", "tilt_deg", "box_iou", "source", "licence",
)  # fmt: skip
_NAMES = ("low", "middle", "high")


@dataclass(frozen=True, eq=False)
class PhotoGroups:
    """The crops of a set in groups.

    Attributes:
        column: that the groups are by.
        names: of the groups.
        codes: ``(crops,)`` int64, each crop's group; -1 where it is not known.
        left_out: how many further values there are, whose groups are too small to be among the largest.
    """

    column: str
    names: tuple[str, ...]
    codes: Int64Array
    left_out: int = 0

    @classmethod
    def in_thirds(cls, column: str, numbers: Float64Array, rows: Int64Array) -> PhotoGroups:
        """Cut ``(crops,)`` numbers, NaN where not known, into thirds, each with as many of ``rows``."""
        known = numbers[rows][np.isfinite(numbers[rows])]
        if not len(known):
            return cls(column, (), np.full(len(numbers), -1, np.int64))
        cuts = np.quantile(known, [1 / 3, 2 / 3])
        codes = np.where(np.isfinite(numbers), np.searchsorted(cuts, numbers, side="left"), -1)
        ends = [known.min(), *cuts, known.max()]
        spans = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(ends)]
        names = tuple(f"{name}: {span}" for name, span in zip(_NAMES, spans, strict=True))
        return cls(column, names, codes.astype(np.int64))


def group_photos(classes: ClassManifest, column: str, rows: Int64Array) -> PhotoGroups:
    """Group a set's crops by a column.

    Texts and a few different numbers are a group each, the twelve largest of them; more numbers are cut into
    thirds, each with as many of ``rows``.

    Args:
        classes: the crops.
        column: ``split``, a column of the ledger, such as ``meta_age``, or one of ``check/quality.parquet``.
        rows: ``(n,)`` int64, the crops that decide where to cut and which groups are largest.

    Raises:
        UsageError: there is no such column, it holds lists, or the qualities are of another state of the set.
    """
    values = read_column(classes, column, f"--by {column}")
    numbers = as_numbers(values)
    if numbers is not None and len(np.unique(numbers[np.isfinite(numbers)])) > _FEW_NUMBERS:
        return PhotoGroups.in_thirds(column, numbers, rows)
    texts = values.cast(pa.string())
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    if numbers is not None:
        texts = pc.if_else(pa.array(np.isfinite(numbers)), texts, None)
    counts = pc.value_counts(texts.take(pa.array(rows)).drop_null()).to_pylist()
    counts.sort(key=lambda one: (-one["counts"], one["values"]))
    kept = [one["values"] for one in counts[:MOST_GROUPS]]
    if numbers is not None:
        kept.sort(key=float)
    codes = pc.fill_null(pc.index_in(texts, value_set=pa.array(kept, pa.string())), -1)
    return PhotoGroups(column, tuple(kept), codes.to_numpy().astype(np.int64), len(counts) - len(kept))


def read_column(classes: ClassManifest, column: str, asked: str) -> pa.ChunkedArray:
    """Return a column's value of each crop; ``asked`` is the option that names it, for messages.

    Raises:
        UsageError: there is no such column, it holds lists, or the qualities are of another state of the set.
    """
    prepared = classes.prepared
    if column == "split":
        values = classes.table.column("split")
    elif column in _ledger_columns(prepared):
        ledger = prepared.table("photos", ["path", column])
        ledger = ledger.filter(pc.is_valid(ledger.column("path")))
        places = pc.index_in(classes.table.column("path"), value_set=ledger.column("path").combine_chunks())
        values = ledger.column(column).take(places)
    elif column in QUALITY.names[1:]:
        file = prepared.path / _QUALITY
        if not file.is_file() or read_footer(file).fingerprint != prepared.fingerprint:
            why = "is about another state of the set" if file.is_file() else "is not there"
            raise UsageError(f"{asked}: {file} {why}: run `facedata check {prepared}` first")
        table = read_table(file, "quality", ["id", column])
        places = pc.index_in(pa.array(classes.ids), value_set=table.column("id").combine_chunks())
        values = table.column(column).take(places)
    else:
        known = ["split", *_ledger_columns(prepared), *QUALITY.names[1:]]
        raise UsageError(
            f"{asked}: there is no such column{nearest(column, known)}; there are {', '.join(known)}"
        )
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_nested(values.type):
        raise UsageError(f"{asked}: each photo has a list there; name a column of single values")
    return values


def _ledger_columns(prepared: PreparedSet) -> list[str]:
    """Return the ledger's columns that photos can be grouped by."""
    first: Iterator[pa.Table] = prepared.blocks("photos")
    names = next(first).column_names
    return [name for name in names if name in _LEDGER or name.startswith("meta_")]


def as_numbers(values: pa.ChunkedArray) -> Float64Array | None:
    """Return numbers, or texts that all are numbers, as float64 with NaN for what is not known; else None."""
    if pa.types.is_boolean(values.type) or pa.types.is_temporal(values.type):
        return None
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = pc.if_else(pc.equal(values, ""), None, values)
    try:
        numbers = pc.cast(values, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return np.asarray(pc.fill_null(numbers, float("nan")).to_numpy(), np.float64)
