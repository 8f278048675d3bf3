"""torchvision's decoder on the GPU (nvJPEG) against ours, which reads what `facedata` writes.

It is not used: its colours are interpolated otherwise, so a network would see other numbers than on a CPU,
and sixteen cores decode more than one card trains on (docs/gpu.md).
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedata.crops.codec import decode_crop
from tests.benchmark.gpu_rows.painted_set import encode_crops


@pytest.mark.filterwarnings("ignore:The image decoding:DeprecationWarning")
def test_the_pixels_are_near_ours(device: torch.device) -> None:
    """Within 3 of 255 steps in the mean, as decoders may differ in how they interpolate colours."""
    io = pytest.importorskip("torchvision.io")
    data = list(encode_crops(8, 112))
    tensors = [torch.frombuffer(bytearray(one), dtype=torch.uint8) for one in data]
    try:
        decoded = io.decode_jpeg(tensors, mode=io.ImageReadMode.RGB, device=device)
    except RuntimeError as error:
        if "nvjpeg" not in str(error).lower():
            raise
        pytest.skip(f"this torchvision has no decoder for the GPU: {str(error)[:80]}")
    for bytes_, image in zip(data, decoded, strict=True):
        assert image.device.type == device.type
        apart = image.permute(1, 2, 0).cpu().numpy().astype(np.int64) - decode_crop(bytes_)
        assert np.abs(apart).mean() < 3
