"""Text files that come with a data set: one photo, person or pair per line; errors name the line."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import SourceError


def read_lines(where: str, read: Callable[[], bytes]) -> list[tuple[int, str]]:
    r"""Return a list file's numbered lines, without line ends and blank last lines.

    Args:
        where: what to call the file in an error.
        read: returns its bytes, UTF-8.

    Raises:
        SourceError: it cannot be read, or a line is not UTF-8.

    >>> read_lines("x.txt", lambda: b"a 1\r\nb 2\r\n\r\n")
    [(1, 'a 1'), (2, 'b 2')]
    """
    try:
        data = read()
        text = data.decode("utf-8-sig").rstrip()
    except OSError as error:
        raise SourceError(f"cannot read {where}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        number = undecodable_line(data)
        line = data.split(b"\n")[number - 1].decode("utf-8", "backslashreplace")
        raise bad_line(where, number, line, "is not UTF-8") from error
    # split, not splitlines, which would also break at odd characters within a name
    return [(number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), 1)] if text else []


def undecodable_line(data: bytes) -> int:
    r"""Return the number of the first line that is not UTF-8, or 0.

    >>> undecodable_line(b"a\n\xe9\n")
    2
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 0


def bad_line(where: str, number: int, line: str, why: str) -> SourceError:
    """Return the error for a malformed line: file, number, the line itself (shortened), what is wrong."""
    start = line if len(line) <= 80 else line[:79] + "…"
    return SourceError(f"{where}, line {number}: {start!r} {why}")
