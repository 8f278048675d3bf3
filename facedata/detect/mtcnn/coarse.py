"""A coarse-to-fine cascade over many photos of any sizes at once, for the faces that can be chosen.

MTCNN's networks (Zhang et al., 2016), but not MTCNN's search: each photo is shrunk so that its longer side
fits a small square, and all photos of a batch go through P-Net together at each level of the pyramid. Only
the best candidates, those that could still change the choice, go on to R-Net and O-Net, again all together.
What a network gives for an image does not depend on the others of its batch (:mod:`.networks`), so a photo's
face does not either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from ...types import BoolArray, CloserLook, Face, Float32Array, Int64Array, UInt8Image
from ..boxes import find_distinct, shift_boxes, square_boxes, suppress
from ..doubt import measure_doubt
from ..pyramid import Halves
from ..search import SearchRule
from .networks import CascadeNetworks

CELL_PX = 12
"""P-Net's receptive field; its stride is 2."""
THRESHOLDS = (0.6, 0.7, 0.7)
DOUBTFUL = (0.2, 0.95)
"""Between these scores of O-Net, a candidate gets a second look at the box that O-Net proposes."""
_FACTOR = 0.7071
R_PX, O_PX = 24, 48


@dataclass(frozen=True)
class Round:
    """One pass over some photos.

    Attributes:
        longest_px: the longer side of the finest level.
        candidates: the most candidates of one photo, best first.
        at_once: how many go to R-Net first; of the rest, only those that could still change the choice stay.
    """

    longest_px: int
    candidates: int
    at_once: int

    def levels(self, coarser_px: int = 0) -> list[int]:
        """Return the levels' longer sides in pixels, finest first, all above ``coarser_px``."""
        sides = []
        side = float(self.longest_px)
        while side >= max(CELL_PX, coarser_px * 1.01):
            sides.append(round(side))
            side *= _FACTOR
        return sides

    def unseen_px(self, image: UInt8Image) -> float:
        """Return the largest cell, in pixels of the image, that this round does not search."""
        return CELL_PX * _FACTOR * float(max(image.shape[:2])) / self.longest_px


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face, and the crop in which O-Net saw it.

    Attributes:
        face: in pixels of the image.
        crop: ``(48, 48, 3)`` in 0 … 255.
        box: ``(4,)``, where the crop lies in the image.
    """

    face: Face
    crop: UInt8Image | Float32Array
    box: Float32Array


@dataclass(eq=False)
class PhotoSearch:
    """The search of one photo, in progress.

    Attributes:
        image: ``(h, w, 3)`` uint8 RGB.
        rule: the rule for choosing a face.
        found: the faces found so far.
        halves: the image at sizes to shrink from.
        boxes: ``(n, 4)``, the candidates still to look at, best first.
        is_exhausted: whether it was searched exhaustively.
    """

    image: UInt8Image
    rule: SearchRule
    found: list[FoundFace] = field(default_factory=list)
    boxes: Float32Array = field(default_factory=lambda: np.empty((0, 4), np.float32))
    is_exhausted: bool = False
    halves: Halves = field(init=False)
    _chosen: tuple[list[Face], Face | None] = field(init=False, default=([], None))

    def __post_init__(self) -> None:
        self.halves = Halves(self.image)

    @property
    def size(self) -> tuple[int, int]:
        """The image's width and height."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def chosen(self) -> Face | None:
        """The face that the rule chooses from those found so far."""
        before, faces = self._chosen[0], self.faces
        if len(faces) != len(before) or any(
            one is not other for one, other in zip(faces, before, strict=True)
        ):
            self._chosen = faces, self.rule.choose(faces, self.size)[0]
        return self._chosen[1]

    @property
    def faces(self) -> list[Face]:
        """The faces found so far."""
        return [found.face for found in self.found]


SearchT = TypeVar("SearchT", bound=PhotoSearch)


def run_round(
    networks: CascadeNetworks, searches: Sequence[PhotoSearch], what: Round, coarser_px: int = 0
) -> None:
    """Search the photos' pyramids and add the faces found.

    Args:
        networks: those of MTCNN.
        searches: of any number; faces are added to each one's ``found``.
        what: how fine to search, and how much at once.
        coarser_px: levels with at most this longer side have been searched already.
    """
    levels = what.levels(coarser_px)
    if searches and levels:
        candidates = [_propose(networks, searches, side) for side in levels]
        owners, scores, boxes = (np.concatenate(parts) for parts in zip(*candidates, strict=True))
        for index, search in enumerate(searches):
            mine = np.flatnonzero(owners == index)
            best = mine[np.argsort(-scores[mine], kind="stable")[: what.candidates]]
            squares = square_boxes(boxes[best])
            search.boxes = squares[suppress(squares, 0.5)]
    look_in_turns(searches, what.at_once, lambda chances: _refine(networks, chances))


def look_in_turns(
    searches: Sequence[SearchT],
    at_once: int,
    refine: Callable[[list[tuple[SearchT, Float32Array]]], None],
) -> None:
    """Look at the searches' candidates, the best first, as long as one could change a photo's choice.

    Args:
        searches: each with its ``boxes``, which are used up.
        at_once: how many of a photo's to look at in the first turn; twice as many in each further one.
        refine: looks at photos' boxes, ``(k, 4)`` with k of 1 or more, and adds the faces to ``found``.
    """
    count = at_once
    while True:
        chances = []
        for search in searches:  # drop candidates that can no longer change the choice
            if not len(search.boxes):
                continue
            boxes = search.boxes[search.rule.contenders(search.boxes, search.chosen, search.size)]
            search.boxes = boxes[count:]
            if len(boxes):
                chances.append((search, boxes[:count]))
        if not chances:
            return
        refine(chances)
        count *= 2  # if the best are not faces, there may be none at all


