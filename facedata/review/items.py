"""Which findings can be decided here, and which photos it takes to decide each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import pyarrow as pa

from ..checks.findings import Kind, Severity
from ..tables.people import person_codes
from ..types import Int64Array

MOST_OF_PHOTO = 18
"""The most photos of a person beside a finding about one of their photos."""

MOST_OF_PERSON = 60
"""The most photos of a person where the question is whether two people are one."""

MOST_ITEMS = 10_000
"""The most findings on one page; the worst come first."""


class Shape(str, Enum):
    """What a finding is about, and so what can be decided."""

    PHOTO = "photo"
    PAIR = "pair"
    PEOPLE = "people"


_SHAPES = {
    Kind.SAME_BYTES: Shape.PAIR,
    Kind.SAME_PICTURE: Shape.PAIR,
    Kind.WRONG_PERSON: Shape.PHOTO,
    Kind.STRANGER: Shape.PHOTO,
    Kind.SWAPPED: Shape.PAIR,
    Kind.DOUBLE_NAME: Shape.PEOPLE,
    Kind.PERSON_IN_TWO_SPLITS: Shape.PEOPLE,
    Kind.LOOK_ALIKES: Shape.PEOPLE,
    Kind.OFFICIAL_PAIR: Shape.PAIR,
    **dict.fromkeys(
        (
            Kind.BLURRED, Kind.DARK, Kind.BRIGHT, Kind.FLAT, Kind.SMALL, Kind.TURNED_AWAY, Kind.CUT_OFF,
            Kind.STRADDLING, Kind.SHARED_WITH_OTHER_SET,
        ),
        Shape.PHOTO,
    ),
}  # fmt: skip
"""Of other kinds, which are damage, no line of corrections.csv can say anything."""

_SHOWS_OWN = {
    Kind.WRONG_PERSON,
    Kind.STRANGER,
    Kind.SWAPPED,
    Kind.SAME_BYTES,
    Kind.SAME_PICTURE,
    Kind.OFFICIAL_PAIR,
}
"""Kinds about who is in a photo: it takes that person's other photos to decide them."""


@dataclass(frozen=True)
class Group:
    """Photos of one person.

    Attributes:
        person: who.
        rows: of the classes, the photos to show.
        more: how many others they have.
    """

    person: str
    rows: list[int]
    more: int


@dataclass(frozen=True)
class Item:
    """A finding that can be decided.

    Attributes:
        finding: its row of findings.parquet, by column.
        shape: what it is about.
        left: the row of the classes of the photo that is meant; None where two people are.
        right: that of the other photo.
        groups: further photos, the person of ``left`` first.
    """

    finding: dict[str, Any] = field(repr=False)
    shape: Shape
    left: int | None
    right: int | None
    groups: list[Group]

    @property
    def rows(self) -> list[int]:
        """The rows of the classes that it shows, the photos that are meant first."""
        sides = [row for row in (self.left, self.right) if row is not None]
        return sides + [row for group in self.groups for row in group.rows]


@dataclass(frozen=True)
class Choice:
    """What a page shows.

    Attributes:
        items: in the order of findings.parquet.
        notes: how many notes are left out, since they ask for nothing.
        others: findings that no correction can settle, by kind.
        beyond: how many findings are beyond :data:`MOST_ITEMS`.
    """

    items: list[Item]
    notes: int
    others: Counter[str]
    beyond: int


def choose_items(findings: pa.Table, classes: pa.Table, with_notes: bool = False) -> Choice:
    """Choose the findings to decide: errors, suspects, and whatever has a proposal.

    Args:
        findings: as :data:`facedata.checks.findings.FINDINGS`.
        classes: ``id`` and ``identity`` of the set's crops, in ascending ``id``.
        with_notes: the notes without a proposal, too.
    """
    people = People(classes)
    items: list[Item] = []
    notes, beyond, others = 0, 0, Counter[str]()
    for finding in findings.to_pylist():
        shape = find_shape(finding, people)
        if shape is None:
            others[finding["kind"]] += 1
        elif finding["severity"] == Severity.NOTE.value and not finding["proposal"] and not with_notes:
            notes += 1
        elif len(items) == MOST_ITEMS:
            beyond += 1
        else:
            items.append(make_item(finding, shape, people))
    return Choice(items, notes, others, beyond)


