"""Divide a set's crops: each one's split and label, as the options say; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import schema
from .config import SplitConfig, parse_splits
from .rows import split_names
from .split import TRAIN, labels_of, split_identities, split_photos, split_stable, training_split


def divide(
    classes: pa.Table,
    photos: pa.Table,
    config: SplitConfig,
    previous: Mapping[str, str] | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Give every crop its split and label.

    Args:
        classes: the crops (:data:`facedata.schema.CLASSES`); their splits and labels are replaced.
        photos: the ledger's columns path and official_split.
        config: what is divided, and how.
        previous: splits that people already have; they keep them when people are ranked.

    Returns:
        The crops, and the section for dataset.json: ``by``, ``splits`` (name → people, photos),
        ``unassigned`` photos (no official split) and ``notes``.
    """
    names, notes = _splits_of(classes, photos, config, previous)
    classes = _with(classes, "split", pa.array(names, pa.string()))
    home = TRAIN if config.split_by == "official" else training_split(parse_splits(config.splits))
    training = np.array([name == home for name in names], np.bool_)
    identities = classes.column("identity").to_numpy()
    classes = _with(classes, "label", pa.array(labels_of(identities, training), pa.int64()))
    if config.split_by != "official" and photos.column("official_split").null_count < photos.num_rows:
        notes.append("the source has official splits, not used here: --split-by official takes them")
    order = split_names(classes) if config.split_by == "official" else list(parse_splits(config.splits))
    if not training.any():
        notes.append(f"no crop is in the split {home}, so nobody has a label")
    section = {
        "by": config.split_by,
        "splits": {name: _people_and_photos(classes, name) for name in order},
        "unassigned": classes.column("split").null_count,
    }
    empty = [name for name in order if not section["splits"][name]["photos"]]
    notes += [f"{name} is empty: add people, or choose other splits" for name in empty if name != home]
    return classes, {**section, "notes": notes}


def _splits_of(
    classes: pa.Table, photos: pa.Table, config: SplitConfig, previous: Mapping[str, str] | None
) -> tuple[Sequence[str | None], list[str]]:
    """Return each crop's split, and notes."""
    ratios = parse_splits(config.splits)
    if config.split_by == "official":
        return _official_splits(classes, photos)
    identities = classes.column("identity").combine_chunks().dictionary_encode()
    if config.split_by == "photo":
        codes = identities.indices.to_numpy().astype(np.int64)
        splits, few = split_photos(codes, classes.column("path").to_pylist(), ratios, config.seed)
        note = f"{few:,} people have fewer photos than there are splits: theirs are all in one"
        return splits, [note] if few else []
    people = identities.dictionary.to_pylist()
    if config.stable:
        of = split_stable(people, ratios, config.seed)
    else:
        of = split_identities(people, ratios, config.seed, previous)
    return [of[identity] for identity in classes.column("identity").to_pylist()], []


def _official_splits(classes: pa.Table, photos: pa.Table) -> tuple[Sequence[str | None], list[str]]:
    place = pc.index_in(classes.column("path"), value_set=photos.column("path").combine_chunks())
    splits = photos.column("official_split").combine_chunks().take(place.combine_chunks())
    note = f"{splits.null_count:,} photos have no official split: they are in no pair or triplet"
    return splits.to_pylist(), [note] if splits.null_count else []


def _people_and_photos(classes: pa.Table, split: str) -> dict[str, int]:
    mine = classes.filter(pc.equal(classes.column("split"), split))
    return {"people": len(pc.unique(mine.column("identity"))), "photos": mine.num_rows}


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), schema.CLASSES.field(name), values)
