"""The public way from one photo to its crops, the same as in a prepared set."""

from __future__ import annotations

from functools import lru_cache

from ..config import PrepareConfig
from ..detect import DETECTOR_FACTORIES, with_weights
from ..detect.base import Detector
from ..detect.choose import choose
from ..detect.find import Wanted, find_faces
from ..detect.search import Search
from ..errors import UsageError
from ..photos.picture import Picture
from ..types import Crop, Face, UInt8Image
from .align import DEFAULT_SIZES
from .cut import CropShape, cut_crop


def find_crops(
    image: UInt8Image | bytes,
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
) -> list[Crop]:
    """Find faces in a photo and cut each out as ``prepare`` would under the same rule.

    Args:
        image: a photo's bytes, from which the crop is to the byte the one in a prepared set; or its pixels,
            ``(height, width, 3)`` uint8 RGB, upright (see :func:`facedata.photos.image.decode`).
        face: a face rule (``largest``, ``center``, ``score``, ``only``) for at most one crop; None for
            every face. Who looks for all looks finer, and may see a face's eyes a little elsewhere than who
            looks for one.
        template: how a face lies in its crop.
        size: the crop's side in pixels; None for the template's own (240 for ``square``).
        margin: grow the box by this fraction of its side, on each side.
        min_score: least score, 0 … 1.
        min_face: least side of a face's box, in pixels.
        detector: a detector, or the name of one (its networks are loaded once and kept).
        device: where a detector given by name runs, ``cpu`` or ``cuda``.
        weights: a file with its weights; None for those in the cache, downloaded at first.

    Returns:
        The crops, largest face first; an empty list where there is none.

    Raises:
        UsageError: an unknown template, rule, device or detector, or a number out of range.
        DetectorError: the detector failed, or returned nonsense.
        DownloadError: its weights cannot be downloaded.
        MissingExtraError: it needs a package that is not installed.
        ImageError: the bytes cannot be decoded.

    >>> import numpy as np
    >>> find_crops(np.zeros((100, 100, 3), np.uint8))
    []
    """
    # the options of `prepare` know what is possible, and say it well
    PrepareConfig(
        template=template, size=size, face=face, device=device, margin=margin, min_face=min_face,
        min_score=min_score,
    )  # fmt: skip
    if device == "auto":
        raise UsageError("the device is 'auto', which is for prepare; name cpu or cuda")
    shape = CropShape(template, size or DEFAULT_SIZES[template], margin)
    finder = _named(detector, min_face, device, weights) if isinstance(detector, str) else detector
    picture = Picture(image) if isinstance(image, bytes) else Picture.of_pixels(image)
    faces = _wanted_faces(picture, Search(face or "all", min_score, min_face), finder)
    return [cut_crop(picture, one, shape) for one in faces]


def _wanted_faces(picture: Picture, search: Search, detector: Detector) -> list[Face]:
    """Return the face that the rule chooses; or all that are sure and large enough, largest first."""
    found = find_faces([Wanted(picture, (0, 0, *picture.size), search)], detector)[0]
    if not isinstance(found, list):
        raise found
    if search.rule != "all":
        chosen, _, _ = choose(
            found, search.rule, picture.size, min_score=search.min_score, min_face=search.min_face_px
        )
        return [] if chosen is None else [chosen]
    sure = [
        one
        for one in found
        if one.score >= search.min_score and min(one.box[2:] - one.box[:2]) >= search.min_face_px
    ]
    return sorted(sure, key=lambda one: (-float((one.box[2:] - one.box[:2]).prod()), one.box.tolist()))


@lru_cache(maxsize=4)
def _named(name: str, min_face_px: float, device: str, weights: str | None) -> Detector:
    if name not in DETECTOR_FACTORIES:
        raise UsageError(f"there is no detector {name!r}; there are {', '.join(DETECTOR_FACTORIES)}")
    return with_weights(DETECTOR_FACTORIES[name](min_face_px, device), weights)()
