"""MTCNN with facenet-pytorch's three networks, driven by a cascade of our own.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", 2016.
The networks and their weights (MIT) come inside facenet-pytorch 2.5.3's wheel: nothing is downloaded. The
steps, thresholds and resampling are those of its ``detect_face`` and give its numbers; the differences are
that photos of any sizes can come together, and that large photos are shrunk with OpenCV's area filter and go
through P-Net in strips, so that memory stays bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources

import cv2
import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch.nn.functional import adaptive_avg_pool2d
from torchvision.ops import nms

from ..errors import DetectorError
from ..types import Face, Float32Array, Int64Array, UInt8Image

_WEIGHTS_SHA256 = {
    "pnet": "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
    "rnet": "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    "onet": "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
}
_CELL = 12
"""P-Net's receptive field in pixels; its stride is 2."""
_STRIP_PIXELS = 250_000
"""Most pixels that go through P-Net at once: about 40 MB."""
_CROPS = 256
"""Most crops that go through R-Net or O-Net at once: about 40 MB; a large photo has thousands."""
_POOLED_PIXELS = 1_000_000
"""Larger photos are shrunk in uint8, which takes a quarter of the memory."""


class Mtcnn:
    """The default detector: nothing to download, precise eyes.

    Args:
        min_face_px: smallest face searched for, in photo pixels.
        thresholds: least scores after P-Net, R-Net and O-Net.
        factor: ratio of one pyramid level to the one before.
        device: ``cpu`` or ``cuda``.

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
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise DetectorError("--device cuda was asked, but torch sees no GPU here; use --device cpu")
        self.min_face_px, self.thresholds, self.factor, self.device = min_face_px, thresholds, factor, device
        self._pnet = _load(PNet, "pnet", device)
        self._rnet = _load(RNet, "rnet", device)
        self._onet = _load(ONet, "onet", device)

    def detect(self, images: Sequence[UInt8Image]) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        # convolutions on two threads differ in their last bits from those on one
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                return [self._detect_one(image) for image in images]
        finally:
            torch.set_num_threads(threads)

    def _detect_one(self, image: UInt8Image) -> list[Face]:
        boxes = self._propose(image)
        boxes = self._refine(image, boxes)
        return self._finish(image, boxes)

    def _propose(self, image: UInt8Image) -> Float32Array:
        """Return P-Net's candidates as ``(n, 5)`` square boxes and score."""
        found = [self._level(image, scale) for scale in self._scales(image)]
        candidates = np.concatenate([*found, np.empty((0, 9), np.float32)])
        candidates = candidates[_suppress(candidates[:, :4], candidates[:, 4], 0.7)]
        side = (candidates[:, 2:4] - candidates[:, :2])[:, [0, 1, 0, 1]]
        boxes = candidates[:, :4] + candidates[:, 5:9] * side
        return np.column_stack([_squared(boxes), candidates[:, 4]])

    def _scales(self, image: UInt8Image) -> Iterator[float]:
        scale = _CELL / self.min_face_px
        while min(image.shape[:2]) * scale >= _CELL:
            yield scale
            scale *= self.factor

    def _level(self, image: UInt8Image, scale: float) -> Float32Array:
        """Return one pyramid level's candidates, ``(n, 9)``: box, score, box regression."""
        height, width = int(image.shape[0] * scale + 1), int(image.shape[1] * scale + 1)
        small = _shrunk(image, width, height)
        scores, shifts = self._run_pnet(small)
        rows, columns = np.nonzero(scores >= self.thresholds[0])
        corner = np.column_stack([columns, rows]).astype(np.float32) * 2
        low, high = np.floor((corner + 1) / scale), np.floor((corner + _CELL) / scale)
        found = np.column_stack([low, high, scores[rows, columns], shifts[:, rows, columns].T]).astype(
            np.float32
        )
        return found[_suppress(found[:, :4], found[:, 4], 0.5)]

    def _run_pnet(self, image: UInt8Image | Float32Array) -> tuple[Float32Array, Float32Array]:
        """Run P-Net over an image, in strips of rows when it is large; same numbers either way."""
        height, width = image.shape[:2]
        total = (height - _CELL) // 2 + 1
        rows = max(1, (_STRIP_PIXELS // width - _CELL) // 2 + 1)
        scores, shifts = [], []
        for start in range(0, total, rows):
            last = start + rows >= total
            end = height if last else 2 * (start + rows - 1) + _CELL
            shift, score = self._pnet(self._tensor(image[None, 2 * start : end]))
            keep = slice(None) if last else slice(rows)
            scores.append(score[0, 1, keep].cpu().numpy())
            shifts.append(shift[0, :, keep].cpu().numpy())
        return np.concatenate(scores), np.concatenate(shifts, axis=1)

    def _refine(self, image: UInt8Image, boxes: Float32Array) -> Float32Array:
        crops, boxes = _crops(image, boxes, 24)
        if not len(boxes):
            return boxes
        shift, scores = self._run(self._rnet, crops)
        sure = scores[:, 1] > self.thresholds[1]
        boxes, score, shift = boxes[sure, :4], scores[sure, 1], shift[sure]
        picked = _suppress(boxes, score, 0.7)
        return np.column_stack([_squared(_shifted(boxes[picked], shift[picked])), score[picked]])

    def _finish(self, image: UInt8Image, boxes: Float32Array) -> list[Face]:
        crops, boxes = _crops(image, boxes, 48)
        if not len(boxes):
            return []
        shift, points, scores = self._run(self._onet, crops)
        sure = scores[:, 1] > self.thresholds[2]
        boxes, score, shift, points = boxes[sure, :4], scores[sure, 1], shift[sure], points[sure]
        side = boxes[:, 2:] - boxes[:, :2] + 1
        landmarks = np.stack([points[:, :5], points[:, 5:]], axis=2) * side[:, None] + boxes[:, None, :2] - 1
        boxes = _shifted(boxes, shift)
        return [
            Face(boxes[i].astype(np.float32), float(score[i]), landmarks[i].astype(np.float32))
            for i in _suppress_contained(boxes, score, 0.7)
        ]

    def _run(self, network: torch.nn.Module, crops: Float32Array) -> list[Float32Array]:
        """Run R-Net or O-Net over one photo's crops, some hundred at a time."""
        parts = [network(self._tensor(crops[at : at + _CROPS])) for at in range(0, len(crops), _CROPS)]
        return [torch.cat(outputs).cpu().numpy() for outputs in zip(*parts, strict=True)]

    def _tensor(self, images: UInt8Image | Float32Array) -> torch.Tensor:
        """Return ``(n, h, w, 3)`` in 0 … 255 as the networks want it: ``(n, 3, h, w)`` in -1 … 1."""
        values = (torch.from_numpy(np.ascontiguousarray(images)).to(self.device).float() - 127.5) * 0.0078125
        return values.permute(0, 3, 1, 2)  # a view: channels stay last in memory, which is what is fast


def _load(kind: type[torch.nn.Module], name: str, device: str) -> torch.nn.Module:
    data = resources.files("facenet_pytorch").joinpath(f"data/{name}.pt").read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != _WEIGHTS_SHA256[name]:
        raise DetectorError(
            f"facenet-pytorch's {name}.pt has SHA-256 {found}, not that of 2.5.3: "
            "pip install --force-reinstall facenet-pytorch==2.5.3"
        )
    network: torch.nn.Module = kind(pretrained=False)
    with resources.as_file(resources.files("facenet_pytorch").joinpath(f"data/{name}.pt")) as path:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network.requires_grad_(False).eval()
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _crops(image: UInt8Image, boxes: Float32Array, size_px: int) -> tuple[Float32Array, Float32Array]:
    """Cut boxes out of the photo at one size; boxes with nothing inside the photo are left out."""
    height, width = image.shape[:2]
    whole = np.trunc(boxes[:, :4]).astype(np.int64)  # 1-based, as MTCNN's authors' MATLAB
    low = np.maximum(whole[:, :2], 1) - 1
    high = np.minimum(whole[:, 2:], (width, height))
    inside = (high > low).all(axis=1)
    crops = np.empty((int(inside.sum()), size_px, size_px, 3), np.float32)
    for crop, (x0, y0), (x1, y1) in zip(crops, low[inside], high[inside], strict=True):
        crop[:] = _pooled(image[y0:y1, x0:x1], size_px, size_px)
    return crops, boxes[inside]


def _shrunk(image: UInt8Image, width: int, height: int) -> UInt8Image | Float32Array:
    if image.shape[0] * image.shape[1] <= _POOLED_PIXELS:
        return _pooled(image, width, height)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _pooled(image: UInt8Image, width: int, height: int) -> Float32Array:
    """Resize as torch's ``interpolate(mode="area")``, which the networks' thresholds were tuned with."""
    values = torch.from_numpy(np.ascontiguousarray(image).astype(np.float32)).permute(2, 0, 1)
    pooled: Float32Array = adaptive_avg_pool2d(values, (height, width)).permute(1, 2, 0).numpy()
    return pooled


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
    side = (boxes[:, 2:] - boxes[:, :2] + 1)[:, [0, 1, 0, 1]]
    moved: Float32Array = boxes + shift * side
    return moved


def _squared(boxes: Float32Array) -> Float32Array:
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    low = boxes[:, :2] + (sides - longer) / 2
    square: Float32Array = np.column_stack([low, low + longer])
    return square
