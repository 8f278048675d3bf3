"""A memory that is too small is a user's to mend: one line that says what to lower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DeviceError

_TOO_LITTLE = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""Words of torch, CUDA, cuDNN and cuBLAS, which have no error in common."""


@contextmanager
def memory_watched(advice: str) -> Iterator[None]:
    """Turn what torch says of a memory that is too small into an error that says what to lower.

    Raises:
        DeviceError: the memory is too small.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in _TOO_LITTLE):
            raise
        raise DeviceError(f"out of memory: {advice}") from error
