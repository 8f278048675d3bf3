"""A coarse-to-fine cascade over photos of any sizes at once, for the faces that can be chosen.

MTCNN's networks (Zhang et al., 2016), but not MTCNN's search: each photo is shrunk so that its longer side
fits a small square, all photos of a batch go through P-Net together at each level of the pyramid, and only
the best candidates that could still change the choice go on to R-Net and O-Net, those of all photos together.
Every array that a network sees has one shape, filled up where there are fewer photos or crops, since torch's
convolutions give other last bits at other shapes; within one shape a photo does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...types import BoolArray, Face, Float32Array, Int64Array, UInt8Image
from ..boxes import distinct, shifted, squared, suppress
from ..pyramid import Halves
from ..search import Search
from .networks import CascadeNetworks

CELL_PX = 12
"""P-Net's receptive field; its stride is 2."""
_THRESHOLDS = (0.6, 0.7, 0.7)
_DOUBTFUL = (0.2, 0.95)
"""O-Net's scores between which a second look, at the box it proposes, may make a face of it."""
_FACTOR = 0.7071
_R_PX, _O_PX = 24, 48


@dataclass(frozen=True)
class Round:
    """One pass over some photos.

    Attributes:
        longest_px: the longer side of the finest level.
        candidates: most that are looked at of one photo, best first.
        at_once: how many of them go to R-Net first, before it is asked again which could change the choice.
    """

    longest_px: int
    candidates: int
    at_once: int

    def levels(self, coarser_px: int = 0) -> list[int]:
        """Return the longer sides of the levels in pixels, finest first, down to ``coarser_px`` excluded."""
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
class Find:
    """A face, and what O-Net saw of it.

    Attributes:
        face: in pixels of the image.
        crop: ``(48, 48, 3)`` in 0 … 255.
        box: ``(4,)``, the crop's place in the image.
    """

    face: Face
    crop: UInt8Image | Float32Array
    box: Float32Array


@dataclass(eq=False)
class Quest:
    """One photo on its way through a round.

    Attributes:
        image: ``(h, w, 3)`` uint8 RGB.
        search: what is wanted of it.
        finds: the faces found so far.
        halves: the image at sizes to shrink from.
        boxes: ``(n, 4)``, candidates not looked at yet, best first.
    """

    image: UInt8Image
    search: Search
    finds: list[Find] = field(default_factory=list)
    boxes: Float32Array = field(default_factory=lambda: np.empty((0, 4), np.float32))
    halves: Halves = field(init=False)

    def __post_init__(self) -> None:
        self.halves = Halves(self.image)

    @property
    def size(self) -> tuple[int, int]:
        """The image's width and height."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def chosen(self) -> Face | None:
        """The face that would be chosen of those found so far."""
        return self.search.chosen(self.faces, self.size)

    @property
    def faces(self) -> list[Face]:
        """The faces found so far."""
        return [find.face for find in self.finds]


def run_round(networks: CascadeNetworks, quests: Sequence[Quest], what: Round, coarser_px: int = 0) -> None:
    """Search the photos' pyramids and add the faces found.

    Args:
        networks: those of MTCNN.
        quests: of any number; each one's ``finds`` grow.
        what: how fine, and how much at once.
        coarser_px: levels with at most this longer side were searched before.
    """
    _propose(networks, quests, what, coarser_px)
    count = what.at_once
    while True:
        wanted = [(quest, _next_boxes(quest, count)) for quest in quests]
        wanted = [(quest, boxes) for quest, boxes in wanted if len(boxes)]
        if not wanted:
            return
        _finish(networks, _refine(networks, wanted))
        count *= 2  # where the best are no faces there may be none at all


def _propose(networks: CascadeNetworks, quests: Sequence[Quest], what: Round, coarser_px: int) -> None:
    """Fill in each photo's candidates: square boxes, best first."""
    levels = what.levels(coarser_px)
    if not quests or not levels:
        return
    found = [_level(networks, quests, side) for side in levels]
    owners, scores, boxes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    for index, quest in enumerate(quests):
        mine = np.flatnonzero(owners == index)
        best = mine[np.argsort(-scores[mine], kind="stable")[: what.candidates]]
        candidates = squared(boxes[best])
        quest.boxes = candidates[suppress(candidates, 0.5)]


def _level(
    networks: CascadeNetworks, quests: Sequence[Quest], side: int
) -> tuple[Int64Array, Float32Array, Float32Array]:
    """Return one level's candidates over all photos: owner ``(n,)``, score ``(n,)``, box ``(n, 4)``."""
    canvas = np.zeros((len(quests), side, side, 3), np.uint8)
    sizes = np.zeros((len(quests), 2), np.int64)
    for index, quest in enumerate(quests):
        width, height = _fit(quest.size, side)
        if min(width, height) >= CELL_PX:
            canvas[index, :height, :width] = quest.halves.shrunk(width, height)
            sizes[index] = width, height
    scores, shifts = networks.pnet(canvas)
    owner, row, column = np.nonzero(scores >= _THRESHOLDS[0])
    inside = (2 * column + CELL_PX <= sizes[owner, 0] + 1) & (2 * row + CELL_PX <= sizes[owner, 1] + 1)
    owner, row, column = owner[inside], row[inside], column[inside]
    full = np.array([quest.size for quest in quests], np.float64)
    scale = (full / np.maximum(sizes, 1))[owner][:, [0, 1, 0, 1]]
    cells = np.column_stack([2 * column, 2 * row, 2 * column + CELL_PX, 2 * row + CELL_PX])
    boxes = shifted((cells * scale).astype(np.float32), shifts[owner, :, row, column])
    return owner, scores[owner, row, column], boxes


