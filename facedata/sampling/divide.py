"""Give each of a set's crops its split and label, by the options; pure functions."""

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
from ..tables.blocks import iter_texts
from ..tables.people import person_codes
from ..types import Int32Array
from .split import TRAIN, labels_of, split_identities, split_photos, split_stable, training_split


@dataclass(frozen=True, eq=False)
class Crops:
    """The crops to divide.

    Attributes:
        person: ``(n,)`` int32, an index into ``people``.
        people: in UTF-8 byte order; some may have no crop.
        paths: returns the crops' paths; called only when dividing by photo.
        official: returns the crops' official splits; called only when dividing by them.
        any_official: whether the source gives any photo an official split.
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
        names: of the splits.
        split: ``(n,)`` int16, an index into ``names``; -1 for none.
        label: ``(n,)`` int32; -1 for none.
        section: for dataset.json: ``by``, ``splits`` (name → people, photos), ``unassigned`` photos (no
            official split) and ``notes``.
    """

    names: Sequence[str]
    split: NDArray[np.int16]
    label: Int32Array
    section: dict[str, Any]

    def split_column(self, span: slice = slice(None)) -> pa.Array:
        """Return the split names of a span of crops, null for none."""
        numbers = self.split[span]
        return pa.array(self.names, pa.string()).take(pa.array(numbers, mask=numbers < 0))

    def label_column(self, span: slice = slice(None)) -> pa.Array:
        """Return the labels of a span of crops, null for none."""
        return pa.array(self.label[span].astype(np.int64), mask=self.label[span] < 0)


def divide_classes(
    classes: pa.Table,
    photos: pa.Table,
    config: SplitConfig,
    previous: Mapping[str, str] | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Give every row of a classes table its split and label, as :func:`divide_crops` does.

    Args:
        classes: the crops (:data:`facedata.tables.schema.CLASSES`); their splits and labels are replaced.
        photos: the ledger's columns path and official_split.
        config: how to divide.
        previous: splits that people already have, and keep if they are divided by rank.

    Returns:
        The crops, and the section for dataset.json.
    """

    def official() -> pa.ChunkedArray:
        kept = photos.filter(pc.is_valid(photos.column("path")))
        if kept.column("path").equals(classes.column("path")):  # both are in the records' order
            return kept.column("official_split")
        rows = pc.index_in(classes.column("path"), value_set=kept.column("path").combine_chunks())
        return kept.column("official_split").take(rows)

    person, people = person_codes(classes.column("identity"))
    any_official = photos.column("official_split").null_count < photos.num_rows
    crops = Crops(person, people, lambda: iter_texts(classes.column("path")), official, any_official)
    division = divide_crops(crops, config, previous)
    for name, values in (("split", division.split_column()), ("label", division.label_column())):
        index = classes.schema.get_field_index(name)
        classes = classes.set_column(index, schema.CLASSES.field(name), values)
    return classes, division.section


def divide_crops(crops: Crops, config: SplitConfig, previous: Mapping[str, str] | None = None) -> Division:
    """Give every crop its split and label.

    Args:
        crops: the crops.
        config: how to divide.
        previous: splits that people already have, and keep if they are divided by rank.
    """
    if config.split_by == "official":
        home, (names, splits, notes) = TRAIN, _official_splits(crops)
    else:
        ratios = parse_splits(config.splits)
        home, (names, splits, notes) = (
            training_split(ratios),
            _split_at_ratios(crops, ratios, config, previous),
        )
        if crops.any_official:
            notes.append("the source has official splits, not used here: --split-by official takes them")
    training = splits == names.index(home) if home in names else np.zeros(len(splits), np.bool_)
    label = labels_of(crops.person, training).astype(np.int32)
    if not training.any():
        notes.append(f"no crop is in the split {home}, so nobody has a label")
    counts = {}
    for number, name in enumerate(names):
        photos = np.bincount(crops.person[splits == number])
        counts[name] = {"people": int(np.count_nonzero(photos)), "photos": int(photos.sum())}
        if not len(photos) and name != home:
            notes.append(f"{name} is empty: add people, or choose other splits")
    unassigned = int(np.count_nonzero(splits < 0))
    section = {"by": config.split_by, "splits": counts, "unassigned": unassigned, "notes": notes}
    return Division(names, splits, label, section)


def _split_at_ratios(
    crops: Crops, ratios: Mapping[str, float], config: SplitConfig, previous: Mapping[str, str] | None
) -> tuple[list[str], NDArray[np.int16], list[str]]:
    """Return the names of the splits, each crop's index into them, and notes."""
    names = list(ratios)
    if config.split_by == "photo":
        splits, few = split_photos(crops.person, crops.paths(), ratios, config.seed)
        note = f"{few:,} people have fewer photos than there are splits: theirs are all in one"
        return names, splits, [note] if few else []
    present = np.flatnonzero(np.bincount(crops.person, minlength=len(crops.people)))
    people = [crops.people[index] for index in present.tolist()]
    if config.stable:
        split_of = split_stable(people, ratios, config.seed)
    else:
        split_of = split_identities(people, ratios, config.seed, previous)
    numbers = {name: number for number, name in enumerate(names)}
    number_of = np.full(len(crops.people), -1, np.int16)
    number_of[present] = [numbers[split_of[person]] for person in people]
    return names, number_of[crops.person], []


def _official_splits(crops: Crops) -> tuple[list[str], NDArray[np.int16], list[str]]:
    """Return the names of the splits, each crop's index into them, and notes."""
    column = crops.official()
    names = sorted(pc.unique(column).drop_null().to_pylist(), key=lambda name: (name != TRAIN, name))
    indices = pc.index_in(column, value_set=pa.array(names, pa.string()), skip_nulls=True)
    splits = pc.fill_null(indices, -1).to_numpy().astype(np.int16)
    missing = int(np.count_nonzero(splits < 0))
    note = f"{missing:,} photos have no official split: they are in no pair or triplet"
    return names, splits, [note] if missing else []