def _propose(
    networks: CascadeNetworks, searches: Sequence[PhotoSearch], side: int
) -> tuple[Int64Array, Float32Array, Float32Array]:
    """Return P-Net's candidates at one level: the photo's index ``(n,)``, score ``(n,)``, box ``(n, 4)``."""
    canvas = np.zeros((len(searches), side, side, 3), np.uint8)
    sizes = np.zeros((len(searches), 2), np.int64)
    for index, search in enumerate(searches):
        scale = side / max(search.size)
        width, height = max(1, round(search.size[0] * scale)), max(1, round(search.size[1] * scale))
        if min(width, height) >= CELL_PX:
            canvas[index, :height, :width] = search.halves.shrink(width, height)
            sizes[index] = width, height
    scores, shifts = networks.pnet(canvas)
    owner, row, column = np.nonzero(scores >= THRESHOLDS[0])
    inside = (2 * column + CELL_PX <= sizes[owner, 0] + 1) & (2 * row + CELL_PX <= sizes[owner, 1] + 1)
    owner, row, column = owner[inside], row[inside], column[inside]
    full = np.array([search.size for search in searches], np.float64)
    enlarged = (full / np.maximum(sizes, 1))[owner][:, [0, 1, 0, 1]]
    cells = np.column_stack([2 * column, 2 * row, 2 * column + CELL_PX, 2 * row + CELL_PX])
    boxes = shift_boxes((cells * enlarged).astype(np.float32), shifts[owner, :, row, column])
    return owner, scores[owner, row, column], boxes


def _refine(networks: CascadeNetworks, chances: Sequence[tuple[PhotoSearch, Float32Array]]) -> None:
    """Send candidates through R-Net, those it keeps through O-Net, and add those that O-Net calls faces."""
    crops = [search.halves.cut(box, R_PX)[0] for search, boxes in chances for box in boxes]
    scores, shifts = networks.rnet(np.stack(crops))
    owners: list[PhotoSearch] = []
    kept: list[Float32Array] = []
    at = 0
    for search, boxes in chances:
        here = slice(at, at + len(boxes))
        at += len(boxes)
        sure: BoolArray = scores[here] > THRESHOLDS[1]
        order = np.argsort(-scores[here][sure], kind="stable")
        moved = square_boxes(shift_boxes(boxes, shifts[here])[sure][order])
        # one box per face: O-Net costs ten times as much as R-Net
        kept += list(moved[suppress(moved, 0.6, of_smaller=True)])
        owners += [search] * (len(kept) - len(owners))
    seen = _look(networks, owners, kept)
    # the one box kept per face is not always the best: a doubtful face gets a second look, at the box that
    # O-Net itself proposes
    again = [i for i, one in enumerate(seen) if DOUBTFUL[0] < one.face.score < DOUBTFUL[1]]
    proposed = [square_boxes(seen[i].face.box[None])[0] for i in again]
    for i, second in zip(again, _look(networks, [owners[i] for i in again], proposed), strict=True):
        seen[i] = max(seen[i], second, key=lambda one: one.face.score)
    for search, one in zip(owners, seen, strict=True):
        if one.face.score > THRESHOLDS[2]:
            search.found.append(one)
    for search in dict.fromkeys(owners):
        search.found = [search.found[index] for index in find_distinct(search.faces)]


def _look(
    networks: CascadeNetworks, owners: Sequence[PhotoSearch], boxes: Sequence[Float32Array]
) -> list[FoundFace]:
    """Return O-Net's face for each box, whatever its score."""
    if not boxes:
        return []
    cuts = [search.halves.cut(box, O_PX) for search, box in zip(owners, boxes, strict=True)]
    crops, places = np.stack([crop for crop, _ in cuts]), np.stack([place for _, place in cuts])
    scores, shifts, points = networks.onet(crops)
    landmarks, moved = _to_image(points, places), shift_boxes(places, shifts)
    return [
        FoundFace(Face(moved[i], float(scores[i]), landmarks[i]), crops[i], places[i])
        for i in range(len(places))
    ]


def steady_landmarks(networks: CascadeNetworks, found: Sequence[FoundFace]) -> list[Face]:
    """Return the faces with landmarks averaged over the crop and its mirror image, and how doubtful they are.

    An error of O-Net on one side is on the other side in the mirror image, so the average cancels it: the eye
    line's error falls from 1.34° to 1.23° in the median (docs/benchmarks.md).
    """
    if not found:
        return []
    mirrored = np.stack([one.crop[:, ::-1] for one in found]).astype(np.float32)
    scores, shifts, points = networks.onet(mirrored)
    points = points[:, [1, 0, 2, 4, 3]] * (-1, 1) + (1, 0)
    places = np.stack([one.box for one in found])
    landmarks = _to_image(points.astype(np.float32), places)
    faces = [one.face for one in found]
    shifted = shift_boxes(places, shifts[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32))
    apart = np.abs(np.stack([face.landmarks for face in faces]) - landmarks).max(axis=(1, 2))
    doubts = measure_doubt(
        np.array([face.score for face in faces], np.float32), scores,
        apart / (places[:, 2:] - places[:, :2]).max(axis=1), np.stack([face.box for face in faces]) + shifted,
    )  # fmt: skip
    return [
        replace(face, landmarks=(face.landmarks + other) / 2, look=CloserLook(float(doubt)))
        for face, other, doubt in zip(faces, landmarks, doubts, strict=True)
    ]


def _to_image(points: Float32Array, boxes: Float32Array) -> Float32Array:
    """Convert landmarks, ``(n, 5, 2)`` fractions of crops, to pixels of the image."""
    pixels: Float32Array = points * (boxes[:, 2:] - boxes[:, :2])[:, None] + boxes[:, None, :2]
    return pixels
