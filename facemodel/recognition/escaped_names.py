"""People's names as text for a terminal or a picture: a folder may have any name at all."""

from __future__ import annotations

import unicodedata

UNKNOWN = "unknown"
"""The name of a face without a person; no person can have it."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the text direction, even beyond the end of the name."""

_HIDDEN = frozenset(["Cc", "Cs", "Cn", "Zl", "Zp"])
"""Unicode categories: control characters, surrogates, unassigned, line and paragraph ends."""

_MOST = 32
"""Most letters of a name in a picture."""


def escape_name(name: str) -> str:
    r"""Return a name that cannot break the line, colour the terminal or change the text direction.

    >>> escape_name("Zoë\n\x1b[31m"), escape_name("王菲")
    ('Zoë\\n\\x1b[31m', '王菲')
    """
    return "".join(
        letter.encode("unicode_escape", "backslashreplace").decode("ascii")
        if letter in _TURNS or unicodedata.category(letter) in _HIDDEN
        else letter
        for letter in name
    )


def shorten_name(name: str) -> str:
    """Return an escaped name that is short enough for a picture."""
    text = escape_name(name)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"
