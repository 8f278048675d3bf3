"""One crop's bytes against its row in the classes table; a pure function."""

from __future__ import annotations

import hashlib

from ..findings import Finding, Kind, Severity


def check_crop_bytes(
    row_id: int, path: str, length: int, crop_sha256: str, data: bytes | None
) -> Finding | None:
    """Compare a crop's bytes with what the classes table says of them.

    Args:
        row_id: the crop's id.
        path: its key, for the message.
        length: how many bytes it should have.
        crop_sha256: their SHA-256, lower-case hex.
        data: the bytes that are there; None if there are none.

    Returns:
        What is wrong, or None. ``value`` and ``threshold`` are the lengths in bytes.

    >>> check_crop_bytes(7, "anna/1.jpg", 3, hashlib.sha256(b"abc").hexdigest(), b"abc") is None
    True
    >>> check_crop_bytes(7, "anna/1.jpg", 3, "", None).why
    'the crop anna/1.jpg is not there'
    """
    kind, has = Kind.CROP_CHANGED, 0 if data is None else len(data)
    if data is None:
        kind, why = Kind.CROP_MISSING, f"the crop {path} is not there"
    elif has != length:
        why = f"the crop {path} has {has:,} bytes, not {length:,} as in classes.parquet"
    elif hashlib.sha256(data).hexdigest() != crop_sha256:
        why = f"the crop {path} is not the one that was made: its SHA-256 is not that in classes.parquet"
    else:
        return None
    return Finding(kind, Severity.ERROR, 1.0, why, left=row_id, value=float(has), threshold=float(length))
