"""Give each of a set's crops its split and label, by the options; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..config import SplitConfig, parse_splits
from ..types import Int32Array
from .split import (
    TRAIN,
    give_pairs,
    labels_of,
    share_out,
    split_identities,
    split_photos,
    split_stable,
    training_split,
)


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
    if lacking := _without_pairs(crops.person, splits, names, home):
        remedy = find_remedy(crops, config)
        for name in lacking:
            if not counts[name]["photos"]:
                notes.append(f"{name} is empty: {remedy or 'add photos of more people'}")
            elif remedy:
                notes.append(f"{name} has too few people and photos for pairs: {remedy}")
    unassigned = int(np.count_nonzero(splits < 0))
    section = {"by": config.split_by, "splits": counts, "unassigned": unassigned, "notes": notes}
    return Division(names, splits, label, section)


def _split_at_ratios(
    crops: Crops, ratios: Mapping[str, float], config: SplitConfig, previous: Mapping[str, str] | None
) -> tuple[list[str], NDArray[np.int16], list[str]]:
    """Return the names of the splits, each crop's index into them, and notes."""
    names, home = list(ratios), training_split(ratios)
    by_default = config.splits == SplitConfig().splits
    if config.split_by == "photo":
        splits, few = split_photos(crops.person, crops.paths(), ratios, config.seed)
        notes = (
            [f"{few:,} people have fewer photos than there are splits: theirs are all in one"] if few else []
        )
        if by_default and _without_pairs(crops.person, splits, names, home):
            more, _ = split_photos(crops.person, crops.paths(), ratios, config.seed, least=2)
            if not _without_pairs(crops.person, more, names, home):
                notes.append(
                    "so that test has pairs, people with four photos or more have at least two there"
                )
                return names, more, notes
        return names, splits, notes
    present = np.flatnonzero(np.bincount(crops.person, minlength=len(crops.people)))
    people = [crops.people[index] for index in present.tolist()]
    if config.stable:
        split_of = split_stable(people, ratios, config.seed)
    else:
        split_of = split_identities(people, ratios, config.seed, previous)
    numbers = {name: number for number, name in enumerate(names)}
    number_of = np.full(len(crops.people), -1, np.int16)
    number_of[present] = [numbers[split_of[person]] for person in people]
    splits, notes = number_of[crops.person], []
    if by_default and not config.stable and _without_pairs(crops.person, splits, names, home):
        counts = np.bincount(crops.person, minlength=len(crops.people))[present]
        photos = dict(zip(people, counts.tolist(), strict=True))
        moved = give_pairs(split_of, photos, ratios, config.seed, previous)
        number_of[present] = [numbers[moved[person]] for person in people]
        splits = number_of[crops.person]
    if by_default and not config.stable:  # of the outcome alone: a rerun, in which nobody moves, says it too
        have = np.bincount(number_of[present], minlength=len(names))
        share = share_out(len(people), list(ratios.values()))
        notes = [
            f"{name} has {have[number]} of {len(people)} people, more than its ratio, so that it has pairs"
            for number, name in enumerate(names)
            if share[number] < 2 <= have[number]
        ]
    return names, splits, notes


def _without_pairs(
    person: Int32Array, splits: NDArray[np.int16], names: Sequence[str], home: str
) -> list[str]:
    """Return the splits, the training one aside, that have fewer than two people, or none with two photos."""
    found = []
    for number, name in enumerate(names):
        photos = np.bincount(person[splits == number])
        if name != home and (np.count_nonzero(photos) < 2 or photos.max(initial=0) < 2):
            found.append(name)
    return found


def find_remedy(crops: Crops, config: SplitConfig) -> str | None:
    """Return a command that gives every split pairs, in which SET stands for the set; None if none does."""
    photos = np.bincount(crops.person)
    if np.count_nonzero(photos) < 2 or photos.max(initial=0) < 2:
        return None
    by_people = SplitConfig(seed=config.seed)
    by_photo = [replace(one, split_by="photo", stable=False) for one in (config, by_people)]
    for other in (by_people, *by_photo):
        ratios = parse_splits(other.splits)
        names, splits, _ = _split_at_ratios(crops, ratios, other, None)
        if other != config and not _without_pairs(crops.person, splits, names, training_split(ratios)):
            flags = " --split-by photo" if other.split_by == "photo" else ""
            flags += f" --splits {other.splits}" if other.splits != by_people.splits else ""
            flags += f" --seed {other.seed}" if other.seed else ""
            what = "each person's photos" if other.split_by == "photo" else "the people"
            return f"`facedata split SET{flags}`, which divides {what}, gives each split pairs"
    return None


def _official_splits(crops: Crops) -> tuple[list[str], NDArray[np.int16], list[str]]:
    """Return the names of the splits, each crop's index into them, and notes."""
    column = crops.official()
    names = sorted(pc.unique(column).drop_null().to_pylist(), key=lambda name: (name != TRAIN, name))
    indices = pc.index_in(column, value_set=pa.array(names, pa.string()), skip_nulls=True)
    splits = pc.fill_null(indices, -1).to_numpy().astype(np.int16)
    missing = int(np.count_nonzero(splits < 0))
    note = f"{missing:,} photos have no official split: they are in no pair or triplet"
    return names, splits, [note] if missing else []
