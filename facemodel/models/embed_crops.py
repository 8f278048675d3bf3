"""Crops to embeddings, in order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

from ..batches.reader import CropReader, OnProgress, UInt8Batch, read_batches
from ..errors import DataError, ScoreError
from ..machine.memory import catch_out_of_memory
from ..scoring.distances import compare
from ..scoring.pairs import PairRows
from ..scoring.thresholds import HEAD
from .embedder import Embedder

_SCORED_AT_ONCE = 16_384
"""Pairs that a pair head scores at a time."""


def embed_rows(
    embedder: Embedder,
    reader: CropReader,
    rows: Int64Array,
    batch: int = 64,
    flip: bool = False,
    on_progress: OnProgress | None = None,
) -> Float32Array:
    """Return the embeddings of a reader's crops, ``(len(rows), dim)`` float32, in the order of the rows.

    Args:
        embedder: the model.
        reader: reads the crops, ahead of the model.
        rows: ``(n,)`` int64, the reader's row numbers; a row that is listed twice is embedded twice.
        batch: crops in a batch.
        flip: take the mean with the mirror image's embedding.
        on_progress: called after each batch.

    Raises:
        DataError: a crop cannot be read; the message names it.
        DeviceError: the device's memory is too small.
    """
    embeddings = np.empty((len(rows), embedder.spec.dim), np.float32)
    done = 0
    for some, crops in read_batches(reader, split_batches(rows, batch)):
        with catch_out_of_memory(f"lower --batch, now {batch}"):
            embeddings[done : done + len(some)] = embed_crops(embedder, crops, flip)
        done += len(some)
        if on_progress is not None:
            on_progress(done, len(rows))
    return embeddings


def embed_crops(embedder: Embedder, crops: UInt8Batch, flip: bool = False) -> Float32Array:
    """Return the embeddings of crops, ``(n, dim)`` float32.

    Args:
        embedder: the model.
        crops: ``(n, size, size, 3)`` uint8 RGB.
        flip: take the mean with the mirror images' embeddings, scaled to length one if the model's are.
    """
    embeddings = embedder.embed(crops)
    if not flip:
        return embeddings
    both = (embeddings + embedder.embed(np.ascontiguousarray(crops[:, :, ::-1]))) / np.float32(2)
    if embedder.spec.normalised:
        lengths = np.linalg.norm(both, axis=1, keepdims=True)
        both = both / np.maximum(lengths, np.finfo(np.float32).tiny)
    return np.asarray(both, np.float32)


def split_batches(rows: Int64Array, batch: int) -> Iterator[Int64Array]:
    """Yield the rows ``batch`` at a time; the last batch may be shorter."""
    for start in range(0, len(rows), batch):
        yield rows[start : start + batch]


def classify_crops(
    embedder: Embedder, reader: CropReader, rows: Int64Array, batch: int = 64, flip: bool = False
) -> Int64Array:
    """Return the class that a classifier's own head gives each crop, ``(n,)`` int64; see :func:`embed_rows`.

    Raises:
        ScoreError: the model names classes, but returns no logits.
    """
    predicted = [np.empty(0, np.int64)]
    for _, crops in read_batches(reader, split_batches(rows, batch)):
        sides = [crops, np.ascontiguousarray(crops[:, :, ::-1])] if flip else [crops]
        with catch_out_of_memory(f"lower --batch, now {batch}"):
            logits = [some for side in sides if (some := embedder.logits(side)) is not None]
        if len(logits) < len(sides):
            raise ScoreError(f"{embedder.name} names classes and gives no logits")
        predicted.append(np.sum(logits, axis=0).argmax(axis=1).astype(np.int64))
    return np.concatenate(predicted)


def compare_pairs(
    embedder: Embedder, embeddings: Float32Array, rows: Int64Array, pairs: PairRows, metric: str
) -> Float64Array:
    """Return the score of pairs, ``(n,)`` float64, by a metric or by the model's own pair head.

    Args:
        embedder: the model.
        embeddings: ``(m, dim)`` float32.
        rows: ``(m,)`` int64, ascending: the row number of each one's crop.
        pairs: of such rows.
        metric: ``euclidean``, ``cosine`` or ``head``.

    Raises:
        DataError: the model names a pair head, but returns no score.
    """
    left, right = (np.searchsorted(rows, side) for side in (pairs.left, pairs.right))
    if metric != HEAD:
        return compare(embeddings, left, right, metric)
    parts = [np.empty(0, np.float64)]
    for start in range(0, len(left), _SCORED_AT_ONCE):
        some = slice(start, start + _SCORED_AT_ONCE)
        scores = embedder.score_pairs(embeddings[left[some]], embeddings[right[some]])
        if scores is None:
            raise DataError(f"{embedder.name} has a pair head, but it returns no score")
        parts.append(scores.astype(np.float64))
    return np.concatenate(parts)
