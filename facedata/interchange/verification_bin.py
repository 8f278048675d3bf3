"""InsightFace's ``.bin`` of pairs to verify: two images a pair, and whether they show one person.

Such a file is a pickle stream of ``(images, same)``, since that is what InsightFace's programs load; the
format has no other form, which is why this one is written here. Python's own module for pickles is not
used: the writer writes bytes, lists and true or false, instruction by instruction, and the reader is
    :mod:`.pickle_stream`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SourceError
from ..types import BoolArray
from .pickle_stream import ArraySpan, ByteSpan, read_span, read_stream
from .recordio import Writable


@dataclass(frozen=True, eq=False)
class VerificationPairs:
    """A file's pairs.

    Attributes:
        images: two for each pair; equal spans are one image.
        same: ``(n,)`` bool, whether a pair shows one person.
    """

    images: list[ByteSpan]
    same: BoolArray


def read_verification(path: Path) -> VerificationPairs:
    """Read where a ``.bin``'s images lie, and its answers; :func:`read_span` then reads an image.

    Raises:
        SourceError: it cannot be read, is cut off, or holds anything but pairs of images and their answers.
    """
    expected = f"{path} is no .bin for verification"
    try:
        value = read_stream(path)
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise SourceError(f"{expected}: it does not hold two lists, of images and of true and false")
        images, answers = value
        if isinstance(answers, ArraySpan):
            answers = list(read_span(path, answers.span))
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    if not isinstance(images, tuple | list) or not isinstance(answers, tuple | list):
        raise SourceError(f"{expected}: it holds two things, and they are not lists")
    spans = [image.span if isinstance(image, ArraySpan) else image for image in images]
    if at := next(
        (at for at, span in enumerate(spans, 1) if not isinstance(span, ByteSpan) or not span.length), 0
    ):
        raise SourceError(f"{expected}: number {at:,} of its images is no image's bytes")
    if at := next((at for at, answer in enumerate(answers, 1) if answer not in (True, False)), 0):
        raise SourceError(f"{expected}: answer {at:,} is neither true nor false")
    if len(spans) != 2 * len(answers) or not answers:
        raise SourceError(
            f"{expected}: it has {len(spans):,} images and {len(answers):,} answers, not one for two"
        )
    return VerificationPairs(spans, np.array(answers, np.bool_))


class VerificationWriter:
    """Writes a ``.bin``: each image once, however many pairs it is in.

    Args:
        file: open for writing, at its start.
    """

    def __init__(self, file: Writable) -> None:
        self._file, self._written = file, 0
        file.write(b"\x80\x03](")  # protocol 3, an empty list, and a mark: what follows is put into it

    def add(self, image: bytes) -> int:
        """Add an image that is new, and return its number.

        Raises:
            OSError: it cannot be written.
        """
        number, self._written = self._written, self._written + 1
        self._file.write(b"B" + struct.pack("<I", len(image)) + image + b"r" + struct.pack("<I", number))
        return number

    def repeat(self, number: int) -> None:
        """Add an image again, by its number."""
        self._file.write(b"j" + struct.pack("<I", number))

    def close(self, same: BoolArray) -> None:
        """Write the answers, one for each two images, and the end."""
        answers = np.where(same, 0x88, 0x89).astype(np.uint8).tobytes()
        self._file.write(b"e](" + answers + b"e\x86.")
