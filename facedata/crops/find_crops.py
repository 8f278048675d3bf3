"""The public function from one photo to its crops, which are the same as in a prepared set."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from ..config import DETECTORS, PrepareConfig
from ..detect.base import Detector
from ..detect.factory import make_factory
from ..detect.find import SearchRegion, find_faces
from ..detect.search import SearchRule
from ..detect.turn import find_upright_faces
from ..errors import UsageError
from ..photos.picture import Picture
from ..types import Crop, UInt8Image
from .cut import cut_crop, make_shape


def find_crops(
    image: UInt8Image | bytes | str | os.PathLike[str],
    *,
    face: str | None = None,
    template: str = "square",
    size: int | None = None,
    margin: float = 0.0,
    min_score: float = 0.9,
    min_face: float = 20.0,
    detector: Detector | str = "mtcnn",
    device: str = "cpu",
    weights: str | None = None,
    turn: str = "auto",
) -> list[Crop]:
    """Find faces in a photo and cut each out as ``prepare`` would under the same rule.

    Args:
        image: a photo's file or bytes, which give exactly the crop of a prepared set; or its pixels,
            ``(height, width, 3)`` uint8 RGB, upright (see :func:`facedata.decode`).
        face: a face rule (``largest``, ``center``, ``score``, ``only``) for at most one crop; None for
            every face. A search for every face is finer, and may find a face's eyes at slightly
            different points than a search for one.
        template: how a face lies in its crop.
        size: the crop's side in pixels; None for the template's own (240 for ``square``).
        margin: grow the box by this fraction of its side, on each side.
        min_score: least score, 0 … 1.
        min_face: least side of a face's box, in pixels.
        detector: a detector, or the name of one (its networks are loaded once and kept).
        device: where a detector given by name runs, ``cpu`` or ``cuda``.
        weights: a file with its weights; None for those in the cache, downloaded on first use.
        turn: ``auto`` turns a photo by its EXIF data and, where its face still lies on its side or stands on
            its head, by the rest; ``exif`` by its EXIF data alone; ``never`` not at all.

    Returns:
        The crops, largest face first; an empty list if there is none.

    Raises:
        UsageError: an unknown template, rule, device or detector, or a number out of range.
        DetectorError: the detector failed, or returned nonsense.
        DownloadError: its weights cannot be downloaded.
        MissingExtraError: it needs a package that is not installed.
        ImageError: the bytes cannot be decoded.
        OSError: the file cannot be read.

    >>> import numpy as np
    >>> find_crops(np.zeros((100, 100, 3), np.uint8))
    []
    """
    # checks the values
    PrepareConfig(
        template=template, size=size, face=face, device=device, margin=margin, min_face=min_face,
        min_score=min_score, turn=turn,
    )  # fmt: skip
    if device == "auto":
        raise UsageError("the device is 'auto', which is for prepare; name cpu or cuda")
    shape = make_shape(template, size, margin)
    if isinstance(detector, str):
        detector = _load_detector(DETECTORS.get(detector), detector, min_face, device, weights)
    if isinstance(image, str | os.PathLike):
        image = Path(image).read_bytes()
    if isinstance(image, bytes):
        picture = Picture(image, turn_exif=turn != "never")
    else:
        picture = Picture.of_pixels(image)
    rule = SearchRule(face or "all", min_score, min_face)
    find = find_upright_faces if turn == "auto" else find_faces
    (faces,) = find([SearchRegion(picture, (0, 0, *picture.size), rule)], detector)
    if not isinstance(faces, list):
        raise faces
    if face is not None:
        chosen, _, _ = rule.choose(faces, picture.size)
        return [] if chosen is None else [cut_crop(picture, chosen, shape)]
    sure = [one for one in faces if one.score >= min_score and min(one.box[2:] - one.box[:2]) >= min_face]
    sure.sort(key=lambda one: (-float((one.box[2:] - one.box[:2]).prod()), one.box.tolist()))
    return [cut_crop(picture, one, shape) for one in sure]


@lru_cache(maxsize=4)
def _load_detector(row: object, name: str, min_face_px: float, device: str, weights: str | None) -> Detector:
    """Load a detector; the last four stay loaded, as long as their entries in the table are the same."""
    return make_factory(name, min_face_px, device, weights)()
