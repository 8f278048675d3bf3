"""A row of the table of ``make bench-check``: what was found, by the plain rule too, and what is wanted."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.benchmark.speed import machine


class Line(NamedTuple):
    """One row.

    Attributes:
        what: what was planted or looked for, where.
        found: the figure.
        wanted: what it has to reach.
        good: whether it does.
        plain: the plain rule's figure in the same run.
        counts: seeds and counts that the figures come from.
        more: lines to print below the table, for a person to look at.
    """

    what: str
    found: str
    wanted: str
    good: bool
    plain: str = ""
    counts: str = ""
    more: tuple[str, ...] = ()


def print_lines(title: str, lines: Iterable[Line]) -> bool:
    """Print a table as each row comes; return whether every row is as wanted."""
    print(
        f"\n### {title}\n\n| | what | found | plain rule | wanted | from |\n|---|---|---|---|---|---|",
        flush=True,
    )
    good, more = True, list[str]()
    for one in lines:
        mark = "ok" if one.good else "!!"
        print(
            f"| {mark} | {one.what} | {one.found} | {one.plain} | {one.wanted} | {one.counts} |", flush=True
        )
        good &= one.good
        more += one.more
    if more:
        print()
    for text in more:
        print(f"- {text}", flush=True)
    return good


def processor() -> str:
    """Return the processor's name, and what else the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    texts = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [text.split(":", 1)[1].strip() for text in texts if text.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'unknown processor'}, {machine()}"
