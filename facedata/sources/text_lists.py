"""Text files that come with a data set: one photo, person or pair per line; errors name the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import SourceError
from ..files.text import decode_text, encoding_of, unpack


def read_lines(where: str, read: Callable[[], bytes]) -> list[tuple[int, str]]:
    r"""Return a list file's numbered lines, without line ends and blank last lines.

    Args:
        where: what to call the file in an error.
        read: returns its bytes: UTF-8 or UTF-16, perhaps compressed.

    Raises:
        SourceError: it cannot be read, is not text, or a line is not UTF-8.

    >>> read_lines("x.txt", lambda: b"a 1\r\nb 2\r\n\r\n")
    [(1, 'a 1'), (2, 'b 2')]
    """
    return list(iter_lines(read_text(where, read)))


def iter_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a text, without line ends and blank last lines, one at a time."""
    length = len(text)
    while length and text[length - 1].isspace():  # str.rstrip would copy millions of lines
        length -= 1
    # not splitlines, which would also break at odd characters within a name
    mark = "\r" if text.find("\n", 0, length) < 0 else "\n"
    start, number = 0, 0
    while start < length:
        stop = text.find(mark, start, length)
        stop = length if stop < 0 else stop
        number += 1
        yield number, text[start:stop].rstrip("\r")
        start = stop + 1


def read_text(where: str, read: Callable[[], bytes]) -> str:
    """Return a list file's text; arguments and errors as :func:`read_lines`."""
    try:
        data = read()
        return decode_text(data)
    except OSError as error:
        raise SourceError(f"cannot read {where}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        data = unpack(data) or data
        if b"\0" in data and encoding_of(data) == "utf-8":
            raise SourceError(
                f"{where} is not a text file: save what it lists as text or CSV (UTF-8)"
            ) from error
        number = undecodable_line(data)
        line = data.split(b"\n")[number - 1].decode("utf-8", "backslashreplace")
        raise bad_line(where, number, line, "is not UTF-8") from error


def undecodable_line(data: bytes) -> int:
    r"""Return the number of the first line that is not UTF-8 (or UTF-16, if that is what it is), or 0.

    >>> undecodable_line(b"a\n\xe9\n")
    2
    """
    encoding = encoding_of(data).replace("-sig", "")
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        return data[: error.start].decode(encoding, "ignore").count("\n") + 1
    return 0


def bad_line(where: str, number: int, line: str, why: str) -> SourceError:
    """Return the error for a malformed line: file, number, the line itself (shortened), what is wrong."""
    start = line if len(line) <= 80 else line[:79] + "…"
    return SourceError(f"{where}, line {number}: {start!r} {why}")
