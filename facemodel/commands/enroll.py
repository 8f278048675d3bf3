"""From a folder per person to a gallery; every photo is accounted for."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from facedata.errors import UsageError
from facedata.options import resolved
from facedata.types import Status

from ..config import EnrollConfig
from ..errors import GalleryError
from ..recognition.escaped_names import UNKNOWN, shown
from ..recognition.gallery import Gallery, LeftOut, in_byte_order, is_gallery, stand_in
from ..recognition.photos import (
    FaceSearch,
    PhotoFile,
    SeenPhoto,
    empty_folders,
    look_at,
    opened,
    photos_below,
)
from .outputs import parquet_out

if TYPE_CHECKING:
    from ..models.embedder import Embedder

logger = logging.getLogger(__name__)


def enroll(
    model: str | os.PathLike[str] | Embedder,
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: EnrollConfig | None = None,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    **changes: Any,
) -> Gallery:
    """Make a gallery of the people in a folder, each of whom has a folder of photos there.

    Args:
        model: a run folder, an ONNX file with its spec beside it, or an opened model.
        folder: the people's folders; a photo shows who its own folder is called after.
        out: the gallery's file.
        config: the options; ``changes`` win over it.
        on_progress: called after each photo with how many are done, and of how many.
        **changes: single options by name.

    Returns:
        The gallery; ``left_out`` lists the photos that stand for nobody, with the reason.

    Raises:
        UsageError: impossible options, or no such detector.
        SourceError: the folder is missing or holds no photo.
        GalleryError: no photo at all shows a face.
        ModelError: no model there.
        StoreError: the gallery cannot be written.
    """
    config = resolved(EnrollConfig, config, changes)
    out = parquet_out(out, "a gallery", is_gallery)
    files = photos_below(folder)
    embedder = opened(model, config.device)
    wanted, left_out = _wanted(files, config)
    known = {one.identity for one in files}
    left_out += [
        LeftOut(path, name, str(Status.NO_FACE), "the folder is empty")
        for path, name in empty_folders(folder)
        if name not in known
    ]
    _warn_of_twins({one.identity for one in wanted if one.identity is not None})
    seen: list[SeenPhoto] = []
    search = FaceSearch(config.face, config.min_score, config.min_face, config.detector)
    for photo in look_at(wanted, embedder, search, embedder.embed):
        seen.append(replace(photo, data=b""))
        if on_progress is not None:
            on_progress(len(seen), len(wanted))
    gallery = _gallery(wanted, seen, left_out, embedder, config)
    gallery.write(out)
    return gallery


def _wanted(files: Sequence[PhotoFile], config: EnrollConfig) -> tuple[list[PhotoFile], list[LeftOut]]:
    """Return the photos to look at, and those that belong to nobody or that no one needs."""
    nobody = [
        LeftOut(one.photo, None, str(Status.NO_IDENTITY), "it lies in no person's folder")
        for one in files
        if one.identity is None
    ]
    nobody += [
        LeftOut(one.photo, one.identity, str(Status.NO_IDENTITY), "nobody is called so: rename the folder")
        for one in files
        if _is_unknown(one.identity)
    ]
    named = [one for one in files if one.identity is not None and not _is_unknown(one.identity)]
    if config.reference is None:
        return named, nobody
    # the name as it stands on disk may be written in either case
    pattern = config.reference.casefold()
    chosen = [one for one in named if fnmatchcase(one.photo.rpartition("/")[2].casefold(), pattern)]
    if not chosen:
        raise UsageError(f"--reference {config.reference!r} matches the name of no photo")
    others = {one.photo for one in named} - {one.photo for one in chosen}
    spare = [
        LeftOut(one.photo, one.identity, "spare", "not the reference photo")
        for one in named
        if one.photo in others
    ]
    return chosen, nobody + spare


def _is_unknown(identity: str | None) -> bool:
    """Tell whether somebody would be called what `identify` calls those it does not know."""
    return identity is not None and identity.casefold() == UNKNOWN


def _warn_of_twins(names: Set[str]) -> None:
    """Say which people differ in nothing that a reader sees: two folders of one person, most likely."""
    alike: dict[str, list[str]] = {}
    for name in in_byte_order(list(names)):
        alike.setdefault(unicodedata.normalize("NFC", name).casefold(), []).append(name)
    for twins in alike.values():
        if len(twins) > 1:
            said = " and ".join(shown(name) for name in twins)
            logger.warning("%s are taken for different people: rename one folder if they are not", said)


def _gallery(
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
    names = in_byte_order([name for name, mine in photos.items() if mine])
    if not names:
        raise GalleryError(_nobody(out))
    return Gallery(
        tuple(names),
        np.stack([_stand_in(photos[name], spec.metric, spec.normalised) for name in names]),
        tuple(tuple(one.photo for one in photos[name]) for name in names),
        embedder.fingerprint(),
        spec.metric,
        spec.threshold if config.threshold is None else config.threshold,
        config.anchor,
        tuple(sorted(out, key=lambda one: one.photo.encode())),
    )


def _stand_in(photos: Sequence[SeenPhoto], metric: str, normalised: bool) -> np.ndarray[Any, Any]:
    # one face a photo: the rule has chosen
    return stand_in(np.stack([one.outputs[0] for one in photos]), metric, normalised)


def _nobody(left_out: Sequence[LeftOut]) -> str:
    first = left_out[0]
    return (
        f"nobody can be enrolled: none of {len(left_out):,} photos shows a face that can be used, such as "
        f"{first.photo!r} ({first.reason})"
    )
