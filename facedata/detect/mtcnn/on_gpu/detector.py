"""MTCNN on a GPU: the photos of a batch are searched together, and stay on the device."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from ....types import Face, UInt8Image
from ...search import SearchRule
from ..coarse import PhotoSearch
from ..detector import POOLED_PIXELS, Mtcnn, Resampler, coarse_to_fine
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
            for search in coarse_to_fine(searches, partial(run_round, self._torch, atlas)):
                self._search_all(search)
            self._look_closer(searches)
            return [search.faces for search in searches]

    def _resampler(self, search: PhotoSearch) -> Resampler:
        """Resample on the device what is pooled; larger photos are shrunk in uint8, strip by strip."""
        pixels = search.image.shape[0] * search.image.shape[1]
        if pixels > POOLED_PIXELS or not isinstance(search, NumberedSearch):
            return super()._resampler(search)
        made: Any = DeviceResampler(search.image, search.atlas.photo(search.number))
        return made  # type: ignore[no-any-return]
