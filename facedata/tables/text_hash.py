"""Texts as 64-bit numbers, a column at a time: equal texts have equal numbers, others almost never; pure.

Twenty million paths as Python strings take gigabytes, and as numbers 160 MB. Whoever needs certainty compares
the few texts whose numbers agree. The numbers show in no file.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]

_SEED = 20_260_101


def text_numbers(texts: pa.Array | pa.ChunkedArray) -> UInt64Array:
    """Return ``(n,)`` uint64, a number for each text; the length and every byte count (multilinear hashing).

    Args:
        texts: strings, none of them null.

    >>> one, two, three = text_numbers(pa.array(["anna/1", "anna/2", "anna/1"]))
    >>> bool(one == three), bool(one == two)
    (True, False)
    """
    if isinstance(texts, pa.ChunkedArray):
        return np.concatenate([np.empty(0, np.uint64), *map(text_numbers, texts.chunks)])
    whole = texts.cast(pa.large_string())
    _, offsets, data = whole.buffers()
    if not len(whole):
        return np.empty(0, np.uint64)
    ends = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
    letters = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]]
    lengths = np.diff(ends)
    starts = ends[:-1] - ends[0]
    place = np.arange(len(letters)) - np.repeat(starts, lengths)
    # sums wrap round at 2**64, as they shall; differences of running sums are sums of pieces
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * _factors(int(lengths.max(initial=0)))[place], out=sums[1:])
    return mixed(sums[starts + lengths] - sums[starts] + lengths.astype(np.uint64))


def mixed(numbers: UInt64Array) -> UInt64Array:
    """Scatter numbers over all 64 bits, each to another one (the finisher of splitmix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def repeated(numbers: UInt64Array) -> NDArray[np.int64]:
    """Return the places, ascending, of all numbers that occur more than once.

    >>> repeated(np.array([7, 5, 7, 6], np.uint64)).tolist()
    [0, 2]
    """
    order = np.argsort(numbers, kind="stable")
    ranked = numbers[order]
    same = ranked[1:] == ranked[:-1]
    several = np.zeros(len(numbers), np.bool_)
    several[1:] |= same
    several[:-1] |= same
    return np.sort(order[several])


@lru_cache(maxsize=4)
def _factors(count: int) -> UInt64Array:
    """One factor per place in a text; more of them start with the same ones."""
    return np.random.default_rng(_SEED).integers(0, 1 << 64, count, np.uint64)
