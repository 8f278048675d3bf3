"""From a folder or a file per person to a gallery; every photo is accounted for."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from facedata.errors import UsageError
from facedata.options import resolve_options
from facedata.tables.names import join_names, name_notes
from facedata.types import Status

from ..bar import with_bar
from ..batches.reader import OnProgress
from ..config import EnrollConfig
from ..errors import GalleryError
from ..models.embedder import Embedder, open_model
from ..outputs import npz_out, parquet_out
from ..recognition.escaped_names import UNKNOWN, escape_name
from ..recognition.faces import FaceSearch, SeenPhoto, search_photos
from ..recognition.gallery import Gallery, LeftOut, is_gallery, mean_embedding
from ..recognition.gallery_arrays import write_arrays
from ..recognition.gallery_threshold import GIVEN, GalleryThreshold, choose_gallery_threshold
from ..recognition.naming import check_threshold
from ..recognition.photos import PhotoFile, empty_folders, list_folder

logger = logging.getLogger(__name__)

_NUMBERED = re.compile(r"(.*[^\W\d_])[\s_.-]*\(?\d+\)?")
"""A file's name that ends in a number: ``anna_1``, ``anna (2)``, ``IMG_0007``."""


@with_bar("photo")
def enroll(
    model: str | os.PathLike[str] | Embedder,
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: EnrollConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> Gallery:
    """Make a gallery of the people in a folder, which holds a folder of photos or one photo for each.

    Args:
        model: a ready model's name, a run folder, an ONNX file with its spec beside it, or an open model.
        folder: a photo in a folder shows the person the folder is named after; one that lies beside the
            folders shows the person the file is named after.
        out: the gallery's file.
        config: the options; ``changes`` win over it.
        on_progress: called after each photo with the number done, and the total.
        **changes: single options by name.

    Returns:
        The gallery; ``left_out`` lists the photos that are not used, with the reason.

    Raises:
        UsageError: impossible options, no such detector, or neither the model nor the options have a
            threshold.
        SourceError: the folder is missing or holds no photo.
        GalleryError: no photo at all shows a face.
        ModelError: there is no model.
        StoreError: the gallery cannot be written.
    """
    config = resolve_options(EnrollConfig, config, changes)
    out = parquet_out(out, "a gallery", is_gallery)
    arrays = None if config.npz is None else npz_out(config.npz)
    files = _name_photos(list_folder(folder), config.names)
    embedder = open_model(model, config.device, weights=config.weights)
    _choose_threshold(embedder, 1, config)  # without one, nobody has to wait for the photos to be searched
    chosen, left_out = _choose_photos(files, config.reference)
    names = {one.identity for one in files}
    left_out += [
        LeftOut(path, name, str(Status.NO_FACE), "the folder is empty")
        for path, name in empty_folders(folder)
        if name not in names
    ]
    seen: list[SeenPhoto] = []
    search = FaceSearch(config.face, config.min_score, config.min_face, config.detector)
    for photo in search_photos(chosen, embedder, search, embedder.embed):
        seen.append(replace(photo, data=b""))
        if on_progress is not None:
            on_progress(len(seen), len(chosen))
    gallery = _make_gallery(chosen, seen, left_out, embedder, config)
    if gallery.doubt is not None:
        logger.warning("%s", gallery.doubt)
    gallery.write(out)
    if arrays is not None:
        write_arrays(gallery, arrays)
    return gallery


def _name_photos(files: Sequence[PhotoFile], names: str) -> list[PhotoFile]:
    """Return the photos with the names of their people: the folder's, else the file's without its ending.

    Names that look the same are one person's, unless ``names`` is ``exact``; what a user should know about
    names is logged.
    """
    loose = {one.photo: one.photo.rpartition(".")[0] for one in files if one.identity is None}
    named = [replace(one, identity=one.identity or loose[one.photo]) for one in files]
    numbered: dict[str, list[str]] = {}
    for stem in sorted(set(loose.values()), key=str.encode):
        if match := _NUMBERED.fullmatch(stem):
            numbered.setdefault(match[1], []).append(stem)
    for start, stems in numbered.items():
        if len(stems) > 1:
            text = ", ".join(escape_name(stem) for stem in stems[:3])
            more = f" and {len(stems) - 3:,} more" if len(stems) > 3 else ""
            logger.warning(
                "%s%s lie in no folder and count as different people: put photos of one person into a folder "
                "with that person's name, such as %s",
                text, more, escape_name(start),
            )  # fmt: skip
    every = {one.identity for one in named if one.identity is not None}
    joined = join_names(every) if names == "merge" else {}
    for note in name_notes(every, joined):
        logger.warning("%s", note)
    return [replace(one, identity=joined.get(one.identity or "", one.identity)) for one in named]


def _choose_threshold(embedder: Embedder, people: int, config: EnrollConfig) -> GalleryThreshold:
    """Return the gallery's threshold: the one that is given, else by the model's validation.

    Raises:
        UsageError: there is none, or the metric cannot have it.
    """
    if config.threshold is not None:
        check_threshold(config.threshold, embedder.spec.metric)
        return GalleryThreshold(config.threshold, GIVEN)
    chosen = choose_gallery_threshold(embedder.spec, people, config.far)
    if chosen is None:
        raise UsageError(
            f"{embedder.name} has no threshold, so a gallery of it could name nobody: choose one and keep it "
            f"with `facemodel evaluate {embedder.name} SET --keep-threshold --out DIR`, or give a --threshold"
        )
    return chosen


def _choose_photos(
    files: Sequence[PhotoFile], reference: str | None
) -> tuple[list[PhotoFile], list[LeftOut]]:
    """Return the photos to use, and those left out: without a person, or not needed."""
    named, left_out = list[PhotoFile](), list[LeftOut]()
    for one in files:
        if one.identity is None:
            why = "it has no name"
        elif one.identity.casefold() == UNKNOWN:
            why = f"nobody is called so: rename the {'folder' if '/' in one.photo else 'file'}"
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
    threshold = _choose_threshold(embedder, len(names), config)
    # a photo has one face here: the face rule has chosen it
    rows = [np.stack([one.outputs[0] for one in photos[name]]) for name in names]
    return Gallery(
        tuple(names),
        np.stack([mean_embedding(some, spec.metric, spec.normalised) for some in rows]),
        tuple(tuple(one.photo for one in photos[name]) for name in names),
        embedder.fingerprint(),
        spec.metric,
        threshold.value,
        config.anchor,
        tuple(sorted(out, key=lambda one: one.photo.encode())),
        threshold.basis,
        threshold.doubt,
    )
