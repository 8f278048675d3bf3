"""How a set is split and its pairs and triplets are drawn: by ``prepare``, or by a later command."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..config import PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from ..errors import UsageError
from ..files.remote import Location
from ..options import make
from ..progress.folder import ProgressFolder
from ..sampling.draw import Drawn, draw_pairs, draw_triplets, replace_split
from ..sampling.own_pairs import match_pairs, pairs_again
from ..sampling.tables import split_names
from ..sources.base import Scan
from ..tables.names import clean_name, show_name
from ..tables.parquet import read_blocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrawOptions:
    """The options for splits, pairs and triplets.

    Attributes:
        split: how the set is divided.
        pairs: how its pairs are drawn.
        triplets: how its triplets are drawn.
        pairs_of: for single splits, how their pairs were drawn instead (``facedata pairs --split``).
        triplets_of: likewise for triplets.
    """

    split: SplitConfig
    pairs: PairsConfig
    triplets: TripletsConfig
    pairs_of: Mapping[str, PairsConfig] = field(default_factory=dict)
    triplets_of: Mapping[str, TripletsConfig] = field(default_factory=dict)

    @classmethod
    def read(cls, drawing: Mapping[str, Any]) -> DrawOptions:
        """Return the options that a set's dataset.json records under ``drawing``."""
        pairs_of, triplets_of = (drawing.get(name, {}) for name in ("pairs_of", "triplets_of"))
        return cls(
            make(SplitConfig, drawing["split"]),
            make(PairsConfig, drawing["pairs"]),
            make(TripletsConfig, drawing["triplets"]),
            {name: make(PairsConfig, values) for name, values in pairs_of.items()},
            {name: make(TripletsConfig, values) for name, values in triplets_of.items()},
        )

    def settings(self) -> dict[str, Any]:
        """Return what dataset.json records under ``drawing``."""
        whole = {"split": self.split, "pairs": self.pairs, "triplets": self.triplets}
        single = {"pairs_of": self.pairs_of, "triplets_of": self.triplets_of}
        return {name: options.settings() for name, options in whole.items()} | {
            name: {split: options.settings() for split, options in by_split.items()}
            for name, by_split in single.items()
            if by_split
        }


@dataclass(frozen=True)
class GivenPairs:
    """What a set's pairs may come from, if they are not drawn.

    Attributes:
        protocol: the source's official pairs; None if it has none.
        photos: returns the ledger's columns record, photo and path.
        pairs: returns the set's pairs so far.
        file: of these, for messages.
        corrected: the records that corrections gave to another person.
    """

    protocol: pa.Table | None
    photos: Callable[[], pa.Table]
    pairs: Callable[[], pa.Table]
    file: Location
    corrected: pa.Array


def choose_draw_options(config: PrepareConfig, scan: Scan, progress: ProgressFolder) -> DrawOptions:
    """Return the options for splits, pairs and triplets: those of the last command, or of ``prepare``."""
    official = scan.protocol is not None and config.split_by == "official"
    strategy = (
        "official" if config.pairs is None and official else "all" if config.pairs == "all" else "random"
    )
    count = int(config.pairs) if config.pairs not in (None, "all") else None
    shared = {"max_per_person": config.max_per_person, "seed": config.seed}
    names = ("splits", "split_by", "stable", "seed")
    from_prepare = {
        "split": {name: getattr(config, name) for name in names},
        "pairs": {"strategy": strategy, "count": count, **shared},
        "triplets": {"per_photo": config.triplets_per_photo, **shared},
    }
    return DrawOptions.read(from_prepare | progress.previous_info().get("drawing", {}))


def draw_set_pairs(options: DrawOptions, classes: pa.Table, given: GivenPairs) -> Drawn:
    """Draw a set's pairs, or map those that it is given to its crops.

    Args:
        options: how.
        classes: the crops, with their splits.
        given: the official pairs, or those that a file listed.

    Raises:
        UsageError: pairs are to be official or of a file, and there are none.
    """
    if options.pairs.strategy == "file":
        table, section = match_pairs(pairs_again(given.pairs(), classes, given.file), classes, given.photos())
        drawn = Drawn([table], section)
    else:
        is_official = options.pairs.strategy == "official" and given.protocol is not None
        photos = given.photos() if is_official else None
        drawn = draw_pairs(classes, options.pairs, given.protocol, photos, given.corrected)
    for name, config in options.pairs_of.items():
        if name in split_names(classes):
            drawn = replace_split(drawn, name, draw_pairs(crops_of(classes, name), config))
    return drawn


def draw_set_triplets(options: DrawOptions, classes: pa.Table) -> Drawn:
    """Draw a set's triplets; arguments as for :func:`draw_set_pairs`."""
    drawn = draw_triplets(classes, options.triplets)
    for name, config in options.triplets_of.items():
        if name in split_names(classes):
            drawn = replace_split(drawn, name, draw_triplets(crops_of(classes, name), config))
    return drawn


def crops_of(classes: pa.Table, split: str) -> pa.Table:
    """Return the crops of one split.

    Raises:
        UsageError: no crop is in it.
    """
    if split not in (names := split_names(classes)):
        raise UsageError(f"--split {split}: the set has no such split; its splits are: {', '.join(names)}")
    return classes.filter(pc.equal(classes.column("split"), split))


def previous_splits(progress: ProgressFolder, people: Collection[str] = ()) -> dict[str, str]:
    """Return each person's previous split, which people keep when a set grows.

    Args:
        progress: the set's progress folder.
        people: the people now, to find those whose name was spelt otherwise then
            (:func:`facedata.tables.names.clean_name`); none to leave that out.
    """
    splits: dict[str, str] = {}
    if progress.has_previous_tables():
        for table in read_blocks(progress.previous / "classes.parquet", ["identity", "split"]):
            pairs = table.filter(pc.is_valid(table.column("split"))).group_by(["identity"], use_threads=False)
            last = pairs.aggregate([("split", "last")])
            before, names = (last.column(name).to_pylist() for name in ("identity", "split_last"))
            splits |= dict(zip(before, names, strict=True))
    if splits and people:
        of_clean = {clean_name(name): splits[name] for name in sorted(splits, reverse=True)}
        now = set(people)
        respelt = {name: clean_name(name) for name in now - splits.keys()}
        splits |= {name: of_clean[clean] for name, clean in respelt.items() if clean in of_clean}
        for name in sorted(splits.keys() - now):
            if (one := clean_name(name)) in now and splits[one] != splits[name]:
                logger.warning(
                    "%s, until now in %s, is the same person as %s, and all their photos are in %s now",
                    show_name(name), splits[name], show_name(one), splits[one],
                )  # fmt: skip
    return splits
