"""A pickle stream of lists, bytes and uint8 arrays, read without loading it.

A pickle may run any code when it is loaded, so nothing here loads one. The reader knows the few
instructions that lists of bytes, of uint8 arrays and of true and false are made of, as Python 2 and 3
write them in the protocols 0 to 5, and refuses every other; it calls nothing that a file names. Bytes are
not read: where they are is.
"""

from __future__ import annotations

import ast
import math
import mmap
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import SourceError


class ByteSpan(NamedTuple):
    """Where bytes lie in a file, and how they are written there.

    Attributes:
        start: the first byte.
        length: how many, as written.
        form: ``bytes``: as they are; ``quoted``: as Python 2 quotes text; ``utf-8`` and ``escaped``: each
            byte as a letter, in UTF-8 or in ASCII with escapes.
    """

    start: int
    length: int
    form: str = "bytes"


class ArraySpan:
    """A numpy array; empty until the file says what is in it.

    Attributes:
        kind: ``u1`` or ``b1``.
        span: its bytes.
    """

    def __init__(self) -> None:
        self.kind, self.span = "", ByteSpan(0, 0)


def read_stream(path: Path) -> Any:
    """Return the value that a file holds, with a :class:`ByteSpan` for bytes and text.

    An array is an :class:`ArraySpan`.

    Raises:
        SourceError: it is cut off, or holds anything but lists, tuples, bytes, numbers, true, false and
            arrays of uint8 or bool; with the byte.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise SourceError(f"{path} is empty: copy it again")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Stream(path, data).read()


def read_span(path: Path, span: ByteSpan) -> bytes:
    """Return the bytes of a span.

    Raises:
        OSError: the file cannot be read, or has changed.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(span.start)
        written = file.read(span.length)
    if len(written) < span.length:
        raise OSError(f"{path} ends before byte {span.start + span.length:,}")
    try:
        return _decode(written, span.form)
    except ValueError as error:
        raise OSError(f"{path} is damaged at byte {span.start:,}: {error}") from error


class _Name(NamedTuple):
    """A name of Python's that a file refers to."""

    text: str


class _Kind:
    """A numpy dtype: ``u1``, or ``b1`` for true and false."""

    def __init__(self, text: str) -> None:
        self.text = text.lstrip("|")


_MARK = object()

_NAMES = {
    **dict.fromkeys(("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"), "array"),
    **dict.fromkeys(("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"), "buffer"),
    **dict.fromkeys(("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"), "scalar"),
    "numpy.dtype": "kind",
    "numpy.ndarray": "ndarray",
    "_codecs.encode": "letters",
}
"""What a file may name, and what it is here."""

_CONSTANTS = {ord("N"): None, 0x88: True, 0x89: False}
_COUNTED = {
    code: (width, form)
    for form, widths in {
        "bytes": {ord("U"): 1, ord("T"): 4, ord("C"): 1, ord("B"): 4, 0x8E: 8, 0x96: 8},
        "utf-8": {0x8C: 1, ord("X"): 4, 0x8D: 8},
    }.items()
    for code, width in widths.items()
}
"""Instructions with a length: of how many bytes, and the form of what follows."""
_LINES = {ord("S"): "quoted", ord("V"): "escaped"}
_INTEGERS = {ord("K"): 1, ord("M"): 2, ord("J"): 4}
_PUT, _GET = {ord("q"): 1, ord("r"): 4}, {ord("h"): 1, ord("j"): 4}
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_LONGEST_LINE = 64
"""Of a number or a name."""
_FEW_STEPS, _BYTES_A_STEP = 1_000_000, 32
"""A file has at most so many instructions, and one more for so many bytes, which bounds the memory."""
_MOST_AXES = 32


