"""Embeddings found among rows of numbers, whatever their type and length; pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...types import Float32Array

_LEAST_COSINE = 0.9999
"""Of an embedding and what it became as float16; of two crops of one person it is far below."""
_MOST_DIFFERENCE = 2e-3
"""Between two numbers of these, divided by the largest one."""

_NUMBERS = re.compile(r"[-+0-9.eE,;\s\[\]]{48,}")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_ROWS, _MOST_NUMBER = 65_536, 1e15


class EmbeddingSearch:
    """Finds embeddings by their direction.

    Args:
        embeddings: ``(n, dim)`` float32 arrays, one for each model.
    """

    def __init__(self, embeddings: Sequence[Float32Array]) -> None:
        self._of_dim: dict[int, Float32Array] = {}
        for rows in embeddings:
            rows = rows[np.isfinite(rows).all(axis=1) & (np.abs(rows).max(axis=1, initial=0) > 0)]
            if not len(rows) or rows.shape[1] < 2:
                continue
            unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            before = self._of_dim.get(rows.shape[1], np.empty((0, rows.shape[1]), np.float32))
            self._of_dim[rows.shape[1]] = np.concatenate([before, unit]).astype(np.float32)

    def __bool__(self) -> bool:
        return bool(self._of_dim)

    @property
    def lengths(self) -> list[int]:
        """How many numbers the embeddings have."""
        return sorted(self._of_dim)

    def find_rows(self, rows: NDArray[Any]) -> list[int]:
        """Return which rows are one of the embeddings, or a multiple of one.

        Args:
            rows: ``(m, dim)`` numbers of any type.
        """
        wanted = self._of_dim.get(rows.shape[1] if rows.ndim == 2 else -1)
        if wanted is None:
            return []
        found: list[int] = []
        for start in range(0, len(rows), _ROWS):
            with np.errstate(all="ignore"):  # of numbers that are none, or far too large
                block = rows[start : start + _ROWS].astype(np.float32)
                block[~(np.abs(block) < _MOST_NUMBER)] = 0
            unit = block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), np.float32(1e-30))
            near = np.flatnonzero((unit @ wanted.T).max(axis=1) >= _LEAST_COSINE)
            for row in near.tolist():
                which = wanted[int((wanted @ unit[row]).argmax())]
                if np.abs(unit[row] - which).max() <= _MOST_DIFFERENCE * np.abs(which).max():
                    found.append(start + row)
        return found

    def find_in_text(self, text: str) -> Iterator[int]:
        """Yield the offset of each list of numbers that holds one of the embeddings, written in decimals."""
        for found in _NUMBERS.finditer(text) if self._of_dim else ():
            numbers = (
                np.array(_NUMBER.findall(found[0]), np.float64)
                .clip(-_MOST_NUMBER, _MOST_NUMBER)
                .astype(np.float32)
            )
            if any(self._is_among(numbers, wanted) for wanted in self._of_dim.values()):
                yield found.start()

    def _is_among(self, numbers: Float32Array, wanted: Float32Array) -> bool:
        """Return whether one of the embeddings begins at any of some numbers, ``(m,)`` float32."""
        dim = wanted.shape[1]
        count = len(numbers) - dim + 1
        if count < 1:
            return False
        windows = np.lib.stride_tricks.sliding_window_view(numbers, dim)
        for row in wanted:
            # the ratio of the two largest numbers leaves few windows to be compared as a whole
            second, first = np.argsort(np.abs(row))[-2:].tolist()
            left, right = (
                numbers[first : first + count] * row[second],
                numbers[second : second + count] * row[first],
            )
            near = np.abs(left - right) <= _MOST_DIFFERENCE * 4 * np.abs(
                numbers[first : first + count] * row[first]
            )
            places = np.flatnonzero(near & (numbers[first : first + count] != 0))
            if len(places) and self.find_rows(windows[places]):
                return True
        return False
