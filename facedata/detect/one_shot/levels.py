"""The coarse-to-fine search for detectors that find faces of many sizes in one pass.

Every photo is searched at a small size first; finer only while the choice is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ...types import Face, UInt8Image
from ..boxes import find_distinct
from ..mtcnn.networks import CascadeNetworks
from ..mtcnn.second_look import look_again
from ..pyramid import Halves
from ..search import SearchRule
from .refine import Candidates, refine

_COARSEST_PX = 160
_FINEST_PX = 2560
"""Longer sides of the levels, each twice the one before; the finest bounds the memory."""
_SURE_PX = 16.0
"""Smallest side, in a level's pixels, of a face that is never missed there; one of half that side may be."""


class Finder(Protocol):
    """Finds faces in images of one level."""

    def find(self, images: Sequence[UInt8Image], side_px: int) -> list[Candidates]:
        """Find faces.

        Args:
            images: ``(h, w, 3)`` uint8 RGB, whose longer side is at most ``side_px``.
            side_px: the level.

        Returns:
            For each image the faces, in its pixels; they must not depend on the other images.
        """
        ...


@dataclass(eq=False)
class _PhotoSearch:
    image: Halves
    rule: SearchRule
    faces: list[Face] = field(default_factory=list)

    @property
    def chosen(self) -> Face | None:
        """The face that the rule chooses from those found so far."""
        return self.rule.choose(self.faces, self.image.size)[0]

    def size_at(self, side_px: int) -> tuple[int, int]:
        """Return the image's width and height at a level; small images keep theirs."""
        width, height = self.image.size
        scale = min(1.0, side_px / max(height, width))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def is_done(self, side_px: int) -> bool:
        """Return whether no finer level than this one could change the choice."""
        longest_px = max(self.image.size)
        if side_px >= min(longest_px, _FINEST_PX):
            return True
        reduction = longest_px / side_px
        if self.rule.can_stop_early:  # if no face is chosen, search to the finest level
            return self.rule.can_stop(self.chosen, self.image.size, _SURE_PX * reduction)
        # the rule is to find every face: continue until the smallest cannot be missed; if none is found, to
        # the finest level
        return bool(self.faces) and _SURE_PX * reduction <= self.rule.min_face_px


def search_levels(
    finder: Finder, networks: CascadeNetworks, images: Sequence[UInt8Image], rules: Sequence[SearchRule]
) -> list[list[Face]]:
    """Return each photo's faces, refined, in its pixels.

    Args:
        finder: finds faces at one level.
        networks: those of MTCNN, for :func:`facedata.detect.one_shot.refine.refine`.
        images: ``(h, w, 3)`` uint8 RGB, of any sizes.
        rules: how a face of each is chosen; a search stops once no further face could change the choice.
    """
    searches = [_PhotoSearch(Halves(image), rule) for image, rule in zip(images, rules, strict=True)]
    unfinished, side_px = searches, _COARSEST_PX
    while unfinished:
        sizes = [search.size_at(side_px) for search in unfinished]
        levels = [
            search.image.at(0) if size == search.image.size else search.image.shrink(*size)
            for search, size in zip(unfinished, sizes, strict=True)
        ]
        enlarged = []
        for search, size, faces_at in zip(unfinished, sizes, finder.find(levels, side_px), strict=True):
            # a pixel's middle lies half a pixel from its edge
            scale = (np.array(search.image.size) / size).astype(np.float32)
            landmarks = (faces_at.landmarks + np.float32(0.5)) * scale - np.float32(0.5)
            full_size = Candidates(faces_at.boxes * np.tile(scale, 2), faces_at.scores, landmarks)
            enlarged.append((search.image, full_size))
        for search, faces in zip(unfinished, refine(networks, enlarged), strict=True):
            all_faces = [*search.faces, *faces]
            search.faces = [all_faces[index] for index in find_distinct(all_faces)]
        unfinished = [search for search in unfinished if not search.is_done(side_px)]
        side_px *= 2
    # two networks have seen each face, so a further look at those that can be chosen is for their turn alone
    seen = [
        (search, at)
        for search in searches
        for at, face in enumerate(search.faces)
        if not search.rule.can_stop_early or face is search.chosen
    ]
    faces = [search.faces[at] for search, at in seen]
    looked = look_again(networks, faces, [search.image for search, _ in seen], may_lower=False)
    for (search, at), face in zip(seen, looked, strict=True):
        search.faces[at] = face
    return [search.faces for search in searches]
