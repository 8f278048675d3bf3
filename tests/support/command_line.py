"""A command in this process, and what a command left."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finished:
    """What a command left: exit status and both outputs."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line that says what was wrong; everything else about a refusal is checked here."""
        assert "Traceback" not in self.stderr, self.stderr
        lines = self.stderr.splitlines()
        errors = [line for line in lines if ": error: " in line]
        assert len(errors) == 1, self.stderr
        assert lines[-1] == errors[0], self.stderr
        # argparse shows the usage first, nothing else may stand before the line
        assert len(lines) == 1 or lines[0].startswith("usage: "), self.stderr
        assert self.stdout == ""
        return errors[0]


def run_here(main: Callable[[list[str]], int], package: str, arguments: Sequence[object]) -> Finished:
    """Run a package's command in this process, which saves the seconds that importing takes."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
        _logging_as_in_a_fresh_process(package),
    ):
        try:
            status: object = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends so
            status = end.code
    assert isinstance(status, int)
    return Finished(status, stdout.getvalue(), stderr.getvalue())


@contextlib.contextmanager
def _logging_as_in_a_fresh_process(package: str) -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger(package)
    handlers, level = root.handlers[:], ours.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        ours.setLevel(level)
