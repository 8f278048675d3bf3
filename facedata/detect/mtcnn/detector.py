"""MTCNN: the default detector. Nothing to download, precise eyes.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
The networks are facenet-pytorch's. A photo of which one face is wanted is searched coarse to fine
(:mod:`facedata.detect.mtcnn.coarse`), and exhaustively only where that settles nothing. The exhaustive
search has the steps, thresholds and resampling of facenet-pytorch's ``detect_face`` and gives its numbers;
the differences are that large photos are shrunk with OpenCV's area filter and go through P-Net in strips, so
that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from torchvision.ops import nms

from ...types import Face, Float32Array, Int64Array, UInt8Image
from ..boxes import shifted, squared
from ..search import Search
from .coarse import CELL_PX, Find, Quest, Round, run_round, steady
from .networks import CascadeNetworks, one_thread
from .pooling import Pooling

_STRIP_PIXELS = 250_000
"""Most pixels that go through P-Net at once: about 40 MB."""
_CROPS = 256
"""Most crops that are cut out at once; a photo may have thousands."""
_POOLED_PIXELS = 1_000_000
"""Larger photos are shrunk in uint8, which takes a quarter of the memory."""
_ROUNDS = (
    Round(longest_px=64, candidates=48, at_once=4),
    Round(longest_px=104, candidates=64, at_once=4),
    Round(longest_px=176, candidates=128, at_once=8),
)
"""The first settles three portraits of four; what the last leaves open mostly shows several people."""


class Mtcnn:
    """MTCNN's networks, coarse to fine.

    Args:
        min_face_px: smallest face an exhaustive search looks for, in pixels of the image.
        thresholds: least scores after P-Net, R-Net and O-Net.
        factor: ratio of one pyramid level to the one before.
        device: ``cpu`` or ``cuda``.
        mirror: average landmarks over the mirror image too.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3, or the device is not there.
    """

    name = "mtcnn"

    def __init__(
        self,
        min_face_px: float = 20.0,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        device: str = "cpu",
        mirror: bool = True,
    ) -> None:
        self.min_face_px, self.thresholds, self.factor, self.mirror = min_face_px, thresholds, factor, mirror
        self._networks = CascadeNetworks(device)

    def detect(
        self, images: Sequence[UInt8Image], searches: Sequence[Search] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        wanted = searches or [Search(min_face_px=self.min_face_px)] * len(images)
        quests = [Quest(image, search) for image, search in zip(images, wanted, strict=True)]
        with one_thread():
            for quest in self._coarse_to_fine(quests):
                self._search_all(quest)
            return self._faces(quests)

    def _coarse_to_fine(self, quests: list[Quest]) -> list[Quest]:
        """Run the rounds; return the photos that need an exhaustive search."""
        unsettled = [quest for quest in quests if quest.search.can_stop_early]
        coarser_px = 0
        for what in _ROUNDS:
            run_round(self._networks, unsettled, what, coarser_px)
            unsettled = [quest for quest in unsettled if not _is_settled(quest, what)]
            coarser_px = what.longest_px
        return [quest for quest in quests if not quest.search.can_stop_early] + unsettled

    def _search_all(self, quest: Quest) -> None:
        """Search exhaustively; what the rounds found stays only where this finds nothing to choose."""
        shrink = _Shrink(quest.image)
        boxes = self._refine(shrink, self._propose(shrink, quest.search.min_face_px))
        finds = self._finish(shrink, boxes)
        if quest.chosen is None or quest.search.chosen([find.face for find in finds], quest.size) is not None:
            quest.finds = finds

    def _faces(self, quests: Sequence[Quest]) -> list[list[Face]]:
        """Return each photo's faces; those that can be chosen with steady landmarks."""
        shaky = [
            (quest, at)
            for quest in quests
            for at, find in enumerate(quest.finds)
            if self.mirror and (not quest.search.can_stop_early or find.face is quest.chosen)
        ]
        faces = [quest.faces for quest in quests]
        places = {id(quest): index for index, quest in enumerate(quests)}
        better = steady(self._networks, [quest.finds[at] for quest, at in shaky])
        for (quest, at), face in zip(shaky, better, strict=True):
            faces[places[id(quest)]][at] = face
        return faces

    def _propose(self, shrink: _Shrink, min_face_px: float) -> Float32Array:
        """Return P-Net's candidates as ``(n, 5)`` square boxes and score."""
        found = [self._level(shrink, scale) for scale in self._scales(shrink.image, min_face_px)]
        candidates = np.concatenate([*found, np.empty((0, 9), np.float32)])
        candidates = candidates[_suppress(candidates[:, :4], candidates[:, 4], 0.7)]
        boxes = squared(shifted(candidates[:, :4], candidates[:, 5:9]))
        return np.column_stack([boxes, candidates[:, 4]])

    def _scales(self, image: UInt8Image, min_face_px: float) -> Iterator[float]:
        scale = CELL_PX / min_face_px
        while min(image.shape[:2]) * scale >= CELL_PX:
            yield scale
            scale *= self.factor

    def _level(self, shrink: _Shrink, scale: float) -> Float32Array:
        """Return one pyramid level's candidates, ``(n, 9)``: box, score, box regression."""
        height, width = (int(side * scale + 1) for side in shrink.image.shape[:2])
        small = shrink.whole(width, height)
        scores, shifts = self._run_pnet(small)
        rows, columns = np.nonzero(scores >= self.thresholds[0])
        corner = np.column_stack([columns, rows]).astype(np.float32) * 2
        low, high = np.floor((corner + 1) / scale), np.floor((corner + CELL_PX) / scale)
        found = np.column_stack([low, high, scores[rows, columns], shifts[:, rows, columns].T]).astype(
            np.float32
        )
        return found[_suppress(found[:, :4], found[:, 4], 0.5)]

    def _run_pnet(self, image: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array]:
        """Run P-Net over an image, in strips of rows when it is large; same numbers either way."""
        height, width = image.shape[:2]
        total = (height - CELL_PX) // 2 + 1
        rows = max(1, (_STRIP_PIXELS // width - CELL_PX) // 2 + 1)
        scores, shifts = [], []
        for start in range(0, total, rows):
            last = start + rows >= total
            end = height if last else 2 * (start + rows - 1) + CELL_PX
            score, shift = self._networks.pnet(image[None, 2 * start : end], batch=1)
            keep = slice(None) if last else slice(rows)
            scores.append(score[0, keep])
            shifts.append(shift[0, :, keep])
        return np.concatenate(scores), np.concatenate(shifts, axis=1)

    def _refine(self, shrink: _Shrink, boxes: Float32Array) -> Float32Array:
        crops, boxes = shrink.crops(boxes, 24)
        if not len(boxes):
            return boxes
        scores, shift = self._networks.rnet(crops)
        sure = scores > self.thresholds[1]
        boxes, score, shift = boxes[sure, :4], scores[sure], shift[sure]
        picked = _suppress(boxes, score, 0.7)
        return np.column_stack([squared(_shifted(boxes[picked], shift[picked])), score[picked]])

    def _finish(self, shrink: _Shrink, boxes: Float32Array) -> list[Find]:
        crops, boxes = shrink.crops(boxes, 48)
        if not len(boxes):
            return []
        score, shift, points = self._networks.onet(crops)
        sure = score > self.thresholds[2]
        boxes, score, shift, points, crops = (
            boxes[sure, :4],
            score[sure],
            shift[sure],
            points[sure],
            crops[sure],
        )
        places = np.column_stack([boxes[:, :2] - 1, boxes[:, 2:]])
        landmarks = points * (boxes[:, 2:] - boxes[:, :2] + 1)[:, None] + boxes[:, None, :2] - 1
        boxes = _shifted(boxes, shift)
        return [
            Find(Face(boxes[i].astype(np.float32), float(score[i]), landmarks[i]), crops[i], places[i])
            for i in _suppress_contained(boxes, score, 0.7)
        ]


class _Shrink:
    """Resampling as facenet-pytorch's; large photos are shrunk in uint8, in a quarter of the memory."""

    def __init__(self, image: UInt8Image) -> None:
        self.image = image
        self._pooling = Pooling(image) if image.shape[0] * image.shape[1] <= _POOLED_PIXELS else None

    def whole(self, width: int, height: int) -> UInt8Image | Float32Array:
        """Return the image at another size."""
        if self._pooling is not None:
            return self._pooling.whole(width, height)
        return np.asarray(cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def crops(self, boxes: Float32Array, size_px: int) -> tuple[Float32Array, Float32Array]:
        """Cut boxes out at one size; boxes with nothing inside the photo are left out."""
        height, width = self.image.shape[:2]
        whole = np.trunc(boxes[:, :4]).astype(np.int64)  # 1-based, as MTCNN's authors' MATLAB
        low = np.maximum(whole[:, :2], 1) - 1
        high = np.minimum(whole[:, 2:], (width, height))
        inside = (high > low).all(axis=1)
        places = np.column_stack([low, high])[inside]
        if self._pooling is not None:
            parts = [
                self._pooling.crops(places[at : at + _CROPS], size_px) for at in range(0, len(places), _CROPS)
            ]
            crops = np.concatenate([*parts, np.empty((0, size_px, size_px, 3), np.float32)])
        else:
            crops = np.empty((len(places), size_px, size_px, 3), np.float32)
            for crop, (x0, y0, x1, y1) in zip(crops, places, strict=True):
                crop[:] = Pooling(self.image[y0:y1, x0:x1]).whole(size_px, size_px)
        return crops, boxes[inside]


def _suppress(boxes: Float32Array, scores: Float32Array, overlap: float) -> Int64Array:
    """Return the indices that greedy non-maximum suppression keeps, best first."""
    picked: Int64Array = nms(torch.from_numpy(boxes.copy()), torch.from_numpy(scores.copy()), overlap).numpy()
    return picked


def _suppress_contained(boxes: Float32Array, scores: Float32Array, overlap: float) -> list[int]:
    """Return the indices kept when overlap is measured against the smaller box, best first."""
    kept: list[int] = []
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)
    for i in np.argsort(-scores, kind="stable"):
        low = np.maximum(boxes[i, :2], boxes[kept, :2])
        high = np.minimum(boxes[i, 2:], boxes[kept, 2:])
        inside = np.clip(high - low + 1, 0, None).prod(axis=1)
        if not (inside / np.minimum(areas[i], areas[kept]) > overlap).any():
            kept.append(int(i))
    return kept


def _shifted(boxes: Float32Array, shift: Float32Array) -> Float32Array:
    """Move edges as MTCNN's authors do from R-Net on: there a box's last pixel is part of it."""
    side = (boxes[:, 2:] - boxes[:, :2] + 1)[:, [0, 1, 0, 1]]
    moved: Float32Array = boxes + shift * side
    return moved


def _is_settled(quest: Quest, what: Round) -> bool:
    unseen = what.unseen_px(quest.image)
    chosen = quest.chosen
    if chosen is not None and unseen < quest.search.min_face_px:
        return True
    return quest.search.is_settled(chosen, quest.size, unseen)
