"""From opened photos to their faces, decoding as few pixels as possible.

A large photo is first decoded and searched at a reduced size. If that leaves the choice open, or gives the
chosen face too few pixels for exact eyes, the photo is searched again at a larger size. The sizes searched
depend only on the photo and the rule of the search, never on the crop's template.
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
from .quarter_turns import turn_back, turn_box, turn_image
from .search import SearchRule

Outcome = list[Face] | DetectorError | ImageError
"""The result for one photo: its faces, or the error."""

SEARCHED_PX = 640
"""Least longer side of the reduced photo that is searched first."""
_FACE_PX = 48
"""Side of O-Net's crop: the eyes of a smaller face are less exact."""
_SMALLEST_PX = 20.0
"""Smallest face searched for in a reduced photo, in its pixels; smaller ones need the full size."""
BATCH_PIXELS = 8_000_000
"""A batch of photos for the detector ends with the photo that reaches this: it bounds the memory."""


@dataclass(frozen=True, eq=False)
class SearchRegion:
    """A photo, the part of it to search, and the rule for choosing a face.

    Attributes:
        picture: the photo.
        region: x0 y0 x1 y1 in whole pixels of the photo.
        rule: in pixels of the photo.
        turned_deg: by how many degrees clockwise the region is turned before it is searched.
    """

    picture: Picture
    region: tuple[int, int, int, int]
    rule: SearchRule
    turned_deg: int = 0

    @property
    def first_reduction(self) -> int:
        """The reduction to search first; exhaustive searches need every pixel."""
        if not self.rule.can_stop_early:
            return 1
        x0, y0, x1, y1 = self.region
        return self.picture.largest_reduction(SEARCHED_PX, max(x1 - x0, y1 - y0))


def find_faces(
    regions: Sequence[SearchRegion], detector: Detector, reduced_only: bool = False
) -> list[Outcome]:
    """Find the faces of opened photos.

    Args:
        regions: the photos.
        detector: gets a batch of photos at once; if it fails, one by one, so that only the culprit fails.
        reduced_only: search each photo only at the size that is searched first.

    Returns:
        For each photo its faces in pixels of the photo, or the error of the detector or the photo.
    """
    outcomes: dict[int, Outcome] = {}
    reductions = {index: region.first_reduction for index, region in enumerate(regions)}
    decoded = 0
    while reductions:
        finer: dict[int, int] = {}
        for batch in _batches(regions, reductions):
            results = _search([(regions[index], reductions[index]) for index in batch], detector)
            for index, outcome in zip(batch, results, strict=True):
                region, reduction, outcomes[index] = regions[index], reductions[index], outcome
                after = _next_reduction(region, outcome, reduction)
                if after < reduction and not reduced_only:
                    finer[index] = after
                decoded += region.picture.pixels(reduction)
                if reduction < region.first_reduction and decoded > BATCH_PIXELS:
                    region.picture.forget(reduction)  # cutting the crop decodes it again if needed
        reductions = finer
    return [outcomes[index] for index in range(len(regions))]


def _batches(regions: Sequence[SearchRegion], reductions: Mapping[int, int]) -> Iterator[list[int]]:
    """Divide the photos to search into batches of bounded size."""
    batch: list[int] = []
    pixels = 0
    for index, reduction in reductions.items():
        batch.append(index)
        pixels += regions[index].picture.pixels(reduction)
        if pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _next_reduction(region: SearchRegion, outcome: Outcome, reduction: int) -> int:
    """Return the reduction to search the photo at next; the same one if the search is done."""
    if reduction == 1 or not isinstance(outcome, list):
        return reduction
    x0, y0, x1, y1 = region.region
    size = (x1 - x0, y1 - y0)
    corner = np.array([x0, y0, x0, y0], np.float32)
    here = [replace(face, box=face.box - corner) for face in outcome]
    rule = _reduce_rule(region, 1)
    chosen, _, _ = rule.choose(here, size)
    if chosen is None or not rule.can_stop(chosen, size, _SMALLEST_PX * reduction):
        return 1
    side = float((chosen.box[2:] - chosen.box[:2]).min())
    return min(reduction, region.picture.largest_reduction(_FACE_PX, side))


def _reduce_rule(region: SearchRegion, reduction: int) -> SearchRule:
    """Convert the rule to pixels of the region in the reduced photo."""
    rule = region.rule
    if reduction > 1:
        rule = replace(rule, min_face_px=max(rule.min_face_px / reduction, _SMALLEST_PX))
    if rule.given_box is None:
        return rule
    x0, y0, x1, y1 = rule.given_box
    if reduction > 1:
        origin = np.tile(region.picture.header.origin(reduction), 2)
        x0, y0, x1, y1 = ((np.asarray(rule.given_box) - origin) / reduction).tolist()
    left, top = region.region[0] // reduction, region.region[1] // reduction
    return replace(rule, given_box=(x0 - left, y0 - top, x1 - left, y1 - top))


def _search(batch: Sequence[tuple[SearchRegion, int]], detector: Detector) -> list[Outcome]:
    """Search each photo at its reduction; return the faces in pixels of the photo.

    If the detector fails on the batch, it gets the photos one by one, so that only the culprit's row fails.
    """
    outcomes: list[Outcome] = []
    images, rules = [], []
    for region, reduction in batch:
        try:
            image = region.picture.at(reduction)
        except ImageError as error:  # possible even if it could be decoded at a smaller size
            outcomes.append(error.with_traceback(None))  # the traceback would keep all images in memory
            continue
        if region.region != (0, 0, *region.picture.size):
            x0, y0, x1, y1 = region.region
            right, bottom = -(-x1 // reduction), -(-y1 // reduction)
            image = np.ascontiguousarray(image[y0 // reduction : bottom, x0 // reduction : right])
        outcomes.append([])
        rule = _reduce_rule(region, reduction)
        if region.turned_deg and rule.given_box is not None:
            size = image.shape[1], image.shape[0]
            box = turn_box(np.array(rule.given_box, np.float32), region.turned_deg, size)
            rule = replace(rule, given_box=tuple(box.tolist()))
        images.append(turn_image(image, region.turned_deg))
        rules.append(rule)
    answers = _ask(detector, images, rules) if images else []
    if isinstance(answers, DetectorError):
        alone = [_ask(detector, [image], [rule]) for image, rule in zip(images, rules, strict=True)]
        answers = [one if isinstance(one, DetectorError) else one[0] for one in alone]
    searched = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, list)]
    for index, image, answer in zip(searched, images, answers, strict=True):
        if isinstance(answer, DetectorError):
            outcomes[index] = answer
            continue
        region, reduction = batch[index]
        corner = (region.region[0] // reduction, region.region[1] // reduction)
        try:
            size = image.shape[1], image.shape[0]
            faces = [turn_back(face, region.turned_deg, size) for face in check_faces(answer, *size)]
            outcomes[index] = [region.picture.full_size(face, reduction, corner) for face in faces]
        except DetectorError as error:
            outcomes[index] = error.with_traceback(None)
    return outcomes


def _ask(
    detector: Detector, images: Sequence[UInt8Image], rules: Sequence[SearchRule]
) -> list[Any] | DetectorError:
    """Return one answer per photo, or the error; a detector may raise or return anything."""
    try:
        answers = list(detector.detect(images, rules))
    except DetectorError as error:
        return error
    except Exception as error:  # noqa: BLE001  becomes a photo's row, with its reason
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        return DetectorError(f"the detector failed: {reason}")
    if len(answers) != len(images):
        return DetectorError(f"the detector gave {len(answers)} answers for {len(images)} photos")
    return answers
