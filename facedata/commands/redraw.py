"""``facedata split``, ``pairs`` and ``triplets``: make one part of a finished set again."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..closing.divide_again import count_copies_again, divide_again, divided_classes, read_set_crops
from ..closing.draw_options import DrawOptions, GivenPairs, crops_of, draw_set_pairs, draw_set_triplets
from ..config import PairsConfig, SplitConfig, TripletsConfig, settings_fingerprint
from ..errors import SampleError, UsageError
from ..files.memory import use_system_memory
from ..options import resolve_options
from ..plan.corrected_records import renamed_records
from ..sampling.draw import Drawn, count_splits, draw_pairs, draw_triplets
from ..sampling.own_pairs import match_pairs
from ..sampling.pair_file import read_pair_file
from ..sets.prepared import PreparedSet, set_fingerprint
from ..sets.working_folder import editing
from ..tables.schema import CORRECTIONS


@use_system_memory()
def split_set(
    path: str | os.PathLike[str], config: SplitConfig | None = None, **changes: Any
) -> dict[str, Any]:
    """Divide a set again: its splits and labels, then its pairs and triplets, with the options last used.

    Crops do not move. Labels are part of a set's fingerprint, so it changes, and files with the old one
    (runs, embeddings, manifests elsewhere) no longer match. A set left by an interrupted ``split`` is
    repaired.

    Args:
        path: the set's folder.
        config: the options; ``changes`` override it.
        **changes: single options by name.

    Returns:
        The new ``counts`` of dataset.json.

    Raises:
        UsageError: an unknown option, or ``official`` if the source has no splits.
        SetError: no set at ``path``, or another run is working on it.
    """
    config = resolve_options(SplitConfig, config, changes)
    with editing(path) as prepared:
        prepared.accept_interrupted_split()
        crops, division = divide_again(prepared, config)
        options = dataclasses.replace(DrawOptions.read(prepared.info["drawing"]), split=config)
        sections = {"split": division.section}
        if "copies" in prepared.info["counts"]:
            sections["copies"] = count_copies_again(prepared, crops.column("path"), division.split)
        pairs = draw_set_pairs(options, crops, _given_pairs(prepared))
        triplets = draw_set_triplets(options, crops)
        settings = settings_fingerprint(prepared.info["settings"])
        fingerprint = set_fingerprint(settings, divided_classes(prepared, division))
        tables = {
            "classes": divided_classes(prepared, division),
            "pairs": pairs.chunks,
            "triplets": triplets.chunks,
        }
        sections |= {"pairs": pairs.section, "triplets": triplets.section}
        return _update(prepared, tables, sections, options, fingerprint)


@use_system_memory()
def pairs_set(
    path: str | os.PathLike[str],
    config: PairsConfig | None = None,
    *,
    split: str | None = None,
    from_file: str | os.PathLike[str] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Draw a set's pairs again, or take those of a file.

    Args:
        path: the set's folder.
        config: the options; ``changes`` override it.
        split: draw the pairs of this split only; the others stay.
        from_file: a file of pairs (see :func:`facedata.sampling.pair_file.read_pair_file`), which become the
            set's as they are; no other option applies.
        **changes: single options by name.

    Returns:
        The new ``counts`` of dataset.json.

    Raises:
        UsageError: an unknown option or split, options beside a file, or ``official`` if the source has no
            pairs.
        SourceError: the file cannot be read, or does not fit the set; with the line.
        SampleError: no split can have any pair; the set stays unchanged.
        SetError: no set at ``path``, or another run is working on it.
    """
    config = resolve_options(PairsConfig, config, changes)
    if from_file is not None:
        if split is not None or config not in (PairsConfig(), PairsConfig(strategy="file")):
            raise UsageError("--from takes the pairs of the file as they are: drop the other options")
        config = PairsConfig(strategy="file")
    with editing(path) as prepared:
        classes, options = read_set_crops(prepared), DrawOptions.read(prepared.info["drawing"])
        given = _given_pairs(prepared)
        if from_file is not None:
            table, section = match_pairs(read_pair_file(Path(from_file)), classes, given.photos())
            drawn = mine = Drawn([table], section)
            options = dataclasses.replace(options, pairs=config, pairs_of={})
        elif config.strategy == "file" and options.pairs != config:
            raise UsageError("--strategy file is for a set whose pairs are of a file: add --from FILE")
        elif split is None:
            options = dataclasses.replace(options, pairs=config, pairs_of={})
            drawn = mine = draw_set_pairs(options, classes, given)
        elif config.strategy in ("official", "file"):
            raise UsageError(f"--strategy {config.strategy} is about all splits: drop --split")
        else:
            mine = draw_pairs(crops_of(classes, split), config)
            options = dataclasses.replace(options, pairs_of={**options.pairs_of, split: config})
            drawn = draw_set_pairs(options, classes, given)
        _refuse_none(mine, "pairs")
        return _update(prepared, {"pairs": drawn.chunks}, {"pairs": drawn.section}, options)


@use_system_memory()
def triplets_set(
    path: str | os.PathLike[str],
    config: TripletsConfig | None = None,
    *,
    split: str | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Draw a set's triplets again; arguments, result and errors as for :func:`pairs_set`."""
    config = resolve_options(TripletsConfig, config, changes)
    with editing(path) as prepared:
        classes, options = read_set_crops(prepared), DrawOptions.read(prepared.info["drawing"])
        if split is None:
            options = dataclasses.replace(options, triplets=config, triplets_of={})
            drawn = mine = draw_set_triplets(options, classes)
        else:
            mine = draw_triplets(crops_of(classes, split), config)
            options = dataclasses.replace(options, triplets_of={**options.triplets_of, split: config})
            drawn = draw_set_triplets(options, classes)
        _refuse_none(mine, "triplets")
        return _update(prepared, {"triplets": drawn.chunks}, {"triplets": drawn.section}, options)


def _given_pairs(prepared: PreparedSet) -> GivenPairs:
    columns = ["action", "record"]
    corrections = prepared.table("corrections", columns) if prepared.has("corrections") else None
    return GivenPairs(
        prepared.table("protocol") if prepared.has("protocol") else None,
        lambda: prepared.table("photos", ["record", "photo", "path"]),
        lambda: prepared.table("pairs"),
        prepared.path / "pairs.parquet",
        renamed_records(CORRECTIONS.empty_table() if corrections is None else corrections),
    )


def _refuse_none(drawn: Drawn, kind: str) -> None:
    splits = drawn.section["splits"].values()
    if not any(split["rows"] for split in splits) and not (
        splits and all(split["asked"] == 0 for split in splits)
    ):
        reasons = "; ".join(drawn.section["notes"]) or "no crop is in a split: run `facedata split`"
        raise SampleError(f"no {kind} can be drawn: {reasons}")


def _update(
    prepared: PreparedSet,
    tables: Mapping[str, pa.Table | Iterable[pa.Table]],
    sections: Mapping[str, Any],
    options: DrawOptions,
    fingerprint: str | None = None,
) -> dict[str, Any]:
    counts = {**prepared.info["counts"], **sections}
    counts["splits"] = count_splits(counts)
    changes = {"counts": counts, "drawing": options.settings()}
    prepared.update(tables, changes, fingerprint)
    return counts
