"""What names a face: the nearest person of a gallery, or the most probable class of a classifier."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facedata.errors import UsageError
from facedata.files.atomic import write_text
from facedata.types import Face, Float32Array, Float64Array, UInt8Image

from ..models.embedder import Embedder
from ..scoring.distances import is_same, likeness
from ..validated.calibration import EVEN
from ..validated.summary import LEAST_KNOWN, share_interval
from .assignment import NOBODY, assign_people
from .faces import Output
from .gallery import Gallery, read_gallery
from .gallery_threshold import GIVEN, NOT_KNOWN, choose_gallery_threshold
from .probability import describe_probability, find_calibration, person_probabilities

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
        name: the person; None if no person is near enough who is not another face of the photo.
        nearest: the nearest person, near enough or not.
        value: how near the person of that name is, else the nearest: a distance, a similarity or a
            probability, see :attr:`Naming.metric`.
        is_taken: the nearest person is near enough, and another face of the photo.
        probability: that the face is the person's whose ``value`` it is; None if the model is not calibrated.
            Of a classifier the value is one.
    """

    box: tuple[float, float, float, float]
    score: float
    name: str | None
    nearest: str
    value: float
    is_taken: bool = False
    probability: float | None = None

    @property
    def area_px(self) -> float:
        """The box's area, in photo pixels."""
        x0, y0, x1, y1 = self.box
        return (x1 - x0) * (y1 - y0)


@dataclass(frozen=True)
class NamedPhoto:
    """A photo and the people in it.

    Attributes:
        photo: its path as text.
        folder: the name of the folder it is in.
        faces: those found, in rows from top to bottom, each from left to right.
        status: ``kept``, or why no face was found, in one word: ``no_face``, ``unreadable`` …
        reason: the same in words; None if there are faces.
        picture: the file with boxes and names; None without ``out``, or if the photo is unreadable.
    """

    photo: str
    folder: str | None
    faces: tuple[NamedFace, ...]
    status: str
    reason: str | None = None
    picture: str | None = None


@dataclass(frozen=True, eq=False)
class Naming:
    """The people that a model can name, and how.

    Attributes:
        names: the people.
        metric: ``euclidean`` (a distance), ``cosine`` (a similarity) or ``probability``.
        threshold: a name takes at most this distance, or at least this similarity or probability; None if
            every face gets a name.
        output: from crops to what ``compare`` takes.
        compare: from n outputs to how near each is to each person, ``(n, len(names))`` float64.
        basis: what the threshold stands for, in words; empty if unknown.
        doubt: why every face stays unknown, in words; None if they do not.
        chances: from the values of n faces to the probability that each is each person's, both
            ``(n, len(names))`` float64; None if the model is not calibrated.
        chances_basis: what these probabilities stand for, in words; empty without them.
    """

    names: tuple[str, ...]
    metric: str
    threshold: float | None
    output: Output
    compare: Callable[[Float32Array], Float64Array]
    basis: str = ""
    doubt: str | None = None
    chances: Callable[[Float64Array], Float64Array] | None = None
    chances_basis: str = ""

    def name_faces(self, faces: Sequence[Face], outputs: Float32Array) -> tuple[NamedFace, ...]:
        """Name the faces of a photo, nobody twice; ``outputs`` has a row for each."""
        if not faces:
            return ()
        values = self.compare(outputs)
        alike = likeness(values, self.metric)
        chances = None if self.chances is None else self.chances(values)
        least = None if self.threshold is None else likeness(self.threshold, self.metric)
        chosen = np.full(len(faces), NOBODY) if self.doubt is not None else assign_people(alike, least)
        named = []
        for row, (face, person, nearest) in enumerate(zip(faces, chosen, alike.argmax(1), strict=True)):
            x0, y0, x1, y1 = (round(float(edge), 2) for edge in face.box)
            whose = nearest if person == NOBODY else person
            value = values[row, whose]
            near = is_same(values[row, [nearest]], self.threshold, self.metric)[0]
            named.append(
                NamedFace(
                    (x0, y0, x1, y1),
                    float(face.score),
                    None if person == NOBODY else self.names[person],
                    self.names[nearest],
                    float(value),
                    bool(near and self.doubt is None and person != nearest),
                    None if chances is None else float(chances[row, whose]),
                )
            )
        return tuple(named)


