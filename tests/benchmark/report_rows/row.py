"""A row of the table of ``make bench-report``: what was seen, and what is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One row.

    Attributes:
        what: what was measured.
        seen: the figure.
        wanted: what it has to reach.
        good: whether it does.
    """

    what: str
    seen: str
    wanted: str
    good: bool


def print_rows(title: str, rows: Iterable[Row]) -> bool:
    """Print a table as each row comes; return whether every row is as wanted."""
    print(f"\n### {title}\n\n| | | seen | wanted |\n|---|---|---|---|", flush=True)
    good = True
    for row in rows:
        print(f"| {'ok' if row.good else '!!'} | {row.what} | {row.seen} | {row.wanted} |", flush=True)
        good &= row.good
    return good
