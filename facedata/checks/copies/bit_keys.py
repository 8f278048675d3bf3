"""Some bits of each hash as one number: the keys of buckets."""

from __future__ import annotations

import numpy as np

from ...types import BoolArray, Int64Array, UInt64Array


def pack_bits(bits: BoolArray) -> list[UInt64Array]:
    """Return bits as words of 64: a list of ``(n,)`` uint64, the first bit the highest of the first word."""
    padded = np.zeros((len(bits), -(-bits.shape[1] // 64) * 64), np.bool_)
    padded[:, : bits.shape[1]] = bits
    words = np.packbits(padded, axis=1).view(">u8").astype(np.uint64)
    return [np.ascontiguousarray(word) for word in words.T]


def bit_keys(words: list[UInt64Array], bits: Int64Array) -> Int64Array:
    """Return some bits of each row as one number, ``(n,)`` int64."""
    keys = np.zeros(len(words[0]), np.uint64)
    for bit in bits.tolist():
        keys = (keys << np.uint64(1)) | (words[bit // 64] >> np.uint64(63 - bit % 64)) & np.uint64(1)
    return keys.astype(np.int64)
