"""Files of formats that no library here writes, as far as their structure goes."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """Return an ISO media file's first box, and nothing behind it."""
    return struct.pack(">I", 16 + 4 * len(compatible)) + b"ftyp" + major + b"\0\0\0\0" + b"".join(compatible)


def psd(
    pixels: NDArray[np.uint8], extra: int = 0, merged: bool = True, depth: int = 8, version: int = 1
) -> bytes:
    """Return a Photoshop file of an RGB picture.

    Args:
        pixels: ``(h, w, 3)`` uint8 RGB.
        extra: how many further channels it has, saved selections, all black.
        merged: whether it says that its merged picture is real.
        depth: 8 or 16 bits a channel.
        version: 1, or 2 for the large files (PSB).
    """
    height, width = pixels.shape[:2]
    about = struct.pack(">I?", 1, merged) + b"\0" * 9
    resources = b"8BIM" + struct.pack(">HHI", 1057, 0, len(about)) + about
    planes = [pixels[..., channel] for channel in range(3)] + [np.zeros((height, width), np.uint8)] * extra
    data = b"".join((plane.astype(">u2") * 257 if depth == 16 else plane).tobytes() for plane in planes)
    head = b"8BPS" + struct.pack(">H6xHIIHH", version, 3 + extra, height, width, depth, 3)
    layers = struct.pack(">Q" if version == 2 else ">I", 0)
    return (
        head + struct.pack(">I", 0) + struct.pack(">I", len(resources)) + resources + layers + b"\0\0" + data
    )


UNREAD = {
    "photo.xcf": (b"gimp xcf v011\0" + bytes(99), "GIMP"),
    "photo.jxr": (b"II\xbc\x01" + bytes(99), "JPEG XR"),
    "photo.exr": (b"\x76\x2f\x31\x01" + bytes(99), "OpenEXR"),
    "photo.hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 4\n" + bytes(99), "Radiance"),
    "photo.bpg": (b"BPG\xfb" + bytes(99), "BPG"),
    "photo.psb": (psd(np.zeros((8, 8, 3), np.uint8), version=2), "PSB"),
    "photo.psd": (psd(np.zeros((8, 8, 3), np.uint8), depth=16), "PSD"),
    "unmerged.psd": (psd(np.zeros((8, 8, 3), np.uint8), merged=False), "Maximize Compatibility"),
}
"""Photos that nothing here reads: the bytes, and what the reason must name."""
