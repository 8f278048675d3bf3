"""The names of people and crops in LFW's layout: ``George_W_Bush/George_W_Bush_0001``; a pure function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...plan.crop_names import safe_names
from ...sources.listed.lfw_protocol import LISTS
from ...types import Int32Array, Int64Array
from ..split_folders import OWN_FILES

_NUMBERED = re.compile(r"(.+)_(\d{4,9})\.jpg")


@dataclass(frozen=True)
class LfwNames:
    """What LFW's layout calls each crop: a person's name and a number.

    Attributes:
        ids: ``(n,)`` int64, the crops' ids, ascending.
        person: ``(n,)`` int32, each crop's person, an index into the next two.
        number: ``(n,)`` int32, from 1, no two of a person alike.
        names: the people's names in that layout, without blanks.
        identities: the people.
    """

    ids: Int64Array
    person: Int32Array
    number: Int32Array
    names: list[str]
    identities: list[str]

    def rows_of(self, ids: Int64Array) -> Int64Array:
        """Return the index of each of these crops."""
        rows: Int64Array = np.searchsorted(self.ids, ids)
        return rows

    def count_holes(self) -> int:
        """Return how many people have numbers that do not run from 1 without holes."""
        last = np.zeros(len(self.names), np.int32)
        np.maximum.at(last, self.person, self.number)
        return int((last != np.bincount(self.person, minlength=len(last))).sum())

    def files(self, rows: Int64Array) -> list[str]:
        """Return the file of each of these crops, by index."""
        people = (self.names[person] for person in self.person[rows].tolist())
        return [
            f"{name}/{name}_{number:04d}.jpg"
            for name, number in zip(people, self.number[rows].tolist(), strict=True)
        ]


def name_crops(blocks: Iterable[pa.Table]) -> LfwNames:
    """Name every crop.

    A number that a crop has by LFW's rule already is kept; the others of a person get the free ones in
    ascending id. Blanks in a name become ``_``, as in LFW, since they separate the fields of its lists.

    Args:
        blocks: of the classes table, in ascending id: id, path and identity.
    """
    codes, kept, ids = dict[str, int](), [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    person = [np.empty(0, np.int32)]
    for block in blocks:
        encoded = block.column("identity").combine_chunks().dictionary_encode()
        mapped = [codes.setdefault(name, len(codes)) for name in encoded.dictionary.to_pylist()]
        person.append(np.asarray(mapped, np.int32)[encoded.indices.to_numpy()])
        kept.append(np.fromiter(map(own_number, block.column("path").to_pylist()), np.int32))
        ids.append(block.column("id").to_numpy())
    who, number = np.concatenate(person), np.concatenate(kept)
    identities = list(codes)
    return LfwNames(np.concatenate(ids), who, fill_numbers(who, number), name_people(identities), identities)


def own_number(path: str) -> int:
    """Return the number in a crop's name by LFW's rule; 0 if it is named otherwise."""
    folder, _, name = path.partition("/")
    match = _NUMBERED.fullmatch(name)
    if match is None or match[1] != folder or f"{int(match[2]):04d}" != match[2]:
        return 0
    return int(match[2])


def fill_numbers(person: Int32Array, number: Int32Array) -> Int32Array:
    """Return the numbers, where 0 is replaced by the person's next free one."""
    filled: Int32Array = number.copy()
    order = np.argsort(person, kind="stable")
    starts = np.flatnonzero(np.diff(person[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        taken = set(number[rows].tolist()) - {0}
        free = (one for one in range(1, len(rows) + len(taken) + 1) if one not in taken)
        for row in rows[number[rows] == 0].tolist():
            filled[row] = next(free)
    return filled


def name_people(identities: list[str]) -> list[str]:
    """Return the people's names in LFW's layout: safe as folders, no two alike, without blanks."""
    order = sorted(range(len(identities)), key=lambda at: identities[at].encode())
    joined = {at: re.sub(r"\s+", "_", identities[at].strip()) or "_" for at in order}
    # who is called so already keeps the name
    order.sort(key=lambda at: joined[at] != identities[at])
    taken = (*OWN_FILES, *LISTS)
    safe = safe_names([*taken, *(joined[at] for at in order)], [*taken, *(identities[at] for at in order)])
    names = dict(zip(order, safe[len(taken) :], strict=True))
    return [names[at] for at in range(len(identities))]
