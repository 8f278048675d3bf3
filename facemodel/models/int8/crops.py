"""Which crops the ranges of an int8 file are taken from, and which others judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facedata import ClassManifest
from facedata.errors import UsageError
from facedata.types import BoolArray, Int64Array

from ...batches.reader import CropReader, UInt8Batch
from ...batches.to_input import ToInput

CALIBRATING = ("train", "val")
"""Splits that ranges may be taken from, the first that has crops; the test split never is one of them."""

MOST_JUDGING = 1000
"""Crops that judge at most: they make half a million pairs, and every candidate embeds them once."""


@dataclass(frozen=True, eq=False)
class Int8Rows:
    """Rows of a set's crops.

    Attributes:
        calibrate: ``(n,)`` int64, ascending: those that ranges are taken from.
        judge: ``(m,)`` int64, ascending: those whose pairs judge the result.
        note: what a reader of the figures should know about these people; empty if nothing.
    """

    calibrate: Int64Array
    judge: Int64Array
    note: str = ""


@dataclass(frozen=True, eq=False)
class Int8Crops:
    """Crops of the network's input size, ``(n, size, size, 3)`` uint8 RGB.

    Attributes:
        calibrate: those that ranges are taken from.
        judge: those that judge.
        people: ``(m,)`` int64, whom ``judge`` shows.
        to_input: makes the network's input.
        note: what a reader of the figures should know about these people; empty if nothing.
    """

    calibrate: UInt8Batch
    judge: UInt8Batch
    people: Int64Array
    to_input: ToInput
    note: str


def read_int8_crops(
    classes: ClassManifest, reader: CropReader, to_input: ToInput, calibrate: int
) -> Int8Crops:
    """Read the crops that ranges are taken from, and those that judge.

    Raises:
        UsageError: the set has nobody to take ranges from, or nobody to judge.
        DataError: a crop is gone or changed.
    """
    people, splits = (classes.table.column(name).to_pylist() for name in ("identity", "split"))
    rows = choose_rows(people, splits, calibrate)
    reader.check(np.concatenate([rows.calibrate, rows.judge]), hashes=True)
    both = [reader.read(some, to_input.shaping(len(some))) for some in (rows.calibrate, rows.judge)]
    codes = np.unique(np.asarray(people)[rows.judge], return_inverse=True)[1].astype(np.int64)
    return Int8Crops(both[0], both[1], codes, to_input, rows.note)


def choose_rows(people: Sequence[str], splits: Sequence[str | None], calibrate: int) -> Int8Rows:
    """Choose the crops, the same each time.

    Ranges come from people who train (else from those who validate), spread over the set. People of the other
    splits judge; if there are none, every other person of the split does, and does not calibrate. In a set
    that is divided by photo the people are the same, and other photos of theirs judge.

    Args:
        people: of each crop, the person.
        splits: of each crop, the split, or None.
        calibrate: how many crops to take ranges from, at most.

    Raises:
        UsageError: no crop trains or validates, or nobody is left to judge.

    >>> choose_rows(["a", "a", "b", "b"], ["train", "train", "test", "test"], 8).judge
    array([2, 3])
    """
    names, codes = np.unique(np.asarray(people), return_inverse=True)
    kinds = np.asarray([split or "" for split in splits])
    source = next((split for split in CALIBRATING if (kinds == split).any()), None)
    if source is None:
        raise UsageError(
            "--int8 takes the ranges from people of the train or val split, never of test, and the set has "
            "neither: divide it with `facedata split`, or name another with --set DIR"
        )
    mine, note = kinds == source, ""
    others = (kinds != source) & (kinds != "")
    if not others.any():
        halves = np.cumsum(np.isin(np.arange(len(names)), codes[mine])) % 2 == 0
        mine, others = mine & ~halves[codes], mine & halves[codes]
    strangers = others & ~np.isin(codes, codes[mine])
    if strangers.any():
        others = strangers
    elif others.any():
        note = "judged on other photos of the same people, since the set is divided by photo"
    judge = _spread_people(codes, others)
    if not len(judge):
        raise UsageError(
            "--int8 judges the file by pairs of photos of people whom it takes no ranges from, and the set "
            "has no such person with two photos: name a set with more people with --set DIR"
        )
    rows = np.flatnonzero(mine)
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(calibrate, len(rows))).astype(np.int64))]
    return Int8Rows(chosen, judge, note)


def _spread_people(codes: Int64Array, allowed: BoolArray) -> Int64Array:
    """Return the crops of people with two or more, whole people at a time, :data:`MOST_JUDGING` at most."""
    counts = np.bincount(codes[allowed], minlength=int(codes.max(initial=0)) + 1)
    able = np.flatnonzero(counts >= 2)
    # people all over the set, in an order that is the same each time
    order = able[np.argsort((able * 2_654_435_761) % (1 << 32), kind="stable")]
    kept = order[np.cumsum(counts[order]) <= max(MOST_JUDGING, int(counts[order[:1]].sum()))]
    return np.flatnonzero(allowed & np.isin(codes, kept)).astype(np.int64)
