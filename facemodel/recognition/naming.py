"""What names a face: the nearest person of a gallery, or the most probable class of a classifier."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facedata.errors import UsageError
from facedata.types import Face, Float32Array, Float64Array, Int64Array, UInt8Image

from ..models.embedder import Embedder
from ..scoring.distances import is_same
from .faces import Output
from .gallery import Gallery, read_gallery

PROBABILITY = "probability"
"""The metric of a classifier: 0 … 1, large is near."""

VALUE_NAMES = {"euclidean": "distance", "cosine": "similarity", PROBABILITY: "probability"}
"""What the values of each metric are called."""


@dataclass(frozen=True)
class NamedFace:
    """A face and the person it shows.

    Attributes:
        box: x0 y0 x1 y1 in photo pixels.
        score: the detector's, 0 … 1.
        name: the person; None if no person is near enough.
        nearest: the nearest person, near enough or not.
        value: how near: a distance, a similarity or a probability, see :attr:`Naming.metric`.
    """

    box: tuple[float, float, float, float]
    score: float
    name: str | None
    nearest: str
    value: float


@dataclass(frozen=True, eq=False)
class Naming:
    """The people that a model can name, and how.

    Attributes:
        names: the people.
        metric: ``euclidean`` (a distance), ``cosine`` (a similarity) or ``probability``.
        threshold: a name takes at most this distance, or at least this similarity or probability; None if
            every face gets a name.
        output: from crops to what ``nearest`` takes.
        nearest: from n outputs to each one's nearest person, ``(n,)`` int64, and how near, ``(n,)`` float64.
    """

    names: tuple[str, ...]
    metric: str
    threshold: float | None
    output: Output
    nearest: Callable[[Float32Array], tuple[Int64Array, Float64Array]]

    def name_faces(self, faces: Sequence[Face], outputs: Float32Array) -> tuple[NamedFace, ...]:
        """Name the faces of a photo; ``outputs`` has a row for each."""
        if not faces:
            return ()
        who, values = self.nearest(outputs)
        accepted = is_same(values, self.threshold, self.metric)
        named = []
        for face, person, value, near in zip(faces, who, values, accepted, strict=True):
            x0, y0, x1, y1 = (round(float(edge), 2) for edge in face.box)
            name = self.names[int(person)]
            box = (x0, y0, x1, y1)
            named.append(NamedFace(box, float(face.score), name if near else None, name, float(value)))
        return tuple(named)


def name_by_gallery(
    embedder: Embedder, gallery: str | os.PathLike[str] | Gallery, threshold: float | None
) -> Naming:
    """Name faces by the nearest person of a gallery.

    Raises:
        GalleryError: the gallery cannot be read, or another model made it.
        UsageError: no threshold is given, here, in the gallery or in the model; or it is impossible.
    """
    people = gallery if isinstance(gallery, Gallery) else read_gallery(gallery)
    people.check_model(embedder.fingerprint(), embedder.spec.dim)
    _check_threshold(threshold, people.metric)
    given = (threshold, people.threshold, embedder.spec.threshold)
    limit = next((one for one in given if one is not None), None)
    if limit is None:
        raise UsageError(
            "neither the gallery nor the model has a threshold: give one with --threshold "
            "(`facemodel evaluate` chooses one and prints it)"
        )
    return Naming(people.names, people.metric, limit, embedder.embed, people.nearest)


def name_by_class(embedder: Embedder, threshold: float | None) -> Naming:
    """Name faces by a classifier's most probable class.

    Raises:
        UsageError: the model is not a classifier, or the threshold is impossible.
    """
    if not embedder.classes:
        raise UsageError(
            f"{embedder.name} is not a classifier, so it knows no names: make a gallery with `facemodel "
            "enroll`, and put it before the photos"
        )
    _check_threshold(threshold, PROBABILITY)

    def logits(crops: UInt8Image) -> Float32Array:
        rows = embedder.logits(crops)
        return np.zeros((len(crops), len(embedder.classes)), np.float32) if rows is None else rows

    def most_probable(logits: Float32Array) -> tuple[Int64Array, Float64Array]:
        powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
        who = powers.argmax(axis=1)
        return who.astype(np.int64), powers[np.arange(len(who)), who] / powers.sum(axis=1)

    limit = embedder.spec.class_threshold if threshold is None else threshold
    return Naming(embedder.classes, PROBABILITY, limit, logits, most_probable)


def _check_threshold(value: float | None, metric: str) -> None:
    """Check that a threshold is a value that the metric can have.

    Raises:
        UsageError: it is not.
    """
    least, most = {"euclidean": (0.0, np.inf), "cosine": (-1.0, 1.0)}.get(metric, (0.0, 1.0))
    if value is not None and not least <= value <= most:
        span = f"at least {least:g}" if most == np.inf else f"from {least:g} to {most:g}"
        raise UsageError(f"--threshold {value:g}: a {VALUE_NAMES[metric]} is {span}")
