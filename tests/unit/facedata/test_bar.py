"""Bars: on a terminal, in a notebook, and nowhere else."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from facedata import bar as bars
from facedata.bar import Bar, draw_bar, draws_bar, in_notebook


def pretend(monkeypatch: pytest.MonkeyPatch, app: str | None) -> None:
    """Let IPython be loaded, in a shell of some app; None for a program that only imports it."""
    shell = None if app is None else SimpleNamespace(config={app: {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_only_a_kernel_is_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    for app, is_one in ((None, False), ("TerminalIPythonApp", False), ("IPKernelApp", True)):
        pretend(monkeypatch, app)
        assert in_notebook() is is_one


def test_a_plain_bar_goes_to_stdout_and_is_wiped_away_without_ipywidgets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, "IPKernelApp")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with Bar() as bar:  # and nothing warns
        bar.step("reading the crops")
        for done in range(4):
            bar.count(done, 3)
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "reading the crops …" in printed.out
    assert "reading the crops:   0%" in printed.out
    assert "0/3 [" in printed.out
    assert printed.out.split("\r")[-1].strip() == ""


def test_a_bar_of_nobody_is_not_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with draw_bar(total=3) as bar:
        bar.update(3)
    assert capsys.readouterr() == ("", "")


class Noted:
    """A bar that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __enter__(self) -> Noted:
        return self

    def __exit__(self, *_: object) -> None:
        self.told.append("closed")

    def show(self, done: int) -> None:
        self.told.append(done)

    def step(self, text: str) -> None:
        self.told.append(text)


def run_decorated(bar: Noted, **given: Any) -> str:
    @draws_bar(lambda: bar, on_progress=Noted.show, on_step=Noted.step)
    def work(name: str, *, on_progress: Any = None, on_step: Any = None) -> str:
        """Do it."""
        if on_step is not None:
            on_step("working")
        if on_progress is not None:
            on_progress(1)
        if name == "bad":
            raise ValueError(name)
        return name

    assert (work.__name__, work.__doc__) == ("work", "Do it.")
    return work("bad" if given.pop("fails", False) else "good", **given)


def test_a_function_draws_its_bar_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    bar = Noted()
    assert run_decorated(bar) == "good"
    assert bar.told == []  # this is none
    monkeypatch.setattr(bars, "in_notebook", lambda: True)
    assert run_decorated(bar, on_progress=None) == "good"
    assert bar.told == ["working", 1, "closed"]


def test_who_follows_the_progress_gets_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "in_notebook", lambda: True)
    bar, mine = Noted(), list[Any]()
    run_decorated(bar, on_progress=mine.append)
    assert (bar.told, mine) == ([], [1])


def test_a_bar_is_closed_when_the_function_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "in_notebook", lambda: True)
    bar = Noted()
    with pytest.raises(ValueError, match="bad"):
        run_decorated(bar, fails=True)
    assert bar.told == ["working", 1, "closed"]
