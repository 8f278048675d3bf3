"""Cameras' raw photos: what marks one, and its picture, by rawpy (LibRaw)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from PIL import Image, ImageFile

from ..errors import UnsupportedImageError
from .formats import RAW_MAGIC, ftyp_format

_FLIPS = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}
"""LibRaw's flip → the EXIF orientation."""

_SUBFILE, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 262, 271, 330, 50706
_SENSOR = {32803, 34892}
"""The photometric interpretations of a sensor's values: a colour filter array, linear raw."""

_MAKERS = {
    "canon": "a Canon raw photo (CR2)", "nikon": "a Nikon raw photo (NEF)", "sony": "a Sony raw photo (ARW)",
    "pentax": "a Pentax raw photo (PEF)", "ricoh": "a Ricoh raw photo (PEF)",
    "samsung": "a Samsung raw photo (SRW)", "hasselblad": "a Hasselblad raw photo (3FR)",
    "phase one": "a Phase One raw photo (IIQ)", "leaf": "a Leaf raw photo (MOS)",
    "epson": "an Epson raw photo (ERF)", "mamiya": "a Mamiya raw photo (MEF)",
    "kodak": "a Kodak raw photo (KDC, DCR)", "konica": "a Konica Minolta raw photo",
    "leica": "a Leica raw photo", "olympus": "an Olympus raw photo (ORF)",
}  # fmt: skip

_LEAST_PREVIEW = 0.9
"""The least size of a camera's own JPEG, against the sensor's, that is taken for the picture."""


def raw_format(data: bytes) -> str | None:
    """Return what a camera's raw photo is called, ``a Nikon raw photo (NEF)``; None for any other file.

    Most are TIFFs whose first picture is a thumbnail. What shows the sensor's values is a raw photo.
    """
    for magic, name in RAW_MAGIC.items():
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return "a Canon raw photo (CR3)" if ftyp_format(data) == "cr3" else None
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None
    directories = list(tiff_directories(data))
    first = directories[0] if directories else {}
    if _DNG_VERSION in first:
        return "a DNG raw photo"
    is_canon, is_phase_one = data[8:10] == b"CR", data[8:16] in (b"IIIITwaR", b"MMMMRawT")
    has_sensor = any(directory.get(_PHOTOMETRIC) in _SENSOR for directory in directories)
    is_thumbnail = bool(first.get(_SUBFILE, 0) & 1) and _SUB_IFDS in first
    if not (is_canon or is_phase_one or has_sensor or is_thumbnail):
        return None
    make = str(first.get(_MAKE, "")).lower()
    named = "canon" if is_canon else "phase one" if is_phase_one else make
    return next((text for maker, text in _MAKERS.items() if maker in named), "a camera's raw photo")


def tiff_directories(data: bytes) -> Iterator[dict[int, Any]]:
    """Yield the tags of a TIFF's directories that tell a raw photo, at most 32, the first one first."""
    order = "little" if data[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]

    waiting, seen = [number(4, 4)], set[int]()
    while waiting and len(seen) < 32:
        start = waiting.pop(0)
        if start in seen or not 8 <= start < len(data):
            continue
        seen.add(start)
        found: dict[int, Any] = {}
        count = min(number(start, 2), (len(data) - start) // 12)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length = number(entry, 2), number(entry + 2, 2), number(entry + 4, 4)
            if tag == _SUB_IFDS:
                at = entry + 8 if length == 1 else number(entry + 8, 4)
                found[tag] = [number(at + 4 * index, 4) for index in range(min(length, 16))]
            elif tag == _MAKE:
                at = entry + 8 if length <= 4 else number(entry + 8, 4)
                found[tag] = data[at : at + min(length, 64)].decode("latin-1")
            elif tag in (_SUBFILE, _PHOTOMETRIC, _DNG_VERSION):
                found[tag] = number(entry + 8, 2 if kind == 3 else 4)
        waiting += [*found.get(_SUB_IFDS, []), number(start + 2 + 12 * count, 4)]
        yield found


def open_raw(data: bytes, name: str) -> tuple[Image.Image, bytes]:
    """Open a raw photo; its pixels are decoded when they are loaded.

    The camera's own JPEG is the picture where it has the sensor's size, as those of most cameras do.
    Otherwise the sensor's values are developed with the camera's white balance. A thumbnail is never taken.

    Args:
        data: the file's bytes.
        name: what :func:`raw_format` returned.

    Returns:
        The image, as it is stored, with its orientation as EXIF; and the bytes it is read from.

    Raises:
        UnsupportedImageError: rawpy is not installed, or does not know the camera.
    """
    try:
        import rawpy
    except ImportError:
        extra = "pip install 'facedata[raw]'"
        raise UnsupportedImageError(f"{name} needs the extra: {extra}; or export it as JPEG") from None
    unread = f"{name} that LibRaw cannot read: export it as JPEG"
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            width, height, flip = raw.sizes.width, raw.sizes.height, raw.sizes.flip
            try:
                preview = raw.extract_thumb()
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                preview = None
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError):
        raise UnsupportedImageError(unread) from None
    exif = Image.Exif()
    exif[0x0112] = _FLIPS.get(flip, 1)
    if preview is not None and preview.format == rawpy.ThumbFormat.JPEG:
        preview_data = bytes(preview.data)
        jpeg = Image.open(io.BytesIO(preview_data), formats=["JPEG"])
        shares = jpeg.width / width, jpeg.height / height
        if min(shares) >= _LEAST_PREVIEW and max(shares) < 1 / _LEAST_PREVIEW:
            jpeg.info["exif"] = exif.tobytes()  # the camera's turn; a preview seldom has one of its own
            return jpeg, preview_data
    developed = _RawImageFile(io.BytesIO(data))
    developed.info["exif"] = exif.tobytes()
    return developed, data


class _RawImageFile(ImageFile.ImageFile):
    """A raw photo as Pillow's images are: its size at once, its pixels when they are loaded."""

    format = "RAW"
    format_description = "a camera's raw photo"
    _is_developed = False

    def _open(self) -> None:
        with self._read() as raw:
            self._size = raw.sizes.width, raw.sizes.height
        self._mode = "RGB"

    def load(self) -> Any:
        """Develop the photo, as it is stored."""
        if not self._is_developed:
            with self._read() as raw:
                pixels = raw.postprocess(use_camera_wb=True, user_flip=0, output_bps=8)
            if pixels.shape[1::-1] != self.size:
                raise UnsupportedImageError(
                    f"a raw photo of {self.size[0]}x{self.size[1]} that LibRaw develops as "
                    f"{pixels.shape[1]}x{pixels.shape[0]}: export it as JPEG"
                )
            self.im = Image.fromarray(pixels).im
            self._is_developed = True
        return Image.Image.load(self)

    def _read(self) -> Any:
        import rawpy

        file = cast(BinaryIO, self.fp)
        file.seek(0)
        return rawpy.imread(file)
