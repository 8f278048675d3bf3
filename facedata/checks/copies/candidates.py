"""Pairs of crops that may be copies: what the searches find, and how it is put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...types import BoolArray, Int64Array


class Candidates(NamedTuple):
    """Pairs of crops to compare, each once for each way round: rows, ascending.

    Attributes:
        left: ``(m,)`` int64, row of the first crop.
        right: ``(m,)`` int64, row of the other, larger than the first.
        is_mirrored: ``(m,)`` bool, whether the mirror image of one is to be compared with the other.
        bits: ``(m,)`` int64, how many bits of the spectrum hashes differ, 0 where they were not compared.
    """

    left: Int64Array
    right: Int64Array
    is_mirrored: BoolArray
    bits: Int64Array

    def take(self, rows: Int64Array | BoolArray) -> Candidates:
        """Return some of the pairs."""
        return Candidates(self.left[rows], self.right[rows], self.is_mirrored[rows], self.bits[rows])

    def sort(self) -> Candidates:
        """Return the pairs in ascending order, each but once, with the fewest bits."""
        ordered = self.take(np.lexsort((self.bits, self.is_mirrored, self.right, self.left)))
        is_new = np.ones(len(ordered.left), np.bool_)
        is_new[1:] = np.any([column[1:] != column[:-1] for column in ordered[:3]], axis=0)
        return ordered.take(is_new)


def no_candidates() -> Candidates:
    """Return no pairs."""
    none = np.zeros(0, np.int64)
    return Candidates(none, none, none.astype(np.bool_), none)


def join_candidates(found: Sequence[Candidates]) -> Candidates:
    """Return the pairs of several searches, one after the other; of none, none."""
    return Candidates(*(np.concatenate(column) for column in zip(no_candidates(), *found, strict=True)))
