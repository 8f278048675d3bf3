"""From a photo's bytes to its faces' embeddings: the only place where this package looks for faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from facedata import find_crops
from facedata.crops.codec import decode_crop, encode_crop
from facedata.detect.choose import box_iou
from facedata.errors import ImageError, TooLargeImageError, UnsupportedImageError
from facedata.types import Crop, Face, Float32Array, Status, UInt8Image

from ..errors import ModelError
from ..models.embedder import Embedder
from .photos import PhotoFile

Output = Callable[[UInt8Image], Float32Array]
"""From crops, ``(n, size, size, 3)`` uint8 RGB, to n rows."""

_SAME_FACE = 0.4
"""Two boxes with at least this overlap (IoU) are of one face."""

_NONE = np.empty((0, 0), np.float32)
_STATUS = {UnsupportedImageError: Status.UNSUPPORTED, TooLargeImageError: Status.TOO_LARGE}


@dataclass(frozen=True)
class FaceSearch:
    """How to look for faces in a photo; the names mean what they mean as options of ``facedata prepare``.

    Attributes:
        face: which of several; None for all.
        min_score: lowest score, 0 … 1.
        min_face: smallest side of a face's box, in photo pixels.
        detector: the network's name.
    """

    face: str | None = None
    min_score: float = 0.9
    min_face: float = 20.0
    detector: str = "mtcnn"


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """A photo and the faces found in it.

    Attributes:
        photo: its path as text.
        faces: those found, largest first.
        outputs: ``(len(faces), …)`` float32, what the network returns for each: embeddings or logits.
        status: ``kept``, or why there is no face: ``no_face``, ``unreadable`` …, as in facedata's ledger.
        reason: the same in words; None if a face was found.
        data: the file's bytes; empty if it could not be read.
    """

    photo: str
    faces: tuple[Face, ...]
    outputs: Float32Array
    status: Status
    reason: str | None = None
    data: bytes = field(default=b"", repr=False)


def search_photos(
    photos: Sequence[PhotoFile], embedder: Embedder, search: FaceSearch, output: Output
) -> Iterator[SeenPhoto]:
    """Yield the faces of each photo, in order; a photo that cannot be used has a reason.

    A face's embedding is the one its crop would have in a set that ``facedata prepare`` made: the crop goes
    through JPEG here, too.

    Args:
        photos: the photos.
        embedder: the model; crops are made as its spec says.
        search: how to look for faces.
        output: what to compute of each face: the model's ``embed``, or its logits.

    Raises:
        UsageError: there is no such detector.
        DetectorError: the detector failed.
        ModelError: the network returns NaN.
    """
    for one in photos:
        if one.path is None:
            yield SeenPhoto(one.photo, (), _NONE, Status.UNSUPPORTED, one.reason)
            continue
        try:
            data = one.path.read_bytes()
        except OSError as error:
            yield SeenPhoto(one.photo, (), _NONE, Status.UNREADABLE, error.strerror or str(error))
            continue
        try:
            crops = _find_face_crops(data, embedder, search)
        except ImageError as error:
            status = _STATUS.get(type(error), Status.UNREADABLE)
            yield SeenPhoto(one.photo, (), _NONE, status, str(error), data)
            continue
        if not crops:
            none = f"no face with a score of {search.min_score:g} and {search.min_face:g} px"
            yield SeenPhoto(one.photo, (), _NONE, Status.NO_FACE, none, data)
            continue
        outputs = output(np.stack([decode_crop(encode_crop(crop.image)) for crop in crops]))
        if not np.isfinite(outputs).all():
            raise ModelError(f"the network gives NaN or infinity for the photo {one.photo}: useless weights")
        yield SeenPhoto(one.photo, tuple(crop.face for crop in crops), outputs, Status.KEPT, None, data)


def reading_order(boxes: Sequence[Sequence[float]]) -> list[int]:
    """Return the order in which people read faces: rows from top to bottom, each from left to right.

    A face is in the row above it if their heights overlap by at least half of the smaller height; a row
    reaches from the mean top of its faces to their mean bottom.

    >>> reading_order([(200, 40, 240, 80), (0, 100, 40, 140), (100, 0, 140, 40), (0, 10, 40, 50)])
    [3, 2, 0, 1]
    """
    rows: list[list[int]] = []
    for face in sorted(range(len(boxes)), key=lambda one: (boxes[one][1] + boxes[one][3], one)):
        _, top, _, bottom = boxes[face]
        if rows:
            above, below = (sum(boxes[one][edge] for one in rows[-1]) / len(rows[-1]) for edge in (1, 3))
            shared = min(bottom, below) - max(top, above)
            if 2 * shared >= min(bottom - top, below - above):
                rows[-1].append(face)
                continue
        rows.append([face])
    return [face for row in rows for face in sorted(row, key=lambda one: (boxes[one][0], one))]


def _find_face_crops(data: bytes, embedder: Embedder, search: FaceSearch) -> list[Crop]:
    """Return a photo's crops, largest face first.

    A search for every face looks at the photo more finely than a search for one, and finds the eyes at
    slightly different places. The largest face is taken from the search for one: that is how the photos of
    training sets and galleries are searched, and the same photo must give the same embedding.
    """
    spec = embedder.spec
    find = partial(
        find_crops,
        data,
        template=spec.template,
        size=spec.crop_px or spec.size_px,
        margin=spec.margin,
        min_score=search.min_score,
        min_face=search.min_face,
        detector=search.detector,
        device=str(embedder.device).partition(":")[0],  # beside the network
    )
    crops = find(face=search.face)
    if search.face is not None or not crops:
        return crops
    for one in find(face="largest"):
        shares = [box_iou(one.face.box, other.face.box) for other in crops]
        if max(shares) >= _SAME_FACE:
            crops[int(np.argmax(shares))] = one
        else:
            crops.insert(0, one)
    return crops
