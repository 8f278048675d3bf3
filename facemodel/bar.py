"""A progress bar with rate and time left, drawn only on a terminal; tqdm's clock never runs backwards."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


class Bar:
    """A bar on stderr.

    Args:
        unit: what is counted, such as ``photo``.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int) -> None:
        """Draw the bar anew: so many of so many are done."""
        if self._bar is None or self._bar.total != total:
            self.__exit__()
            self._bar = tqdm(
                total=total, unit=self._unit, disable=not sys.stderr.isatty(), file=sys.stderr, leave=False
            )
        self._bar.update(done - self._bar.n)
