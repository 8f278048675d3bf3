"""The pairs that several runs have scored, and the people on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest
from facedata.sets.prepared import short
from facedata.tables.people import person_codes
from facedata.types import BoolArray, Int64Array

from ...errors import ScoreError
from ..intervals import largest_share
from .scored_run import ScoredRun

_SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class CommonPairs:
    """The pairs that all runs have, in the order of the first run.

    Attributes:
        ids: ``(n,)`` int64 each, the ids of the left and right crops.
        people: ``(n,)`` int64 each, codes of the people on them, in UTF-8 byte order of their names.
        names: the name of each code.
        same: ``(n,)`` bool.
        rows: for each run, ``(n,)`` int64, where the pairs are in its table.
        folds: ``(n,)`` int64, the protocol's folds; None if it has none.
        left_out: for each run, how many of its pairs another run lacks.
    """

    ids: tuple[Int64Array, Int64Array]
    people: tuple[Int64Array, Int64Array]
    names: tuple[str, ...]
    same: BoolArray
    rows: tuple[Int64Array, ...]
    folds: Int64Array | None
    left_out: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.same)

    def counts(self) -> dict[str, Any]:
        """Return how many there are of each kind, of how many people, and the share of who has the most."""
        return {
            "genuine": int(self.same.sum()),
            "impostors": int((~self.same).sum()),
            "people": len(np.unique(np.concatenate(self.people))),
            "largest_share": largest_share(self.people[0], self.same),
        }


def check_same_set(runs: Sequence[ScoredRun]) -> None:
    """Check that runs were scored on the same split of the same set.

    Raises:
        ScoreError: they were not; the message names the first that differs.
    """
    for first, run in pairwise(runs):
        sets = [short(one.scores["set"]) for one in (first, run)]
        if first.scores["set"] != run.scores["set"]:
            raise ScoreError(
                f"{first.name} was scored on the set {sets[0]} and {run.name} on {sets[1]}: compare runs on "
                "the same pairs; evaluate both on one set"
            )
        splits = [one.scores["split"] for one in (first, run)]
        if splits[0] != splits[1]:
            raise ScoreError(
                f"{first.name} was scored on the split {splits[0]} and {run.name} on {splits[1]}: evaluate "
                "both with the same --split"
            )


def find_common_pairs(runs: Sequence[ScoredRun], classes: ClassManifest | None = None) -> CommonPairs:
    """Find the pairs that all runs have.

    Where all runs list the same pairs in the same order, these are all of them, repeated ones included; else
    each pair that every run has counts once, whichever photo is left.

    Args:
        runs: two or more.
        classes: the set's crops, which know the people where the scores do not; None if it is not at hand.

    Raises:
        ScoreError: the runs are of other sets or splits, have no pair or only pairs of one kind in common, or
            do not say who is on them.
    """
    check_same_set(runs)
    tables = [run.table for run in runs]
    keys = number_pairs(tables)
    if all(np.array_equal(keys[0], one) for one in keys[1:]):
        rows = [np.arange(len(keys[0]))] * len(runs)
    else:
        firsts = [np.unique(one, return_index=True) for one in keys]
        common = reduce(np.intersect1d, [values for values, _ in firsts])
        rows = [at[np.searchsorted(values, common)] for values, at in firsts]
        order = np.argsort(rows[0], kind="stable")
        rows = [one[order] for one in rows]
    first = tables[0].take(pa.array(rows[0]))
    left, right = (first.column(side).to_numpy().astype(np.int64) for side in _SIDES)
    same = np.asarray(first.column("same").to_numpy(), np.bool_)
    if same.all() or not same.any():
        kinds = "no pair" if not len(same) else f"{len(same):,} pairs of one kind only"
        raise ScoreError(
            f"{', '.join(run.name for run in runs)} have {kinds} in common: evaluate them on the same pairs"
        )
    identities = [_read_identities(runs, rows, side, classes) for side in _SIDES]
    codes, names = person_codes(pa.chunked_array([chunk for side in identities for chunk in side.chunks]))
    people = codes[: len(same)].astype(np.int64), codes[len(same) :].astype(np.int64)
    folds = first.column("fold").to_numpy().astype(np.int64) if "fold" in first.column_names else None
    left_out = tuple(len(one) - len(same) for one in keys)
    return CommonPairs((left, right), people, tuple(names), same, tuple(rows), folds, left_out)


def number_pairs(tables: Sequence[pa.Table]) -> list[Int64Array]:
    """Return a number for each row of each table: the same for the same two crops and the same label.

    Where any table is of templates, their names stand for the crops: several templates may share one.
    """
    columns, kind = list(_SIDES), pa.int64()
    if any("left_template" in table.column_names for table in tables):
        columns, kind = [f"{side}_template" for side in _SIDES], pa.string()
        if not all({*columns} <= {*table.column_names} for table in tables):
            raise ScoreError("some runs were scored on templates, others on photos: they share no pair")
    sides = [np.stack([pc.cast(table.column(side), kind).to_numpy() for side in columns]) for table in tables]
    ids = np.unique(np.concatenate([one.ravel() for one in sides]))
    numbers = []
    for table, both in zip(tables, sides, strict=True):
        low, high = np.sort(np.searchsorted(ids, both), axis=0)
        numbers.append((low * len(ids) + high) * 2 + table.column("same").to_numpy())
    return numbers


def _read_identities(
    runs: Sequence[ScoredRun], rows: Sequence[Int64Array], side: str, classes: ClassManifest | None
) -> pa.ChunkedArray:
    """Return who is on one side of the pairs, as the first run that tells says it, or else the set."""
    column = f"{side}_identity"
    for run, mine in zip(runs, rows, strict=True):
        if column in run.table.column_names:
            return pc.cast(run.table.column(column), pa.string()).take(pa.array(mine))
    if classes is None:
        raise ScoreError(
            f"the scores of {runs[0].name} are of an earlier facemodel and do not say who is on the pairs: "
            "name the set with --set, or evaluate again"
        )
    ids = runs[0].table.column(side).to_numpy()[rows[0]]
    return pc.cast(classes.table.column("identity"), pa.string()).take(pa.array(classes.find(ids)))
