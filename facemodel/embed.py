"""From crops to embeddings: in memory for whoever needs them, and as a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facedata.errors import UsageError, writing
from facedata.options import make
from facedata.prepared import locked
from facedata.types import Float32Array, Int64Array

from .config import EmbedConfig
from .crop_sources import CropSource, SetPath, open_crops
from .dataset import CropReader, UInt8Batch, batches
from .embeddings import KIND, Parts, parts_folder, read_settings, refuse_other, remove_parts
from .errors import ScoreError
from .memory import memory_watched
from .outputs import is_table_of, parquet_out
from .photos import opened

if TYPE_CHECKING:
    from .embedder import Embedder

OnProgress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


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

    A run that was stopped, however, goes on where it was when it is called again, and gives the same bytes.

    Args:
        model: a run folder, a ``.onnx`` with its spec beside it, or an open model.
        source: a set's folder or URL, a ``.parquet`` manifest, or a plain folder of square crops.
        out: the file; see :mod:`facemodel.embeddings` for what is in it.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with how many crops are done, and of how many.
        **changes: single options by name.

    Returns:
        What was done: ``out``, ``crops``, ``embedded`` (by this run), ``dim``, ``model``, ``fingerprint``.

    Raises:
        SpecError: the crops were made with another template than the model's.
        DataError: crops are gone, changed or cannot be read.
        OtherSettingsError: the file is there, or begun, with other settings.
        UsageError: nothing to embed, or impossible options.
        StoreError: the file cannot be written.
    """
    config = make(EmbedConfig, {**(asdict(config) if config else {}), **changes})
    out = parquet_out(out, "a file of embeddings", lambda path: is_table_of(path, KIND))
    embedder = opened(model, config.device, config.workers)
    with closing(open_crops(source, config.split, config.of, config.workers)) as crops:
        if not len(crops.ids):
            raise UsageError(f"{source} holds no crop to embed")
        crops.check(embedder.spec, np.empty(0, np.int64))
        done = _embed_to(out, embedder, crops, config, on_progress)
    return {
        "out": str(out),
        "crops": len(crops.ids),
        "embedded": done,
        "dim": embedder.spec.dim,
        "model": embedder.fingerprint(),
        "fingerprint": crops.fingerprint,
    }


def embed_rows(
    embedder: Embedder,
    reader: CropReader,
    rows: Int64Array,
    batch: int = 64,
    flip: bool = False,
    on_progress: OnProgress | None = None,
) -> Float32Array:
    """Return the embeddings of crops, ``(len(rows), dim)`` float32, in the order of the rows.

    Args:
        embedder: the model.
        reader: reads the crops, ahead of the model.
        rows: ``(n,)`` int64, the reader's row numbers; each is embedded as often as it occurs.
        batch: crops in a batch.
        flip: take the mean with the mirror image's embedding.
        on_progress: called after each batch.

    Raises:
        DataError: a crop cannot be read; the message names it.
        DeviceError: the device's memory is too small.
    """
    found = np.empty((len(rows), embedder.spec.dim), np.float32)
    done = 0
    for some, crops in batches(reader, cut(rows, batch)):
        with memory_watched(f"lower --batch, now {batch}"):
            found[done : done + len(some)] = embed_crops(embedder, crops, flip)
        done += len(some)
        if on_progress is not None:
            on_progress(done, len(rows))
    return found


def embed_crops(embedder: Embedder, crops: UInt8Batch, flip: bool = False) -> Float32Array:
    """Return the embeddings of crops, ``(n, dim)`` float32.

    Args:
        embedder: the model.
        crops: ``(n, size, size, 3)`` uint8 RGB.
        flip: take the mean with the mirror images' embeddings, of length one again where the model's are.
    """
    found = embedder.embed(crops)
    if not flip:
        return found
    both = (found + embedder.embed(np.ascontiguousarray(crops[:, :, ::-1]))) / np.float32(2)
    if embedder.spec.normalised:
        lengths = np.linalg.norm(both, axis=1, keepdims=True)
        both = both / np.maximum(lengths, np.finfo(np.float32).tiny)
    return np.asarray(both, np.float32)


def _embed_to(
    out: Path, embedder: Embedder, crops: CropSource, config: EmbedConfig, on_progress: OnProgress | None
) -> int:
    """Make the file, or what is missing of it; return how many crops that were."""
    settings = _settings(embedder, crops, config)
    if config.overwrite:
        with writing(out):
            out.unlink(missing_ok=True)
        remove_parts(out)
    if out.exists():
        refuse_other(out, (read_settings(out) if out.is_file() else None) or {}, settings)
        remove_parts(out)
        return 0
    folder = parts_folder(out)
    with writing(out):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        parts = Parts(out, settings, len(crops.ids), embedder.spec.dim)
        parts.claim()
        missing = parts.missing()
        done = _embed_parts(parts, missing, embedder, crops, config, on_progress)
        parts.close(crops.ids, crops.paths)
    return done


def _embed_parts(
    parts: Parts,
    missing: list[int],
    embedder: Embedder,
    crops: CropSource,
    config: EmbedConfig,
    on_progress: OnProgress | None,
) -> int:
    pieces = [np.arange(rows.start, rows.stop) for rows in map(parts.rows_of, missing)]
    wanted = np.concatenate([np.empty(0, np.int64), *pieces])
    crops.check(embedder.spec, wanted)
    found = crops.batches(rows for piece in pieces for rows in cut(piece, config.batch))
    done = 0
    for number, piece in zip(missing, pieces, strict=True):
        values = np.empty((len(piece), parts.dim), np.float32)
        left = len(piece)
        while left:  # a batch never reaches beyond its part
            rows, images = next(found)
            with memory_watched(f"lower --batch, now {config.batch}"):
                values[rows - piece[0]] = embed_crops(embedder, images, config.flip)
            left, done = left - len(rows), done + len(rows)
            if on_progress is not None:
                on_progress(done, len(wanted))
        if not np.isfinite(values).all():
            bad = int(piece[0]) + int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            raise ScoreError(f"the model gives NaN or infinity for the crop {crops.paths[bad].as_py()}")
        parts.write(number, values)
    return done


def _settings(embedder: Embedder, crops: CropSource, config: EmbedConfig) -> dict[str, Any]:
    """Return all that the file's contents depend on, as plain values."""
    spec = embedder.spec
    return {
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


def cut(rows: Int64Array, batch: int) -> Iterator[Int64Array]:
    """Yield runs of ``batch`` rows; the last may be shorter."""
    for start in range(0, len(rows), batch):
        yield rows[start : start + batch]
