"""Text files that come with a data set, one line a photo, person or pair: read whole, refused by line."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import SourceError


def list_bytes(where: str, read: Callable[[], bytes]) -> bytes:
    """Return what ``read`` returns, a list file's bytes; ``where`` is what to call the file in an error.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return read()
    except OSError as error:
        raise SourceError(f"cannot read {where}: {error.strerror or error}") from error


def text_lines(where: str, data: bytes) -> list[tuple[int, str]]:
    r"""Return a list file's numbered lines; endings and blank last lines are cut off.

    Args:
        where: what to call the file in an error.
        data: its bytes, UTF-8.

    Raises:
        SourceError: a line is not UTF-8.

    >>> text_lines("x.txt", b"a 1\r\nb 2\r\n\r\n")
    [(1, 'a 1'), (2, 'b 2')]
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        line = data.split(b"\n")[number - 1].decode("utf-8", "backslashreplace")
        raise bad_line(where, number, line, "is not UTF-8") from error
    text = text.rstrip()
    # split, not splitlines, which would also break at odd characters within a name
    return [(number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1)] if text else []


def bad_line(where: str, number: int, line: str, why: str) -> SourceError:
    """Return the error for a malformed line: file, number, the line itself (shortened), what is wrong."""
    shown = line if len(line) <= 80 else line[:79] + "…"
    return SourceError(f"{where}, line {number}: {shown!r} {why}")
