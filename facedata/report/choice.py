"""Which people and crops are on the page, and in which order; a pure function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..tables.text_hash import hash_texts
from ..types import Int32Array, Int64Array
from .crop_columns import CropColumns

MOST_CROPS = 200_000
"""The most crops on a page."""


@dataclass(frozen=True)
class Choice:
    """The people and crops of a page, in its order: people by name in byte order, then crops by id.

    Attributes:
        crops: ``(m,)`` int64, row numbers of the set's crops.
        people: ``(p,)`` int64, numbers of the set's people.
        start: ``(p,)`` int64, where each person's crops begin.
        count: ``(p,)`` int64, how many of them are on the page.
        count_of: ``(p,)`` int64, how many there are in the set.
        place: ``(n,)`` int32, by row of the set, the crop's place on the page; -1 if it is not on it.
    """

    crops: Int64Array
    people: Int64Array
    start: Int64Array
    count: Int64Array
    count_of: Int64Array
    place: Int32Array


def choose_crops(
    crops: CropColumns, of_person: Int64Array, needed: Int64Array, most: int = MOST_CROPS
) -> Choice:
    """Choose the crops of a page.

    If there are too many, those that the listed findings are about are taken first, then those of other
    people with findings, then of people drawn by a hash of their name, the same each time. The last one may
    be there in part.

    Args:
        crops: all crops of the set.
        of_person: ``(people,)`` int64, how many findings are about each person.
        needed: rows of crops that the page's findings are about; may repeat.
        most: how many crops a page may have.
    """
    counts = np.bincount(crops.person, minlength=len(crops.people))
    order = np.argsort(crops.person, kind="stable")  # people by name, since their numbers are, then by id
    if len(crops) > most:
        is_needed, is_named = np.zeros(len(crops), np.bool_), np.zeros(len(counts), np.bool_)
        is_needed[needed] = True
        is_named[crops.person[needed]] = True
        rank = np.where(is_named, 0, np.where(of_person > 0, 1, 2))
        turn = np.empty(len(counts), np.int64)
        turn[np.lexsort((hash_texts(pa.array(crops.people, pa.string())), rank))] = np.arange(len(counts))
        first = np.lexsort((turn[crops.person], ~is_needed))[:most]  # stable, so by id in the end
        is_shown = np.zeros(len(crops), np.bool_)
        is_shown[first] = True
        order = order[is_shown[order]]
    place = np.full(len(crops), -1, np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    shown = np.bincount(crops.person[order], minlength=len(counts))
    people = np.flatnonzero(shown)
    count = shown[people]
    return Choice(order, people, np.cumsum(count) - count, count, counts[people], place)
