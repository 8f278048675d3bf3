"""MTCNN: the default detector. It needs no download and finds the eyes precisely.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
The networks are facenet-pytorch's. To choose one face, a photo is searched coarse to fine
(:mod:`facedata.detect.mtcnn.coarse`), and exhaustively only if that does not decide. The exhaustive search
has the steps, thresholds and resampling of facenet-pytorch's ``detect_face`` and gives its numbers; the
differences are that large photos are shrunk with OpenCV's area filter and go through P-Net in strips, so that
memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from ...types import Face, Float32Array, Int64Array, UInt8Image
from ..boxes import shift_boxes, square_boxes
from ..search import SearchRule
from .coarse import CELL_PX, FoundFace, PhotoSearch, Round, SearchT, run_round, steady_landmarks
from .networks import make_networks
from .pooling import Pooling
from .second_look import look_again

_STRIP_PIXELS = 64_000
"""The most pixels that go through P-Net at once: about 20 MB."""
_CROPS = 256
"""The most crops that are cut out at once; a photo may have thousands."""
POOLED_PIXELS = 1_000_000
"""Larger photos are shrunk in uint8, which takes a quarter of the memory."""
ROUNDS = (
    Round(longest_px=45, candidates=32, at_once=1),
    Round(longest_px=64, candidates=48, at_once=1),
    Round(longest_px=90, candidates=64, at_once=2),
    Round(longest_px=128, candidates=64, at_once=2),
    Round(longest_px=176, candidates=128, at_once=4),
)
"""The first decides two of three portraits; photos still open after the last mostly show several people."""
COARSE_ONLY_PX = 128
"""The last round of a search that is to be coarse only: it finds faces from a tenth of the longer side on."""


def coarse_to_fine(
    searches: Sequence[SearchT], run: Callable[[Sequence[SearchT], Round, int], None]
) -> list[SearchT]:
    """Run the rounds; return the photos that need an exhaustive search.

    Args:
        searches: the photos'.
        run: runs a round over some; see :func:`.coarse.run_round`.
    """
    undecided = [search for search in searches if search.rule.can_stop_early]
    coarser_px = 0
    for what in ROUNDS:
        run(undecided, what, coarser_px)
        still = []
        for search in undecided:
            chosen, unseen_px = search.chosen, what.unseen_px(search.image)
            all_seen = chosen is not None and unseen_px < search.rule.min_face_px
            if not all_seen and not search.rule.can_stop(chosen, search.size, unseen_px):
                still.append(search)
        coarser_px = what.longest_px
        undecided = [s for s in still if not s.rule.coarse_only or coarser_px < COARSE_ONLY_PX]
    return [search for search in searches if not search.rule.can_stop_early] + undecided


class Mtcnn:
    """MTCNN's networks, coarse to fine.

    Args:
        min_face_px: smallest face that an exhaustive search finds, in pixels of the image.
        thresholds: least scores after P-Net, R-Net and O-Net.
        factor: ratio of one pyramid level to the previous one.
        device: ``cpu`` or ``cuda``.
        mirror: average landmarks over the image and its mirror image.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3, or the device does not exist.
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
        self._networks = make_networks(device)

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        rules = rules or [SearchRule(min_face_px=self.min_face_px)] * len(images)
        searches = [PhotoSearch(image, rule) for image, rule in zip(images, rules, strict=True)]
        with self._networks.one_thread():
            for search in coarse_to_fine(searches, partial(run_round, self._networks)):
                self._search_all(search)
            if self.mirror:
                self._look_closer(searches)
            return [search.faces for search in searches]

    def _search_all(self, search: PhotoSearch) -> None:
        """Search exhaustively; the faces of the rounds stay only if this finds none to choose."""
        resampler = self._resampler(search)
        boxes = self._refine(resampler, self._propose(resampler, search.rule.min_face_px))
        all_found = self._finish(resampler, boxes)
        search.is_exhausted = True
        chosen, _, _ = search.rule.choose([one.face for one in all_found], search.size)
        if search.chosen is None or chosen is not None:
            search.found = all_found

    def _resampler(self, search: PhotoSearch) -> Resampler:
        """Return what resamples a photo for the exhaustive search."""
        return Resampler(search.image)

    def _look_closer(self, searches: Sequence[PhotoSearch]) -> None:
        """Look closer at the faces that can be chosen, until each photo's choice stands."""
        while True:
            new = [
                (search, at)
                for search in searches
                for at, one in enumerate(search.found)
                if one.face.look is None and (not search.rule.can_stop_early or one.face is search.chosen)
            ]
            if not new:
                return
            steady = steady_landmarks(self._networks, [search.found[at] for search, at in new])
            judged = look_again(self._networks, steady, [search.halves for search, _ in new])
            for (search, at), face in zip(new, judged, strict=True):
                search.found[at] = replace(search.found[at], face=face)
                was_settled = face.look is None or face.look.first_score is None
                if not (was_settled or search.is_exhausted or search.rule.coarse_only):
                    coarse = search.found
                    self._search_all(search)
                    search.found = search.found or coarse
            searches = [search for search, _ in new]

    def _propose(self, resampler: Resampler, min_face_px: float) -> Float32Array:
        """Return P-Net's candidates as ``(n, 5)`` square boxes and score."""
        levels = [self._level(resampler, scale) for scale in self._scales(resampler.image, min_face_px)]
        candidates = np.concatenate([*levels, np.empty((0, 9), np.float32)])
        candidates = candidates[_suppress(candidates[:, :4], candidates[:, 4], 0.7)]
        boxes = square_boxes(shift_boxes(candidates[:, :4], candidates[:, 5:9]))
        return np.column_stack([boxes, candidates[:, 4]])

    def _scales(self, image: UInt8Image, min_face_px: float) -> Iterator[float]:
        scale = CELL_PX / min_face_px
        while min(image.shape[:2]) * scale >= CELL_PX:
            yield scale
            scale *= self.factor

    def _level(self, resampler: Resampler, scale: float) -> Float32Array:
        """Return one pyramid level's candidates, ``(n, 9)``: box, score, box regression."""
        height, width = (int(side * scale + 1) for side in resampler.image.shape[:2])
        small = resampler.resize(width, height)
        scores, shifts = self._run_pnet(small)
        rows, columns = np.nonzero(scores >= self.thresholds[0])
        corner = np.column_stack([columns, rows]).astype(np.float32) * 2
        low, high = np.floor((corner + 1) / scale), np.floor((corner + CELL_PX) / scale)
        level = np.column_stack([low, high, scores[rows, columns], shifts[:, rows, columns].T]).astype(
            np.float32
        )
        return level[_suppress(level[:, :4], level[:, 4], 0.5)]

    def _run_pnet(self, image: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array]:
        """Run P-Net over an image, in strips of rows if it is large; the numbers are the same."""
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

    def _refine(self, resampler: Resampler, boxes: Float32Array) -> Float32Array:
        crops, boxes = resampler.crops(boxes, 24)
        if not len(boxes):
            return boxes
        scores, shift = self._networks.rnet(crops)
        sure = scores > self.thresholds[1]
        boxes, score, shift = boxes[sure, :4], scores[sure], shift[sure]
        picked = _suppress(boxes, score, 0.7)
        return np.column_stack([square_boxes(_shift_inclusive(boxes[picked], shift[picked])), score[picked]])

    def _finish(self, resampler: Resampler, boxes: Float32Array) -> list[FoundFace]:
        crops, boxes = resampler.crops(boxes, 48)
        if not len(boxes):
            return []
        score, shift, points = self._networks.onet(crops)
        sure = score > self.thresholds[2]
        boxes, crops = boxes[sure, :4], crops[sure]
        score, shift, points = score[sure], shift[sure], points[sure]
        places = np.column_stack([boxes[:, :2] - 1, boxes[:, 2:]])
        landmarks = points * (boxes[:, 2:] - boxes[:, :2] + 1)[:, None] + boxes[:, None, :2] - 1
        boxes = _shift_inclusive(boxes, shift)
        # suppressed best first, overlap measured against the smaller box
        kept: list[int] = []
        areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)
        for i in np.argsort(-score, kind="stable"):
            low = np.maximum(boxes[i, :2], boxes[kept, :2])
            high = np.minimum(boxes[i, 2:], boxes[kept, 2:])
            inside = np.clip(high - low + 1, 0, None).prod(axis=1)
            if not (inside / np.minimum(areas[i], areas[kept]) > 0.7).any():
                kept.append(int(i))
        return [
            FoundFace(Face(boxes[i].astype(np.float32), float(score[i]), landmarks[i]), crops[i], places[i])
            for i in kept
        ]


