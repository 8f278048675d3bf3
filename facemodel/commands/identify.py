"""Who is in a photo: every face gets a name, or is unknown."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from facedata.errors import UsageError, writing
from facedata.files.atomic import whole_file
from facedata.options import resolved
from facedata.photos.image import decode
from facedata.types import Float32Array, Float64Array, Int64Array, Status

from ..config import IdentifyConfig
from ..recognition.face_boxes import Label, draw_portraits
from ..recognition.gallery import Gallery, accepts, read_gallery
from ..recognition.photos import FaceSearch, Output, PhotoFile, SeenPhoto, look_at, opened, photo_files
from ..scoring.open_set import Probes, open_set_figures
from .outputs import local_out

if TYPE_CHECKING:
    from ..models.embedder import Embedder

PROBABILITY = "probability"
"""How a classifier says how sure it is: 0 … 1, large is near."""

_WORDS = {"euclidean": "distance", "cosine": "similarity", PROBABILITY: "probability"}

_STEM_BYTES = 200
"""File systems take names of 255."""

_JPEG_QUALITY = 90


@dataclass(frozen=True)
class NamedFace:
    """A face and whose it is.

    Attributes:
        box: x0 y0 x1 y1 in photo pixels.
        score: the detector's, 0 … 1.
        name: the person; None where nobody is near enough.
        nearest: the person who is nearest, near enough or not.
        value: how near: a distance, a similarity or a probability, see :attr:`Identified.metric`.
    """

    box: tuple[float, float, float, float]
    score: float
    name: str | None
    nearest: str
    value: float


@dataclass(frozen=True)
class NamedPhoto:
    """A photo and who is in it.

    Attributes:
        photo: its path as text.
        folder: the name of the folder it lies in.
        faces: those found, largest first.
        status: ``kept``, or why no face was found, in one word: ``no_face``, ``unreadable`` …
        reason: the same in words; None where there are faces.
        picture: the file with boxes and names; None where none was asked for, or the photo is unreadable.
    """

    photo: str
    folder: str | None
    faces: tuple[NamedFace, ...]
    status: str
    reason: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class Identified:
    """What was found in all photos.

    Attributes:
        photos: one after the other, as they were named.
        metric: what ``value`` is: ``euclidean`` (a distance), ``cosine`` (a similarity) or ``probability``.
        threshold: what a name took: at most this distance, or at least this similarity or probability; None
            where everybody gets a name.
        figures: with ``judge``, how often the names are right (:mod:`facemodel.scoring.open_set`), else None.
    """

    photos: tuple[NamedPhoto, ...]
    metric: str
    threshold: float | None
    figures: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)

    @property
    def unreadable(self) -> int:
        """How many photos could not be read at all."""
        return sum(one.status not in (Status.KEPT, Status.NO_FACE) for one in self.photos)


def identify(
    model: str | os.PathLike[str] | Embedder,
    gallery: str | os.PathLike[str] | Gallery | None,
    photos: Sequence[str | os.PathLike[str]],
    config: IdentifyConfig | None = None,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    **changes: Any,
) -> Identified:
    """Name every face in some photos.

    Args:
        model: a run folder, an ONNX file with its spec beside it, or an opened model.
        gallery: the people, as :func:`facemodel.enroll` made them with this model; None for a classifier,
            which knows the people it was trained on.
        photos: files, or folders of them at any depth.
        config: the options; ``changes`` win over it.
        on_progress: called after each photo with how many are done, and of how many.
        **changes: single options by name.

    Raises:
        UsageError: impossible options; no gallery and the model is no classifier; no threshold anywhere.
        SourceError: a photo is not there.
        GalleryError: the gallery cannot be read, or another model made it.
        ModelError: no model there.
        StoreError: a picture cannot be written.
    """
    config = resolved(IdentifyConfig, config, changes)
    files = photo_files(photos)
    if not files:
        raise UsageError("name a photo, or a folder of photos")
    pictures = _pictures(files, config.out)
    embedder = opened(model, config.device)
    naming = _naming(embedder, gallery, config.threshold)
    search = FaceSearch(None, config.min_score, config.min_face, config.detector)
    named: list[NamedPhoto] = []
    looked = look_at(files, embedder, search, naming.output)
    for file, seen, picture in zip(files, looked, pictures, strict=True):
        named.append(_named(file, seen, naming, picture))
        if on_progress is not None:
            on_progress(len(named), len(files))
    figures = _judged(named, naming) if config.judge else None
    return Identified(tuple(named), naming.metric, naming.threshold, figures)


@dataclass(frozen=True, eq=False)
class _Naming:
    """Whom a model can name, and how."""

    names: tuple[str, ...]
    metric: str
    threshold: float | None
    output: Output
    nearest: Callable[[Float32Array], tuple[Int64Array, Float64Array]]


def _naming(
    embedder: Embedder, gallery: str | os.PathLike[str] | Gallery | None, threshold: float | None
) -> _Naming:
    if gallery is None:
        return _by_class(embedder, threshold)
    people = gallery if isinstance(gallery, Gallery) else read_gallery(gallery)
    people.check_model(embedder.fingerprint(), embedder.spec.dim)
    _refuse_threshold(threshold, people.metric)
    limit = next(
        (one for one in (threshold, people.threshold, embedder.spec.threshold) if one is not None), None
    )
    if limit is None:
        raise UsageError(
            "neither the gallery nor the model has a threshold: say one with --threshold "
            "(`facemodel evaluate` chooses one and names it)"
        )
    return _Naming(people.names, people.metric, limit, embedder.embed, people.nearest)


def _refuse_threshold(value: float | None, metric: str) -> None:
    """Refuse a threshold that nobody could be on either side of.

    Raises:
        UsageError: it is one.
    """
    least, most = {"euclidean": (0.0, np.inf), "cosine": (-1.0, 1.0)}.get(metric, (0.0, 1.0))
    if value is not None and not least <= value <= most:
        span = f"at least {least:g}" if most == np.inf else f"from {least:g} to {most:g}"
        raise UsageError(f"--threshold {value:g}: a {_WORDS[metric]} is {span}")


def _by_class(embedder: Embedder, threshold: float | None) -> _Naming:
    if not embedder.classes:
        raise UsageError(
            f"{embedder.name} is no classifier, so it knows nobody by name: make a gallery with `facemodel "
            "enroll`, and name it before the photos"
        )

    def logits(crops: Any) -> Float32Array:
        found = embedder.logits(crops)
        return np.zeros((len(crops), len(embedder.classes)), np.float32) if found is None else found

    _refuse_threshold(threshold, PROBABILITY)
    limit = embedder.spec.class_threshold if threshold is None else threshold
    return _Naming(embedder.classes, PROBABILITY, limit, logits, _most_probable)


def _most_probable(logits: Float32Array) -> tuple[Int64Array, Float64Array]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    who = powers.argmax(axis=1)
    return who.astype(np.int64), powers[np.arange(len(who)), who] / powers.sum(axis=1)


def _named(file: PhotoFile, seen: SeenPhoto, naming: _Naming, picture: Path | None) -> NamedPhoto:
    faces: list[NamedFace] = []
    if seen.faces:
        who, values = naming.nearest(seen.outputs)
        metric = "euclidean" if naming.metric == "euclidean" else "cosine"  # large is near, but for distances
        inside = accepts(values, naming.threshold, metric)
        for face, person, value, fits in zip(seen.faces, who, values, inside, strict=True):
            name = naming.names[int(person)]
            box = tuple(round(float(edge), 2) for edge in face.box)
            faces.append(NamedFace(box, float(face.score), name if fits else None, name, float(value)))  # type: ignore[arg-type]  # four edges
    drawn = None
    if picture is not None and seen.status in (Status.KEPT, Status.NO_FACE):
        _draw(seen, faces, picture)
        drawn = str(picture)
    return NamedPhoto(seen.photo, file.identity, tuple(faces), str(seen.status), seen.reason, drawn)


def _draw(seen: SeenPhoto, faces: Sequence[NamedFace], picture: Path) -> None:
    image = draw_portraits(decode(seen.data), [Label(face.box, face.name) for face in faces])
    with whole_file(picture) as stream:
        Image.fromarray(image).save(stream, format="JPEG", quality=_JPEG_QUALITY)


def _pictures(files: Sequence[PhotoFile], out: str | None) -> list[Path | None]:
    """Return where each photo's picture goes; photos of one name get numbers, none is written over.

    Raises:
        UsageError: a picture would take the place of one of the photos.
    """
    if out is None:
        return [None] * len(files)
    folder, pictures, taken = local_out(out), list[Path | None](), set[str]()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    photos = {file.path.resolve() for file in files if file.path is not None}
    for file in files:
        stem = _shortened(Path(file.photo).stem)
        names = (f"{stem}{f'~{number}' if number else ''}.named.jpg" for number in range(len(files)))
        name = next(one for one in names if one.casefold() not in taken)
        taken.add(name.casefold())
        pictures.append(folder / name)
        if (folder / name).resolve() in photos:
            raise UsageError(
                f"the picture {folder / name} would take the place of a photo: choose another --out"
            )
    return pictures


def _shortened(stem: str) -> str:
    """Return as much of a name as leaves room for what is put behind it."""
    return os.fsencode(stem)[:_STEM_BYTES].decode("utf-8", "ignore")


def _judged(photos: Sequence[NamedPhoto], naming: _Naming) -> dict[str, Any]:
    """Return how often the names are right; a photo's truth is its folder, its face the largest."""
    judged = [one for one in photos if one.folder is not None]
    known = [one for one in judged if one.folder in naming.names]
    strangers = [one for one in judged if one.folder not in naming.names]
    sign = 1.0 if naming.metric == "euclidean" else -1.0

    def near(some: Sequence[NamedPhoto]) -> Float64Array:
        return np.array([sign * one.faces[0].value if one.faces else np.inf for one in some], np.float64)

    right = np.array([bool(one.faces) and one.faces[0].nearest == one.folder for one in known], np.bool_)
    metric = "euclidean" if naming.metric == "euclidean" else "cosine"
    figures = open_set_figures(Probes(near(known), right, near(strangers)), naming.threshold, metric)
    people = {
        "known_people": len({one.folder for one in known}),
        "strange_people": len({one.folder for one in strangers}),
        "without_face": sum(not one.faces for one in judged),
    }
    return {**figures, **people, "metric": naming.metric}
