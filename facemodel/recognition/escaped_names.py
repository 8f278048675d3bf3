"""People's names as text for a line on a terminal or in a picture: a folder may be called anything."""

from __future__ import annotations

import unicodedata

UNKNOWN = "unknown"
"""What a face is called that is nobody's; no person can be."""

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of what follows, also beyond the name."""

_HIDDEN = frozenset(["Cc", "Cs", "Cn", "Zl", "Zp"])
"""Control characters, halves of surrogate pairs, unassigned ones, line and paragraph ends."""

_MOST = 32
"""Letters of a name in a picture."""


def shown(name: str) -> str:
    r"""Return a name in which nothing can break the line, colour the terminal or turn the text round.

    >>> shown("Zoë\n\x1b[31m"), shown("王菲")
    ('Zoë\\n\\x1b[31m', '王菲')
    """
    return "".join(_escaped(letter) if _is_hidden(letter) else letter for letter in name)


def shortened(name: str) -> str:
    """Return a shown name that is short enough to stand in a picture."""
    text = shown(name)
    return text if len(text) <= _MOST else text[: _MOST - 1] + "…"


def ascii_escaped(letter: str) -> str:
    r"""Return a letter in ASCII.

    >>> ascii_escaped("王")
    '\\u738b'
    """
    return letter.encode("ascii", "backslashreplace").decode()


def _is_hidden(letter: str) -> bool:
    return letter in _TURNS or unicodedata.category(letter) in _HIDDEN


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")