def name_by_gallery(
    embedder: Embedder,
    gallery: str | os.PathLike[str] | Gallery,
    threshold: float | None,
    far: float | None = None,
    prior: float = EVEN,
) -> Naming:
    """Name faces by the nearest person of a gallery.

    Args:
        embedder: the model.
        gallery: the people.
        threshold: of a name; None for the gallery's.
        far: choose the threshold so that this share of strangers gets a name; None for the gallery's.
        prior: the share of faces that show somebody in the gallery, for the probabilities.

    Raises:
        GalleryError: the gallery cannot be read, or another model made it.
        UsageError: no threshold is given, here, in the gallery or in the model; it is impossible; or ``far``
            is given, and the model does not know its false accept rates.
    """
    people = gallery if isinstance(gallery, Gallery) else read_gallery(gallery)
    people.check_model(embedder.fingerprint(), embedder.spec.dim)
    check_threshold(threshold, people.metric)
    # galleries of earlier versions do not say what their threshold does to strangers; the model may know
    limit, basis, doubt = people.threshold, people.basis or NOT_KNOWN, people.doubt
    is_measured = not people.basis and embedder.spec.validation is not None
    if threshold is not None:
        limit, basis, doubt = threshold, GIVEN, None
    elif limit is None or far is not None or is_measured:
        chosen = choose_gallery_threshold(embedder.spec, len(people), far)
        if chosen is None:
            raise UsageError(
                "neither the gallery nor the model has a threshold: give one with --threshold, or let "
                "`facemodel evaluate MODEL SET --keep-threshold` write one into the model's JSON"
            )
        limit, basis, doubt = chosen.value, chosen.basis, chosen.doubt
    naming = Naming(people.names, people.metric, limit, embedder.embed, people.compare, basis, doubt)
    known, curve = embedder.spec.validation, find_calibration(embedder.spec.validation, people.metric)
    if known is None or curve is None:
        return naming
    return replace(
        naming,
        chances=lambda values: person_probabilities(curve.weigh(values), prior),
        chances_basis=describe_probability(known, len(people), prior),
    )


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
    check_threshold(threshold, PROBABILITY)

    def logits(crops: UInt8Image) -> Float32Array:
        rows = embedder.logits(crops)
        return np.zeros((len(crops), len(embedder.classes)), np.float32) if rows is None else rows

    def probabilities(logits: Float32Array) -> Float64Array:
        powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    spec, doubt = embedder.spec, None
    limit, basis = threshold, GIVEN
    if threshold is None:
        limit, basis, known = spec.class_threshold, "", spec.validation
        if known is not None and known.class_photos:
            basis = f"by {known.class_photos:,} validation photos, none of them of a stranger"
            share = known.class_right / known.class_photos
            low, high = share_interval(share, known.class_photos)
            if low < LEAST_KNOWN:
                doubt = (
                    f"validation was poor: {100 * share:.3g}% ({100 * low:.3g}% to {100 * high:.3g}%) of "
                    f"{known.class_photos:,} photos get the right name at a threshold that few strangers "
                    f"should reach, and the interval must begin above {100 * LEAST_KNOWN:.3g}%. "
                    f"Every face stays unknown: a better model helps, and --threshold {limit or 0:.4g} gives "
                    "names all the same"
                )
    return Naming(embedder.classes, PROBABILITY, limit, logits, probabilities, basis, doubt)


def write_faces(path: Path, photos: Sequence[NamedPhoto], naming: Naming) -> None:
    """Write a CSV with a row per face, and one for each photo without any.

    Raises:
        StoreError: it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    value = VALUE_NAMES[naming.metric]
    has_chances = naming.metric != PROBABILITY  # of a classifier the value is the probability
    more = ["probability"] if has_chances else []
    table.writerow(["photo", "face", "name", value, "threshold", "box", "nearest", "status", *more])
    limit = "" if naming.threshold is None else f"{naming.threshold:.6g}"
    for photo in photos:
        for number, face in enumerate(photo.faces, 1):
            box = " ".join(f"{edge:g}" for edge in face.box)
            values = [number, face.name or "", f"{face.value:.6f}", limit, box, face.nearest]
            chance = "" if face.probability is None else f"{face.probability:.6f}"
            table.writerow([photo.photo, *values, photo.status, *([chance] if has_chances else [])])
        if not photo.faces:
            table.writerow(
                [photo.photo, "", "", "", limit, "", "", photo.status, *([""] if has_chances else [])]
            )
    write_text(path, text.getvalue())


def check_threshold(value: float | None, metric: str) -> None:
    """Check that a threshold is a value that the metric can have.

    Raises:
        UsageError: it is not.
    """
    least, most = {"euclidean": (0.0, np.inf), "cosine": (-1.0, 1.0)}.get(metric, (0.0, 1.0))
    if value is not None and not least <= value <= most:
        span = f"at least {least:g}" if most == np.inf else f"from {least:g} to {most:g}"
        raise UsageError(f"--threshold {value:g}: a {VALUE_NAMES[metric]} is {span}")
