"""From a photo's bytes to its faces' embeddings: the one place where this package looks for faces itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facedata import find_crops
from facedata.crops.codec import decode_crop, encode_crop
from facedata.errors import (
    ImageError,
    SourceError,
    TooLargeImageError,
    UnreadableImageError,
    UnsupportedImageError,
    UsageError,
)
from facedata.files.remote import is_url
from facedata.photos.paths import photo_path, photo_text
from facedata.sources.folder import FolderSource
from facedata.tables.schema import is_set
from facedata.types import Crop, Face, Float32Array, Status, UInt8Image

from ..errors import ModelError
from ..spec import InputSpec

if TYPE_CHECKING:
    from ..models.embedder import Embedder

Output = Callable[[UInt8Image], Float32Array]
"""From crops, ``(n, size, size, 3)`` uint8 RGB, to n rows."""

_SAME_FACE = 0.4
"""Overlap of two boxes from which on they are of one face."""

_NONE = np.empty((0, 0), np.float32)
_STATUS = {
    UnreadableImageError: Status.UNREADABLE,
    UnsupportedImageError: Status.UNSUPPORTED,
    TooLargeImageError: Status.TOO_LARGE,
}


@dataclass(frozen=True)
class FaceSearch:
    """How faces are looked for in a photo; as the options of the same names of ``facedata prepare``.

    Attributes:
        face: which of several; None for every one.
        min_score: least score, 0 … 1.
        min_face: least side of a face's box, in photo pixels.
        detector: the network's name.
    """

    face: str | None = None
    min_score: float = 0.9
    min_face: float = 20.0
    detector: str = "mtcnn"


@dataclass(frozen=True)
class PhotoFile:
    """A photo that was named, or lies in a folder that was.

    Attributes:
        photo: its path as text, below the folder where one was named.
        identity: the folder it lies in, which is its person where people have folders; None for none.
        path: where it can be read; None for a video.
        reason: why it will not be read; None for a photo.
    """

    photo: str
    identity: str | None
    path: Path | None = field(repr=False)
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """A photo that was looked at.

    Attributes:
        photo: its path as text.
        faces: those found, largest first.
        outputs: ``(len(faces), …)`` float32, what the network gives for each: embeddings or logits.
        status: ``kept``, or why there is no face: ``no_face``, ``unreadable`` …, as in facedata's ledger.
        reason: the same in words; None where a face was found.
        data: the file's bytes; empty where it could not be read.
    """

    photo: str
    faces: tuple[Face, ...]
    outputs: Float32Array
    status: Status
    reason: str | None = None
    data: bytes = field(default=b"", repr=False)


def opened(model: str | os.PathLike[str] | Embedder, device: str, workers: int | None = None) -> Embedder:
    """Return a model that is open: a path is opened.

    Raises:
        ModelError: there is none at that path.
        DeviceError: there is no such device.
    """
    if not isinstance(model, (str, os.PathLike)):
        return model
    from ..models.embedder import open_model

    return open_model(os.fspath(model), device, workers)


def photos_below(folder: str | os.PathLike[str]) -> list[PhotoFile]:
    """List a folder's photos and videos, at any depth, in byte order of their paths.

    Raises:
        SourceError: it is missing, holds no photo, or is a prepared set.
    """
    root = Path(folder)
    if is_set(root):
        raise SourceError(
            f"{photo_text(str(root))} is a prepared set; name the folder that the photos themselves lie in"
        )
    scan = FolderSource({"": root}).scan()
    rows = sorted(scan.photos.to_pylist(), key=lambda row: row["photo"].encode())
    return [_listed(root, row["photo"], row["identity"], row["status"]) for row in rows]


def empty_folders(folder: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """List the folders below one that hold nothing at all: each one's path below it, and its name."""
    root = Path(folder)
    empty = [Path(at) for at, folders, files in os.walk(root) if not folders and not files]
    return [
        (photo_text(str(path.relative_to(root))), photo_text(path.name)) for path in empty if path != root
    ]


