"""A gallery: the people a model shall know by their faces, in one Parquet file that plain pandas reads."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facedata.files.atomic import whole_file
from facedata.sets.prepared import short
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..errors import GalleryError
from ..spec import METRICS

VERSION = 1
"""Of the file; raised whenever a column or a key changes its meaning."""


_KEY = b"facemodel"
_BLOCK = 16_384
"""Comparisons at a time."""


@dataclass(frozen=True)
class LeftOut:
    """A photo that stands for nobody in the gallery.

    Attributes:
        photo: its path below the people's folder.
        identity: whose folder it lies in; None for no person's.
        status: why, in one word, as in facedata's ledger: ``no_face``, ``unreadable`` …
        reason: why, in words.
    """

    photo: str
    identity: str | None
    status: str
    reason: str


@dataclass(frozen=True, eq=False)
class Gallery:
    """People with one embedding each.

    Attributes:
        names: the people, in byte order.
        embeddings: ``(len(names), dim)`` float32.
        photos: of each person, the photos the embedding is made of, below the people's folder.
        model: the fingerprint of the model that made them.
        metric: how they are compared: ``euclidean`` or ``cosine``.
        threshold: a face is a person's when its distance is at most this (``euclidean``), or its similarity
            at least this (``cosine``); None where no validation has chosen one.
        anchor: what stands for a person: ``mean`` of the photos, or ``one``.
        left_out: photos that could not be used, and those that ``anchor="one"`` did not need to.
    """

    names: tuple[str, ...]
    embeddings: Float32Array
    photos: tuple[tuple[str, ...], ...]
    model: str
    metric: str
    threshold: float | None = None
    anchor: str = "mean"
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def nearest(self, embeddings: Float32Array) -> tuple[Int64Array, Float64Array]:
        """Find each face's nearest person; of equally near ones, the first.

        Args:
            embeddings: ``(n, dim)`` float32 of the same model.

        Returns:
            ``(n,)`` int64 places in ``names``, and ``(n,)`` float64 distances (or similarities).
        """
        values = compared(embeddings, self.embeddings, self.metric)
        who = values.argmax(axis=1) if self.metric == "cosine" else values.argmin(axis=1)
        return who.astype(np.int64), values[np.arange(len(values)), who]

    def check_model(self, fingerprint: str, dim: int) -> None:
        """Refuse to compare the embeddings of different models.

        Args:
            fingerprint: the model's.
            dim: length of its embeddings.

        Raises:
            GalleryError: the gallery was made by another one.
        """
        if self.embeddings.shape[1] != dim:
            raise GalleryError(
                f"the gallery is damaged: its embeddings have {self.embeddings.shape[1]} numbers, not {dim}"
            )
        if fingerprint != self.model:
            raise GalleryError(
                f"the gallery was made by the model {short(self.model)}, not by this one "
                f"({short(fingerprint)}): enroll the people again with `facemodel enroll`"
            )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the gallery whole or not at all; the same people and photos give the same bytes.

        Raises:
            StoreError: it cannot be written.
        """
        with whole_file(Path(path)) as stream:
            pq.write_table(self._table(), stream, compression="zstd")

    def _table(self) -> pa.Table:
        dim = self.embeddings.shape[1]
        flat = pa.array(np.ascontiguousarray(self.embeddings).reshape(-1), pa.float32())
        columns = [
            pa.array(self.names, pa.string()),
            pa.FixedSizeListArray.from_arrays(flat, dim),
            pa.array([list(photos) for photos in self.photos], pa.list_(pa.string())),
        ]
        fields = ["identity", "embedding", "photos"]
        schema = pa.schema(
            [pa.field(n, c.type, nullable=False) for n, c in zip(fields, columns, strict=True)]
        )
        return pa.table(columns, schema=schema.with_metadata({_KEY: json.dumps(self._about()).encode()}))

    def _about(self) -> dict[str, Any]:
        return {
            "kind": "gallery",
            "version": VERSION,
            "model": self.model,
            "metric": self.metric,
            "threshold": self.threshold,
            "anchor": self.anchor,
            "left_out": [vars(one) for one in self.left_out],
        }


def is_gallery(path: Path) -> bool:
    """Tell whether a file is a gallery, of whatever version."""
    try:
        return _KEY in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowInvalid):
        return False


