"""Which files are photos: by their ending, else by their first bytes."""

from __future__ import annotations

from collections.abc import Callable

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
"""The brands after ``ftyp`` that mean a photo; any other means a video."""

_IMAGE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")


def ending(photo: str) -> str:
    """Return a path's ending in lower case, with its dot; empty when it has none."""
    name = photo.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""


def kind_of_file(photo: str, read_head: Callable[[], bytes]) -> str:
    r"""Return ``photo``, ``video`` or ``other``, by the ending, else by the file's first 16 bytes.

    Hidden files are ``other``: macOS leaves ``._1.jpg`` in archives.

    Args:
        photo: the file's path.
        read_head: returns its first 16 bytes or more; called only when the ending does not decide. Where it
            raises OSError, the file is ``other``.

    >>> kind_of_file("x.JPG", bytes), kind_of_file("x", lambda: b"\xff\xd8\xff\xe0"), kind_of_file("x", bytes)
    ('photo', 'photo', 'other')
    """
    suffix = ending(photo)
    if photo.rpartition("/")[2].startswith("."):
        return "other"
    if suffix in IMAGE_ENDINGS:
        return "photo"
    if suffix in VIDEO_ENDINGS:
        return "video"
    try:
        head = read_head()
    except OSError:
        return "other"
    if head.startswith(_IMAGE_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "photo"
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":  # BMP's reserved bytes are zero
        return "photo"
    if head[4:8] == b"ftyp":
        return "photo" if head[8:12] in HEIF_BRANDS | AVIF_BRANDS else "video"
    if head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "video"
    return "other"
