"""Many JPEGs at once, by the decoder and encoder of the GPU (nvJPEG, through torchvision).

It interpolates colours otherwise than a CPU's decoder, so pixels differ by a few levels. Where torchvision
has none, or it fails, the CPU's are used.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...crops.codec import JPEG_QUALITY, encode_crop
from ...types import UInt8Image

logger = logging.getLogger(__name__)

_BASELINE, _COMMENT, _ADOBE = 0xC0, 0xFE, 0xEE
_COLOURS = 3


def is_plain(data: bytes) -> bool:
    """Return whether a JPEG is baseline, with 8 bits and three channels that are luma and two chromas.

    Others are legal, and rare; a GPU's decoder reads some of them, not always to the same colours.
    """
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _BASELINE:
            return data[at + 4] == 8 and data[at + 9] == _COLOURS
        if marker == _ADOBE or not (0xE0 <= marker <= 0xEF or marker in (0xDB, 0xC4, 0xDD, _COMMENT)):
            return False
        at += 2 + length
    return False


def decode_jpegs(files: Sequence[bytes], device: torch.device) -> list[UInt8Image | None]:
    """Decode plain JPEGs on the device.

    Args:
        files: the bytes of each.
        device: a GPU; another device has no decoder of its own, and decodes none.

    Returns:
        For each ``(h, w, 3)`` uint8 RGB as it is stored; None where the CPU is to decode it.
    """
    if not files or device.type != "cuda":
        return [None] * len(files)
    try:
        return list(decode_with_torchvision(files, device))
    except ImportError as error:
        logger.debug("the GPU decodes no photos: %s", error)
    except RuntimeError as error:
        if len(files) > 1:  # one by one: what becomes of a photo must not depend on its neighbours
            return [image for file in files for image in decode_jpegs([file], device)]
        logger.debug("the GPU does not decode a photo of %d bytes: %s", len(files[0]), error)
    return [None] * len(files)


def decode_with_torchvision(files: Sequence[bytes], device: torch.device) -> list[UInt8Image]:
    """Decode JPEGs by torchvision, on any device; at least one.

    Raises:
        ImportError: torchvision has no decoder any more.
        RuntimeError: one of them cannot be decoded, or torchvision was built without nvJPEG.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # where it is gone, the CPU decodes
        from torchvision.io import ImageReadMode, decode_jpeg

        bytes_of = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in files]
        images = decode_jpeg(bytes_of, mode=ImageReadMode.RGB, device=str(device))
    shapes = [(image.shape[1], image.shape[2], 3) for image in images]
    # one copy for all
    whole = torch.cat([image.permute(1, 2, 0).reshape(-1) for image in images]).cpu().numpy()
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(whole, ends), shapes, strict=True)]


def encode_jpegs(crops: Tensor) -> list[bytes]:
    """Encode ``(n, h, w, 3)`` uint8 RGB crops as JPEGs, quality 95, on the device that they are on.

    Where there is no GPU, or it cannot, they are encoded as ``prepare`` does it on a CPU.
    """
    if not len(crops):
        return []
    if crops.device.type == "cuda":
        try:
            return encode_with_torchvision(crops)
        except (ImportError, RuntimeError) as error:
            logger.debug("the GPU encodes none of %d crops: %s", len(crops), error)
    return [encode_crop(crop) for crop in crops.cpu().numpy()]


def encode_with_torchvision(crops: Tensor) -> list[bytes]:
    """Encode crops as :func:`encode_jpegs` does, by torchvision, on any device; at least one.

    Raises:
        ImportError: torchvision has no encoder any more.
        RuntimeError: it was built without nvJPEG.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from torchvision.io import encode_jpeg

        files = encode_jpeg(list(crops.permute(0, 3, 1, 2).contiguous()), quality=JPEG_QUALITY)
    ends = np.cumsum([len(file) for file in files])[:-1]
    return [part.tobytes() for part in np.split(torch.cat(list(files)).cpu().numpy(), ends)]
