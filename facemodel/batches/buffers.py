"""Memory of finished batches, reused for the next ones: fresh pages cost a tenth of the reading time."""

from __future__ import annotations

import math
import weakref

import numpy as np
from numpy.typing import NDArray

_MOST_FREE = 6
"""Buffers kept for later: as many as are read ahead and in use."""


class Buffers:
    """Hands out arrays, and takes their memory back when the last view of one is gone.

    >>> buffers = Buffers()
    >>> first = buffers.array((2, 3))
    >>> address = first.ctypes.data
    >>> row = first[1]
    >>> del first
    >>> buffers.array((2, 3)).ctypes.data == address  # the row still holds it
    False
    >>> del row
    >>> buffers.array((2, 3)).ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._free: list[NDArray[np.uint8]] = []

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return a uint8 array with arbitrary contents."""
        size = math.prod(shape)
        owner = self._find_owner(size)
        # a view's base is the first array that has no base itself: through a memoryview that is this one, so
        # it lives as long as any view of it
        array = np.frombuffer(memoryview(owner)[:size], np.uint8)  # type: ignore[arg-type]
        weakref.finalize(array, self._take_back, owner).atexit = False
        return array.reshape(shape)

    def _find_owner(self, size: int) -> NDArray[np.uint8]:
        while self._free:
            try:
                owner = self._free.pop()
            except IndexError:  # another thread was faster
                break
            if len(owner) >= size:
                return owner
        return np.empty(max(1, size), np.uint8)

    def _take_back(self, owner: NDArray[np.uint8]) -> None:
        if len(self._free) < _MOST_FREE:
            self._free.append(owner)
