"""The embeddings that a check keeps beside its findings: what is embedded once is not embedded again.

There is one file per model, ``embeddings-<first digits of the model>.parquet``. It is bound to the model and
to the set; when the set has changed, the crops whose bytes are the same are taken over. While it is being
made its parts lie in a hidden folder beside it, so that a run that was killed goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from facedata import ClassManifest
from facedata.errors import SetError, StoreError
from facedata.sets.prepared import short
from facedata.types import BoolArray, Float32Array, Int64Array

from ...batches.reader import OnProgress
from ...errors import ScoreError
from ...models.embedding_file import KIND, collect_rows, read_values
from .make import CropList, Embedding, EmbeddingRun, discard, settings_in

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class KeptEmbeddings:
    """What a model says of a set's crops.

    Attributes:
        rows: ``(n,)`` int64, the crops that have a usable embedding, as ascending rows of the classes.
        directions: ``(n, dim)`` float32, their embeddings scaled to length one; memory-mapped if they are
            large.
        unusable: ``(m,)`` int64, crops whose embedding is NaN, infinite or zero.
        embedded: how many crops this run embedded.
        file: where they are kept.
    """

    rows: Int64Array
    directions: Float32Array
    unusable: Int64Array
    embedded: int
    file: Path


def keep_embeddings(
    how: Embedding,
    classes: ClassManifest,
    readable: Int64Array,
    folder: Path,
    on_progress: OnProgress | None = None,
) -> KeptEmbeddings:
    """Embed a set's crops, apart from those that the folder has embeddings of; and keep them there.

    A file that is damaged, or of other settings, is made again, and the log says so. A crop that cannot be
    decoded, or whose embedding is not finite, does not stop the others: its numbers are NaN.

    Args:
        how: the model, and how to run it.
        classes: the set's crops.
        readable: ``(n,)`` int64, the rows of those whose bytes are as recorded, ascending.
        folder: where the embeddings are kept; it must exist.
        on_progress: called after each batch with the number of crops embedded, and the total.

    Raises:
        SpecError: the crops were made with another template than the model's.
        ScoreError: no crop has a usable embedding.
        LockedError: another run is making the file.
        DeviceError: the device's memory is too small.
        StoreError: the file cannot be written.
    """
    if not how.cut:
        how.embedder.spec.check_set(classes.prepared)
    model = how.embedder.fingerprint()
    file = folder / f"{KIND}-{short(model)}.parquet"
    crops = CropList.of(classes, readable)
    settings, embedded = how.settings(classes, crops), 0
    others = [one for one in folder.glob(f"{KIND}-*.parquet") if one != file]
    if others and not file.exists():
        logger.info(
            "embedding with another model than before, whose embeddings stay (%.0f MB; delete them if there "
            "is no room: %s)",
            sum(one.stat().st_size for one in others) / 1e6, ", ".join(sorted(map(str, others))),
        )  # fmt: skip
    if (kept := _read_directions(file, settings, folder, readable)) is None:
        embedded = EmbeddingRun(how, classes, crops, file, settings).run(folder, on_progress)
        kept = _read_directions(file, settings, folder, readable)
    if kept is None:
        raise StoreError(f"{file} cannot be read as it was written: is the disk in order?")
    directions, usable = kept
    unusable = readable[~usable]
    if len(unusable):
        some = ", ".join(classes.table.column("path").take(pa.array(unusable[:3])).to_pylist())
        if len(unusable) == len(readable):
            raise ScoreError(
                f"the model gives no usable numbers (NaN, infinity or only zeros) for any of the "
                f"{len(readable):,} crops: is its input spec right? delete {file} to try again"
            )
        logger.warning(
            "%d of %d crops are left out of who is who, as they cannot be decoded or the model gives NaN, "
            "infinity or only zeros for them (the first: %s); delete %s to try again",
            len(unusable), len(readable), some, file,
        )  # fmt: skip
    return KeptEmbeddings(readable[usable], directions, unusable, embedded, file)


def _read_directions(
    file: Path, settings: dict[str, Any], folder: Path, readable: Int64Array
) -> tuple[Float32Array, BoolArray] | None:
    """Return the usable embeddings at length one, and which are usable; None if the file must be made."""
    if settings_in(file) != settings:
        return None
    usable: list[BoolArray] = [np.empty(0, np.bool_)]

    def directions() -> Iterator[Float32Array]:
        for block in read_values(file):
            wide = block.astype(np.float64)
            lengths = np.linalg.norm(wide, axis=1)
            good = np.isfinite(lengths) & (lengths > 0)
            usable.append(good)
            yield (wide[good] / lengths[good, None]).astype(np.float32)

    try:
        found = collect_rows(directions(), len(readable), folder)
    except SetError as error:
        discard(file, str(error))
        return None
    return found, np.concatenate(usable)
