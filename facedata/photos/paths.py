"""Any path as valid UTF-8 text, and back; the same text whatever the locale."""

from __future__ import annotations

import os
import re
import sys


def photo_text(path: str) -> str:
    r"""Return a path of this machine as valid UTF-8 text, without loss; :func:`photo_path` reverses it.

    Bytes that are not UTF-8 (Python's surrogates) become ``\xNN``; a backslash that looks like such an
    escape becomes ``\x5c``. All other paths stay as they are. In a process whose locale is not UTF-8, Python
    has decoded the path otherwise; its bytes are decoded again.

    >>> photo_text("anna/caf\udce9.jpg")
    'anna/caf\\xe9.jpg'
    >>> photo_path(photo_text("a\\xff/caf\udce9.jpg")) == "a\\xff/caf\udce9.jpg"
    True
    """
    if sys.getfilesystemencoding() != "utf-8":
        try:
            path = os.fsencode(path).decode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # no path of this machine: text that never was one
            return escape_bytes(path)
    return escape_bytes(path)


def photo_path(text: str) -> str:
    """Return the path of this machine that :func:`photo_text` made into text."""
    path = restore_bytes(text)
    if sys.getfilesystemencoding() != "utf-8":
        path = os.fsdecode(path.encode("utf-8", "surrogateescape"))
    return path


def escape_bytes(key: str) -> str:
    """Return :func:`photo_text` of a name decoded as UTF-8: an object's key, a name in an archive."""
    if "\\" in key:
        key = re.sub(r"\\(?=x[0-9a-f]{2})", r"\\x5c", key)
    if key.isascii():  # as most are, of millions
        return key
    return re.sub("[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", key)


def restore_bytes(text: str) -> str:
    """Reverse :func:`escape_bytes`."""
    if "\\x" not in text:
        return text
    raw = re.sub(
        rb"\\x([0-9a-f]{2})",
        lambda match: bytes([int(match[1], 16)]),
        text.encode("utf-8", "surrogateescape"),
    )
    return raw.decode("utf-8", "surrogateescape")
