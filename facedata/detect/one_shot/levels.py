"""Coarse to fine for detectors that find faces of many sizes in one go.

Every photo is searched at a small size first; finer only while the choice is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ...types import Face, UInt8Image
from ..boxes import distinct
from ..mtcnn.networks import CascadeNetworks
from ..pyramid import Halves
from ..search import Search
from .refine import Candidates, refine

_COARSEST_PX = 160
_FINEST_PX = 2560
"""Longer side of the levels, each twice the one before: memory is bounded by the finest."""
_SURE_PX = 16.0
"""Smallest side of a face that is not overlooked at a level, in its pixels; of half that side it may be."""


class Finder(Protocol):
    """Finds faces in images of one level."""

    def find(self, images: Sequence[UInt8Image], side_px: int) -> list[Candidates]:
        """Find faces.

        Args:
            images: ``(h, w, 3)`` uint8 RGB, whose longer side is at most ``side_px``.
            side_px: the level.

        Returns:
            For each image what was found, in its pixels; it must not depend on the other images.
        """
        ...


@dataclass(eq=False)
class _Quest:
    image: Halves
    search: Search
    faces: list[Face] = field(default_factory=list)

    @property
    def longest_px(self) -> int:
        """The image's longer side."""
        return max(self.image.size)

    def is_done(self, side_px: int) -> bool:
        """Tell whether no finer level than this one could change the choice."""
        if side_px >= min(self.longest_px, _FINEST_PX):
            return True
        reduction = self.longest_px / side_px
        if self.search.can_stop_early:  # where nothing good is found, to the end
            chosen = self.search.chosen(self.faces, self.image.size)
            return self.search.is_settled(chosen, self.image.size, _SURE_PX * reduction)
        # every face is wanted: go on until the smallest of them cannot be overlooked; where none is
        # found, to the end
        return bool(self.faces) and _SURE_PX * reduction <= self.search.min_face_px


def search_levels(
    finder: Finder, networks: CascadeNetworks, images: Sequence[UInt8Image], searches: Sequence[Search]
) -> list[list[Face]]:
    """Return each photo's faces, refined, in its pixels.

    Args:
        finder: finds faces at one level.
        networks: those of MTCNN, for :func:`facedata.detect.one_shot.refine.refine`.
        images: ``(h, w, 3)`` uint8 RGB, of any sizes.
        searches: for each what is wanted of it; a search stops as soon as no further face could change the
            choice.
    """
    quests = [_Quest(Halves(image), search) for image, search in zip(images, searches, strict=True)]
    open_quests, side_px = quests, _COARSEST_PX
    while open_quests:
        found = finder.find([_fitted(quest.image, side_px) for quest in open_quests], side_px)
        whole = [
            (quest.image, _enlarged(candidates, quest.image, side_px))
            for quest, candidates in zip(open_quests, found, strict=True)
        ]
        for quest, faces in zip(open_quests, refine(networks, whole), strict=True):
            all_faces = [*quest.faces, *faces]
            quest.faces = [all_faces[index] for index in distinct(all_faces)]
        open_quests = [quest for quest in open_quests if not quest.is_done(side_px)]
        side_px *= 2
    return [quest.faces for quest in quests]


def _fit(image: Halves, side_px: int) -> tuple[int, int]:
    """Return the width and height of an image at a level; small images keep theirs."""
    width, height = image.size
    scale = min(1.0, side_px / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fitted(image: Halves, side_px: int) -> UInt8Image:
    size = _fit(image, side_px)
    return image.at(0) if size == image.size else image.shrunk(*size)


def _enlarged(candidates: Candidates, image: Halves, side_px: int) -> Candidates:
    """Take candidates from a level to the image: a pixel's middle lies half a pixel from its edge."""
    width, height = _fit(image, side_px)
    scale = np.array([image.size[0] / width, image.size[1] / height], np.float32)
    boxes = candidates.boxes * np.tile(scale, 2)
    landmarks = (candidates.landmarks + np.float32(0.5)) * scale - np.float32(0.5)
    return Candidates(boxes, candidates.scores, landmarks)