class _Stream:
    """Goes through the instructions of a file; texts and bytes stay where they are."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path, self._data, self._size = path, data, len(data)
        self._at = self._instruction = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._left = _FEW_STEPS + self._size // _BYTES_A_STEP

    def read(self) -> Any:
        """Return the value that the file holds."""
        try:
            while (code := self._number(1)) != ord("."):
                self._left -= 1
                if self._left < 0:
                    self._never("too many values for its length")
                self._step(code)
                self._instruction = self._at
            return self._stack[-1]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise self._refuse(f"what stands there makes no sense ({type(error).__name__})") from error

    def _step(self, code: int) -> None:
        stack = self._stack
        if code in _COUNTED:
            width, form = _COUNTED[code]
            length = self._number(width)
            stack.append(ByteSpan(self._skip(length), length, form))
        elif code in _GET or code == ord("g"):
            stack.append(self._memo[self._number(_GET[code]) if code in _GET else int(self._line())])
        elif code in _PUT or code == ord("p"):
            self._memo[self._number(_PUT[code]) if code in _PUT else int(self._line())] = stack[-1]
        elif code == 0x94:
            self._memo[len(self._memo)] = stack[-1]
        elif code in _CONSTANTS:
            stack.append(_CONSTANTS[code])
        elif code in _LINES:
            end = self._data.find(b"\n", self._at)
            length = (end if end >= 0 else self._size) - self._at
            stack.append(ByteSpan(self._skip(length + 1), length, _LINES[code]))
        elif code in _INTEGERS:
            width = _INTEGERS[code]
            stack.append(self._number(width, signed=width == 4))
        elif code in (ord("I"), ord("L")):
            text = self._line()
            is_answer = code == ord("I") and text in (b"00", b"01")
            stack.append(text == b"01" if is_answer else int(text.rstrip(b"L")))
        elif code == 0x8A:
            width = self._number(1)
            stack.append(
                self._number(width, signed=True) if width <= 8 else self._never(f"a number of {width} bytes")
            )
        elif code in (ord("("), ord("]"), ord(")")):
            stack.append({ord("("): _MARK, ord("]"): [], ord(")"): ()}[code])
        elif code == ord("a"):
            value = stack.pop()
            self._put_into([value])
        elif code in (ord("e"), ord("l"), ord("t")):
            values = self._pop_to_mark()
            if code == ord("e"):
                self._put_into(values)
            else:
                stack.append(values if code == ord("l") else tuple(values))
        elif code in _TUPLES:
            values = stack[-_TUPLES[code] :]
            del stack[-_TUPLES[code] :]
            stack.append(tuple(values))
        elif code == ord("c"):
            stack.append(self._name(self._line(), self._line()))
        elif code == 0x93:
            name, module = (self._text(stack.pop()).encode() for _ in range(2))
            stack.append(self._name(module, name))
        elif code == ord("R"):
            arguments, name = stack.pop(), stack.pop()
            stack.append(self._make(name, arguments))
        elif code == ord("b"):
            state = stack.pop()
            self._fill(stack[-1], state)
        elif code == 0x80:
            if (protocol := self._number(1)) > 5:
                self._never(f"the protocol {protocol}")
        elif code == 0x95:
            self._number(8)  # the length of a frame
        else:
            self._never(f"the instruction {chr(code)!r}")

    def _put_into(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            self._never("something that is put into what is no list")
        self._stack[-1].extend(values)

    def _pop_to_mark(self) -> list[Any]:
        stack = self._stack
        at = len(stack) - 1
        while stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise IndexError
        values = stack[at + 1 :]
        del stack[at:]
        return values

    def _make(self, name: Any, arguments: Any) -> Any:
        """Return what a name makes of its arguments; nothing is called."""
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            return self._never("a call")
        if (
            name.text == "letters"
            and len(arguments) == 2
            and self._text(arguments[1]) in ("latin1", "latin-1")
        ):
            return arguments[0]  # its letters are bytes, as read_span knows
        if name.text == "kind":
            return _Kind(self._text(arguments[0]))
        if name.text == "array" and arguments[0] == _Name("ndarray"):
            return ArraySpan()
        if name.text == "scalar" and arguments[0].text == "b1":
            return self._text(arguments[1]) == "\1"
        if name.text == "buffer":
            made = ArraySpan()
            self._fill(made, (1, arguments[2], arguments[1], False, arguments[0]))
            return made
        return self._never(f"a call of {name.text!r} with other values than arrays have")

    def _fill(self, made: Any, state: Any) -> None:
        """Give an array or a dtype what a file says is in it."""
        if isinstance(made, _Kind):
            return
        if not isinstance(made, ArraySpan) or len(state) != 5:
            self._never("values for something that is no array")
        _, shape, kind, _, span = state
        # what is no whole number could make product and message larger than any memory
        if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
            self._never("an array whose shape is no whole numbers")
        if not isinstance(kind, _Kind) or kind.text not in ("u1", "b1") or not isinstance(span, ByteSpan):
            self._never(
                f"an array of {getattr(kind, 'text', 'objects')!r}, and only those of uint8 are images"
            )
        if len(shape) > _MOST_AXES:
            self._never(f"an array with {len(shape):,} axes")
        if span.form == "bytes" and math.prod(shape) != span.length:
            self._never(f"an array of the shape {shape} in {span.length:,} bytes")
        made.kind, made.span = kind.text, span

    def _name(self, module: bytes, name: bytes) -> _Name:
        text = f"{module.decode('latin-1')}.{name.decode('latin-1')}"
        if text not in _NAMES:
            self._never(f"{text!r}")
        return _Name(_NAMES[text])

    def _text(self, span: Any) -> str:
        if not isinstance(span, ByteSpan) or span.length > _LONGEST_LINE:
            return str(self._never("a name that is no short text"))
        return _decode(self._data[span.start : span.start + span.length], span.form).decode("latin-1")

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self._at, self._at + _LONGEST_LINE + 1)
        if end < 0:
            self._never("a line without an end")
        return self._data[self._skip(end + 1 - self._at) : end]

    def _number(self, width: int, *, signed: bool = False) -> int:
        start = self._skip(width)
        return int.from_bytes(self._data[start : start + width], "little", signed=signed)

    def _skip(self, length: int) -> int:
        """Go on by some bytes, and return where they began."""
        start, self._at = self._at, self._at + length
        if self._at > self._size:
            raise self._refuse(
                f"it needs {length:,} more bytes, and the file has {self._size - start:,}; it was cut off: "
                "copy it again"
            )
        return start

    def _never(self, what: str) -> Any:
        raise self._refuse(
            f"it holds {what}; a .bin for verification has a list of images and one of true and false, and "
            "no more. Do not load it with other programs unless you trust where it is from"
        )

    def _refuse(self, why: str) -> SourceError:
        return SourceError(f"{self._path} was refused at byte {self._instruction:,}: {why}")


_QUOTED = re.compile(
    rb"""'[^'\\]*(?:\\(?:[\\'"abfnrtv]|x[0-9a-fA-F]{2}|[0-3]?[0-7]{1,2})[^'\\]*)*'"""
    rb"""|"[^"\\]*(?:\\(?:[\\'"abfnrtv]|x[0-9a-fA-F]{2}|[0-3]?[0-7]{1,2})[^"\\]*)*\""""
)
"""One quoted text, as Python 2 writes bytes; whatever else stands on its line is no image."""


def _read_quoted(written: bytes) -> bytes:
    text = written.strip()
    if not _QUOTED.fullmatch(text):
        raise ValueError("it is not one quoted text")
    value: bytes = ast.literal_eval("b" + text.decode("ascii"))
    return value


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "bytes": lambda written: written,
    "quoted": _read_quoted,
    "utf-8": lambda written: written.decode("utf-8").encode("latin-1"),
    "escaped": lambda written: written.decode("raw-unicode-escape").encode("latin-1"),
}


def _decode(written: bytes, form: str) -> bytes:
    """Return the bytes that are written in a form.

    Raises:
        ValueError: they are not written so.
    """
    try:
        return _DECODERS[form](written)
    except SyntaxError as error:
        raise ValueError(str(error)) from error
