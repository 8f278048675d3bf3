"""LFW's protocol: its files, wherever they lie, and which pairs and splits of people its views have."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ...errors import SourceError
from ...photos.paths import photo_path, photo_text
from ..text_lists import bad_line, read_lines

LISTS = (
    "pairs.txt",
    "pairsDevTrain.txt",
    "pairsDevTest.txt",
    "peopleDevTrain.txt",
    "peopleDevTest.txt",
    "people.txt",
)
"""The protocol's files; the last one is not read."""

_CSV_LISTS = (
    *(
        "pairs.csv",
        "people.csv",
        "peopleDevTrain.csv",
        "peopleDevTest.csv",
        "lfw_allnames.csv",
        "lfw_readme.csv",
    ),
    *(
        "matchpairsDevTrain.csv",
        "matchpairsDevTest.csv",
        "mismatchpairsDevTrain.csv",
        "mismatchpairsDevTest.csv",
    ),
)
"""The same as Kaggle has it, in CSV with a header and without counts."""

_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class ProtocolFiles:
    """Where the protocol's files are looked for, best folder first."""

    folders: Sequence[Path]

    @classmethod
    def around(cls, source: Path, people: str, archive: Path | None) -> ProtocolFiles:
        """Look in the source, beside the folder of people's folders, beside the archive."""
        beside = (source / photo_path(people)).absolute().parent
        parents = [source.absolute(), beside, *([archive.absolute().parent] if archive else [])]
        outer = source.absolute().parent
        if source.absolute().name in (people.rstrip("/"), outer.name):  # Kaggle's lfw-deepfunneled twice
            parents += [outer, outer.parent] if not people else [outer]
        return cls([folder for parent in parents for folder in (parent, parent / "protocol")])

    def path(self, name: str) -> Path | None:
        """Return a file's path; None if there is none."""
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def count_below(self, source: Path) -> int:
        """Count the protocol's files that lie inside the source."""
        folders = {folder for folder in self.folders if folder.is_relative_to(source.absolute())}
        return sum((folder / name).is_file() for folder in folders for name in (*LISTS, *_CSV_LISTS))


class OfficialPair(NamedTuple):
    """A pair of the protocol: person and photo number of each side, the split, and the fold if it has one."""

    left: tuple[str, int]
    right: tuple[str, int]
    split: str
    fold: int | None


class View(NamedTuple):
    """What a view says: the split of each person, the pairs (None if it has none), and notes."""

    split_of: Callable[[str | None], str | None]
    pairs: Sequence[OfficialPair] | None
    notes: Sequence[str]


def read_view(lists: ProtocolFiles, number: int) -> View:
    """Read the files of View 1 or 2.

    Raises:
        SourceError: a file is malformed, or View 2 lacks ``pairs.txt``.
    """
    if number == 2:
        path = lists.path("pairs.txt") or lists.path("pairs.csv")
        if path is None:
            where = ", ".join(map(str, dict.fromkeys(lists.folders)))
            raise SourceError(f"--view 2 needs pairs.txt, and there is none in {where}; put it there")
        return View(lambda identity: "test", _read_pairs(path, "test", folds=True), [])
    people: dict[str, set[str]] = {}
    pairs: list[OfficialPair] = []
    absent = []
    for split, name in (("train", "DevTrain"), ("test", "DevTest")):
        paths = [lists.path(f"pairs{name}.txt")]
        if paths == [None]:
            paths = [lists.path(f"{kind}pairs{name}.csv") for kind in ("match", "mismatch")]
        if None not in paths:
            of_split = [pair for path in paths if path for pair in _read_pairs(path, split, folds=False)]
            pairs += of_split
            people[split] = {person for pair in of_split for person in (pair.left[0], pair.right[0])}
        else:
            absent.append(f"pairs{name}.txt")
        if path := lists.path(f"people{name}.txt") or lists.path(f"people{name}.csv"):
            for line, fields in _read_rows(path, "people", most_counts=1)[1]:
                if len(fields) != 2 or not _is_count(fields[1]):
                    raise bad_line(str(path), *line, "is not a name and a number of photos")
                people.setdefault(split, set()).add(photo_text(fields[0]))
    notes = [f"no official pairs: there is no {' and no '.join(absent)}"] if absent else []
    if len(people) < 2:
        return View(lambda identity: None, None, [*notes, "no official splits either"])
    if both := sorted(people["train"] & people["test"]):
        some = ", ".join(both[:_NAMED_AT_MOST])
        raise SourceError(
            f"{len(both)} people are in both DevTrain and DevTest ({some}); download their files again"
        )
    splits = {person: split for split, persons in people.items() for person in persons}
    return View(lambda identity: splits.get(identity or ""), None if absent else pairs, notes)


