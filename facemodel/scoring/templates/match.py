"""The crops that templates are of, and the pairs of templates that can be scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest
from facedata.errors import SourceError
from facedata.sampling.own_pairs import find_records
from facedata.types import BoolArray, Int64Array

from ...batches.people import TrainingPeople
from ...errors import DataError
from .files import read_template_pairs, read_templates
from .mean import Templates

_NAMED = 3
"""How many photos a note names."""


@dataclass(frozen=True, eq=False)
class TemplatePairs:
    """Pairs of templates.

    Attributes:
        templates: the templates, and the pairs as indices of them.
        left: ``(n,)`` int64, each left template's first photo, as a row number of the set's crops.
        right: ``(n,)`` int64.
        same: ``(n,)`` bool.
        left_out: pairs that cannot be scored, as the file names their templates.
        notes: what a reader of the figures should know, a sentence each.
    """

    templates: Templates
    left: Int64Array
    right: Int64Array
    same: BoolArray
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def match_templates(classes: ClassManifest, photos_file: Path, pairs_file: Path, split: str) -> TemplatePairs:
    """Find the crops of templates, and pair the templates.

    Photos that are not in the set, were not kept or are in another split are left out; so are templates
    without a photo, with their pairs.

    Args:
        classes: the set's crops.
        photos_file: which photos a template has.
        pairs_file: which templates are compared.
        split: of the photos.

    Raises:
        SourceError: a file cannot be read, names a photo that may mean several, gives a template photos of
            two people, or a pair's label contradicts the set or its two sides are one template.
        DataError: no pair is left.
    """
    listed, pairs = read_templates(photos_file), read_template_pairs(pairs_file)
    rows, notes = _find_crops(classes, listed.column("photo"), photos_file, split)
    kept = np.flatnonzero(rows >= 0)
    texts = listed.column("template").take(pa.array(kept)).combine_chunks()
    names = pc.unique(texts)
    owner, rows = pc.index_in(texts, value_set=names).to_numpy().astype(np.int64), rows[kept]
    media = listed.column("media").take(pa.array(kept)).combine_chunks()
    media = pc.if_else(pc.equal(media, ""), None, media)
    codes = pc.fill_null(media.dictionary_encode().indices.cast(pa.int64()), -1).to_numpy(
        zero_copy_only=False
    )
    codes = np.where(codes < 0, len(codes) + np.arange(len(codes)), codes).astype(np.int64)
    order = np.lexsort([np.arange(len(owner)), codes, owner])
    first = np.full(len(names), -1, np.int64)
    first[owner[::-1]] = rows[::-1]
    person = TrainingPeople.of(classes).person
    if (mixed := np.flatnonzero(person[rows] != person[first[owner]])).size:
        raise SourceError(
            f"{photos_file}: the template {texts[int(mixed[0])].as_py()} has photos of two people of "
            "the set: the set's people must be the file's subjects"
        )
    sides = [
        pc.fill_null(pc.index_in(pairs.column(name), value_set=names), -1).to_numpy().astype(np.int64)
        for name in ("left_template", "right_template")
    ]
    here = (sides[0] >= 0) & (sides[1] >= 0)
    gone = pairs.filter(pa.array(~here))
    left_out = tuple(zip(gone.column(0).to_pylist(), gone.column(1).to_pylist(), strict=True))
    if left_out:
        notes.append(
            f"{len(left_out):,} of the {pairs.num_rows:,} pairs are left out: a template of theirs has no "
            f"photo here (such as {' and '.join(left_out[0])})"
        )
    if not here.any():
        raise DataError(f"no pair of {pairs_file} is left in the split {split}: {'; '.join(notes)}")
    left, right = (side[here] for side in sides)
    same = np.asarray(pairs.column("same").to_numpy()[here], np.bool_)
    whose = person[first]
    for wrong, why in (
        (left == right, "its two sides are one template"),
        ((whose[left] == whose[right]) != same, "it contradicts the set on whether the two show one person"),
    ):
        if wrong.any():
            number = int(np.flatnonzero(here)[np.argmax(wrong)]) + 1
            raise SourceError(f"{pairs_file}, pair {number}: {why}")
    count = len(np.unique(np.concatenate([left, right])))
    notes.append(
        f"pairs of templates: {count:,} of the {len(names):,} templates are compared, which have "
        f"{len(rows) / len(names):.1f} photos on average; a threshold that was chosen on pairs is one of "
        "single photos"
    )
    templates = Templates(tuple(names.to_pylist()), owner[order], codes[order], rows[order], left, right)
    return TemplatePairs(templates, first[left], first[right], same, left_out, tuple(notes))


def _find_crops(
    classes: ClassManifest, texts: pa.ChunkedArray, file: Path, split: str
) -> tuple[Int64Array, list[str]]:
    """Return the crop of each text, -1 for none in the split, and notes on those without."""
    photos = classes.prepared.table("photos", ["record", "photo", "path"])
    once = pc.unique(texts)
    found, several = find_records(once, classes.table, photos)
    if several:
        at, names = next(iter(several.items()))
        raise SourceError(
            f"{file}: {once[at].as_py()!r} may be {' or '.join(map(repr, names))}: write it as "
            "photos.parquet does"
        )
    crops = classes.table.column("path").combine_chunks()
    places = pc.fill_null(pc.index_in(photos.column("path"), value_set=crops, skip_nulls=True), -1).to_numpy()
    rows = np.where(found >= 0, places[found], -1).astype(np.int64)
    if not (rows >= 0).any():
        raise DataError(f"{file}: none of its photos is in {classes.prepared}, such as {once[0].as_py()!r}")
    lost = [once[at].as_py() for at in np.flatnonzero(rows < 0).tolist()]
    mine = pc.fill_null(pc.equal(classes.table.column("split"), split), False).to_numpy()
    others = (rows >= 0) & ~mine[rows]
    rows[others] = -1
    notes = []
    if lost:
        more = f" and {len(lost) - _NAMED:,} more" if len(lost) > _NAMED else ""
        notes.append(
            f"{len(lost):,} of the templates' {len(once):,} photos are left out, since they are not in the "
            f"set or were not kept ({', '.join(lost[:_NAMED])}{more})"
        )
    if others.any():
        notes.append(
            f"{int(others.sum()):,} of the templates' photos are of another split than {split}, and left out"
        )
    return rows[pc.index_in(texts, value_set=once).to_numpy()], notes
