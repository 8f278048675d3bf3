"""What the lines of a corrections file decide together, and which of them contradict each other."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

_NAMED = 5
"""The most lines that a problem names besides its own."""


class Action(str, Enum):
    """What a line of corrections says."""

    DROP = "drop"
    MOVE = "move"
    MERGE = "merge"
    DISTINCT = "distinct"
    KEEP = "keep"


@dataclass(frozen=True)
class Decision:
    """A line whose photo and people are known.

    Attributes:
        line: its number.
        action: what it says.
        row: the record that it is about, -1 for none.
        person: the person that it is about, or whose photo it is; -1 for none. People are numbers.
        target: the other person, -1 for none.
    """

    line: int
    action: Action
    row: int = -1
    person: int = -1
    target: int = -1


Problem = tuple[int, str]
"""A line's number, and what is wrong with it."""


@dataclass
class Decided:
    """What a file decides; of lines that say the same, the first counts.

    Attributes:
        end: of each person that is merged, the person that all their photos go to in the end.
        merges: of each of these, the line.
        photos: of each record that a line is about, the line.
        distinct: one line for each two people that are distinct, by their ends.
    """

    end: dict[int, int] = field(default_factory=dict)
    merges: dict[int, Decision] = field(default_factory=dict)
    photos: dict[int, Decision] = field(default_factory=dict)
    distinct: dict[tuple[int, int], Decision] = field(default_factory=dict)

    def end_of(self, person: int) -> int:
        """Return the person that somebody's photos go to by the merges."""
        return self.end.get(person, person)


def decide(
    decisions: Iterable[Decision], name: Callable[[int], str], photo: Callable[[int], str]
) -> tuple[Decided, list[Problem]]:
    """Put lines together; their order does not matter.

    Merges resolve transitively: if A goes into B and B into C, all of A's photos go to C, and so does a photo
    that is moved to A or B. A photo that is moved from A goes where its own line says. A line may be there
    twice.

    Args:
        decisions: the lines.
        name: returns a person's name in quotes, for problems.
        photo: the same of a record.

    Returns:
        What they decide, and each line that contradicts an earlier one: a photo that is dropped, moved to two
        people or kept as well; a move to the photo's own person, under whichever name; a person merged into
        themselves, into two people or in a circle; people who are distinct and merged.
    """
    ordered = sorted(decisions, key=lambda one: one.line)
    decided = Decided()
    merges = [one for one in ordered if one.action is Action.MERGE]
    problems = _decide_merges(merges, decided, name)
    by_row: dict[int, list[Decision]] = defaultdict(list)
    for one in ordered:
        if one.action is Action.DISTINCT:
            problems += _decide_distinct(one, decided, name)
        elif one.action is not Action.MERGE:
            by_row[one.row].append(one)
    for row, lines in by_row.items():
        problems += _decide_photo(lines, decided, name, photo(row))
    return decided, sorted(problems)


def _decide_merges(merges: Sequence[Decision], decided: Decided, name: Callable[[int], str]) -> list[Problem]:
    """Find each person's end, from those that are merged into nobody backwards."""
    problems = []
    lines_of: dict[int, list[Decision]] = defaultdict(list)
    into: dict[int, list[int]] = defaultdict(list)
    for one in merges:
        if one.person == one.target:
            problems.append((one.line, f"merges {name(one.person)} into the same person"))
            continue
        lines_of[one.person].append(one)
        into[one.target].append(one.person)
    open_targets = {person: len(lines) for person, lines in lines_of.items()}
    done = deque(person for person in into if person not in lines_of)
    ends: dict[int, int | None] = {person: person for person in done}
    while done:
        for person in into.get(done.popleft(), ()):
            open_targets[person] -= 1
            if not open_targets[person]:
                ends[person], wrong = _one_end(lines_of[person], ends, name)
                problems += wrong
                done.append(person)
    circling = {person for person, count in open_targets.items() if count}
    problems += _name_circles(circling, lines_of, name)
    for person, lines in lines_of.items():
        if (end := ends.get(person)) is not None:
            decided.end[person], decided.merges[person] = end, lines[0]
    return problems


