"""Crop names: from a photo's path and person to ``<identity>/<name>.jpg``, safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]')
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[1-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Windows takes these for devices, whatever ending follows."""
_LIKE_OURS = re.compile(r"~[0-9a-f]{8}$")
_MOST_BYTES = 200


def crop_paths(records: Sequence[str], photos: Sequence[str], identities: Sequence[str]) -> list[str]:
    """Return each record's crop path.

    A crop is named after its photo's stem. When two of a person collide (case-folded, NFC), all but the
    first get ``~`` and 8 hex digits of SHA-256(record). Unsafe characters are percent-encoded; names over
    200 bytes are cut and get the hash too, and so do those that already end like one that did. People whose
    folders would collide on a case-folding file system are told apart likewise.

    Args:
        records: in ascending order of their UTF-8 bytes.
        photos: their photos' paths.
        identities: their people.

    >>> crop_paths(["a/1.jpg", "a/1.png"], ["a/1.jpg", "a/1.png"], ["a", "a"])
    ['a/1.jpg', 'a/1~8630ea93.jpg']
    """
    folders = _folders(sorted(set(identities), key=str.encode))
    stems = [safe_name(_stem(photo), record) for photo, record in zip(photos, records, strict=True)]
    first = _first_of_each(
        [f"{folders[who]}/{_folded(stem)}" for who, stem in zip(identities, stems, strict=True)]
    )
    return [
        f"{folders[who]}/{stem if is_first else _with_hash(stem, record)}.jpg"
        for who, stem, record, is_first in zip(identities, stems, records, first, strict=True)
    ]


def safe_name(name: str, key: str) -> str:
    """Return a file or folder name that is safe on Linux, macOS and Windows.

    A name that is too long, or ends in ``~`` and 8 hex digits and so could pass for one that was told apart,
    gets the hash of ``key``.

    >>> safe_name("con", "x"), safe_name("1~8630ea93", "x")
    ('%63on', '1~8630ea93~2d711642')
    >>> safe_name("50% off: a/b", "x"), safe_name("..", "x"), len(safe_name("é" * 300, "x").encode())
    ('50%25 off%3A a%2Fb', '%2E%2E', 199)
    """
    safe = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if safe.endswith((".", " ")):  # Windows drops them
        safe = f"{safe[:-1]}%{ord(safe[-1]):02X}"
    if _DEVICE.match(safe):
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    is_plain = len(safe.encode()) <= _MOST_BYTES and not _LIKE_OURS.search(_folded(safe))
    return safe if is_plain else _with_hash(safe, key)


def _with_hash(name: str, key: str) -> str:
    suffix = "~" + hashlib.sha256(key.encode()).hexdigest()[:8]
    cut = name.encode()[: _MOST_BYTES - len(suffix)].decode(errors="ignore")
    return re.sub(r"%[0-9A-F]?$", "", cut) + suffix


def _folders(identities: Sequence[str]) -> dict[str, str]:
    names = [safe_name(identity, identity) for identity in identities]
    first = _first_of_each([_folded(name) for name in names])
    return {
        identity: name if is_first else _with_hash(name, identity)
        for identity, name, is_first in zip(identities, names, first, strict=True)
    }


def _first_of_each(keys: Sequence[str]) -> list[bool]:
    """Tell for each key whether it is the first of its value; memory is 8 bytes a key, not a string."""
    hashes = np.fromiter(
        (int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") for key in keys),
        np.uint64,
        len(keys),
    )
    first = np.zeros(len(keys), bool)
    first[np.unique(hashes, return_index=True)[1]] = True
    return [bool(value) for value in first]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _stem(photo: str) -> str:
    name = photo.rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name
