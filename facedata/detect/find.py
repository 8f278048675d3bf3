"""From opened photos to their faces, on as few pixels as will do.

A large photo is first searched in a reduced decoding. Where that leaves the choice open, or shows the chosen
face on too few pixels for exact eyes, it is searched again in a finer one. Which pixels a photo is searched
on depends on that photo and the rules of the search, never on the crop's template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import DetectorError, ImageError
from ..photos.picture import Picture
from ..types import Face, UInt8Image
from .base import Detector, check_faces
from .search import Search

Found = list[Face] | DetectorError | ImageError
"""The outcome of one photo."""

SEARCHED_PX = 640
"""Longer side that a photo is first searched at, at least, where it has as many pixels."""
_FACE_PX = 48
"""Side of a face below which its eyes would be less exact: O-Net's crop."""
_SMALLEST_PX = 20.0
"""Smallest face searched for in a reduced photo, in its pixels; smaller ones are left to the whole photo."""
BATCH_PIXELS = 8_000_000
"""Photos are decoded and shown to the detector together up to here, and one more: it bounds the memory."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """A photo, the part of it to search, and what is wanted there.

    Attributes:
        picture: the photo.
        region: x0 y0 x1 y1 in whole pixels of the photo.
        search: in pixels of the photo.
    """

    picture: Picture
    region: tuple[int, int, int, int]
    search: Search

    @property
    def first_reduction(self) -> int:
        """The reduction to search first; exhaustive searches need every pixel."""
        if not self.search.can_stop_early:
            return 1
        x0, y0, x1, y1 = self.region
        return self.picture.largest_reduction(SEARCHED_PX, max(x1 - x0, y1 - y0))


def find_faces(wanted: Sequence[Wanted], detector: Detector) -> list[Found]:
    """Find the faces of opened photos.

    Args:
        wanted: the photos.
        detector: sees those of a batch together; when it fails, one by one, so that only the culprit fails.

    Returns:
        For each photo its faces in pixels of the photo; or what was wrong with the detector's answer, or with
        the photo.
    """
    found: dict[int, Found] = {}
    reductions = {index: one.first_reduction for index, one in enumerate(wanted)}
    decoded = 0
    while reductions:
        finer: dict[int, int] = {}
        for batch in _batches(wanted, reductions):
            at = [reductions[index] for index in batch]
            answers = _find_at([wanted[index] for index in batch], at, detector)
            for index, reduction, faces in zip(batch, at, answers, strict=True):
                one, found[index] = wanted[index], faces
                after = _next_reduction(one, faces, reduction)
                if after < reduction:
                    finer[index] = after
                decoded += one.picture.pixels(reduction)
                if reduction < one.first_reduction and decoded > BATCH_PIXELS:
                    one.picture.forget(reduction)  # the crop decodes it again where it needs it
        reductions = finer
    return [found[index] for index in range(len(wanted))]


def _batches(wanted: Sequence[Wanted], reductions: Mapping[int, int]) -> Iterator[list[int]]:
    """Cut what is to be searched into batches of bounded size."""
    batch: list[int] = []
    pixels = 0
    for index, reduction in reductions.items():
        batch.append(index)
        pixels += wanted[index].picture.pixels(reduction)
        if pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _next_reduction(one: Wanted, faces: Found, reduction: int) -> int:
    """Return the reduction that the photo has still to be searched at; the same when it is done."""
    if reduction == 1 or not isinstance(faces, list):
        return reduction
    x0, y0, x1, y1 = one.region
    size = (x1 - x0, y1 - y0)
    corner = np.array([x0, y0, x0, y0], np.float32)
    here = [Face(face.box - corner, face.score, face.landmarks) for face in faces]
    search = _within(one.search, (x0, y0))
    chosen = search.chosen(here, size)
    if chosen is None or not search.is_settled(chosen, size, _SMALLEST_PX * reduction):
        return 1
    side = float((chosen.box[2:] - chosen.box[:2]).min())
    return min(reduction, one.picture.largest_reduction(_FACE_PX, side))


def _find_at(wanted: Sequence[Wanted], reductions: Sequence[int], detector: Detector) -> list[Found]:
    parts = [_part(one, reduction) for one, reduction in zip(wanted, reductions, strict=True)]
    good = [part for part in parts if not isinstance(part, ImageError)]
    found = iter(_detect(detector, [part.image for part in good], [part.search for part in good]))
    return [part if isinstance(part, ImageError) else part.whole(next(found)) for part in parts]


@dataclass(frozen=True, eq=False)
class _Part:
    """What the detector gets to see of a photo."""

    picture: Picture
    reduction: int
    corner: tuple[int, int]
    image: UInt8Image
    search: Search

    def whole(self, found: Found) -> Found:
        """Return its faces in pixels of the photo."""
        if not isinstance(found, list):
            return found
        return [self.picture.whole(face, self.reduction, self.corner) for face in found]


def _part(one: Wanted, reduction: int) -> _Part | ImageError:
    """Cut out the pixels to search."""
    try:
        image = one.picture.at(reduction)
    except ImageError as error:  # it could be decoded at a smaller size
        return error
    x0, y0, x1, y1 = one.region
    corner = (x0 // reduction, y0 // reduction)
    if (x0, y0, x1, y1) != (0, 0, *one.picture.size):
        right, bottom = -(-x1 // reduction), -(-y1 // reduction)
        image = np.ascontiguousarray(image[corner[1] : bottom, corner[0] : right])
    return _Part(one.picture, reduction, corner, image, _reduced(one.search, reduction, corner, one.picture))


def _within(search: Search, corner: tuple[int, int]) -> Search:
    if search.given_box is None or corner == (0, 0):
        return search
    x0, y0, x1, y1 = search.given_box
    left, top = corner
    return replace(search, given_box=(x0 - left, y0 - top, x1 - left, y1 - top))


def _reduced(search: Search, reduction: int, corner: tuple[int, int], picture: Picture) -> Search:
    """Return a search in pixels of the reduced photo's part."""
    if reduction > 1:
        search = replace(search, min_face_px=max(search.min_face_px / reduction, _SMALLEST_PX))
        if search.given_box is not None:
            origin = np.tile(picture.header.origin(reduction), 2)
            x0, y0, x1, y1 = ((np.asarray(search.given_box) - origin) / reduction).tolist()
            search = replace(search, given_box=(x0, y0, x1, y1))
    return _within(search, corner)


