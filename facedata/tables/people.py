"""People as numbers, in UTF-8 byte order of their names; a pure function."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..types import Int32Array


def person_codes(identities: pa.ChunkedArray) -> tuple[Int32Array, list[str]]:
    """Return each row's person as ``(n,)`` int32 (-1 for null), and the people, in UTF-8 byte order."""
    encoded = identities.dictionary_encode()
    names: list[str] = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    order = sorted(range(len(names)), key=lambda index: names[index].encode())
    rank = np.full(len(names) + 1, -1, np.int32)  # the last one is for null
    rank[order] = np.arange(len(names), dtype=np.int32)
    codes = np.empty(len(identities), np.int32)
    start = 0
    for chunk in encoded.chunks:
        indices = pc.fill_null(chunk.indices, len(names)).to_numpy(zero_copy_only=False)
        codes[start : start + len(chunk)] = rank[indices]
        start += len(chunk)
    return codes, [names[index] for index in order]
