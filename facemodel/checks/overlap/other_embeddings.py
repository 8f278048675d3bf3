"""The faces of two sets, compared: the other set's embeddings are kept in the check's folder too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from facedata import ClassManifest
from facedata.checks.overlap.shared import Overlap
from facedata.errors import UsageError, writing
from facedata.sets.prepared import PreparedSet, short

from ...batches.fitting_crops import FittingCrops
from ...batches.reader import OnProgress
from ...errors import ScoreError, SpecError
from ...models.embedder import Embedder
from ..kept.keep import KeptEmbeddings, keep_embeddings
from ..kept.make import Embedding
from .same_people import SetDirections, find_shared_people

logger = logging.getLogger(__name__)


def check_other_crops(embedder: Embedder, other: PreparedSet, cut: bool = False) -> None:
    """Refuse another set whose crops do not fit the model, or cut it, before anything is read.

    Raises:
        UsageError: its crops were made with another template or margin than the model's.
    """
    try:
        FittingCrops.find(embedder.spec, other, cut)
    except SpecError as error:
        raise UsageError(
            f"--against: {error}; without a model, `facedata check` compares any two sets by bytes and by "
            "picture"
        ) from error


def compare_faces(
    overlap: Overlap,
    kept: KeptEmbeddings,
    how: Embedding,
    folder: Path,
    *,
    device: str,
    threshold: float | None = None,
    on_progress: OnProgress | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Overlap:
    """Add the people whom both sets have, by their faces.

    The other set's embeddings are in a folder of the check's that is named after its fingerprint.

    Args:
        overlap: what the two sets share by bytes and by picture.
        kept: this set's embeddings.
        how: the model, and how to run it.
        folder: of the check.
        device: where to compare, as torch names it.
        threshold: a similarity above the crowd's that is enough; None to estimate it.
        on_progress: called after each batch with the number of crops embedded, and the total.
        on_step: called with what is done now.

    Raises:
        DeviceError: the device's memory is too small.
        StoreError: the embeddings cannot be written.
        LockedError: another run is making the same embeddings.
    """
    model, other = how.embedder.fingerprint(), overlap.other
    if not len(other.readable):
        return overlap.with_people(
            None, model, ("no crop of the other set can be read: not compared by face",)
        )
    on_step("embedding the other set")
    place = folder / f"against-{short(other.prepared.fingerprint)}"
    with writing(place):
        place.mkdir(exist_ok=True)
    classes = ClassManifest(other.prepared, other.classes)
    try:
        theirs = keep_embeddings(how, classes, other.readable, place, on_progress)
        on_step("comparing the people of the two sets")
        people, notes = find_shared_people(
            SetDirections(kept.directions, overlap.this.photos.person[kept.rows]),
            SetDirections(theirs.directions, other.photos.person[theirs.rows]),
            device,
            threshold,
        )
    except ScoreError as error:
        logger.warning("%s", error)
        return overlap.with_people(None, model, (str(error),))
    if lost := len(theirs.unusable):
        notes.append(f"the model gives no usable numbers for {lost:,} crops of the other set")
    return overlap.with_people(people, model, tuple(notes))