def _one_end(
    lines: Sequence[Decision], ends: Mapping[int, int | None], name: Callable[[int], str]
) -> tuple[int | None, list[Problem]]:
    """Return the end that all lines of one person lead to; None, and problems, if they lead to several."""
    found = [ends[one.target] for one in lines]
    if None in found:  # said of another person already
        return None, []
    first = f"line {lines[0].line} into {name(lines[0].target)}"
    problems = [
        (one.line, f"merges {name(one.person)} into {name(one.target)}, and {first}")
        for one, end in zip(lines, found, strict=True)
        if end != found[0]
    ]
    return (None if problems else found[0]), problems


def _name_circles(
    circling: set[int], lines_of: Mapping[int, Sequence[Decision]], name: Callable[[int], str]
) -> list[Problem]:
    """Return a problem for each circle of merges; people may also be on a way into one."""
    problems, seen = [], set[int]()
    for start in sorted(circling, key=lambda person: lines_of[person][0].line):
        way: list[Decision] = []
        person, at = start, dict[int, int]()
        while person not in seen:
            seen.add(person)
            at[person] = len(way)
            one = next(one for one in lines_of[person] if one.target in circling)
            way.append(one)
            person = one.target
        if person in at:
            circle = sorted(way[at[person] :], key=lambda one: one.line)
            said = [f"{name(one.person)} into {name(one.target)} (line {one.line})" for one in circle]
            more = f" and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
            text = f"merges in a circle: {', '.join(said[:_NAMED])}{more}"
            problems.append((circle[-1].line, text))
    return problems


def _decide_distinct(one: Decision, decided: Decided, name: Callable[[int], str]) -> list[Problem]:
    left, right = sorted((decided.end_of(one.person), decided.end_of(one.target)))
    if one.person == one.target:
        return [(one.line, f"says that {name(one.person)} is another person than themselves")]
    if left == right:
        lines = _merging_lines(one.person, one.target, decided)
        text = f"says that {name(one.person)} and {name(one.target)} are two people, and {lines} merges them"
        return [(one.line, text)]
    decided.distinct.setdefault((left, right), one)
    return []


def _decide_photo(
    lines: Sequence[Decision],
    decided: Decided,
    name: Callable[[int], str],
    photo: str,
) -> list[Problem]:
    """Decide about one record; all its lines must say the same."""
    first, problems = lines[0], []
    for one in lines:
        if one.action is Action.MOVE and one.person >= 0:
            if one.person == one.target:
                problems.append((one.line, f"moves {photo} to {name(one.target)}, whose photo it is"))
                continue
            if decided.end_of(one.person) == decided.end_of(one.target):
                merging = _merging_lines(one.person, one.target, decided)
                text = (
                    f"moves {photo} from {name(one.person)} to {name(one.target)}, and {merging} merges them"
                )
                problems.append((one.line, text))
                continue
        is_same = one.action is first.action
        if is_same and one.action is Action.MOVE:
            is_same = decided.end_of(one.target) == decided.end_of(first.target)
        if not is_same:
            text = f"{_say(one, photo, name)}, and line {first.line} {_say(first, 'it', name)}"
            problems.append((one.line, text))
    decided.photos[first.row] = first
    return problems


def _say(one: Decision, photo: str, name: Callable[[int], str]) -> str:
    to = f" to {name(one.target)}" if one.action is Action.MOVE else ""
    return f"{one.action.value}s {photo}{to}"


def _merging_lines(person: int, other: int, decided: Decided) -> str:
    """Return the lines on the ways of two people to their common end, as ``line 3`` or ``lines 3 and 5``."""
    lines = set()
    for start in (person, other):
        while start in decided.merges:
            lines.add(decided.merges[start].line)
            start = decided.merges[start].target
    numbers = [str(line) for line in sorted(lines)]
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    return f"one of the lines {', '.join(numbers[:_NAMED])}{' …' if len(numbers) > _NAMED else ''}"
