"""What bytes are a text, and what in a text is not meant as a name: pure functions."""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator

from .patterns import NAME, Hit

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{48,}={0,2}")
_LINES = re.compile(rb"[A-Za-z0-9+/]{48,}(?:\r?\n[A-Za-z0-9+/]{48,})*(?:\r?\n[A-Za-z0-9+/]{1,47})?={0,2}")
_HEX = re.compile(rb"[0-9a-f\r\n]+|[0-9A-F\r\n]+")

_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\b\x1b")
_WORDS = bytes(byte for byte in range(128) if chr(byte).isalnum() or byte in b' \t\r\n",.:{}<>/_-') + bytes(
    range(128, 256)
)
_CODE = re.compile(
    rb"<(script|style)(?![^>]*(?:text/plain|json|importmap))[^>]*>.*?</\1\s*>|<!--.*?-->",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"([\w:-]+)\s*=\s*[\"'][^\"'<>]*$")
_TAG_BYTES, _LONG = 1024, 160
_CAPITALS = [bytes([letter]) for letter in range(65, 91)]
_DIGITS = [bytes([digit]) for digit in range(48, 58)]
_NAMES_SOMETHING = re.compile(
    rb"title|alt|href|src|value|id|name|content|label|aria-.*|data-.*", re.IGNORECASE
)
_PERSON_COLUMN = re.compile("identity|person|people|name|subject|who|celeb|label|class", re.IGNORECASE)


def as_text(data: bytes, *, is_unpacked: bool = False) -> bytes | None:
    r"""Return bytes as UTF-8 if they are a text, of UTF-16 too; None if they are something else.

    Args:
        data: any bytes.
        is_unpacked: they were within other bytes, where numbers may look like letters.

    >>> as_text("Zoë".encode("utf-16")), as_text(bytes(range(256)))
    (b'Zo\xc3\xab', None)
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode()
        except UnicodeError:
            return None
    if len(data.translate(None, _CONTROL)) < len(data):
        return None
    if is_unpacked and len(data.translate(None, _WORDS)) * 8 > len(data):
        return None
    return data


def drop_code(data: bytes, hits: Iterable[Hit]) -> Iterator[Hit]:
    """Yield hits without those that only look like names.

    These are all names within base64; and names of one or two letters, or of digits, in a page's scripts and
    styles, and in its tags except for texts and links.
    """
    packed = [found.span() for found in _BASE64.finditer(data) if is_random(found[0])]
    written = [found.span() for found in (_CODE.finditer(data) if b"</" in data else ())]
    for hit in hits:
        if hit.kind == NAME and _is_within(hit.at, packed):
            continue
        if not hit.is_sure:
            before = data[max(0, hit.at - _TAG_BYTES) : hit.at]
            in_tag = before.rfind(b"<") > before.rfind(b">")
            named = _ATTRIBUTE.search(before) if in_tag else None
            is_named = named is not None and _NAMES_SOMETHING.fullmatch(named[1])
            if _is_within(hit.at, written) or (in_tag and not is_named):
                continue
        yield hit


def find_base64(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what may be base64 of other bytes, in a line or several, with its offset; hex digits are none."""
    for found in _LINES.finditer(data):
        if not _HEX.fullmatch(found[0]):
            yield found.start(), found[0]


def is_random(run: bytes) -> bool:
    """Return whether a run has as many capitals and digits as base64 has, and no path."""
    capitals, digits = (sum(map(run.count, some)) for some in (_CAPITALS, _DIGITS))
    return len(run) >= _LONG and capitals * 5 > len(run) and digits * 33 > len(run)


def _is_within(at: int, spans: list[tuple[int, int]]) -> bool:
    place = bisect_right(spans, (at, at)) - 1
    return (place >= 0 and at < spans[place][1]) or (place + 1 < len(spans) and spans[place + 1][0] == at)


def find_cells(
    text: bytes, numbers: Collection[str], header: list[str]
) -> tuple[list[str], list[tuple[str, int]]]:
    """Find names of digits alone in those columns of a CSV file that name people.

    Args:
        text: the file, or a piece of it.
        numbers: the names.
        header: the columns' names; empty if they are the text's first line.

    Returns:
        The columns' names, and for each find the column and the line, counted from the text's first one.
    """
    lines = text.decode("utf-8-sig", "replace").splitlines()
    found: list[tuple[str, int]] = []
    try:
        rows = csv.reader(lines, csv.Sniffer().sniff("\n".join(lines[:20]), ",;\t"))
        header = header or next(rows, [])
        wanted = [number for number, name in enumerate(header) if _PERSON_COLUMN.search(name)]
        for row in rows:
            found += [
                (header[number], rows.line_num)
                for number in wanted
                if number < len(row) and row[number].strip() in numbers
            ]
    except csv.Error:  # a text that only looks like a table
        return header, found
    return header, found
