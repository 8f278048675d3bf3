"""Progress bars with rate and time left: on a terminal, and in a notebook; elsewhere nothing is drawn."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

    from .work.run import Progress

_FunctionT = TypeVar("_FunctionT", bound=Callable[..., Any])
_BarT = TypeVar("_BarT")


def in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook; IPython on a terminal is not."""
    get_shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell and get_shell()
    return shell is not None and "IPKernelApp" in shell.config


def draw_bar(**how: Any) -> tqdm[Any]:
    """Return a bar of tqdm: on a terminal's stderr, or in a notebook's cell until it is full; else unseen.

    Args:
        **how: as ``tqdm`` takes them.
    """
    if not in_notebook():
        from tqdm import tqdm  # tqdm is imported when a bar is drawn

        no_terminal = sys.stderr is None or not sys.stderr.isatty()
        return tqdm(disable=no_terminal, file=sys.stderr, **how)
    if find_spec("ipywidgets") is None:  # tqdm.auto would warn
        from tqdm import tqdm
    else:
        from tqdm.auto import tqdm
    # a notebook shows stderr as if something had gone wrong
    return tqdm(file=sys.stdout, **{**how, "leave": False})


def draws_bar(
    make: Callable[[], AbstractContextManager[_BarT]], **calls: Callable[..., None]
) -> Callable[[_FunctionT], _FunctionT]:
    """Let a public function draw a bar by itself in a notebook, if its caller does not follow its progress.

    Args:
        make: makes the bar.
        **calls: by the function's argument, the bar's method that it is given, such as ``on_step=Bar.step``.
    """

    def decorate(function: _FunctionT) -> _FunctionT:
        @functools.wraps(function)
        def run(*args: Any, **given: Any) -> Any:
            if not in_notebook() or any(given.get(name) is not None for name in calls):
                return function(*args, **given)
            with make() as bar:
                return function(
                    *args,
                    **{**given, **{name: functools.partial(call, bar) for name, call in calls.items()}},
                )

        return run  # type: ignore[return-value]  # it takes and returns what the function does

    return decorate


class Bar:
    """What a run does now, and while photos or crops are done a bar with rate and time left.

    Args:
        step: what is done at first, if that takes a while.
    """

    def __init__(self, step: str = "") -> None:
        self._bar: tqdm[Any] | None = None
        self._step = step

    def __enter__(self) -> Bar:
        if self._step:
            self.step(self._step)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, text: str) -> None:
        """Show what is done now, on a line that the next one replaces."""
        self._step = text
        if self._bar is not None and self._bar.total == 0:  # of the step before
            self._bar.set_description_str(text)
            return
        self.__exit__()
        self._bar = draw_bar(total=0, bar_format="{desc} …", desc=text, leave=False)

    def show(self, progress: Progress) -> None:
        """Draw the bar of a run's photos again."""
        if self._bar is None or self._bar.total != progress.total:
            self.__exit__()
            self._bar = draw_bar(total=progress.total, unit="photo", desc=self._step)
        done = progress.kept + progress.rejected
        if done:
            self._bar.set_description_str(refresh=False)
        self._bar.set_postfix(kept=progress.kept, rejected=progress.rejected, refresh=False)
        self._bar.update(done - self._bar.n)

    def count(self, done: int, total: int) -> None:
        """Draw a bar of crops again."""
        if self._bar is None or self._bar.total != total:
            self.__exit__()
            self._bar = draw_bar(total=total, unit="crop", desc=self._step)
        self._bar.update(done - self._bar.n)
