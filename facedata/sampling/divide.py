"""Divide a set's crops: each one's split and label, as the options say; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..config import SplitConfig, parse_splits
from ..tables import schema
from ..tables.blocks import texts
from ..tables.people import person_codes
from ..types import Int32Array
from .split import TRAIN, labels_of, split_identities, split_photos, split_stable, training_split


@dataclass(frozen=True, eq=False)
class Crops:
    """What dividing needs to know of the crops.

    Attributes:
        person: ``(n,)`` int32, a place in ``people``.
        people: in UTF-8 byte order; those without a crop may be among them.
        paths: gives the crops' paths, which only dividing by photo asks for.
        official: gives the crops' official splits.
        any_official: whether the source gives any photo a split.
    """

    person: Int32Array
    people: Sequence[str]
    paths: Callable[[], Iterable[str]]
    official: Callable[[], pa.ChunkedArray]
    any_official: bool


@dataclass(frozen=True, eq=False)
class Division:
    """The crops' splits and labels.

    Attributes:
        names: the splits there are.
        split: ``(n,)`` int16, a place in ``names``; -1 for none.
        label: ``(n,)`` int32; -1 for none.
        section: for dataset.json: ``by``, ``splits`` (name → people, photos), ``unassigned`` photos (no
            official split) and ``notes``.
    """

    names: Sequence[str]
    split: NDArray[np.int16]
    label: Int32Array
    section: dict[str, Any]

    def split_column(self, span: slice = slice(None)) -> pa.Array:
        """Return the names of the splits of some crops, null for none."""
        numbers = self.split[span]
        return pa.array(self.names, pa.string()).take(pa.array(numbers, mask=numbers < 0))

    def label_column(self, span: slice = slice(None)) -> pa.Array:
        """Return the labels of some crops, null for none."""
        return pa.array(self.label[span].astype(np.int64), mask=self.label[span] < 0)


def divide(
    classes: pa.Table,
    photos: pa.Table,
    config: SplitConfig,
    previous: Mapping[str, str] | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Give every crop of a table its split and label; see :func:`division`.

    Args:
        classes: the crops (:data:`facedata.tables.schema.CLASSES`); their splits and labels are replaced.
        photos: the ledger's columns path and official_split.
        config: what is divided, and how.
        previous: splits that people already have; they keep them when people are ranked.

    Returns:
        The crops, and the section for dataset.json.
    """
    person, people = person_codes(classes.column("identity"))
    crops = Crops(
        person,
        people,
        paths=lambda: texts(classes.column("path")),
        official=lambda: _official_column(classes, photos),
        any_official=photos.column("official_split").null_count < photos.num_rows,
    )
    found = division(crops, config, previous)
    for name, values in (("split", found.split_column()), ("label", found.label_column())):
        index = classes.schema.get_field_index(name)
        classes = classes.set_column(index, schema.CLASSES.field(name), values)
    return classes, found.section


def division(crops: Crops, config: SplitConfig, previous: Mapping[str, str] | None = None) -> Division:
    """Give every crop its split and label.

    Args:
        crops: what is divided.
        config: how.
        previous: splits that people already have; they keep them when people are ranked.
    """
    names, splits, notes = _splits_of(crops, config, previous)
    home = TRAIN if config.split_by == "official" else training_split(parse_splits(config.splits))
    training = splits == names.index(home) if home in names else np.zeros(len(splits), np.bool_)
    label = labels_of(crops.person, training).astype(np.int32)
    if config.split_by != "official" and crops.any_official:
        notes.append("the source has official splits, not used here: --split-by official takes them")
    if not training.any():
        notes.append(f"no crop is in the split {home}, so nobody has a label")
    counts = {name: _people_and_photos(crops.person, splits == number) for number, name in enumerate(names)}
    empty = [name for name in names if not counts[name]["photos"]]
    notes += [f"{name} is empty: add people, or choose other splits" for name in empty if name != home]
    section = {
        "by": config.split_by,
        "splits": counts,
        "unassigned": int(np.count_nonzero(splits < 0)),
        "notes": notes,
    }
    return Division(names, splits, label, section)


def _splits_of(
    crops: Crops, config: SplitConfig, previous: Mapping[str, str] | None
) -> tuple[list[str], NDArray[np.int16], list[str]]:
    """Return the splits there are, each crop's place among them, and notes."""
    if config.split_by == "official":
        return _official_splits(crops)
    ratios = parse_splits(config.splits)
    names = list(ratios)
    if config.split_by == "photo":
        splits, few = split_photos(crops.person, crops.paths(), ratios, config.seed)
        note = f"{few:,} people have fewer photos than there are splits: theirs are all in one"
        return names, splits, [note] if few else []
    present = np.flatnonzero(np.bincount(crops.person, minlength=len(crops.people)))
    people = [crops.people[index] for index in present.tolist()]
    if config.stable:
        of = split_stable(people, ratios, config.seed)
    else:
        of = split_identities(people, ratios, config.seed, previous)
    numbers = {name: number for number, name in enumerate(names)}
    split_of = np.full(len(crops.people), -1, np.int16)
    split_of[present] = [numbers[of[person]] for person in people]
    return names, split_of[crops.person], []


def _official_splits(crops: Crops) -> tuple[list[str], NDArray[np.int16], list[str]]:
    column = crops.official()
    found = pc.unique(column).drop_null().to_pylist()
    names = sorted(found, key=lambda name: (name != TRAIN, name))
    places = pc.index_in(column, value_set=pa.array(names, pa.string()), skip_nulls=True)
    splits = pc.fill_null(places, -1).to_numpy().astype(np.int16)
    missing = int(np.count_nonzero(splits < 0))
    note = f"{missing:,} photos have no official split: they are in no pair or triplet"
    return names, splits, [note] if missing else []


def _official_column(classes: pa.Table, photos: pa.Table) -> pa.ChunkedArray:
    kept = photos.filter(pc.is_valid(photos.column("path")))
    if kept.column("path").equals(classes.column("path")):  # both are in the records' order
        return kept.column("official_split")
    place = pc.index_in(classes.column("path"), value_set=kept.column("path").combine_chunks())
    return kept.column("official_split").take(place)


def _people_and_photos(person: Int32Array, mine: NDArray[np.bool_]) -> dict[str, int]:
    return {"people": int(np.count_nonzero(np.bincount(person[mine]))), "photos": int(mine.sum())}