def photo_files(photos: Sequence[str | os.PathLike[str]]) -> list[PhotoFile]:
    """Return the photos that were named, each folder standing for all it holds.

    Raises:
        SourceError: one of them is not there, or is a folder without photos.
        UsageError: one of them is a URL, or empty.
    """
    files: list[PhotoFile] = []
    for photo in photos:
        path = Path(photo)
        text = photo_text(str(path))
        if not str(photo) or is_url(photo):
            raise UsageError(f"{str(photo)!r} is no photo on this machine: download it, then name the file")
        if path.is_dir():
            files += [
                PhotoFile(f"{text}/{one.photo}", one.identity, one.path, one.reason)
                for one in photos_below(path)
            ]
        elif path.is_file():
            files.append(PhotoFile(text, photo_text(path.absolute().parent.name) or None, path))
        else:
            raise SourceError(f"there is no photo {text}")
    return files


def look_at(
    photos: Sequence[PhotoFile], embedder: Embedder, search: FaceSearch, output: Output
) -> Iterator[SeenPhoto]:
    """Yield what is seen in each photo, in order; a photo that cannot be used says why.

    Args:
        photos: those to look at.
        embedder: the model; crops are made as its spec says.
        search: how faces are looked for.
        output: the model's ``embed``, or what else shall be known of every face.

    A face's embedding is the one its crop would have in a set that ``facedata prepare`` made: the crop is
    JPEG's there, and so it is here.

    Raises:
        UsageError: there is no such detector.
        DetectorError: the detector failed.
        ModelError: the network gives NaN.
    """
    for one in photos:
        if one.path is None:
            yield SeenPhoto(one.photo, (), _NONE, Status.UNSUPPORTED, one.reason)
        else:
            yield _seen(one.photo, one.path, embedder, search, output)


def _seen(photo: str, path: Path, embedder: Embedder, search: FaceSearch, output: Output) -> SeenPhoto:
    try:
        data = path.read_bytes()
    except OSError as error:
        return SeenPhoto(photo, (), _NONE, Status.UNREADABLE, error.strerror or str(error))
    try:
        crops = _crops(data, embedder.spec, search, _device(embedder))
    except ImageError as error:
        status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), Status.UNREADABLE)
        return SeenPhoto(photo, (), _NONE, status, str(error), data)
    if not crops:
        none = f"no face with a score of {search.min_score:g} and {search.min_face:g} px"
        return SeenPhoto(photo, (), _NONE, Status.NO_FACE, none, data)
    images = np.stack([decode_crop(encode_crop(crop.image)) for crop in crops])
    faces = tuple(crop.face for crop in crops)
    outputs = output(images)
    if not np.isfinite(outputs).all():
        raise ModelError(f"the network gives NaN or infinity for the photo {photo}: useless weights")
    return SeenPhoto(photo, faces, outputs, Status.KEPT, None, data)


def _crops(data: bytes, spec: InputSpec, search: FaceSearch, device: str) -> list[Crop]:
    """Return a photo's crops, largest face first.

    Who looks for every face looks finer than who looks for one, and sees its eyes a little elsewhere. The
    largest is taken as the search for one sees it: so was every photo of the set that trained, and of the
    gallery, and the same photo must give the same embedding.
    """
    found = _found(data, spec, search, search.face, device)
    if search.face is not None or not found:
        return found
    for one in _found(data, spec, search, "largest", device):
        shares = [_overlap(one.face, other.face) for other in found]
        if max(shares) >= _SAME_FACE:
            found[int(np.argmax(shares))] = one
        else:
            found.insert(0, one)
    return found


def _found(data: bytes, spec: InputSpec, search: FaceSearch, face: str | None, device: str) -> list[Crop]:
    return find_crops(
        data,
        face=face,
        template=spec.template,
        size=spec.crop_px or spec.size_px,
        margin=spec.margin,
        min_score=search.min_score,
        min_face=search.min_face,
        detector=search.detector,
        device=device,
    )


def _overlap(one: Face, other: Face) -> float:
    """Return the intersection over the union of two faces' boxes."""
    sides = np.clip(np.minimum(one.box[2:], other.box[2:]) - np.maximum(one.box[:2], other.box[:2]), 0, None)
    both = float(sides.prod())
    return both / (sum(float((face.box[2:] - face.box[:2]).prod()) for face in (one, other)) - both)


def _device(embedder: Embedder) -> str:
    """Return where the detector runs: beside the network."""
    return str(embedder.device).partition(":")[0]


def _listed(root: Path, photo: str, identity: str | None, status: str | None) -> PhotoFile:
    if status == Status.UNSUPPORTED:
        return PhotoFile(photo, identity, None, "a video")
    return PhotoFile(photo, identity, root / photo_path(photo))
