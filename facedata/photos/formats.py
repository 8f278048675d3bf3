"""Which files are photos: by their ending, else by their first bytes; and what a photo's format is called."""

from __future__ import annotations

from collections.abc import Callable

RAW_ENDINGS = frozenset(
    f".{name}"
    for name in (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "gpr", "iiq", "k25", "kdc", "mef"),
        *("mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
IMAGE_ENDINGS = RAW_ENDINGS | frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "bmp", "dib", "tif", "tiff", "gif"),
        *("heic", "heics", "heif", "heifs", "hif", "avif", "avifs", "jxl", "jxr", "wdp", "hdp"),
        *("jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "ppm", "pgm", "pbm", "pnm", "pam", "pfm"),
        *("psd", "psb", "xcf", "tga", "qoi", "pcx", "exr"),
    )
)
VIDEO_ENDINGS = frozenset(
    f".{name}"
    for name in ("mp4", "m4v", "mov", "avi", "mkv", "webm", "wmv", "flv", "mpg", "mpeg", "3gp", "mts")
)

HEIF_BRANDS = frozenset(
    [
        *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"),
        *(b"miaf", b"jpeg", b"jpgs", b"avci", b"avcs", b"j2ki", b"j2is", b"vvic", b"vvis"),
    ]
)
AVIF_BRANDS = frozenset([b"avif", b"avis"])
"""The brands after ``ftyp`` that mean a photo. They may stand first, or after a brand that nobody knows."""

_HEVC_BRANDS = frozenset(brand for brand in HEIF_BRANDS if brand.startswith(b"he"))
_VIDEO_BRANDS = (b"isom", b"iso", b"mp4", b"mp7", b"avc1", b"qt  ", b"M4", b"3g", b"dash", b"f4v", b"mmp4")

RAW_MAGIC = {
    b"FUJIFILMCCD-RAW": "a Fujifilm raw photo (RAF)",
    b"FOVb": "a Sigma raw photo (X3F)",
    b"\0MRM": "a Minolta raw photo (MRW)",
    b"IIRO": "an Olympus raw photo (ORF)",
    b"IIRS": "an Olympus raw photo (ORF)",
    b"MMOR": "an Olympus raw photo (ORF)",
    b"IIU\0": "a Panasonic or Leica raw photo (RW2, RWL)",
    b"II\x1a\0\0\0HEAPCCDR": "a Canon raw photo (CRW)",
}
"""First bytes → the format, of raw photos that are not in a TIFF's structure."""

UNREAD_MAGIC = {
    b"8BPS\0\1": "a Photoshop file (PSD) of a kind",
    b"8BPS\0\2": "a large Photoshop file (PSB)",
    b"gimp xcf": "a GIMP file (XCF)",
    b"II\xbc": "JPEG XR",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"#?RADIANCE": "a Radiance picture (HDR)",
    b"#?RGBE": "a Radiance picture (HDR)",
    b"BPG\xfb": "BPG",
    b"FLIF": "FLIF",
    b"P7\n": "a Netpbm picture (PAM) of a kind",
    b"PF\n": "a Netpbm picture of floats (PFM)",
    b"qoif": "QOI",
    b"\0\0\0\x0cjP  ": "JPEG 2000 of a kind",
    b"\xff\x4f\xff\x51": "JPEG 2000 of a kind",
}
"""First bytes → the format, of photos that Pillow reads only in part, in some versions, or not at all."""

JXL_MAGIC = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")

_IMAGE_MAGIC = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    *(*JXL_MAGIC, *RAW_MAGIC, *UNREAD_MAGIC),
)

HEAD_BYTES = 64
"""How many of a file's first bytes decide what it is."""


def ending(photo: str) -> str:
    """Return a path's ending in lower case, with its dot; empty when it has none."""
    name = photo.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""


def kind_of_file(photo: str, read_head: Callable[[], bytes]) -> str:
    r"""Return ``photo``, ``video`` or ``other``, by the ending, else by the file's first 64 bytes.

    Hidden files are ``other``: macOS leaves ``._1.jpg`` in archives.

    Args:
        photo: the file's path.
        read_head: returns its first :data:`HEAD_BYTES` or more; called only when the ending does not decide.
            Where it raises OSError, the file is ``other``.

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
    if head[4:8] == b"ftyp":
        return "photo" if ftyp_format(head) != "video" else "video"
    if head.startswith(_IMAGE_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "photo"
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":  # BMP's reserved bytes are zero
        return "photo"
    if head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "video"
    return "other"


def ftyp_format(head: bytes) -> str:
    r"""Return ``heif``, ``avif``, ``cr3`` or ``video``: what a file that starts with an ``ftyp`` box is.

    Its first brand decides, unless that is one of pictures of any coding (``mif1``) or one nobody knows: then
    the compatible brands after it do.

    >>> ftyp_format(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), ftyp_format(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ")
    ('avif', 'video')
    """
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major, brands = head[8:12], {head[at : at + 4] for at in range(16, end - 3, 4)} | {head[8:12]}
    if major == b"crx ":
        return "cr3"
    if major in AVIF_BRANDS or (brands & AVIF_BRANDS and not brands & _HEVC_BRANDS):
        return "video" if major.startswith(_VIDEO_BRANDS) else "avif"
    is_picture = major in HEIF_BRANDS or (brands & HEIF_BRANDS and not major.startswith(_VIDEO_BRANDS))
    return "heif" if is_picture else "video"