def read_gallery(path: str | os.PathLike[str]) -> Gallery:
    """Read a gallery.

    Raises:
        GalleryError: it is not there, none, damaged, empty, or written by a later version.
    """
    try:
        with Path(path).open("rb") as file:
            table = pq.read_table(file)
        about = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    except FileNotFoundError:
        raise GalleryError(f"there is no gallery {path}: make one with `facemodel enroll`") from None
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise GalleryError(f"cannot read the gallery {path}: {_first_line(error)}") from error
    if not isinstance(about, dict) or about.get("kind") != "gallery":
        raise GalleryError(f"{path} is no gallery: make one with `facemodel enroll`")
    if about.get("version") != VERSION:
        raise GalleryError(
            f"the gallery {path} has version {about.get('version')} and this facemodel reads {VERSION}: "
            "enroll the people again, or use the facemodel it was made with"
        )
    try:
        return _gallery(table, about)
    except (KeyError, TypeError, ValueError, pa.ArrowInvalid) as error:
        raise GalleryError(f"the gallery {path} is damaged: {_first_line(error)}") from error


def compared(left: Float32Array, right: Float32Array, metric: str) -> Float64Array:
    """Compare each with each: ``(n, dim)`` with ``(m, dim)`` to ``(n, m)`` float64.

    Args:
        left: embeddings, float32.
        right: others of the same model.
        metric: ``euclidean`` for distances (small is near), ``cosine`` for similarities (large is near).
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    if metric == "cosine":
        return np.asarray(_unit(a) @ _unit(b).T)
    values = np.empty((len(a), len(b)))
    step = max(1, _BLOCK // max(1, len(b)))
    for start in range(0, len(a), step):
        # written out, since |a|² - 2ab + |b|² loses half the digits where two faces are near
        part = a[start : start + step, None] - b[None]
        values[start : start + step] = np.sqrt(np.einsum("ijk,ijk->ij", part, part))
    return values


def accepts(values: Float64Array, threshold: float | None, metric: str) -> BoolArray:
    """Tell which distances (or similarities) are within a threshold; all are where there is none."""
    if threshold is None:
        return np.ones(len(values), np.bool_)
    return np.asarray(values >= threshold if metric == "cosine" else values <= threshold)


def stand_in(embeddings: Float32Array, metric: str, normalised: bool) -> Float32Array:
    """Return the one embedding that stands for several: their mean, as long as each of them was.

    Embeddings that are compared by direction (``cosine``) count alike however long they are; where the
    network's have length one, so has the mean, or it would be nearer to everybody.

    Args:
        embeddings: ``(n, dim)`` float32, n at least 1.
        metric: how they are compared.
        normalised: the network's have length one.
    """
    by_direction = metric == "cosine" or normalised
    rows = embeddings.astype(np.float64)
    mean = (_unit(rows) if by_direction else rows).mean(axis=0)
    return np.asarray(_unit(mean[None])[0] if by_direction else mean, np.float32)


def _gallery(table: pa.Table, about: dict[str, Any]) -> Gallery:
    names = tuple(table.column("identity").to_pylist())
    column = table.column("embedding").combine_chunks()
    if not names:
        raise ValueError("it holds nobody")
    if not pa.types.is_fixed_size_list(column.type):
        column = column.cast(pa.list_(pa.float32(), len(column[0])))
    embeddings = np.asarray(column.flatten(), np.float32).reshape(len(names), column.type.list_size)
    threshold = about["threshold"]
    if threshold is not None and not (type(threshold) in (int, float) and np.isfinite(threshold)):
        raise ValueError(f"its threshold is {threshold!r}")
    if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        raise ValueError("its people are not all named, or one is there twice")
    if not np.isfinite(embeddings).all() or about["metric"] not in METRICS:
        raise ValueError("its embeddings are not all numbers, or its metric is none")
    return Gallery(
        names,
        embeddings,
        tuple(tuple(photos) for photos in table.column("photos").to_pylist()),
        str(about["model"]),
        str(about["metric"]),
        None if threshold is None else float(threshold),
        str(about["anchor"]),
        tuple(LeftOut(**one) for one in about["left_out"]),
    )


def _unit(rows: Float64Array) -> Float64Array:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def in_byte_order(names: Sequence[str]) -> list[str]:
    """Return names once each, in the byte order of their UTF-8."""
    return sorted(set(names), key=str.encode)
