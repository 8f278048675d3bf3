"""Any path as valid UTF-8 text, and back."""

from __future__ import annotations

import os
import re


def photo_text(path: str) -> str:
    r"""Return a path as valid UTF-8 text, without loss; :func:`photo_path` reverses it.

    Bytes that are not UTF-8 (Python's surrogates) become ``\xNN``; a backslash that looks like such an
    escape becomes ``\x5c``. All other paths stay as they are.

    >>> photo_text("anna/caf\udce9.jpg")
    'anna/caf\\xe9.jpg'
    >>> photo_path(photo_text("a\\xff/caf\udce9.jpg")) == "a\\xff/caf\udce9.jpg"
    True
    """
    path = re.sub(r"\\(?=x[0-9a-f]{2})", r"\\x5c", path)
    return re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", path)


def photo_path(text: str) -> str:
    """Return the file-system path that :func:`photo_text` made into text."""
    if "\\x" not in text:
        return text
    raw = re.sub(
        rb"\\x([0-9a-f]{2})",
        lambda match: bytes([int(match[1], 16)]),
        text.encode("utf-8", "surrogateescape"),
    )
    return os.fsdecode(raw)
