"""Which files are photos: by their ending, else by their first bytes."""

from __future__ import annotations

from pathlib import PurePosixPath

IMAGE_ENDINGS = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "tif", "tiff", "gif"),
        *("heic", "heif", "avif", "ppm", "pgm", "pbm", "jp2"),
    )
)


VIDEO_ENDINGS = frozenset(
    f".{name}"
    for name in ("mp4", "m4v", "mov", "avi", "mkv", "webm", "wmv", "flv", "mpg", "mpeg", "3gp", "mts")
)


HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])


AVIF_BRANDS = frozenset([b"avif", b"avis"])
"""What a photo has after ``ftyp``; any other brand is a video's."""


def ending(photo: str) -> str:
    """Return a path's ending in lower case, with its dot; empty when it has none."""
    return PurePosixPath(photo).suffix.lower()


def kind_of_file(photo: str, head: bytes) -> str:
    r"""Tell ``photo``, ``video`` or ``other`` by the ending, else by the file's first 16 bytes.

    Args:
        photo: the path; only its ending is looked at.
        head: the first 16 bytes, or fewer; may be empty when the ending already tells.

    >>> kind_of_file("x.JPG", b""), kind_of_file("x", b"\xff\xd8\xff\xe0"), kind_of_file("a.txt", b"hi")
    ('photo', 'photo', 'other')
    """
    found = ending(photo)
    if found in IMAGE_ENDINGS:
        return "photo"
    if found in VIDEO_ENDINGS:
        return "video"
    return _kind_by_magic(head)


_IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")


def _kind_by_magic(head: bytes) -> str:
    if head.startswith(_IMAGE_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "photo"
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":  # BMP's reserved bytes are zero
        return "photo"
    if head[4:8] == b"ftyp":
        return "photo" if head[8:12] in HEIF_BRANDS | AVIF_BRANDS else "video"
    if head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "video"
    return "other"
