"""``facedata split``, ``pairs`` and ``triplets``: make one part of a finished set again."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from ..config import PairsConfig, SplitConfig, TripletsConfig, settings_fingerprint
from ..errors import SampleError, UsageError
from ..options import make, resolve_options
from ..sampling.divide import divide_classes
from ..sampling.draw import Drawn, count_splits, draw_pairs, draw_triplets
from ..sets.prepared import PreparedSet, set_fingerprint
from ..sets.working_folder import editing


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
        photos = prepared.table("photos", ["path", "official_split"])
        if config.split_by == "official" and photos.column("official_split").null_count == photos.num_rows:
            raise UsageError(
                "--split-by official: the source gave no photo a split; use --split-by identity or photo, or "
                "prepare the set with --split-from"
            )
        classes, section = divide_classes(prepared.table("classes"), photos, config)
        drawing = prepared.info["drawing"]
        pairs = _draw_pairs(prepared, classes, make(PairsConfig, drawing["pairs"]))
        triplets = draw_triplets(classes, make(TripletsConfig, drawing["triplets"]))
        fingerprint = set_fingerprint(settings_fingerprint(prepared.info["settings"]), classes)
        tables = {"classes": classes, "pairs": pairs.chunks, "triplets": triplets.chunks}
        sections = {"split": section, "pairs": pairs.section, "triplets": triplets.section}
        return _update(prepared, tables, sections, {"split": config.settings()}, fingerprint)


def pairs_set(
    path: str | os.PathLike[str], config: PairsConfig | None = None, **changes: Any
) -> dict[str, Any]:
    """Draw a set's pairs again.

    Args:
        path: the set's folder.
        config: the options; ``changes`` override it.
        **changes: single options by name.

    Returns:
        The new ``counts`` of dataset.json.

    Raises:
        UsageError: an unknown option, or ``official`` if the source has no pairs.
        SampleError: no split can have any pair; the set stays unchanged.
        SetError: no set at ``path``, or another run is working on it.
    """
    config = resolve_options(PairsConfig, config, changes)
    with editing(path) as prepared:
        drawn = _draw_pairs(prepared, prepared.table("classes"), config)
        _refuse_none(drawn, "pairs")
        return _update(
            prepared, {"pairs": drawn.chunks}, {"pairs": drawn.section}, {"pairs": config.settings()}
        )


def triplets_set(
    path: str | os.PathLike[str], config: TripletsConfig | None = None, **changes: Any
) -> dict[str, Any]:
    """Draw a set's triplets again; arguments, result and errors as for :func:`pairs_set`."""
    config = resolve_options(TripletsConfig, config, changes)
    with editing(path) as prepared:
        drawn = draw_triplets(prepared.table("classes"), config)
        _refuse_none(drawn, "triplets")
        return _update(
            prepared, {"triplets": drawn.chunks}, {"triplets": drawn.section}, {"triplets": config.settings()}
        )


def _draw_pairs(prepared: PreparedSet, classes: pa.Table, config: PairsConfig) -> Drawn:
    if config.strategy != "official" or not prepared.has("protocol"):
        return draw_pairs(classes, config)
    photos = prepared.table("photos", ["record", "path"])
    return draw_pairs(classes, config, prepared.table("protocol"), photos)


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
    drawing: Mapping[str, Any],
    fingerprint: str | None = None,
) -> dict[str, Any]:
    counts = {**prepared.info["counts"], **sections}
    counts["splits"] = count_splits(counts)
    changes = {"counts": counts, "drawing": {**prepared.info["drawing"], **drawing}}
    prepared.update(tables, changes, fingerprint)
    return counts
