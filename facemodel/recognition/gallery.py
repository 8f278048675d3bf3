"""A gallery: the people that a model can name by their faces, in one Parquet file that plain pandas reads."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from facedata.files.atomic import atomic_file
from facedata.sets.prepared import short
from facedata.types import Float32Array, Float64Array, Int64Array

from ..errors import GalleryError
from ..scoring.distances import compare_all, likeness, unit_length
from ..spec import METRICS

VERSION = 1
"""Of the file; raised whenever a column or a key changes its meaning."""

KEY = b"facemodel"
"""Of what the file's metadata says about it, as JSON."""


@dataclass(frozen=True)
class LeftOut:
    """A photo that the gallery does not use.

    Attributes:
        photo: its path below the people's folder.
        identity: the person whose folder it is in, or None.
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
        photos: for each person, the photos that the embedding is made from, as paths below the people's
            folder.
        model: the fingerprint of the model that made them.
        metric: how they are compared: ``euclidean`` or ``cosine``.
        threshold: a face is a person's when its distance is at most this (``euclidean``), or its similarity
            at least this (``cosine``); None if validation has not chosen one.
        anchor: what represents a person: the ``mean`` of the photos, or ``one`` of them.
        left_out: photos that could not be used, and those that ``anchor="one"`` does not need.
        basis: what the threshold stands for, in words; empty if unknown.
        doubt: why the threshold names no face, in words; None if it does.
    """

    names: tuple[str, ...]
    embeddings: Float32Array
    photos: tuple[tuple[str, ...], ...]
    model: str
    metric: str
    threshold: float | None = None
    anchor: str = "mean"
    left_out: tuple[LeftOut, ...] = ()
    basis: str = ""
    doubt: str | None = None

    def __len__(self) -> int:
        return len(self.names)

    def compare(self, embeddings: Float32Array) -> Float64Array:
        """Return each face's distance or similarity to each person, ``(n, len(names))`` float64.

        Args:
            embeddings: ``(n, dim)`` float32 of the same model.
        """
        return compare_all(embeddings, self.embeddings, self.metric)

    def nearest(self, embeddings: Float32Array) -> tuple[Int64Array, Float64Array]:
        """Return each face's nearest person (the first of equally near ones), and how near.

        Args:
            embeddings: ``(n, dim)`` float32 of the same model.

        Returns:
            ``(n,)`` int64 indices into ``names``, and ``(n,)`` float64 distances or similarities.
        """
        values = self.compare(embeddings)
        who = likeness(values, self.metric).argmax(axis=1)
        return who.astype(np.int64), values[np.arange(len(values)), who]

    def check_model(self, fingerprint: str, dim: int) -> None:
        """Refuse to compare the embeddings of different models.

        Args:
            fingerprint: the model's.
            dim: length of its embeddings.

        Raises:
            GalleryError: the gallery was made by another model.
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
        """Write the gallery atomically; the same people and photos give the same bytes.

        Raises:
            StoreError: it cannot be written.
        """
        flat = pa.array(np.ascontiguousarray(self.embeddings).reshape(-1), pa.float32())
        ends = pa.array(np.arange(len(self) + 1) * self.embeddings.shape[1], pa.int32())
        columns = {
            "identity": pa.array(self.names, pa.string()),
            "embedding": pa.ListArray.from_arrays(ends, flat),
            "photos": pa.array([list(photos) for photos in self.photos], pa.list_(pa.string())),
        }
        about = {
            "kind": "gallery",
            "version": VERSION,
            "model": self.model,
            "metric": self.metric,
            "threshold": self.threshold,
            "anchor": self.anchor,
            "basis": self.basis,
            "doubt": self.doubt,
            "left_out": [vars(one) for one in self.left_out],
        }
        schema = pa.schema(
            [pa.field(name, column.type, nullable=False) for name, column in columns.items()],
            {KEY: json.dumps(about).encode()},
        )
        with atomic_file(Path(path)) as stream:
            pq.write_table(pa.table(list(columns.values()), schema=schema), stream, compression="zstd")


def is_gallery(path: Path) -> bool:
    """Tell whether a file is a gallery, of any version."""
    try:
        return KEY in (pq.read_metadata(path).metadata or {})
    except (OSError, pa.ArrowInvalid):
        return False


def read_gallery(path: str | os.PathLike[str]) -> Gallery:
    """Read a gallery.

    Raises:
        GalleryError: it is missing, not a gallery, damaged, empty, or written by a later version.
    """
    try:
        with Path(path).open("rb") as file:
            table = pq.read_table(file)
        about = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    except FileNotFoundError:
        raise GalleryError(f"there is no gallery {path}: make one with `facemodel enroll`") from None
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise GalleryError(f"cannot read the gallery {path}: {_first_line(error)}") from error
    if not isinstance(about, dict) or about.get("kind") != "gallery":
        raise GalleryError(f"{path} is not a gallery: make one with `facemodel enroll`")
    if about.get("version") != VERSION:
        raise GalleryError(
            f"the gallery {path} has version {about.get('version')} and this facemodel reads {VERSION}: "
            "enroll the people again, or use the facemodel it was made with"
        )
    try:
        names = tuple(table.column("identity").to_pylist())
        column = table.column("embedding").combine_chunks()
        if not names:
            raise ValueError("it has no people")
        if not pa.types.is_fixed_size_list(column.type):
            column = column.cast(pa.list_(pa.float32(), len(column[0])))
        embeddings = np.asarray(column.flatten(), np.float32).reshape(len(names), column.type.list_size)
        threshold = about["threshold"]
        if threshold is not None and not (type(threshold) in (int, float) and np.isfinite(threshold)):
            raise ValueError(f"its threshold is {threshold!r}")
        if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
            raise ValueError("a person has no name, or is listed twice")
        if not np.isfinite(embeddings).all() or about["metric"] not in METRICS:
            raise ValueError("its embeddings are not all numbers, or there is no such metric")
        return Gallery(
            names,
            embeddings,
            tuple(tuple(photos) for photos in table.column("photos").to_pylist()),
            str(about["model"]),
            str(about["metric"]),
            None if threshold is None else float(threshold),
            str(about["anchor"]),
            tuple(LeftOut(**one) for one in about["left_out"]),
            str(about.get("basis", "")),  # galleries of earlier versions have none
            None if about.get("doubt") is None else str(about["doubt"]),
        )
    except (KeyError, TypeError, ValueError, pa.ArrowInvalid) as error:
        raise GalleryError(f"the gallery {path} is damaged: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def mean_embedding(embeddings: Float32Array, metric: str, normalised: bool) -> Float32Array:
    """Return the embedding that represents a person: the mean of several, at their length.

    Embeddings that are compared by direction (``cosine``) count the same whatever their length; if the
    network's have length one, so must the mean, or it would be nearer to every face.

    Args:
        embeddings: ``(n, dim)`` float32, n at least 1.
        metric: how they are compared.
        normalised: the network's embeddings have length one.
    """
    by_direction = metric == "cosine" or normalised
    rows = embeddings.astype(np.float64)
    mean = (unit_length(rows) if by_direction else rows).mean(axis=0)
    return np.asarray(unit_length(mean[None])[0] if by_direction else mean, np.float32)