def _next_boxes(quest: Quest, count: int) -> Float32Array:
    """Take the best candidates that could still change the choice; the others are forgotten."""
    boxes = quest.boxes[quest.search.contenders(quest.boxes, quest.chosen, quest.size)]
    quest.boxes = boxes[count:]
    return boxes[:count]


def _refine(
    networks: CascadeNetworks, wanted: Sequence[tuple[Quest, Float32Array]]
) -> list[tuple[Quest, Float32Array]]:
    """Send candidates through R-Net; return what it keeps of each photo."""
    crops = [quest.halves.cut(box, _R_PX)[0] for quest, boxes in wanted for box in boxes]
    scores, shifts = networks.rnet(np.stack(crops))
    kept, at = [], 0
    for quest, boxes in wanted:
        here = slice(at, at + len(boxes))
        at += len(boxes)
        sure: BoolArray = scores[here] > _THRESHOLDS[1]
        order = np.argsort(-scores[here][sure], kind="stable")
        moved = squared(shifted(boxes, shifts[here])[sure][order])
        # one box a face: O-Net costs ten times what R-Net costs
        kept.append((quest, moved[suppress(moved, 0.6, of_smaller=True)]))
    return [(quest, boxes) for quest, boxes in kept if len(boxes)]


def _finish(networks: CascadeNetworks, wanted: Sequence[tuple[Quest, Float32Array]]) -> None:
    """Send candidates through O-Net; add the faces it is sure of."""
    owners = [quest for quest, boxes in wanted for _ in boxes]
    finds = _look(networks, owners, [box for _, boxes in wanted for box in boxes])
    # one box a face has come so far, not always the best: what is nearly a face gets a second look where
    # O-Net itself would rather have it
    again = [i for i, find in enumerate(finds) if _DOUBTFUL[0] < find.face.score < _DOUBTFUL[1]]
    boxes = [squared(finds[i].face.box[None])[0] for i in again]
    for i, find in zip(again, _look(networks, [owners[i] for i in again], boxes), strict=True):
        finds[i] = max(finds[i], find, key=lambda one: one.face.score)
    for quest, find in zip(owners, finds, strict=True):
        if find.face.score > _THRESHOLDS[2]:
            quest.finds.append(find)
    for quest, _ in wanted:
        quest.finds = [quest.finds[index] for index in distinct(quest.faces)]


def _look(networks: CascadeNetworks, owners: Sequence[Quest], boxes: Sequence[Float32Array]) -> list[Find]:
    """Return what O-Net makes of each box, face or not."""
    if not boxes:
        return []
    cuts = [quest.halves.cut(box, _O_PX) for quest, box in zip(owners, boxes, strict=True)]
    crops, places = np.stack([crop for crop, _ in cuts]), np.stack([place for _, place in cuts])
    scores, shifts, points = networks.onet(crops)
    landmarks, moved = _placed(points, places), shifted(places, shifts)
    return [
        Find(Face(moved[i], float(scores[i]), landmarks[i]), crops[i], places[i]) for i in range(len(places))
    ]


def steady(networks: CascadeNetworks, finds: Sequence[Find]) -> list[Face]:
    """Return the faces with landmarks averaged over the crop and its mirror image.

    What O-Net gets wrong on one side it gets wrong on the other side of the mirror image: the eye line's
    error falls from 1.34° to 1.23° in the median (docs/benchmarks.md).
    """
    if not finds:
        return []
    mirrored = np.stack([find.crop[:, ::-1] for find in finds]).astype(np.float32)
    _, _, points = networks.onet(mirrored)
    points = points[:, [1, 0, 2, 4, 3]] * (-1, 1) + (1, 0)
    landmarks = _placed(points.astype(np.float32), np.stack([find.box for find in finds]))
    return [
        replace(find.face, landmarks=(find.face.landmarks + other) / 2)
        for find, other in zip(finds, landmarks, strict=True)
    ]


def _placed(points: Float32Array, boxes: Float32Array) -> Float32Array:
    """Take landmarks, ``(n, 5, 2)`` fractions of crops, to the image."""
    placed: Float32Array = points * (boxes[:, 2:] - boxes[:, :2])[:, None] + boxes[:, None, :2]
    return placed


def _fit(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Return width and height at which the longer side is ``longest_px``."""
    scale = longest_px / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
