"""A gallery as NumPy's own file, for programs that have neither this package nor Parquet."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from facedata.files.atomic import atomic_file

from ..scoring.distances import likeness
from .gallery import Gallery

NPZ = ".npz"

_ARRAYS = {"names.npy", "embeddings.npy", "threshold.npy", "metric.npy", "model.npy"}


def write_arrays(gallery: Gallery, path: Path) -> None:
    """Write a gallery's names and embeddings as plain arrays; the same gallery gives the same bytes.

    ``names`` is ``(n,)`` text, ``embeddings`` ``(n, dim)`` float32, ``threshold`` a float64 number,
    ``metric`` and ``model`` text. A gallery that names nobody (no threshold, or a doubt) has a threshold that
    no face reaches.

    Raises:
        StoreError: it cannot be written.
    """
    threshold = gallery.threshold
    if threshold is None or gallery.doubt is not None:
        threshold = likeness(float("inf"), gallery.metric)
    with atomic_file(path) as stream:
        np.savez(
            stream, names=np.array(gallery.names, np.str_), embeddings=gallery.embeddings,
            threshold=np.float64(threshold), metric=np.array(gallery.metric), model=np.array(gallery.model),
        )  # fmt: skip


def is_arrays(path: Path) -> bool:
    """Tell whether a file is a gallery's arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist()) == _ARRAYS
    except (zipfile.BadZipFile, NotImplementedError):  # no archive, a damaged one, or of a later kind
        return False
