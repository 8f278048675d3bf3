"""Running out of memory, reported in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DeviceError

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""Parts of the messages of torch, CUDA, cuDNN and cuBLAS, which share no exception class."""


@contextmanager
def catch_out_of_memory(advice: str) -> Iterator[None]:
    """Turn any out-of-memory error of torch into one that says what to lower.

    Raises:
        DeviceError: there is too little memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in _OUT_OF_MEMORY):
            raise
        raise DeviceError(f"out of memory: {advice}") from error
