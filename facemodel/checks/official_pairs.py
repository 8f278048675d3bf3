"""Official pairs that say "same" or "different" against the evidence."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata.checks.findings import Finding, Kind, Severity
from facedata.errors import SetError
from facedata.sets.prepared import PreparedSet
from facedata.types import BoolArray, Float64Array, Int64Array

logger = logging.getLogger(__name__)

_GIVEN = ("official", "file")
"""How pairs are drawn that somebody else has listed; others follow from the names."""

_LEAST_ODDS = 100.0
_MOST_SHOWN = 14.0
"""Odds are not printed beyond e to this, a million: nothing is known as well as that."""


@dataclass(frozen=True, eq=False)
class OfficialPairs:
    """Pairs that a protocol or a file lists.

    Attributes:
        left: ``(n,)`` int64, rows of the crops that have an embedding.
        right: ``(n,)`` int64.
        same: ``(n,)`` bool, what the list says.
        left_out: how many are listed whose photos are not both here.
    """

    left: Int64Array
    right: Int64Array
    same: BoolArray
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.same)


def read_official_pairs(prepared: PreparedSet, classes: pa.Table, rows: Int64Array) -> OfficialPairs:
    """Read a set's official pairs: its protocol's, whatever pairs were drawn, else those of a user's file.

    A table that cannot be read is a finding already; then there are none.

    Args:
        prepared: the set.
        classes: its crops.
        rows: ``(m,)`` int64, ascending: the crops that have an embedding; the result counts in these.
    """
    strategy = prepared.info.get("drawing", {}).get("pairs", {}).get("strategy")
    try:
        if prepared.has("protocol"):
            listed = prepared.table("protocol", ["left", "right", "same"])
            sides = _rows_of_records(prepared, classes, listed)
        elif prepared.has("pairs") and strategy in _GIVEN:
            listed = prepared.table("pairs", ["left", "right", "same"])
            ids = pa.array(classes.column("id").to_numpy())
            sides = [_index(listed.column(side), ids) for side in ("left", "right")]
        else:
            return OfficialPairs(*(np.empty(0, np.int64),) * 2, np.empty(0, np.bool_))
    except (SetError, OSError, KeyError, pa.ArrowException) as error:
        logger.warning("the official pairs are not compared: %s", error)
        return OfficialPairs(*(np.empty(0, np.int64),) * 2, np.empty(0, np.bool_))
    same = listed.column("same").to_numpy().astype(np.bool_)
    at = [_index(pa.chunked_array([pa.array(side)]), pa.array(rows)) for side in sides]
    here = (sides[0] >= 0) & (sides[1] >= 0) & (at[0] >= 0) & (at[1] >= 0)
    return OfficialPairs(at[0][here], at[1][here], same[here], int(np.count_nonzero(~here)))


def _rows_of_records(prepared: PreparedSet, classes: pa.Table, listed: pa.Table) -> list[Int64Array]:
    """Return the rows in the classes of both sides' records, -1 for those without a crop."""
    photos = prepared.table("photos", ["record", "path"])
    kept = photos.filter(pc.is_valid(photos.column("path")))
    crop = _index(kept.column("path"), classes.column("path").combine_chunks())
    records = kept.column("record").combine_chunks()
    sides = [_index(listed.column(side), records) for side in ("left", "right")]
    return [np.where(side >= 0, np.append(crop, -1)[side], -1) for side in sides]


def _index(values: pa.ChunkedArray, of: pa.Array) -> Int64Array:
    """Return each value's place in an array; -1 where it is not there."""
    places = pc.index_in(values.cast(of.type), value_set=of, skip_nulls=True)
    return np.asarray(pc.fill_null(places, -1).to_numpy(), np.int64)


def official_pair_findings(
    pairs: OfficialPairs, crops: pa.Table, log_odds: Float64Array, least: float | None = None
) -> list[Finding]:
    """Return the pairs that the evidence contradicts, and those that the set's names contradict.

    By the law of likelihood, a pair that is right is contradicted at odds of n to 1 with a chance of 1 / n at
    most. So the odds asked are the number of pairs: then less than one right pair of them all is expected to
    be reported. A pair whose names contradict it already, as after a correction, is a note, since there is
    nothing to decide about the photos.

    Args:
        pairs: the official pairs.
        crops: ``id``, ``photo`` and ``identity`` of the crops that ``pairs`` counts in.
        log_odds: ``(n,)`` float64, natural logarithm of how much likelier the evidence is if the two photos
            show one person than if they show two.
        least: the log odds asked, above 0; None for those of the number of pairs, and 100 to 1 at least.

    Raises:
        ValueError: the log odds are not as many as the pairs.
    """
    if len(log_odds) != len(pairs):
        raise ValueError(f"{len(log_odds)} log odds of {len(pairs)} pairs")
    asked = math.log(max(len(pairs), _LEAST_ODDS)) if least is None else least
    against = np.where(pairs.same, -log_odds, log_odds)
    is_contradicted = against >= asked
    names = crops.column("identity").combine_chunks().dictionary_encode().indices.to_numpy()
    disputed = (names[pairs.left] == names[pairs.right]) != pairs.same
    found = []
    for at in np.flatnonzero(is_contradicted | disputed).tolist():
        left, right = crops.take([pairs.left[at], pairs.right[at]]).to_pylist()
        said, other = ("one person", "two") if pairs.same[at] else ("two people", "one")
        text = f"The official pair of {left['photo']} and {right['photo']} says {said}"
        if is_contradicted[at]:
            odds = "more than a million" if against[at] > _MOST_SHOWN else f"{math.exp(against[at]):,.0f}"
            text += f", and the photos look like {other}: {odds} to 1"
            text += ", as the names say here." if disputed[at] else "."
        else:
            text += f", and the names here, {left['identity']} and {right['identity']}, say {other}."
        found.append(
            Finding(
                Kind.OFFICIAL_PAIR,
                Severity.NOTE if disputed[at] else Severity.SUSPECT,
                float(max(against[at], 0) / (max(against[at], 0) + asked)),
                text,
                left=left["id"],
                right=right["id"],
                identity=left["identity"],
                to_identity=None if left["identity"] == right["identity"] else right["identity"],
                value=float(log_odds[at]),
                threshold=-asked if pairs.same[at] else asked,
            )
        )
    return found
