"""Which photo a path in somebody's list means: other separators, blanks, absolute paths, Unicode forms."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Iterator

from .paths import photo_path, photo_text

_DRIVE = re.compile(r"[A-Za-z]:(?=/)")


def listed_spellings(text: str) -> Iterator[str]:
    r"""Yield the paths that a listed one may mean, as the ledger writes them, likeliest first.

    First the text as it is, so that a file whose name really holds a blank or a backslash wins; then without
    blanks or quotes at its ends; then with ``/`` for ``\``; then the Unicode forms NFC and NFD of each; and
    of an absolute path at last every part of it that it may share with a folder's content, the longest first.

    >>> list(listed_spellings(" .\\anna\\1.jpg"))
    [' .\\anna\\1.jpg', '.\\anna\\1.jpg', 'anna/1.jpg']
    >>> list(listed_spellings("C:\\p\\1.jpg"))[1:]
    ['C:/p/1.jpg', 'p/1.jpg', '1.jpg']
    """
    yield text
    bare = text.strip()
    if len(bare) > 2 and bare[0] == bare[-1] and bare[0] in "\"'":  # as Windows copies paths
        bare = bare[1:-1]
    forms = [text, *(_tidy(form) for form in (text, bare, bare.replace("\\", "/")) if form)]
    if not text.isascii():
        forms += [unicodedata.normalize(form, one) for one in tuple(forms) for form in ("NFC", "NFD")]
    for absolute in forms[-1:] if is_absolute(bare) else ():
        parts = _DRIVE.sub("", absolute).strip("/").split("/")
        forms += ["/".join(parts[start:]) for start in range(len(parts))]
    yield from list(dict.fromkeys(forms))[1:]


def is_absolute(text: str) -> bool:
    r"""Return whether a listed path is absolute, here or on Windows.

    >>> is_absolute("C:\\p\\1.jpg"), is_absolute("/p/1.jpg"), is_absolute("p/1.jpg")
    (True, True, False)
    """
    slashed = text.strip().replace("\\", "/")
    return slashed.startswith("/") or _DRIVE.match(slashed) is not None


def _tidy(text: str) -> str:
    """Return a path without ``.``, ``..`` and doubled slashes; escapes of other bytes stay as they are."""
    return photo_text(posixpath.normpath(photo_path(text)))
