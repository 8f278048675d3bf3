"""RetinaFace with a MobileNet0.25 backbone, with the eyes refined by O-Net.

Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild", 2019. The network comes from
the package face-detection (the extra ``facedata[retinaface]``), the weights are elliottzheng's (MIT).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from face_detection.retinaface.config import cfg_mnet
from face_detection.retinaface.models.retinaface import RetinaFace
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...types import Face, Float32Array, UInt8Image
from ..boxes import suppress
from ..mtcnn.networks import make_networks
from ..mtcnn.on_torch import one_torch_thread
from ..search import SearchRule
from .levels import search_levels
from .refine import Candidates

_MEAN_BGR = np.array([104, 117, 123], np.float32)
_STRIDES = (8, 16, 32)
_ANCHORS_PX = ((16, 32), (64, 128), (256, 512))
_VARIANCES = (0.1, 0.2)
_LEAST_SCORE = 0.3
"""Low, since O-Net scores every candidate too, and is more reliable for small ones."""
_OVERLAP = 0.4
_MOST = 400
"""The most anchors of one image that are used, best first."""
_BATCH = 4
_BATCHED_PX = 320
"""Images of levels up to this one go through the network in batches of one size and shape: torch's
convolutions differ in their last bits between shapes. Larger images gain nothing from batches."""


class Retinaface:
    """RetinaFace on images of bounded size, coarse to fine; O-Net for the eyes.

    Args:
        weights: the bytes of the ``.pth`` file.
        min_face_px: smallest face to find when every face is searched for, in pixels of the image.
        device: ``cpu`` or ``cuda``.

    Raises:
        DetectorError: the device does not exist.
    """

    name = "retinaface"

    def __init__(self, weights: bytes, min_face_px: float = 20.0, device: str = "cpu") -> None:
        self.min_face_px, self.device = min_face_px, device
        self._networks = make_networks(device)
        network = RetinaFace(cfg_mnet)
        network.load_state_dict(torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True))
        network.requires_grad_(False).eval()
        _fuse(network)
        self._network: nn.Module = network.to(device=device, memory_format=torch.channels_last)

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        rules = rules or [SearchRule(min_face_px=self.min_face_px)] * len(images)
        with one_torch_thread(), self._networks.one_thread():
            return search_levels(self, self._networks, images, rules)

    def find(self, images: Sequence[UInt8Image], side_px: int) -> list[Candidates]:
        """Find faces at one level; see :class:`facedata.detect.one_shot.levels.Finder`."""
        if side_px > _BATCHED_PX:
            fitting = [
                [-(-side // _STRIDES[-1]) * _STRIDES[-1] for side in image.shape[:2]] for image in images
            ]
            pairs = zip(images, fitting, strict=True)
            return [self._run([image], (width, height), 1)[0] for image, (height, width) in pairs]
        return [
            candidates
            for at in range(0, len(images), _BATCH)
            for candidates in self._run(images[at : at + _BATCH], (side_px, side_px), _BATCH)
        ]

    def _run(self, images: Sequence[UInt8Image], size: tuple[int, int], batch: int) -> list[Candidates]:
        """Run the network over images, each at the upper left of a canvas of this width and height."""
        # the mean becomes 0, and the convolutions also pad with 0
        canvas = np.zeros((batch, size[1], size[0], 3), np.float32)
        for place, image in zip(canvas, images, strict=False):
            height, width = image.shape[:2]
            place[:height, :width] = image[:, :, ::-1] - _MEAN_BGR  # trained on BGR
        tensor = torch.from_numpy(canvas).to(self.device).permute(0, 3, 1, 2)
        shifts, scores, points = (output.cpu().numpy() for output in self._network(tensor))
        anchors = _anchors(*size)
        results = []
        for index in range(len(images)):
            score = scores[index, :, 1]
            sure = np.flatnonzero(score >= _LEAST_SCORE)
            best = sure[np.argsort(-score[sure], kind="stable")[:_MOST]]
            shift, point = shifts[index][best], points[index][best]
            centres, sides = anchors[best][:, :2], anchors[best][:, 2:]
            middle = centres + shift[:, :2] * _VARIANCES[0] * sides
            half = sides * np.exp(shift[:, 2:] * _VARIANCES[1]) / 2
            boxes = np.column_stack([middle - half, middle + half]).astype(np.float32)
            landmarks = centres[:, None] + point.reshape(-1, 5, 2) * _VARIANCES[0] * sides[:, None]
            kept = suppress(boxes, _OVERLAP)
            results.append(Candidates(boxes[kept], score[best][kept], landmarks[kept].astype(np.float32)))
        return results


def _fuse(module: nn.Module) -> None:
    """Merge batch normalisation into the convolution before it: the same function in fewer steps."""
    for name, child in list(module.named_children()):
        _fuse(child)
        if not isinstance(child, nn.Sequential):
            continue
        steps: list[nn.Module] = []
        for step in child:
            if isinstance(step, nn.BatchNorm2d) and steps and isinstance(steps[-1], nn.Conv2d):
                steps[-1] = fuse_conv_bn_eval(steps[-1], step)
            else:
                steps.append(step)
        setattr(module, name, nn.Sequential(*steps))


@lru_cache(maxsize=32)
def _anchors(width: int, height: int) -> Float32Array:
    """Return the anchors ``(n, 3)`` of an image in the network's order: centre x and y, side; in pixels."""
    rows = []
    for stride, sides in zip(_STRIDES, _ANCHORS_PX, strict=True):
        down, across, side = np.meshgrid(
            (np.arange(-(-height // stride)) + 0.5) * stride,
            (np.arange(-(-width // stride)) + 0.5) * stride,
            np.array(sides, np.float64),
            indexing="ij",
        )
        rows.append(np.column_stack([across.ravel(), down.ravel(), side.ravel()]))
    return np.concatenate(rows).astype(np.float32)
