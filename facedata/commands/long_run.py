"""How a command that may take hours runs: in memory that the system gets back, in a notebook with a bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..bar import Bar, draws_bar
from ..files.memory import use_system_memory

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])


def long_run(counts: str) -> Callable[[_FunctionT], _FunctionT]:
    """Return what makes a long run of a function with the arguments ``on_progress`` and ``on_step``.

    Args:
        counts: ``photos`` if ``on_progress`` takes a :class:`~facedata.work.run.Progress`, ``crops`` if it
            takes the number that are done, and the total.
    """
    show: dict[str, Callable[..., None]] = {"photos": Bar.show, "crops": Bar.count}

    def decorate(function: _FunctionT) -> _FunctionT:
        return use_system_memory()(draws_bar(Bar, on_progress=show[counts], on_step=Bar.step)(function))

    return decorate
