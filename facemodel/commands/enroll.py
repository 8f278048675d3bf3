"""From a folder per person to a gallery; every photo is accounted for."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from facedata.errors import UsageError
from facedata.options import resolve_options
from facedata.types import Status

from ..batches.reader import OnProgress
from ..config import EnrollConfig
from ..errors import GalleryError
from ..models.embedder import Embedder, open_model
from ..recognition.escaped_names import UNKNOWN, escape_name
from ..recognition.faces import FaceSearch, SeenPhoto, search_photos
from ..recognition.gallery import Gallery, LeftOut, is_gallery, mean_embedding
from ..recognition.photos import PhotoFile, empty_folders, list_folder
from .outputs import parquet_out

logger = logging.getLogger(__name__)


def enroll(
    model: str | os.PathLike[str] | Embedder,
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: EnrollConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> Gallery:
    """Make a gallery of the people in a folder, which holds a folder of photos for each.

    Args:
        model: a run folder, an ONNX file with its spec beside it, or an open model.
        folder: the people's folders; a photo shows the person its folder is named after.
        out: the gallery's file.
        config: the options; ``changes`` win over it.
        on_progress: called after each photo with the number done, and the total.
        **changes: single options by name.

    Returns:
        The gallery; ``left_out`` lists the photos that are not used, with the reason.

    Raises:
        UsageError: impossible options, or no such detector.
        SourceError: the folder is missing or holds no photo.
        GalleryError: no photo at all shows a face.
        ModelError: there is no model.
        StoreError: the gallery cannot be written.
    """
    config = resolve_options(EnrollConfig, config, changes)
    out = parquet_out(out, "a gallery", is_gallery)
    files = list_folder(folder)
    embedder = open_model(model, config.device)
    chosen, left_out = _choose_photos(files, config.reference)
    names = {one.identity for one in files}
    left_out += [
        LeftOut(path, name, str(Status.NO_FACE), "the folder is empty")
        for path, name in empty_folders(folder)
        if name not in names
    ]
    alike: dict[str, list[str]] = {}  # people whose names look the same: most likely one person's folders
    for name in sorted({one.identity for one in chosen if one.identity is not None}, key=str.encode):
        alike.setdefault(unicodedata.normalize("NFC", name).casefold(), []).append(name)
    for twins in alike.values():
        if len(twins) > 1:
            text = " and ".join(escape_name(name) for name in twins)
            logger.warning("%s count as different people: rename one folder if they are not", text)
    seen: list[SeenPhoto] = []
    search = FaceSearch(config.face, config.min_score, config.min_face, config.detector)
    for photo in search_photos(chosen, embedder, search, embedder.embed):
        seen.append(replace(photo, data=b""))
        if on_progress is not None:
            on_progress(len(seen), len(chosen))
    gallery = _make_gallery(chosen, seen, left_out, embedder, config)
    gallery.write(out)
    return gallery


def _choose_photos(
    files: Sequence[PhotoFile], reference: str | None
) -> tuple[list[PhotoFile], list[LeftOut]]:
    """Return the photos to use, and those left out: without a person, or not needed."""
    named, left_out = list[PhotoFile](), list[LeftOut]()
    for one in files:
        if one.identity is None:
            why = "it lies in no person's folder"
        elif one.identity.casefold() == UNKNOWN:
            why = "nobody is called so: rename the folder"
        else:
            named.append(one)
            continue
        left_out.append(LeftOut(one.photo, one.identity, str(Status.NO_IDENTITY), why))
    if reference is None:
        return named, left_out
    pattern = reference.casefold()  # the file's name may be in either case
    chosen = []
    for one in named:
        if fnmatchcase(one.photo.rpartition("/")[2].casefold(), pattern):
            chosen.append(one)
        else:
            left_out.append(LeftOut(one.photo, one.identity, "spare", "not the reference photo"))
    if not chosen:
        raise UsageError(f"--reference {reference!r} matches the name of no photo")
    return chosen, left_out


def _make_gallery(
    files: Sequence[PhotoFile],
    seen: Sequence[SeenPhoto],
    left_out: Sequence[LeftOut],
    embedder: Embedder,
    config: EnrollConfig,
) -> Gallery:
    spec, out = embedder.spec, list(left_out)
    photos: dict[str, list[SeenPhoto]] = {}
    for file, one in zip(files, seen, strict=True):
        mine = photos.setdefault(file.identity or "", [])
        if one.status is not Status.KEPT:
            out.append(LeftOut(one.photo, file.identity, str(one.status), one.reason or ""))
        elif mine and config.anchor == "one":
            out.append(LeftOut(one.photo, file.identity, "spare", "another photo stands for this person"))
        else:
            mine.append(one)
    names = sorted((name for name, mine in photos.items() if mine), key=str.encode)
    if not names:
        raise GalleryError(
            f"no person can be enrolled: none of {len(out):,} photos shows a face that can be used, such as "
            f"{out[0].photo!r} ({out[0].reason})"
        )
    # a photo has one face here: the face rule has chosen it
    rows = [np.stack([one.outputs[0] for one in photos[name]]) for name in names]
    return Gallery(
        tuple(names),
        np.stack([mean_embedding(some, spec.metric, spec.normalised) for some in rows]),
        tuple(tuple(one.photo for one in photos[name]) for name in names),
        embedder.fingerprint(),
        spec.metric,
        spec.threshold if config.threshold is None else config.threshold,
        config.anchor,
        tuple(sorted(out, key=lambda one: one.photo.encode())),
    )
