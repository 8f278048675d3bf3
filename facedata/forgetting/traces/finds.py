"""What a search has found, counted by place; and what it could not search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MOST_TRACES = 10_000
"""Places that are listed; more are only counted."""


@dataclass(frozen=True)
class Trace:
    """A place where something of a person was found.

    Attributes:
        file: the file, below the location that was searched and with it.
        inside: where in the file, such as ``member 000000001.jpg``; empty for its name, or for all of it.
        what: ``name``, ``path``, ``photo``, ``crop`` or ``embedding``; or what the salted hashes tell.
        count: how often it is there.
    """

    file: str
    inside: str
    what: str
    count: int = 1


@dataclass(frozen=True)
class NotSearched:
    """Something that was not searched, as a whole or in part, and why."""

    file: str
    why: str


class Tally:
    """Counts what is found in the parts of one file, so that each part is told once, with its first place."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[Any]] = {}

    def add(self, part: str, kind: str, unit: str, at: int) -> None:
        """Note something in a part of a file: at a byte, in a row, on a line."""
        first = self._found.setdefault((part, kind), [f"{unit} {at:,}" if unit else "", 0])
        first[1] += 1

    def drop(self, part: str, kind: str) -> None:
        """Take back what was found in a part, since more is known."""
        self._found.pop((part, kind), None)

    @property
    def kinds(self) -> set[str]:
        """What has been found at all."""
        return {kind for _, kind in self._found}

    def tell(self, finds: Finds, file: str, inside: str) -> None:
        """Hand everything over."""
        for (part, kind), (place, count) in self._found.items():
            finds.add(file, ", ".join(filter(None, (inside, part, place))), kind, count)


class Finds:
    """Collects what is found in one file after the other."""

    def __init__(self) -> None:
        self._traces: dict[tuple[str, str, str], int] = {}
        self._not_searched: dict[NotSearched, None] = {}
        self.more = 0
        self.files = 0
        self.bytes = 0

    def add(self, file: str, inside: str, what: str, count: int = 1) -> None:
        """Note that something is in a place."""
        key = (file, inside, what)
        if key in self._traces or len(self._traces) < _MOST_TRACES:
            self._traces[key] = self._traces.get(key, 0) + count
        else:
            self.more += count

    def skip(self, file: str, why: str) -> None:
        """Note that something was not searched."""
        if len(self._not_searched) < _MOST_TRACES:
            self._not_searched[NotSearched(file, why)] = None

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Everything found, in the order in which it was.

        A place that shows a name which was typed is not told again as a name that the salted hashes know.
        """
        left = dict(self._traces)
        for (file, inside, what), count in self._traces.items():
            again = (file, inside, f"a forgotten {what}")
            if again in left:
                left[again] -= count
        return tuple(Trace(*place, count) for place, count in left.items() if count > 0)

    @property
    def not_searched(self) -> tuple[NotSearched, ...]:
        """What was not searched."""
        return tuple(self._not_searched)
