"""SHA-256 texts to bytes and back, by the column; pure functions. Bytes take half the memory of texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LETTERS = np.frombuffer(b"0123456789abcdef", np.uint8)
_VALUES = np.full(256, 255, np.uint8)
_VALUES[_LETTERS] = np.arange(16, dtype=np.uint8)
_ZEROS = "0" * 64


def digest_bytes(column: pa.ChunkedArray) -> NDArray[np.uint8]:
    """Return SHA-256 texts in lower-case hex as ``(n, 32)`` uint8; zeros for null.

    Raises:
        ValueError: a text is not such a digest.
    """
    joined = pc.binary_join_element_wise(pc.fill_null(column, _ZEROS), "", "")
    pieces = [np.empty(0, np.uint8)]
    for chunk in joined.chunks:
        if len(chunk):
            ends = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            if (np.diff(ends) != 64).any():
                raise ValueError("a SHA-256 does not have 64 letters")
            pieces.append(_VALUES[np.frombuffer(chunk.buffers()[2], np.uint8)[ends[0] : ends[-1]]])
    values = np.concatenate(pieces)
    if (values > 15).any():
        raise ValueError("a SHA-256 is not in lower-case hex")
    return np.asarray((values[0::2] << 4 | values[1::2]).reshape(-1, 32))


def digest_texts(digests: NDArray[np.uint8]) -> pa.Array:
    """Return ``(n, 32)`` uint8 as ``(n,)`` SHA-256 texts in lower-case hex.

    >>> digest_texts(np.zeros((1, 32), np.uint8))[0].as_py() == "0" * 64
    True
    """
    letters = np.empty((len(digests), 64), np.uint8)
    letters[:, 0::2] = _LETTERS[digests >> 4]
    letters[:, 1::2] = _LETTERS[digests & 15]
    ends = np.arange(len(digests) + 1, dtype=np.int32) * 64
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(ends), pa.py_buffer(letters))