def _read_pairs(path: Path, split: str, *, folds: bool) -> list[OfficialPair]:
    """Read a pairs file; ``folds`` tells whether to number its folds.

    The first line holds a count n, after the number of folds if there are several. Each fold then has n
    lines ``name number number``, pairs of one person, and n lines ``name number name number``, of two. A CSV
    file has a header in place of the counts, and a fold begins with each pair of one person after one of two.
    """
    counts, rows = _read_rows(path, "pairs", most_counts=2, lines_each=2)
    pairs: list[OfficialPair] = []
    fold = 0
    for index, (line, fields) in enumerate(rows):
        if len(fields) == 3:
            fields.insert(2, fields[0])
        elif len(fields) != 4 or fields[0] == fields[2]:
            raise bad_line(str(path), *line, "has neither one person's 3 fields nor two people's 4")
        if not (_is_count(fields[1]) and _is_count(fields[3])):
            raise bad_line(str(path), *line, "has no photo number where one should be")
        left, right = (photo_text(fields[0]), int(fields[1])), (photo_text(fields[2]), int(fields[3]))
        if left == right:
            raise bad_line(str(path), *line, "pairs a photo with itself")
        if counts:
            fold = index // (2 * counts[-1])
        elif pairs and pairs[-1].left[0] != pairs[-1].right[0] and left[0] == right[0]:
            fold += 1
        pairs.append(OfficialPair(left, right, split, fold if folds else None))
    return pairs


_Row = tuple[tuple[int, str], list[str]]
"""A numbered line, and its fields."""


def _read_rows(path: Path, what: str, most_counts: int, lines_each: int = 1) -> tuple[list[int], list[_Row]]:
    """Return the counts in a protocol file's first line, and the rows after it, whose number must match.

    A CSV file has a header and no counts.
    """
    if path.suffix == ".csv":
        lines = [line for line in read_lines(str(path), path.read_bytes) if line[1].strip(" ,")]
        fields_of = [[field.strip() for field in next(csv.reader([text]))] for _, text in lines]
        trimmed = [fields[: max(at for at, field in enumerate(fields) if field) + 1] for fields in fields_of]
        is_header = bool(trimmed) and trimmed[0][0].lower() == "name"
        return [], list(zip(lines, trimmed, strict=True))[is_header:]
    head, *lines = read_lines(str(path), path.read_bytes) or [(1, "")]
    counts = head[1].split()
    if not 1 <= len(counts) <= most_counts or not all(map(_is_count, counts)):
        raise bad_line(str(path), *head, f"is not the number of {what}")
    numbers = [int(count) for count in counts]
    promised = math.prod(numbers) * lines_each
    if promised != len(lines):
        raise SourceError(
            f"{path}: its first line promises {promised} {what}, and there are {len(lines)}; "
            "download it again"
        )
    # names may hold spaces where tabs separate the fields
    return numbers, [(line, line[1].split("\t" if "\t" in line[1] else None)) for line in lines]


def _is_count(field: str) -> bool:
    return field.isascii() and field.isdigit() and len(field) < 10 and int(field) > 0
