"""MTCNN on a GPU: the photos of a batch are searched together, and stay on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ....types import Face, UInt8Image
from ...search import SearchRule
from ..coarse import PhotoSearch
from ..detector import COARSE_ONLY_PX, POOLED_PIXELS, ROUNDS, Mtcnn
from ..on_torch import TorchNetworks
from .atlas import Atlas
from .resampler import DeviceResampler
from .rounds import NumberedSearch, run_round


class MtcnnOnGpu(Mtcnn):
    """MTCNN, all photos of a batch at once on one device.

    It has the rounds, thresholds, rules and resampling of :class:`..detector.Mtcnn`, and sees the same
    pixels; its networks run in torch.

    Args:
        min_face_px: smallest face that an exhaustive search finds, in pixels of the image.
        device: ``cuda``, or ``cpu`` to hold its results against the other way's.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3, or the device does not exist.
    """

    def __init__(self, min_face_px: float = 20.0, device: str = "cuda") -> None:
        super().__init__(min_face_px)
        self._networks = self._torch = TorchNetworks(device)
        self._device = torch.device(device)

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        if not images:
            return []
        rules = rules or [SearchRule(min_face_px=self.min_face_px)] * len(images)
        with self._networks.one_thread():
            atlas = Atlas(images, self._device)
            searches = [
                NumberedSearch(image, rule, number=number, atlas=atlas)
                for number, (image, rule) in enumerate(zip(images, rules, strict=True))
            ]
            for search in self._run_rounds(atlas, searches):
                self._search_all(search)
            self._look_closer(searches)
            return [search.faces for search in searches]

    def _search_all(self, search: PhotoSearch) -> None:
        """Search exhaustively; see :meth:`..detector.Mtcnn._search_all`."""
        pixels = search.image.shape[0] * search.image.shape[1]
        if pixels > POOLED_PIXELS or not isinstance(search, NumberedSearch):
            super()._search_all(search)  # shrunk in uint8, strip by strip
            return
        resampler: Any = DeviceResampler(search.image, search.atlas.photo(search.number))
        boxes = self._refine(resampler, self._propose(resampler, search.rule.min_face_px))
        every = self._finish(resampler, boxes)
        search.is_exhausted = True
        chosen, _, _ = search.rule.choose([one.face for one in every], search.size)
        if search.chosen is None or chosen is not None:
            search.found = every

    def _run_rounds(self, atlas: Atlas, searches: Sequence[NumberedSearch]) -> list[NumberedSearch]:
        """Run the rounds; return the photos that need an exhaustive search."""
        undecided = [search for search in searches if search.rule.can_stop_early]
        coarser_px = 0
        for what in ROUNDS:
            run_round(self._torch, atlas, undecided, what, coarser_px)
            coarser_px = what.longest_px
            still = []
            for search in undecided:
                rule, chosen, unseen_px = search.rule, search.chosen, what.unseen_px(search.image)
                all_seen = chosen is not None and unseen_px < rule.min_face_px
                if not all_seen and not rule.can_stop(chosen, search.size, unseen_px):
                    still.append(search)
            undecided = [s for s in still if not s.rule.coarse_only or coarser_px < COARSE_ONLY_PX]
        return [search for search in searches if not search.rule.can_stop_early] + undecided
