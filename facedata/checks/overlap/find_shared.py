"""Finds the photos that a set shares with another one: each crop of the other is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ...errors import SetError, UsageError
from ...processes import cores
from ...sets.prepared import PreparedSet
from ..copies.same_picture import LIKENESS
from ..crop_pass import OnProgress
from .by_bytes import find_same_bytes, match_digests
from .by_picture import find_same_pictures, plant_copies
from .kept_photos import read_classes, read_kept_photos
from .pictures import CheckedCrops, CropReading
from .same_frame import crop_frame
from .shared import By, Overlap, SetSide, SharedPhotos

_BY_BYTES = (
    "two photos are the same where their SHA-256 in the two ledgers are equal and the two boxes are of one "
    "face"
)
_OR_CROPS = ", and two crops where theirs are"
_BY_PICTURE = (
    "candidates by perceptual hashes of the crops, each confirmed by comparing the pixels after "
    "registration; missed is counted on altered copies of this set's own crops, searched in the same way"
)
_INSIDE = (
    "; the sets have other templates or sizes, so the insides of the faces are compared, cut by each "
    "ledger's landmarks, of finished crops by those of their template"
)


def find_shared(
    prepared: PreparedSet,
    crops: CheckedCrops,
    other: PreparedSet,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Overlap:
    """Find the photos that two sets share, by bytes and by picture.

    Args:
        prepared: the set that is checked.
        crops: its crops.
        other: the other one; nothing is written there.
        workers: threads; None for one per core.
        on_progress: called with the number of the other set's crops read, and the total.
        on_step: called with what is done now.

    Raises:
        UsageError: the other set's classes cannot be read.
        StoreError: a remote store does not answer.
    """
    count = workers or cores()
    on_step("reading the other set")
    try:
        their_classes = read_classes(other)
    except (SetError, OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise UsageError(f"--against {other}: its classes.parquet cannot be read: {error}") from error
    mine, theirs = read_kept_photos(prepared, crops.classes), read_kept_photos(other, their_classes)
    same_frame = crop_frame(prepared) == crop_frame(other)
    rigid = any(one.info["settings"].get("as_crops") for one in (prepared, other))
    read = CropReading(other.path, their_classes, theirs, not same_frame, count, rigid)
    their_pictures, their_readable = read.pictures(on_progress)
    if same_frame:
        my_pictures = crops.pictures(prepared.path)
    else:
        on_step("reading the crops once more, for the insides of the faces")
        reading = CropReading(prepared.path, crops.classes, mine, True, count, rigid)
        my_pictures, _ = reading.pictures(on_progress)
    on_step("comparing the two sets")
    pairs = [find_same_bytes(mine, theirs)]
    if same_frame:
        one, two = match_digests(my_pictures.digests, their_pictures.digests)
        pairs.append(np.column_stack([my_pictures.rows[one], their_pictures.rows[two]]))
    same_bytes = SharedPhotos.same(np.concatenate(pairs))
    pictures, left_out = find_same_pictures(my_pictures, their_pictures, count)
    sides = [
        SetSide(prepared, crops.classes, mine, crops.intact_rows()),
        SetSide(other, their_classes, theirs, their_readable),
    ]
    figures: dict[By, dict[str, Any]] = {
        By.BYTES: {"procedure": _BY_BYTES + (_OR_CROPS if same_frame else "")},
        By.PICTURE: {"procedure": _BY_PICTURE + ("" if same_frame else _INSIDE)}
        | {"likeness": LIKENESS, "not_compared": left_out, **plant_copies(my_pictures, count)},
    }
    found_photos = {By.BYTES: same_bytes, By.PICTURE: pictures.without(same_bytes)}
    notes = tuple(describe_gaps(sides, inside=not same_frame))
    return Overlap(sides[0], sides[1], found_photos, figures, notes=notes)


def describe_gaps(sides: list[SetSide], inside: bool = False) -> Iterator[str]:
    """Yield what of the set that is checked, and of the other one, could not be compared, a sentence each.

    Args:
        sides: the two sets.
        inside: the insides of the faces were compared, for which their points must be known.
    """
    for side, what in zip(sides, ("this set", "the other set"), strict=True):
        count = len(side.photos)
        if lost := count - len(side.readable):
            yield (
                f"{lost:,} of the {count:,} crops of {what} are gone, changed or damaged, and were "
                "not compared as pictures or by face"
            )
        if inside and (unplaced := int(np.isnan(side.photos.landmarks).any(axis=(1, 2)).sum())):
            yield (
                f"where the face is in {unplaced:,} of the {count:,} crops of {what} is not known, and they "
                "were not compared as pictures, since the other set has another template or size"
            )
        if unknown := int(np.count_nonzero(~side.photos.digest.any(axis=1))):
            yield (
                f"the ledger of {what} has no SHA-256 of the photos of {unknown:,} of the {count:,} crops, "
                "which were not compared by bytes"
            )
