"""Many byte strings found in other bytes in one pass, however many they are; pure functions on arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...types import Int64Array

SHORTEST = 4
"""Bytes of the shortest string that can be looked for."""

_GROUPS = ((15, 8, 8), (11, 8, 4), (7, 4, 4), (4, 4, 1))
"""Least length of a string; width of the words that are looked up; bytes from one word to the next."""

_STEP = 1 << 20
"""Bytes looked at together, so that the arrays stay in the processor's cache."""

_SMALL_BYTES = 512
"""In so few bytes every offset is looked up in Python, which is quicker than any array."""

_FEW = 16
"""So many places are compared one by one."""


class ByteSearch:
    """Finds strings by looking up some words of the data in a table.

    Of a string of 15 bytes or more, each of eight neighbouring 8-byte windows is in the table; wherever it
    is in the data, one of them is a whole word there. So one word in eight bytes is looked up, and the time
    hardly depends on how many strings there are. Shorter strings take narrower or more words.

    Args:
        strings: of at least 4 bytes each.

    >>> ByteSearch([b"anna", b"anna.jpg", b"nowhere"]).find(b"x/anna.jpg")
    [(2, b'anna'), (2, b'anna.jpg')]
    """

    def __init__(self, strings: Iterable[bytes]) -> None:
        every = sorted(set(strings))
        self.longest = max(map(len, every), default=0)
        self._of_start: dict[bytes, list[bytes]] = defaultdict(list)
        for one in every:
            self._of_start[one[:SHORTEST]].append(one)
        self._words = []
        most = self.longest + 1
        for least, width, stride in _GROUPS:
            some = [one for one in every if least <= len(one) < most]
            self._words += [_Words(some, width, stride)] if some else []
            most = least

    def find(self, data: bytes | memoryview) -> list[tuple[int, bytes]]:
        """Return each string that is in some bytes with the offset of its first byte, in order.

        Args:
            data: any bytes, all of which are in memory.
        """
        if len(data) > _SMALL_BYTES:
            return sorted(hit for words in self._words for hit in words.find(memoryview(data)))
        text, found = bytes(data), list[tuple[int, bytes]]()
        for at in range(len(text) - SHORTEST + 1):
            if (some := self._of_start.get(text[at : at + SHORTEST])) is not None:
                found += [(at, one) for one in some if text.startswith(one, at)]
        return found


class _Words:
    """Strings that are found by words of one width, at every ``stride`` bytes of the data."""

    def __init__(self, strings: Iterable[bytes], width: int, stride: int) -> None:
        self._width, self._stride, self._type = width, stride, np.dtype(f"<u{width}")
        self._of: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
        for one in strings:
            starts = range(len(one) - width - stride + 2)
            # a long string has enough good windows near its middle
            some = starts if len(starts) < 64 else starts[len(starts) // 2 - 32 : len(starts) // 2 + 32]
            variety = [len(set(one[start : start + width + stride - 1])) for start in some]
            best = some[variety.index(max(variety))]
            for start in range(best, best + stride):
                window = one[start : start + width]
                self._of[int.from_bytes(window, "little")].append((start, one))
        keys = np.array(sorted(self._of), self._type)
        self._shift = np.uint64(64 - min(24, max(18, 6 + len(keys).bit_length())))
        self._table = np.zeros(1 << (64 - int(self._shift)), np.bool_)
        self._table[self._hash(keys)] = True

    def find(self, data: memoryview) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for first in range(0, len(data), _STEP):
            piece = data[first : first + _STEP + self._width - 1]
            for phase in range(0, self._width, self._stride):
                count = (len(piece) - phase) // self._width
                if count <= 0:
                    continue
                words: NDArray[np.unsignedinteger] = np.frombuffer(piece, self._type, count, phase)
                hits = np.flatnonzero(self._table[self._hash(words)])
                if len(hits):
                    keys, places = np.unique(words[hits], return_inverse=True)
                    at = first + phase + hits * self._width
                    for number, key in enumerate(keys.tolist()):
                        for before, one in self._of.get(key, ()):
                            found += self._verify(data, at[places == number] - before, one)
        return found

    def _hash(self, words: NDArray[np.unsignedinteger]) -> Int64Array:
        mixed = words.astype(np.uint64)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed >>= self._shift
        return mixed.view(np.int64)

    @staticmethod
    def _verify(data: memoryview, starts: Int64Array, one: bytes) -> list[tuple[int, bytes]]:
        """Return a string with each of some offsets at which it really is."""
        starts = starts[(starts >= 0) & (starts <= len(data) - len(one))]
        letters = np.frombuffer(data, np.uint8)
        for place in (-1, 0, -2, len(one) // 2) if len(starts) > _FEW else ():
            starts = starts[letters[starts + place % len(one)] == one[place]]
        return [(start, one) for start in starts.tolist() if data[start : start + len(one)] == one]