class Resampler:
    """Resampling as in facenet-pytorch; large photos are shrunk in uint8, in a quarter of the memory."""

    def __init__(self, image: UInt8Image) -> None:
        self.image = image
        self._pooling = Pooling(image) if image.shape[0] * image.shape[1] <= POOLED_PIXELS else None

    def resize(self, width: int, height: int) -> UInt8Image | Float32Array:
        """Return the image at another size."""
        if self._pooling is not None:
            return self._pooling.resize(width, height)
        return np.asarray(cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def crops(self, boxes: Float32Array, size_px: int) -> tuple[Float32Array, Float32Array]:
        """Cut boxes out at one size; boxes that lie outside the photo are dropped."""
        height, width = self.image.shape[:2]
        pixels = np.trunc(boxes[:, :4]).astype(np.int64)  # 1-based, as in the MATLAB code of MTCNN's authors
        low = np.maximum(pixels[:, :2], 1) - 1
        high = np.minimum(pixels[:, 2:], (width, height))
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
                crop[:] = Pooling(self.image[y0:y1, x0:x1]).resize(size_px, size_px)
        return crops, boxes[inside]


def _suppress(boxes: Float32Array, scores: Float32Array, overlap: float) -> Int64Array:
    """Return the indices that greedy non-maximum suppression keeps, best first."""
    places = np.column_stack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    picked = cv2.dnn.NMSBoxes(places, scores, 0.0, overlap)  # type: ignore[arg-type]
    return np.asarray(picked, np.int64).reshape(-1)


def _shift_inclusive(boxes: Float32Array, shift: Float32Array) -> Float32Array:
    """Move edges as MTCNN's authors do from R-Net on: they count a box's last pixel as part of it."""
    side = (boxes[:, 2:] - boxes[:, :2] + 1)[:, [0, 1, 0, 1]]
    moved: Float32Array = boxes + shift * side
    return moved