class People:
    """Looks up crops by id, and people's crops by name.

    Attributes:
        names: everybody, in UTF-8 byte order.
        counts: ``(people,)`` int64, how many crops each has.

    Args:
        classes: as :func:`choose_items` takes them.
    """

    def __init__(self, classes: pa.Table) -> None:
        codes, self.names = person_codes(classes.column("identity"))
        self.codes = codes.astype(np.int64)
        self.counts: Int64Array = np.bincount(self.codes, minlength=len(self.names)).astype(np.int64)
        self._order = np.argsort(self.codes, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])
        self._ids: Int64Array = classes.column("id").to_numpy().astype(np.int64)
        self.number = {name: number for number, name in enumerate(self.names)}

    def row(self, crop: int | None) -> int | None:
        """Return the row of a crop's id; None for None, and for an id that no crop has."""
        if crop is None:
            return None
        at = int(np.searchsorted(self._ids, crop))
        return at if at < len(self._ids) and self._ids[at] == crop else None

    def photos(self, person: str, first: int | None, most: int, without: set[int | None]) -> Group:
        """Return some of a person's photos, spread over all of them.

        Args:
            person: a name in the set.
            first: a row that comes first, if it is theirs.
            most: the most photos.
            without: rows that are shown already.
        """
        number = self.number[person]
        rows = self._order[self._starts[number] : self._starts[number + 1]].tolist()
        rows = [row for row in rows if row not in without]
        if first in rows:
            rows.sort(key=lambda row: row != first)
        chosen = rows if len(rows) <= most else [rows[at * len(rows) // most] for at in range(most)]
        return Group(person, chosen, len(rows) - len(chosen))


def find_shape(finding: dict[str, Any], people: People) -> Shape | None:
    """Return what a finding is about; None if it cannot be decided, such as one about a crop that is gone."""
    shape = _SHAPES.get(finding["kind"])
    if shape is Shape.PEOPLE:
        ends = {finding["identity"], finding["to_identity"]}
        return shape if len(ends) == 2 and ends <= people.number.keys() else None
    sides = ("left", "right") if shape is Shape.PAIR else ("left",)
    return shape if all(people.row(finding[side]) is not None for side in sides) else None


def make_item(finding: dict[str, Any], shape: Shape, people: People) -> Item:
    """Return a finding that can be decided with the photos that it takes.

    Args:
        finding: its row of findings.parquet.
        shape: what :func:`find_shape` says.
        people: the set's.
    """
    left, right = people.row(finding["left"]), people.row(finding["right"])
    if shape is Shape.PEOPLE:
        ends = ((finding["identity"], left), (finding["to_identity"], right))
        groups = [people.photos(person, row, MOST_OF_PERSON, set()) for person, row in ends]
        return Item(finding, shape, None, None, groups)
    right = right if shape is Shape.PAIR else None
    shown = dict.fromkeys(_people_to_show(finding, left, right, people))
    groups = [people.photos(person, None, MOST_OF_PHOTO, {left, right}) for person in shown]
    return Item(finding, shape, left, right, [group for group in groups if group.rows])


def _people_to_show(
    finding: dict[str, Any], left: int | None, right: int | None, people: People
) -> Iterator[str]:
    """Yield the people whose other photos help to decide about one or two photos."""
    if finding["kind"] not in _SHOWS_OWN:
        return
    sides = [people.names[people.codes[row]] for row in (left, right) if row is not None]
    is_copy = finding["kind"] in (Kind.SAME_BYTES, Kind.SAME_PICTURE)
    if is_copy and len({*sides}) == 1:  # one of the two may go, whoever it is
        return
    yield from sides
    if finding["kind"] == Kind.WRONG_PERSON and finding["to_identity"] in people.number:
        yield finding["to_identity"]


def find_namesakes(item: Item, people: People) -> list[str]:
    """Return the two people of the set that may be one, by a finding; none where it is not about two."""
    finding = item.finding
    if item.shape is Shape.PAIR:
        names = [people.names[people.codes[row]] for row in (item.left, item.right) if row is not None]
    elif item.shape is Shape.PEOPLE or finding["kind"] == Kind.WRONG_PERSON:
        names = [finding["identity"], finding["to_identity"]]
    else:
        names = []
    found = [name for name in dict.fromkeys(names) if name in people.number]
    return found if len(found) == 2 else []
