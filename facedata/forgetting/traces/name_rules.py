"""When the letters of a name, or of a path, are really that name: pure functions on bytes.

A name such as ``Ann`` is part of many words. What counts depends on the name:

- a *word* (three characters or more, not only digits) counts where no letter or digit stands beside it;
- a *cell* (one or two characters) counts where it is all there is between quotes, commas, tabs, slashes or
  line ends;
- a *number* (only digits) counts as a part of a path, in quotes, or as the whole of a table's text.

Where bytes are no text, strings stand without anything between them: there six bytes or more count, and
shorter names in a stretch of text, or with their length before them, as several formats write them.
"""

from __future__ import annotations

import enum
import unicodedata

_SIDES = b"\"',;\t\r\n\0/\\|"
"""What a cell stands between; or between the tags of a page."""

_READABLE, _PRINTABLE = 8, frozenset(range(32, 127)) | frozenset(b"\t\r\n")
_LEAST_RAW = 6
"""The fewest bytes of a text that count wherever they stand among bytes that are no text."""


class Surroundings(enum.Enum):
    """Where bytes were found."""

    TEXT = "text"
    """In a text file."""
    VALUE = "value"
    """In a value of a table, which begins and ends where the value does."""
    BYTES = "bytes"
    """Among bytes that may be anything."""
    DECODED = "decoded"
    """Among the bytes of a file whose values are looked at one by one."""


class NameKind(enum.Enum):
    """How easily a name is mistaken."""

    WORD = "word"
    CELL = "cell"
    NUMBER = "number"
    PATH = "path"


def kind_of_name(name: str) -> NameKind:
    """Return how easily a name is mistaken.

    >>> [kind_of_name(name).value for name in ("Ann", "王菲", "Al", "12", "0000045")]
    ['word', 'word', 'cell', 'number', 'number']
    """
    if name.isdigit():
        return NameKind.NUMBER
    return NameKind.WORD if len(name) > 2 or len(name.encode("utf-8", "replace")) > 5 else NameKind.CELL


def stands_alone(kind: NameKind, data: bytes | memoryview, start: int, end: int, where: Surroundings) -> bool:
    """Return whether what stands at some bytes is really the name or path that it is spelled as.

    Args:
        kind: of the name.
        data: the text, the value or the bytes in which it was found, UTF-8 if it is text.
        start: its first byte.
        end: the byte after its last one.
        where: what kind of bytes these are.
    """
    before, after = bytes(data[max(0, start - 4) : start]), bytes(data[end : end + 4])
    if where is Surroundings.BYTES and end - start >= _LEAST_RAW:
        return True
    if where is Surroundings.BYTES:  # a stretch of text, as in a log with a hole
        beside = bytes(data[max(0, start - _READABLE) : start]) + bytes(data[end : end + _READABLE])
        if len(beside) < _READABLE or not _PRINTABLE.issuperset(beside):
            return False
    if where is Surroundings.DECODED:
        return end - start >= _LEAST_RAW and not before[-1:].isalnum() and not after[:1].isalnum()
    if kind is NameKind.WORD:
        first, last = _letters(bytes(data[start:end]))
        return not (_continues(_letters(before)[1], first) or _continues(last, _letters(after)[0]))
    if kind is NameKind.PATH:  # of a folder that may have others before it
        last, following = _letters(before)[1], _letters(after)[0]
        return not (last.isalnum() or following.isalnum() or (last and last in "_-~."))
    ends = not before and not after, where is Surroundings.VALUE or kind is NameKind.CELL
    if kind is NameKind.NUMBER and all(ends):
        return True
    if after[:1] == b"<" and before[-3 if kind is NameKind.NUMBER else -1 :] in (b">", b"<t>"):
        return True  # a text between tags; a number only in a workbook's texts
    left = before[-1:] in _SIDES if before else ends[1]
    right = after[:1] in _SIDES if after else ends[1]
    if kind is NameKind.CELL or not (left and right):
        return left and right
    is_quoted = before[-1:] in (b'"', b"'") and before[-1:] == after[:1]
    return is_quoted or before[-1:] in (b"/", b"\\") or after[:1] in (b"/", b"\\")


def _letters(text: bytes) -> tuple[str, str]:
    """Return the first and the last letter of some bytes of UTF-8, which may begin and end within one."""
    letters = text.decode("utf-8", "ignore")
    return letters[:1], letters[-1:]


def _continues(left: str, right: str) -> bool:
    """Return whether two letters beside each other are of one word; scripts without blanks have no words."""
    if right and unicodedata.combining(right):
        return True
    return left.isalnum() and right.isalnum() and not (_has_no_blanks(left) or _has_no_blanks(right))


def _has_no_blanks(letter: str) -> bool:
    return "\u0e00" <= letter <= "\u0eff" or "\u2e80" <= letter <= "\ua4cf" or "\uf900" <= letter <= "\ufaff"
