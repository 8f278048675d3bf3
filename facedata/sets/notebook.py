"""What a notebook shows of a set and its manifests: counts, and some crops with names; little is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from ..errors import FacedataError, OtherSetError
from ..pages.notebook import MOST_PICTURES, Group, Picture, Shown, Table
from ..tables import schema
from ..tables.parquet import read_blocks, read_footer
from .classes import ClassManifest, ClassRow

if TYPE_CHECKING:
    from .manifest import Manifest
    from .pairs_triplets import PairManifest
    from .prepared import PreparedSet


def show_set(prepared: PreparedSet) -> Shown:
    """Return a set's photos and splits in numbers, and a dozen crops from first to last."""
    counts = prepared.info["counts"]
    splits = counts.get("splits", {})
    head = ("people", "photos", "pairs", "triplets")
    rows = [
        (name, *(f"{splits[name].get(what, 0):,}" for what in head))
        for name in sorted(splits, key=lambda name: (name != "train", name))
    ]
    status = "".join(f", {count:,} {name}" for name, count in counts["status"].items())
    return Shown(
        (Table(("split", *head), tuple(rows)),),
        tuple(Group((picture_of(crop),)) for crop in read_crops(prepared)),
        (f"{counts['records']:,} photos found{status}",),
    )


def show_rows(manifest: Manifest[Any]) -> Shown:
    """Return a manifest's first rows."""
    per_row = max(len(manifest.sides), 1)
    groups = []
    for number in range(min(len(manifest), MOST_PICTURES // per_row)):
        row = manifest[number]
        crops = [getattr(row, side) for side in manifest.sides] or [row]
        caption = f"[{number}] {', '.join(manifest.sides)}" if manifest.sides else ""
        groups.append(Group(tuple(map(picture_of, crops)), caption))
    return Shown(groups=tuple(groups))


def show_pairs(pairs: PairManifest) -> Shown:
    """Return a manifest's first pairs of one person, and of two."""
    same = pairs.same
    most = MOST_PICTURES // len(pairs.sides) // 2
    first = [*np.flatnonzero(same)[:most], *np.flatnonzero(~same)[:most]]
    groups = []
    for number in map(int, first):
        row = pairs[number]
        caption = f"[{number}] {'the same person' if row.same else 'two people'}"
        groups.append(Group((picture_of(row.left), picture_of(row.right)), caption))
    counts = f"{np.count_nonzero(same):,} of one person, {np.count_nonzero(~same):,} of two people"
    return Shown(groups=tuple(groups), notes=(counts,))


def picture_of(crop: ClassRow) -> Picture:
    """Return a crop as a picture; grey if it cannot be read."""
    about = crop.photo if crop.split is None else f"{crop.photo}, {crop.split}"
    try:
        return Picture(crop.bytes(), crop.identity, about)
    except FacedataError:
        return Picture(None, crop.identity, f"{about}: the crop is missing")


def read_crops(prepared: PreparedSet, ids: Sequence[int] | None = None) -> list[ClassRow]:
    """Return some crops in ascending id; of a set of millions, only the row groups that hold them are read.

    Args:
        prepared: the set.
        ids: which; the next one stands for an id that the set does not have. None for a dozen from the first
            to the last.

    Raises:
        OtherSetError: classes.parquet is of another set, or of another state of this one.
    """
    file = prepared.path / "classes.parquet"
    if read_footer(file).fingerprint != prepared.fingerprint:
        raise OtherSetError(f"{file} belongs to another set: run `facedata prepare` again")
    with file.open("rb") as stream:
        footer = pq.read_metadata(stream)
    at = schema.CLASSES.get_field_index("id")
    spans = [footer.row_group(number).column(at).statistics for number in range(footer.num_row_groups)]
    if not footer.num_rows:
        return []
    wanted = np.linspace(spans[0].min, spans[-1].max, MOST_PICTURES).round() if ids is None else ids
    every = np.unique(np.asarray(wanted, np.int64))
    groups = np.searchsorted([span.max for span in spans], every)
    crops: dict[int, ClassRow] = {}
    for number in map(int, np.unique(groups[groups < len(spans)])):
        (table,) = read_blocks(file, schema.CLASSES.names, [number])
        rows = np.searchsorted(table.column("id").to_numpy(), every[groups == number])
        found = ClassManifest(prepared, table).take(np.unique(rows))
        crops |= {crop.id: crop for crop in found}
    return list(crops.values())
