"""check/corrections.csv as it was and as it is to be, for a server that writes it after each decision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..checks.check_folder import read_lines
from ..checks.corrections_csv import CORRECTIONS_CSV, files_to_write
from ..checks.proposals import ProposedLine, as_proposed
from ..errors import ChangedMeanwhileError, SetError, UsageError
from ..files.locks import locked
from ..files.staged import StagedFiles
from ..options import is_utf8
from ..plan.corrections import Action, CorrectionLine

NO_FILE = "none"
"""The hash of a file that is not there."""

_MOST_LETTERS = 10_000
"""The longest cell; names have 255 bytes, and a reason a few of them."""


def hash_lines(folder: Path) -> str:
    """Return the SHA-256 of a check's corrections.csv, or :data:`NO_FILE`."""
    file = folder / CORRECTIONS_CSV
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else NO_FILE


def read_saved(folder: Path) -> tuple[list[CorrectionLine], str]:
    """Return the lines of a check's corrections.csv, and its hash.

    Raises:
        UsageError: it cannot be read, with the reasons.
        SetError: it changes while it is read.
    """
    before = hash_lines(folder)
    lines = read_lines(folder)
    if hash_lines(folder) != before:
        raise SetError(f"{folder / CORRECTIONS_CSV} changes while it is read: try again")
    return lines, before


def save_lines(folder: Path, lines: Sequence[ProposedLine], known: str) -> str:
    """Write corrections.csv as a whole; see :func:`facedata.checks.corrections_csv.files_to_write`.

    Args:
        folder: the check's.
        lines: all that are to be in it.
        known: the hash of the file that these lines are about.

    Returns:
        The new file's hash.

    Raises:
        ChangedMeanwhileError: the file is another one.
        LockedError: a check is writing there.
        StoreError: it cannot be written.
    """
    with locked(folder):
        before, now = read_saved(folder)
        if now != known:
            raise ChangedMeanwhileError(
                f"{folder / CORRECTIONS_CSV} has changed since this page was opened, and is not overwritten: "
                "reload the page, which takes in those changes"
            )
        with StagedFiles() as staged:
            for name, content in files_to_write(folder, [as_proposed(one) for one in before], lines).items():
                with staged.open(folder / name) as stream:
                    stream.write(content)
            staged.commit()
        return hash_lines(folder)


def check_lines(value: Any) -> list[ProposedLine]:
    """Return lines that came as JSON: a list of five texts each.

    Raises:
        UsageError: they are anything else.
    """
    actions = {action.value for action in Action}
    rows: list[Any] = value if isinstance(value, list) else [None]
    for row in rows:
        is_line = isinstance(row, list) and len(row) == len(ProposedLine._fields)
        cells = row if is_line else [None]
        is_text = all(isinstance(one, str) and len(one) <= _MOST_LETTERS and is_utf8(one) for one in cells)
        if not is_text or cells[0] not in actions:
            raise UsageError("a line is five texts, the first of which is an action")
    return [ProposedLine(*row) for row in rows]
