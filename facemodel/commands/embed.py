"""From crops to a Parquet file of embeddings."""

from __future__ import annotations

import os
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from facedata.errors import UsageError, writing
from facedata.files.locks import locked
from facedata.options import refuse_other_settings, resolve_options

from ..bar import with_bar
from ..batches.reader import OnProgress
from ..batches.sources import CropSource, SetPath, open_crops
from ..config import EmbedConfig
from ..errors import ScoreError
from ..machine.memory import catch_out_of_memory
from ..models.embed_crops import embed_crops, split_batches
from ..models.embedder import Embedder, open_model
from ..models.embedding_file import KIND, EmbeddingParts, read_settings
from ..outputs import is_table_of, parquet_out


@with_bar("crop")
def embed_set(
    model: str | os.PathLike[str] | Embedder,
    source: SetPath,
    out: str | os.PathLike[str],
    config: EmbedConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Write the embeddings of a set's crops, a manifest's or a folder's to a Parquet file.

    If it was stopped, the same call resumes where it stopped, and the file has the same bytes.

    Args:
        model: a ready model's name, a run folder, a ``.onnx`` with its spec beside it, or an open model.
        source: a set's folder or URL, a ``.parquet`` manifest, or a plain folder of square crops.
        out: the file; see :mod:`facemodel.models.embedding_file` for what is in it.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with the number of crops done, and the total.
        **changes: single options by name.

    Returns:
        What was done: ``out``, ``crops``, ``embedded`` (by this run), ``dim``, ``model``, ``fingerprint``.

    Raises:
        SpecError: the crops were made with another template than the model's.
        DataError: crops are missing, changed or cannot be read.
        OtherSettingsError: the file, or a part of it, was made with other settings.
        UsageError: there is nothing to embed, or impossible options.
        StoreError: the file cannot be written.
    """
    config = resolve_options(EmbedConfig, config, changes)
    out = parquet_out(out, "a file of embeddings", lambda path: is_table_of(path, KIND))
    embedder = open_model(model, config.device, config.workers, config.weights)
    spec = embedder.spec
    with closing(open_crops(source, config.split, config.of, config.workers)) as crops:
        if not len(crops.ids):
            raise UsageError(f"{source} holds no crop to embed")
        crops.fit(spec, config.cut)
        settings = {  # everything that the file's contents depend on
            "model": embedder.fingerprint(),
            "fingerprint": crops.fingerprint,
            "source": crops.kind,
            "rows": sha256(np.ascontiguousarray(crops.ids, "<i8").tobytes()).hexdigest(),
            "flip": config.flip,
            "dim": spec.dim,
            "normalised": spec.normalised,
            "template": spec.template,
            "metric": spec.metric,
        }
        done = _embed_to(out, settings, embedder, crops, config, on_progress)
    return {
        "out": str(out),
        "crops": len(crops.ids),
        "embedded": done,
        "dim": spec.dim,
        "model": embedder.fingerprint(),
        "fingerprint": crops.fingerprint,
    }


def _embed_to(
    out: Path,
    settings: dict[str, Any],
    embedder: Embedder,
    crops: CropSource,
    config: EmbedConfig,
    on_progress: OnProgress | None,
) -> int:
    """Make the file, or what is missing of it; return how many crops were embedded."""
    parts = EmbeddingParts(out, settings, len(crops.ids), embedder.spec.dim)
    if config.overwrite:
        with writing(out):
            out.unlink(missing_ok=True)
        parts.remove()
    if out.exists():
        refuse_other_settings(out, (read_settings(out) if out.is_file() else None) or {}, settings)
        parts.remove()
        return 0
    done = 0
    with writing(out):
        parts.folder.mkdir(parents=True, exist_ok=True)
    with locked(parts.folder):
        parts.claim(settings)
        missing = parts.missing()
        pieces = [np.arange(rows.start, rows.stop) for rows in map(parts.rows_of, missing)]
        every = np.concatenate([np.empty(0, np.int64), *pieces])
        crops.check(every)
        batches = crops.batches(rows for piece in pieces for rows in split_batches(piece, config.batch))
        for number, piece in zip(missing, pieces, strict=True):
            values = np.empty((len(piece), parts.dim), np.float32)
            left = len(piece)
            while left:  # a batch never reaches beyond its part
                rows, images = next(batches)
                with catch_out_of_memory(f"lower --batch, now {config.batch}"):
                    values[rows - piece[0]] = embed_crops(embedder, images, config.flip)
                left, done = left - len(rows), done + len(rows)
                if on_progress is not None:
                    on_progress(done, len(every))
            if not np.isfinite(values).all():
                bad = int(piece[0]) + int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
                raise ScoreError(f"the model gives NaN or infinity for the crop {crops.paths[bad].as_py()}")
            parts.write(number, values)
        parts.close(crops.ids, crops.paths)
    return done
