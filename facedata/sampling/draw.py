"""Draw the pairs and triplets of every split, and report how many; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..config import PairsConfig, TripletsConfig
from ..errors import SampleError, UsageError
from .official import official_pairs
from .sample import Drawing
from .spaces import Rule
from .split import TRAIN
from .tables import SplitCrops, split_names


class Drawn(NamedTuple):
    """A drawn table, and its section for dataset.json.

    Attributes:
        chunks: the table piece by piece, drawn while it is read; can be read once.
        section: ``strategy``; ``splits``: name → asked, rows (and same); ``notes`` for the user; official
            pairs also have official, complete, other_split and missing, and those of a file listed in place
            of official. It is complete before any chunk is read.
    """

    chunks: Iterable[pa.Table]
    section: dict[str, Any]


def draw_pairs(
    classes: pa.Table,
    config: PairsConfig,
    protocol: pa.Table | None = None,
    photos: pa.Table | None = None,
    corrected: pa.Array | None = None,
) -> Drawn:
    """Draw the pairs of every split: train first, then by name.

    A split with fewer than two people, or with no person who has two photos, gets no pairs, and a note.

    Args:
        classes: the crops, with their splits.
        config: strategy, count and so on; without a count, two pairs per photo (``all``: every pair).
        protocol: the official pairs, needed for the strategy ``official``.
        photos: the ledger's columns record and path, needed for that strategy too.
        corrected: the records that corrections gave to another person, for that strategy.

    Raises:
        UsageError: the strategy is ``official``, and there are no official pairs.
    """
    if config.strategy == "official":
        if protocol is None or photos is None:
            raise UsageError("--strategy official: the set's source has no official pairs; use another one")
        table, section = official_pairs(classes, protocol, photos, corrected)
        return Drawn([table], section)

    def plan(crops: SplitCrops) -> tuple[Drawing[Any], Iterator[pa.Table]]:
        drawing = crops.pairs(_count(config, 2 * len(crops)), config.seed, _rule(config))
        return drawing, crops.pair_tables(drawing.chunks)

    return _draw(classes, config, "pairs", plan)


def draw_triplets(classes: pa.Table, config: TripletsConfig) -> Drawn:
    """Draw the triplets of every split: train first, then by name; notes as for :func:`draw_pairs`.

    Args:
        classes: the crops, with their splits.
        config: strategy, count and so on; without a count, ``per_photo`` times the split's photos (``all``:
            one for each anchor and positive).
    """

    def plan(crops: SplitCrops) -> tuple[Drawing[Any], Iterator[pa.Table]]:
        count = _count(config, config.per_photo * len(crops))
        drawing = crops.triplets(count, config.seed, _rule(config))
        return drawing, crops.triplet_tables(drawing.chunks)

    return _draw(classes, config, "triplets", plan)


def _count(config: PairsConfig | TripletsConfig, default: int) -> int | None:
    if config.count is None and config.strategy == "all":
        return None
    return default if config.count is None else config.count


def _rule(config: PairsConfig | TripletsConfig) -> Rule:
    return Rule(config.strategy, config.uniform, config.max_per_person)


def _draw(
    classes: pa.Table,
    config: PairsConfig | TripletsConfig,
    kind: str,
    plan: Callable[[SplitCrops], tuple[Drawing[Any], Iterator[pa.Table]]],
) -> Drawn:
    splits: dict[str, dict[str, int | None]] = {}
    notes: list[str] = []
    for name in split_names(classes):
        try:
            drawing, _ = plan(SplitCrops(classes, name))
        except SampleError as error:
            notes.append(f"{name} has no {kind}: {error}")
            splits[name] = {"asked": None, "rows": 0} | ({"same": 0} if kind == "pairs" else {})
            continue
        splits[name] = {"asked": drawing.asked, "rows": drawing.rows}
        if kind == "pairs":
            splits[name]["same"] = drawing.same
        if drawing.asked is not None and drawing.rows < drawing.asked:
            cap = f" with at most {config.max_per_person:,} a person" if config.max_per_person else ""
            notes.append(
                f"{name} has {drawing.rows:,} {kind}, not {drawing.asked:,}: no more distinct ones exist{cap}"
            )
        del drawing, _  # it takes a hundred bytes per photo; it is planned again to draw its rows

    def tables() -> Iterator[pa.Table]:
        for name, split in splits.items():
            if split["rows"]:
                yield from plan(SplitCrops(classes, name))[1]

    return Drawn(tables(), {"strategy": config.strategy, "splits": splits, "notes": notes})


def replace_split(drawn: Drawn, name: str, other: Drawn) -> Drawn:
    """Put another draw's rows in the place of one split's, and its notes in the place of those on that split.

    Args:
        drawn: of all splits.
        name: the split.
        other: a draw of this split only.
    """
    place = (name != TRAIN, name)

    def tables() -> Iterator[pa.Table]:
        waiting = True
        for chunk in drawn.chunks:
            rest = chunk.filter(pc.not_equal(chunk.column("split"), name))
            if (
                rest.num_rows
                and waiting
                and place < ((first := rest.column("split")[0].as_py()) != TRAIN, first)
            ):
                waiting = False
                yield from other.chunks
            if rest.num_rows:
                yield rest
        if waiting:
            yield from other.chunks

    splits = {**drawn.section["splits"], **other.section["splits"]}
    ordered = sorted(splits, key=lambda split: (split != TRAIN, split))
    notes = [note for note in drawn.section["notes"] if not note.startswith(f"{name} has ")]
    return Drawn(
        tables(),
        {
            **drawn.section,
            "splits": {split: splits[split] for split in ordered},
            "notes": notes + other.section["notes"],
        },
    )


def count_splits(counts: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return name → people, photos, pairs and triplets, from the sections split, pairs and triplets."""
    return {
        name: {
            **people_and_photos,
            "pairs": counts["pairs"]["splits"].get(name, {}).get("rows", 0),
            "triplets": counts["triplets"]["splits"].get(name, {}).get("rows", 0),
        }
        for name, people_and_photos in counts["split"]["splits"].items()
    }