def _detect(detector: Detector, images: Sequence[UInt8Image], searches: Sequence[Search]) -> list[Found]:
    """Detect over a batch; when that fails, photo by photo, so that only the culprit's row fails."""
    try:
        found = _answers(detector, images, searches) if images else []
    except Exception:  # noqa: BLE001  a detector may raise anything; which photo made it do so is found here
        found = [_detect_alone(detector, *one) for one in zip(images, searches, strict=True)]
    return [_checked(faces, image) for faces, image in zip(found, images, strict=True)]


def _answers(detector: Detector, images: Sequence[UInt8Image], searches: Sequence[Search]) -> list[Any]:
    found = list(detector.detect(images, searches))
    if len(found) != len(images):
        raise DetectorError(f"the detector gave {len(found)} answers for {len(images)} photos")
    return found


def _detect_alone(detector: Detector, image: UInt8Image, search: Search) -> Any:
    try:
        return _answers(detector, [image], [search])[0]
    except DetectorError as error:
        return error
    except Exception as error:  # noqa: BLE001  becomes this photo's row, with its reason
        return DetectorError(
            f"the detector failed: {type(error).__name__}: {' '.join(str(error).split())[:160]}"
        )


def _checked(answer: Any, image: UInt8Image) -> Found:
    """Return an answer's faces in the ledger's own precision: a crop cut again from there is the same."""
    if isinstance(answer, DetectorError):
        return answer
    try:
        faces = [_exact(face) for face in answer]
        check_faces(faces, image.shape[1], image.shape[0])
    except DetectorError as error:
        return error
    except (AttributeError, TypeError, ValueError) as error:
        return DetectorError(f"the detector returned no faces: {type(error).__name__}: {str(error)[:160]}")
    return faces


def _exact(face: Face) -> Face:
    box, landmarks = np.asarray(face.box, np.float32), np.asarray(face.landmarks, np.float32)
    if box.shape != (4,) or landmarks.shape != (5, 2):
        raise DetectorError(
            f"the detector returned a box of shape {box.shape} and landmarks of shape {landmarks.shape}, not "
            "(4,) and (5, 2)"
        )
    return Face(box, float(face.score), landmarks)
