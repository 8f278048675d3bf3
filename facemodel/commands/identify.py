"""Who is in a photo: every face gets a name, or is unknown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facedata import decode
from facedata.errors import UsageError, writing
from facedata.files.atomic import atomic_file
from facedata.options import resolve_options
from facedata.types import Status

from ..batches.reader import OnProgress
from ..config import IdentifyConfig
from ..models.embedder import Embedder, open_model
from ..recognition.face_boxes import Label, draw_face_boxes
from ..recognition.faces import FaceSearch, search_photos
from ..recognition.gallery import Gallery
from ..recognition.naming import NamedFace, Naming, name_by_class, name_by_gallery
from ..recognition.photos import PhotoFile, list_photos
from ..scoring.distances import likeness
from ..scoring.open_set import Probes, open_set_figures
from .outputs import local_out

_STEM_BYTES = 200
"""Most bytes of a picture's name before the ending; file systems allow 255 in all."""

_JPEG_QUALITY = 90


@dataclass(frozen=True)
class NamedPhoto:
    """A photo and the people in it.

    Attributes:
        photo: its path as text.
        folder: the name of the folder it is in.
        faces: those found, largest first.
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


@dataclass(frozen=True)
class Identified:
    """The people in all photos.

    Attributes:
        photos: in the order in which they were given.
        metric: of each face's ``value``: ``euclidean`` (a distance), ``cosine`` (a similarity) or
            ``probability``.
        threshold: a name takes at most this distance, or at least this similarity or probability; None if
            every face gets a name.
        figures: with ``judge``, how often the names are right (:mod:`facemodel.scoring.open_set`), else None.
    """

    photos: tuple[NamedPhoto, ...]
    metric: str
    threshold: float | None
    figures: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
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
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> Identified:
    """Name every face in some photos.

    Args:
        model: a run folder, an ONNX file with its spec beside it, or an open model.
        gallery: the people, as :func:`facemodel.enroll` made them with this model; None for a classifier,
            which knows the people it was trained on.
        photos: files, or folders of them at any depth.
        config: the options; ``changes`` win over it.
        on_progress: called after each photo with the number done, and the total.
        **changes: single options by name.

    Raises:
        UsageError: impossible options; no gallery although the model is not a classifier; or no threshold.
        SourceError: a photo is missing.
        GalleryError: the gallery cannot be read, or another model made it.
        ModelError: there is no model.
        StoreError: a picture cannot be written.
    """
    config = resolve_options(IdentifyConfig, config, changes)
    files = list_photos(photos)
    if not files:
        raise UsageError("give a photo, or a folder of photos")
    pictures = _choose_pictures(files, config.out)
    embedder = open_model(model, config.device)
    if gallery is None:
        naming = name_by_class(embedder, config.threshold)
    else:
        naming = name_by_gallery(embedder, gallery, config.threshold)
    search = FaceSearch(None, config.min_score, config.min_face, config.detector)
    named: list[NamedPhoto] = []
    all_seen = search_photos(files, embedder, search, naming.output)
    for file, seen, picture in zip(files, all_seen, pictures, strict=True):
        faces = naming.name_faces(seen.faces, seen.outputs)
        drawn = None
        if picture is not None and seen.status in (Status.KEPT, Status.NO_FACE):
            image = draw_face_boxes(decode(seen.data), [Label(face.box, face.name) for face in faces])
            with atomic_file(picture) as stream:
                Image.fromarray(image).save(stream, format="JPEG", quality=_JPEG_QUALITY)
            drawn = str(picture)
        named.append(NamedPhoto(seen.photo, file.identity, faces, str(seen.status), seen.reason, drawn))
        if on_progress is not None:
            on_progress(len(named), len(files))
    figures = _judge(named, naming) if config.judge else None
    return Identified(tuple(named), naming.metric, naming.threshold, figures)


def _choose_pictures(files: Sequence[PhotoFile], out: str | None) -> list[Path | None]:
    """Return each photo's picture file; photos of the same name get numbers.

    Raises:
        UsageError: a picture would replace one of the photos.
    """
    if out is None:
        return [None] * len(files)
    folder, pictures, taken = local_out(out), list[Path | None](), set[str]()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    photos = {file.path.resolve() for file in files if file.path is not None}
    for file in files:
        stem = os.fsencode(Path(file.photo).stem)[:_STEM_BYTES].decode("utf-8", "ignore")
        names = (f"{stem}{f'~{number}' if number else ''}.named.jpg" for number in range(len(files)))
        name = next(one for one in names if one.casefold() not in taken)
        taken.add(name.casefold())
        pictures.append(folder / name)
        if (folder / name).resolve() in photos:
            raise UsageError(f"the picture {folder / name} would replace a photo: choose another --out")
    return pictures


def _judge(photos: Sequence[NamedPhoto], naming: Naming) -> dict[str, Any]:
    """Return how often the names are right; a photo's true name is its folder's, its face the largest."""
    judged = [one for one in photos if one.folder is not None]
    known = [one for one in judged if one.folder in naming.names]
    strangers = [one for one in judged if one.folder not in naming.names]
    near, strange = (
        np.array(
            [-likeness(one.faces[0].value, naming.metric) if one.faces else np.inf for one in some],
            np.float64,
        )
        for some in (known, strangers)
    )
    right = np.array([bool(one.faces) and one.faces[0].nearest == one.folder for one in known], np.bool_)
    return {
        **open_set_figures(Probes(near, right, strange), naming.threshold, naming.metric),
        "known_people": len({one.folder for one in known}),
        "strange_people": len({one.folder for one in strangers}),
        "without_face": sum(not one.faces for one in judged),
    }
