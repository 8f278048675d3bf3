"""Progress bars with rate and time left, drawn only on a terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

    from .training.state import Progress

_FIT = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{postfix}]"


class Bar:
    """A bar on stderr; log lines appear above it.

    Args:
        unit: what is counted, such as ``photo``.
    """

    def __init__(self, unit: str) -> None:
        self._unit, self._step = unit, ""
        self._bar: tqdm[Any] | None = None
        self._logging = contextlib.ExitStack()

    def __enter__(self) -> Bar:
        if sys.stderr.isatty():
            from tqdm.contrib.logging import logging_redirect_tqdm  # tqdm is imported when a bar is drawn

            self._logging.enter_context(logging_redirect_tqdm())
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._logging.close()

    def step(self, text: str) -> None:
        """Say what is done now, on a line that the next one replaces; the next bar counts it."""
        self._close()
        self._step = text
        self._of(0, bar_format="{desc} …", desc=text)

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
            from tqdm import tqdm

            self._close()
            self._bar = tqdm(
                total=total, disable=not sys.stderr.isatty(), file=sys.stderr, leave=False, **how
            )
        return self._bar

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
