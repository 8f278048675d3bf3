"""Progress bars with rate and time left, drawn on a terminal and in a notebook."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from facedata.bar import draw_bar, draws_bar

if TYPE_CHECKING:
    from tqdm import tqdm

    from .training.state import Progress

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])

_FIT = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{postfix}]"


class Bar:
    """A bar on a terminal, with log lines above it, or in a notebook.

    Args:
        unit: what is counted, such as ``photo``.
    """

    def __init__(self, unit: str) -> None:
        self._unit, self._step = unit, ""
        self._bar: tqdm[Any] | None = None
        self._logging = contextlib.ExitStack()

    def __enter__(self) -> Bar:
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm.contrib.logging import logging_redirect_tqdm  # tqdm is imported when a bar is drawn

            self._logging.enter_context(logging_redirect_tqdm())
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._logging.close()

    def step(self, text: str) -> None:
        """Say what is done now, on a line that the next one replaces; the next bar counts it."""
        self._step = text
        self._of(0, bar_format="{desc} …", desc=text).set_description_str(text)

    def show(self, done: int, total: int) -> None:
        """Update the bar: ``done`` of ``total`` are done."""
        bar = self._of(total, unit=self._unit, desc=self._step or None)
        bar.update(done - bar.n)

    def show_fit(self, progress: Progress) -> None:
        """Update the bar of a training run: the epoch's steps, images per second, time left in the run."""
        bar = self._of(progress.steps, bar_format=_FIT)
        bar.set_description_str(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
        left = bar.format_interval(progress.left_s)
        bar.set_postfix_str(f"{progress.images_per_s:.0f} images/s, {left} left", refresh=False)
        bar.update(progress.step - bar.n)

    def _of(self, total: int, **how: Any) -> tqdm[Any]:
        if self._bar is None or self._bar.total != total:
            self._close()
            self._bar = draw_bar(total=total, leave=False, **how)
        return self._bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def with_bar(unit: str, *, has_steps: bool = False) -> Callable[[_FunctionT], _FunctionT]:
    """Let a public function draw a bar in a notebook, if its caller does not follow its progress.

    Args:
        unit: what the function counts, such as ``photo``.
        has_steps: it takes ``on_step``, too.
    """
    steps = {"on_step": Bar.step} if has_steps else {}
    return draws_bar(lambda: Bar(unit), on_progress=Bar.show, **steps)


def with_fit_bar(function: _FunctionT) -> _FunctionT:
    """Let ``fit`` draw its bar in a notebook, if its caller does not follow its progress."""
    return draws_bar(lambda: Bar("step"), on_progress=Bar.show_fit)(function)
