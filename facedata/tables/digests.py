"""SHA-256 texts to bytes and back, by the column; pure functions. Bytes take half the memory of texts."""

from __future__ import annotations

from binascii import hexlify, unhexlify

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_NOT_HEX = "a SHA-256 is not in lower-case hex"
_ZEROS = "0" * 64
_SPAN = 1 << 16
"""Letters turned into bytes at a time: few enough for the processor's cache."""
_SMALL_OR_CAPITAL, _CAPITAL = 0x60, 0x40
"""The bits of an ASCII letter that tell a capital from a small letter and a digit."""


def digest_bytes(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Return SHA-256 texts in lower-case hex as ``(n, 32)`` uint8; zeros for null.

    Raises:
        ValueError: a text is not such a digest.
    """
    pieces = [np.empty(0, np.uint8)]
    for chunk in pc.fill_null(column, _ZEROS).chunks:
        if len(chunk):
            ends = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            if (np.diff(ends) != 64).any():
                raise ValueError("a SHA-256 does not have 64 letters")
            letters = np.frombuffer(chunk.buffers()[2], np.uint8)[ends[0] : ends[-1]]
            for start in range(0, len(letters), _SPAN):
                span = letters[start : start + _SPAN]
                try:
                    pieces.append(np.frombuffer(unhexlify(span.data), np.uint8))
                except ValueError as error:
                    raise ValueError(_NOT_HEX) from error
                if (span & _SMALL_OR_CAPITAL == _CAPITAL).any():
                    raise ValueError(_NOT_HEX)
    return np.concatenate(pieces).reshape(-1, 32)


def digest_texts(digests: NDArray[np.uint8]) -> pa.Array:
    """Return ``(n, 32)`` uint8 as ``(n,)`` SHA-256 texts in lower-case hex.

    >>> digest_texts(np.zeros((1, 32), np.uint8))[0].as_py() == "0" * 64
    True
    """
    letters = hexlify(np.ascontiguousarray(digests).data)
    ends = np.arange(len(digests) + 1, dtype=np.int32) * 64
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(ends), pa.py_buffer(letters))
