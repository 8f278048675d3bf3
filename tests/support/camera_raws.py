"""Cameras' raw photos, put together by hand: TIFFs with a thumbnail first and the sensor's values behind."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Directory = dict[int | str, Any]
_SHORTS = {254: "I", 256: "I", 257: "I", 273: "I", 278: "I", 279: "I", 330: "I", 513: "I", 514: "I"}
_FORMATS = {"B": 1, "H": 3, "I": 4}


def tiff(*directories: Directory, subs: tuple[Directory, ...] = (), start: bytes = b"II*\0") -> bytes:
    """Return a little-endian TIFF of directories one after the other, and of others below the first one.

    A value is text, a list of numbers, or a list of fractions; under ``data`` are the bytes of a picture.
    """
    body = bytearray(start + b"\0" * (16 - len(start)))

    def put(directory: Directory, extra: Directory) -> int:
        entries = {int(tag): v for tag, v in {**directory, **extra}.items() if tag != "data"}
        if "data" in directory:
            where = len(body)
            body.extend(directory["data"] + b"\0" * (len(directory["data"]) % 2))
            offset, length = (513, 514) if 513 in entries else (273, 279)
            entries |= {offset: [where], length: [len(directory["data"])]}
        packed = []
        for tag, value in sorted(entries.items()):
            if isinstance(value, str):
                kind, count, raw = 2, len(value) + 1, value.encode() + b"\0"
            elif isinstance(value, bytes):
                kind, count, raw = 1, len(value), value
            elif isinstance(value[0], float):
                kind, count = 10, len(value)
                raw = b"".join(struct.pack("<ii", round(one * 10_000), 10_000) for one in value)
            else:
                letter = _SHORTS.get(tag, "H")
                kind, count, raw = _FORMATS[letter], len(value), struct.pack(f"<{len(value)}{letter}", *value)
            if len(raw) > 4:
                at = len(body)
                body.extend(raw + b"\0" * (len(raw) % 2))
                raw = struct.pack("<I", at)
            packed.append(struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0"))
        here = len(body)
        body.extend(struct.pack("<H", len(packed)) + b"".join(packed) + b"\0\0\0\0")
        return here

    below = [put(directory, {}) for directory in subs]
    links, last = [], 4
    for number, directory in enumerate(directories):
        at = put(directory, {330: below} if below and not number else {})
        links.append((last, at))
        last = len(body) - 4
    for link, at in links:
        body[link : link + 4] = struct.pack("<I", at)
    return bytes(body)


def strip(pixels: NDArray[Any], reduced: bool = False) -> Directory:
    """Return the directory of an uncompressed picture: ``(h, w, 3)`` uint8 RGB, or ``(h, w)`` uint16."""
    height, width = pixels.shape[:2]
    is_rgb = pixels.ndim == 3
    return {
        254: [int(reduced)], 256: [width], 257: [height], 258: [8, 8, 8] if is_rgb else [16], 259: [1],
        262: [2 if is_rgb else 32803], 277: [3 if is_rgb else 1], 278: [height], 284: [1],
        "data": pixels.astype("<u2" if pixels.dtype.itemsize == 2 else np.uint8).tobytes(),
    }  # fmt: skip


def preview(pixels: NDArray[np.uint8]) -> Directory:
    """Return the directory of a camera's own JPEG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=97, subsampling=0)
    return {
        254: [1], 256: [pixels.shape[1]], 257: [pixels.shape[0]], 259: [6], 262: [6], 513: [0], 514: [0],
        "data": stream.getvalue(),
    }  # fmt: skip


def mosaic(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return what a sensor under red, green, green and blue filters sees of an RGB picture."""
    light = (65535 * (pixels / 255.0) ** 2.2).astype(np.uint16)
    seen: NDArray[np.uint16] = light[..., 1].copy()
    seen[::2, ::2], seen[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    return seen


def dng(pixels: NDArray[np.uint8], own_jpeg: NDArray[np.uint8] | None = None, orientation: int = 1) -> bytes:
    """Return a DNG of an RGB picture as the sensor stored it, with a thumbnail before it."""
    small = tuple(
        min(most, -(-side // 2)) for most, side in zip((160, 120), pixels.shape[1::-1], strict=True)
    )
    thumbnail = np.asarray(Image.fromarray(pixels).resize((small[0], small[1])))
    sensor = strip(mosaic(pixels)) | {33421: [2, 2], 33422: bytes([0, 1, 1, 2])}
    first = strip(thumbnail, reduced=True) | {
        271: "Maker", 272: "Maker One", 274: [orientation], 50706: bytes([1, 4, 0, 0]),
        50707: bytes([1, 1, 0, 0]), 50708: "Maker One",
        50721: [3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570],
        50728: [1.0, 1.0, 1.0], 50778: [21],
    }  # fmt: skip
    return tiff(first, subs=(sensor, *([preview(own_jpeg)] if own_jpeg is not None else [])))


def camera_tiff(make: str, start: bytes = b"II*\0") -> bytes:
    """Return a raw photo of a maker as far as its structure goes: a thumbnail, then a sensor's values."""
    grey = np.full((120, 160, 3), 99, np.uint8)
    sensor = strip(np.full((480, 640), 999, np.uint16))
    return tiff(strip(grey, reduced=True) | {271: make, 272: f"{make} 1"}, subs=(sensor,), start=start)
