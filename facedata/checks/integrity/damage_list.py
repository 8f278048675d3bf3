"""Collects findings about a set's files: at most :data:`MOST` of each sort are listed, the rest counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ...types import Int64Array
from ..findings import Finding, Kind, Severity

MOST = 50
"""Findings of one sort that are listed one by one. A table of another set would give millions."""


class DamageList:
    """Findings, in the order in which they are added."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._counts: Counter[tuple[Kind, Severity, str]] = Counter()

    def add(
        self,
        kind: Kind,
        why: str,
        *,
        sort: str = "",
        severity: Severity = Severity.ERROR,
        score: float = 1.0,
        **about: Any,
    ) -> None:
        """Add one finding.

        Args:
            kind: its kind.
            why: a sentence.
            sort: what it is one of, in the plural, if there may be many: ``rows of pairs.parquet that …``.
            severity: how serious it is.
            score: 0 to 1, 1 the worst.
            **about: more attributes of the finding.
        """
        if sort:
            self._counts[kind, severity, sort] += 1
        if not sort or self._counts[kind, severity, sort] <= MOST:
            one_line = " ".join(why.splitlines())  # names, and other programs' errors, may have several
            self._findings.append(Finding(kind, severity, score, one_line, **about))

    def add_rows(
        self,
        kind: Kind,
        sort: str,
        rows: Int64Array,
        describe: Callable[[int], Mapping[str, Any]],
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Add a finding for each of many rows; all but the first few are only counted.

        Args:
            kind: their kind.
            sort: what they are, in the plural.
            rows: ``(n,)`` int64, their numbers.
            describe: from a number to the other arguments of :meth:`add`.
            severity: how serious they are.
        """
        free = max(MOST - self._counts[kind, severity, sort], 0)
        for row in rows[:free].tolist():
            self.add(kind, sort=sort, severity=severity, **describe(row))
        self._counts[kind, severity, sort] += len(rows[free:])

    def findings(self) -> list[Finding]:
        """Return the findings, and for each sort that has more than are listed, one that says how many."""
        rest = [
            Finding(kind, severity, 1.0, f"{count - MOST:,} more {sort}", value=float(count - MOST))
            for (kind, severity, sort), count in self._counts.items()
            if count > MOST
        ]
        return [*self._findings, *rest]
