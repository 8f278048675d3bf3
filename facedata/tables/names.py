"""Names that look the same: one person, or one split, under several spellings; pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
"""Characters that show nothing: zero-width blanks, soft hyphens, marks of the writing direction. The joiners
U+200C and U+200D are not among them, since Persian and Indic letters change their shape beside them."""

_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
"""Names that are clean already, and can only be the clean form of others: nearly all names."""

_NAMED_AT_MOST = 5
"""The most names that a note shows; it counts the others."""


def clean_name(name: str) -> str:
    r"""Return a name without what cannot be seen: in NFC, with single spaces inside and none at its ends.

    Every kind of blank counts: tabs, line ends, no-break and zero-width ones. The parts of a path are cleaned
    one by one; a part of blanks alone stays as it is. What can be seen stays: case, full-width letters,
    ligatures (so not NFKC).

    >>> clean_name(" Jose\u0301\u00a0 Silva\u200b"), clean_name("Anna /Berg"), clean_name("ﬁ ")
    ('José Silva', 'Anna/Berg', 'ﬁ')
    """
    if _PLAIN.fullmatch(name) and "/" not in name:
        return name
    parts = name.split("/")
    return "/".join(
        unicodedata.normalize("NFC", " ".join(_UNSEEN.sub("", part).split())) or part for part in parts
    )


def join_names(names: Iterable[str]) -> dict[str, str]:
    r"""Return the spelling to use for each name that looks like another one of ``names`` and needs a new one.

    Names are alike when :func:`clean_name` makes them the same; all of them then take the clean spelling,
    whichever of them there are, so the result depends on the names alone. A name that is like no other keeps
    its spelling, clean or not, and so do names that differ by case.

    >>> joined = join_names(["Anna", "Anna ", "anna", "Jose\u0301"])
    >>> joined, joined.get("Anna", "Anna")
    ({'Anna ': 'Anna'}, 'Anna')
    """
    distinct = set(names)
    by_clean = defaultdict(list)
    for name in distinct:
        if (clean := clean_name(name)) != name:
            by_clean[clean].append(name)
    return {
        name: clean
        for clean, spellings in by_clean.items()
        if len(spellings) > 1 or clean in distinct
        for name in spellings
    }


def find_case_twins(names: Iterable[str]) -> list[list[str]]:
    """Return the names that differ only by case, in groups, in order.

    >>> find_case_twins(["Ben", "anna", "Anna"])
    [['Anna', 'anna']]
    """
    by_folded = defaultdict(set)
    for name in names:
        by_folded[clean_name(name).casefold()].add(name)
    return sorted(sorted(group) for group in by_folded.values() if len(group) > 1)


def name_notes(names: Collection[str], joined: Mapping[str, str], what: str = "people") -> list[str]:
    """Return what a user should know about names that look the same, one line each; nothing for most sets.

    Args:
        names: the names as they were written.
        joined: the result of :func:`join_names`.
        what: whose names they are, in the plural.
    """
    notes = []
    spellings = defaultdict(list)
    for name, clean in joined.items():
        spellings[clean].append(name)
    if spellings:
        shown = [
            f"{show_name(clean)} (also written {', '.join(map(show_name, sorted(spellings[clean])))})"
            for clean in sorted(spellings)
        ]
        notes.append(
            f"{what} whose names differ only by blanks or Unicode form are taken as one: "
            f"{_some(shown)}; --names exact keeps them apart"
        )
    if twins := find_case_twins({joined.get(name, name) for name in names}):
        shown = [" and ".join(map(show_name, group)) for group in twins]
        notes.append(
            f"{what} whose names differ only by case are kept apart: {_some(shown)}; "
            "if they are the same, give them one spelling"
        )
    return notes


def show_name(name: str) -> str:
    r"""Return a name in quotes, with escapes for what cannot be seen or does not stand alone.

    >>> print(show_name("Anna "), show_name("Jose\u0301"), show_name("José"))
    'Anna ' 'Jose\u0301' 'José'
    """
    return "".join(
        letter if letter == " " or unicodedata.category(letter)[0] in "LNPS" else ascii(letter)[1:-1]
        for letter in repr(name)
    )


def escape_unseen(text: str) -> str:
    r"""Return text for a terminal, with escapes for line ends and for what moves its cursor.

    >>> print(escape_unseen("Zoë\n1.jpg"))
    Zoë\n1.jpg
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _some(texts: list[str]) -> str:
    more = len(texts) - _NAMED_AT_MOST
    return ", ".join(texts[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
