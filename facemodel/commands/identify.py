"""Who is in a photo: every face gets a name, or is unknown."""

from __future__ import annotations

import logging
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
from facedata.tables.names import clean_name
from facedata.types import Status

from ..bar import with_bar
from ..batches.reader import OnProgress
from ..config import IdentifyConfig
from ..models.embedder import Embedder, open_model
from ..outputs import csv_out, local_out
from ..recognition.face_boxes import Label, draw_face_boxes
from ..recognition.faces import FaceSearch, reading_order, search_photos
from ..recognition.gallery import Gallery
from ..recognition.naming import NamedPhoto, Naming, name_by_class, name_by_gallery, write_faces
from ..recognition.photos import PhotoFile, list_photos
from ..scoring.distances import likeness
from ..scoring.open_set import Probes, open_set_figures

logger = logging.getLogger(__name__)

_STEM_BYTES = 200
"""Most bytes of a picture's name before the ending; file systems allow 255 in all."""

_JPEG_QUALITY = 90


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
        basis: what the threshold stands for, in words; empty if unknown.
        doubt: why every face is unknown, in words; None if they need not be.
        probability: what each face's ``probability`` stands for, in words; empty if the model is not
            calibrated.
    """

    photos: tuple[NamedPhoto, ...]
    metric: str
    threshold: float | None
    figures: dict[str, Any] | None = None
    basis: str = ""
    doubt: str | None = None
    probability: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)

    @property
    def unreadable(self) -> int:
        """How many photos could not be read at all."""
        return sum(one.status not in (Status.KEPT, Status.NO_FACE) for one in self.photos)


@with_bar("photo")
def identify(
    model: str | os.PathLike[str] | Embedder,
    gallery: str | os.PathLike[str] | Gallery | None,
    photos: Sequence[str | os.PathLike[str]],
    config: IdentifyConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> Identified:
    """Name every face in some photos; in a photo nobody is named twice.

    Args:
        model: a ready model's name, a run folder, an ONNX file with its spec beside it, or an open model.
        gallery: the people, as :func:`facemodel.enroll` made them with this model; None for a classifier,
            which knows the people it was trained on.
        photos: files, or folders of them at any depth.
        config: the options; ``changes`` win over it.
        on_progress: called after each photo with the number done, and the total.
        **changes: single options by name.

    Raises:
        UsageError: impossible options; no gallery although the model is not a classifier, or ``far`` although
            it is one; or no threshold.
        SourceError: a photo is missing.
        GalleryError: the gallery cannot be read, or another model made it.
        ModelError: there is no model.
        StoreError: a picture or the table cannot be written.
    """
    config = resolve_options(IdentifyConfig, config, changes)
    files = list_photos(photos)
    if not files:
        raise UsageError("give a photo, or a folder of photos")
    pictures = _choose_pictures(files, config.out)
    table = None if config.csv is None else csv_out(config.csv)
    if table is not None and table.resolve() in {one.path.resolve() for one in files if one.path is not None}:
        raise UsageError(f"--csv {table} would replace a photo: choose another name")
    embedder = open_model(model, config.device, weights=config.weights)
    if gallery is None:
        if config.far is not None:
            raise UsageError(
                "--far chooses the threshold of a gallery, and a classifier has none: leave it out"
            )
        naming = name_by_class(embedder, config.threshold)
    else:
        naming = name_by_gallery(embedder, gallery, config.threshold, config.far, config.prior)
    if naming.doubt is not None:
        logger.warning("%s", naming.doubt)
    search = FaceSearch(None, config.min_score, config.min_face, config.detector)
    named: list[NamedPhoto] = []
    all_seen = search_photos(files, embedder, search, naming.output)
    for file, seen, picture in zip(files, all_seen, pictures, strict=True):
        found = naming.name_faces(seen.faces, seen.outputs)
        faces = tuple(found[place] for place in reading_order([face.box for face in found]))
        drawn = None
        if picture is not None and seen.status in (Status.KEPT, Status.NO_FACE):
            labels = [Label(face.box, face.name, f"{face.value:.2f}") for face in faces]
            image = draw_face_boxes(decode(seen.data), labels)
            with atomic_file(picture) as stream:
                Image.fromarray(image).save(stream, format="JPEG", quality=_JPEG_QUALITY)
            drawn = str(picture)
        named.append(NamedPhoto(seen.photo, file.identity, faces, str(seen.status), seen.reason, drawn))
        if on_progress is not None:
            on_progress(len(named), len(files))
    figures = _judge(named, naming) if config.judge else None
    if table is not None:
        write_faces(table, named, naming)
    basis = naming.basis, naming.doubt, naming.chances_basis
    return Identified(tuple(named), naming.metric, naming.threshold, figures, *basis)


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
    names = {clean_name(name) for name in naming.names}
    near, strange, right = [], [], []
    people: tuple[set[str], set[str]] = set(), set()
    judged = [one for one in photos if one.folder is not None]
    for one in judged:
        folder = clean_name(one.folder or "")
        face = max(one.faces, key=lambda face: face.area_px, default=None)
        away = np.inf if face is None else -likeness(face.value, naming.metric)
        if folder in names:
            near.append(away)
            right.append(face is not None and clean_name(face.name or face.nearest) == folder)
        else:
            strange.append(away)
        people[folder not in names].add(folder)
    probes = Probes(np.array(near, np.float64), np.array(right, np.bool_), np.array(strange, np.float64))
    figures = open_set_figures(probes, naming.threshold, naming.metric)
    if naming.doubt is not None:  # whatever the threshold: every face is unknown
        shares = dict.fromkeys(("right", "wrong"), 0.0) | {"unknown": 1.0}
        figures |= {name: share if near else None for name, share in shares.items()}
        figures |= {"let_in": 0, "let_in_rate": 0.0 if strange else None}
    return {
        **figures,
        "known_people": len(people[0]),
        "strange_people": len(people[1]),
        "without_face": sum(not one.faces for one in judged),
    }
