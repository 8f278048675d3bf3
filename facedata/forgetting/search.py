"""All bytes below some folders searched for traces of a person."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..files.remote import Location, parse_location
from ..photos.paths import photo_text
from ..tables.names import escape_unseen, show_name
from .traces.blob import BlobSearch
from .traces.finds import Finds, NotSearched, Trace
from .traces.parts import make_blob
from .traces.patterns import Needles

OnFile = Callable[[int, int], None]
"""Called after each file with how many are searched, and how many bytes."""

_LISTED = 20


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        locations: what was searched, with all that lies below.
        files: how many files were searched.
        bytes: how many bytes they have.
        traces: where something was found, at most 10,000 places.
        more: how many more finds there are.
        not_searched: what could not be searched, as a whole or in part.
    """

    locations: tuple[str, ...]
    files: int
    bytes: int
    traces: tuple[Trace, ...]
    more: int
    not_searched: tuple[NotSearched, ...]

    @property
    def found(self) -> int:
        """How many traces there are."""
        return sum(one.count for one in self.traces) + self.more

    @property
    def is_clean(self) -> bool:
        """Whether everything was searched, and nothing found."""
        return not self.traces and not self.not_searched

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "found": self.found, "is_clean": self.is_clean}


def search_folders(
    needles: Needles, locations: Iterable[str | os.PathLike[str] | Location], on_file: OnFile | None = None
) -> SearchResult:
    """Search every byte below some folders, in files, URLs and archives, for what a person may have left.

    Links are not followed: where they lead is looked at as a name. A file that vanishes meanwhile, or cannot
    be read, is listed as not searched.

    Args:
        needles: what is looked for.
        locations: folders, files or URLs.
        on_file: called after each file with how many are searched, and their bytes.
    """
    finds, shown = Finds(), []
    search = BlobSearch(needles, finds)
    for given in locations:
        location = parse_location(given)
        shown.append(str(location))
        files = _local_files(location, finds, search) if isinstance(location, Path) else _objects(location)
        count = finds.files
        for file, name, size, open_file in files:
            search.search_name(file, "", name)
            try:
                with open_file() as stream:
                    search.search(file, make_blob(stream, size, name.rpartition("/")[2]))
            except (OSError, MemoryError, RecursionError) as error:
                finds.skip(file, getattr(error, "strerror", None) or str(error) or type(error).__name__)
            finds.files += 1
            finds.bytes += size
            if on_file is not None:
                on_file(finds.files, finds.bytes)
        if finds.files == count and not (location.is_dir() or location.is_file()):
            finds.skip(str(location), "there is no such file or folder")
    return SearchResult(tuple(shown), finds.files, finds.bytes, finds.traces, finds.more, finds.not_searched)


_Opened = tuple[str, str, int, Callable[[], Any]]
"""A file: as it is shown, its path below the location, its size, and a function that opens it."""


def _local_files(root: Path, finds: Finds, search: BlobSearch) -> Iterator[_Opened]:
    """Yield the files below a folder, in order; folders and links are looked at as names."""
    skipped = len(photo_text(str(root)))
    waiting: list[Iterator[Path]] = [iter([root])]
    while waiting:
        path = next(waiting[-1], None)
        if path is None:
            waiting.pop()
            continue
        shown = photo_text(str(path))
        name = shown[skipped:].lstrip("/") or photo_text(root.name)
        try:
            about = path.lstat() if path != root else path.stat()
            if stat.S_ISDIR(about.st_mode):
                search.search_name(shown, "folder", name)
                with os.scandir(path) as entries:  # their names alone: there may be millions
                    names = sorted(entry.name for entry in entries)
                waiting.append(map(path.joinpath, names))
            elif stat.S_ISREG(about.st_mode):
                yield shown, name, about.st_size, partial(path.open, "rb")
            elif stat.S_ISLNK(about.st_mode):
                target = photo_text(str(path.readlink()))
                search.search_name(shown, "link", name, target)
                finds.skip(shown, f"it is a link, which is not followed: search {target} too")
            else:
                finds.skip(shown, "it is no file, but a device, a pipe or a socket")
        except OSError as error:
            if path != root or not isinstance(error, FileNotFoundError):
                finds.skip(shown, error.strerror or str(error))


def _objects(root: Any) -> Iterator[_Opened]:
    """Yield the objects below a URL, or the one that it names."""
    entries = {"": root.entry()} if root.is_file() else root.files()
    for name, entry in sorted(entries.items()):
        item = root / name
        yield str(item), name or root.name, entry.size, item.open


def summary_line(result: SearchResult, people: Sequence[str]) -> str:
    """Return what a search came to, in a line: how many traces of whom, in how many files.

    Args:
        result: of the search.
        people: whose traces they are, as the user named them; empty for single photos.
    """
    whom = ", ".join(map(show_name, dict.fromkeys(people))) or "the photos"
    below = ", ".join(escape_unseen(one) for one in result.locations)
    where = f"in {result.files:,} file{'s'[: result.files != 1]} ({result.bytes:,} bytes) below {below}"
    found = f"{result.found:,} trace{'' if result.found == 1 else 's'} of {whom} {where}"
    if not result.not_searched:
        return found
    count = len(result.not_searched)
    parts = f"{count:,} {'was' if count == 1 else 'were'} not searched"
    return f"{found}; {parts}" if result.found else f"nothing of {whom} was found {where}, but {parts}"


def place_lines(result: SearchResult) -> list[str]:
    """Return where a search found something and what it could not search, a line each."""
    lines = _trace_lines(result.traces) if len(result.traces) <= _LISTED else _file_lines(result.traces)
    for one in result.not_searched[:_LISTED]:
        lines.append(escape_unseen(f"not searched: {one.file}: {one.why}"))
    hidden = len(result.not_searched) - _LISTED
    return lines + ([f"and {hidden:,} more not searched; --json lists them"] if hidden > 0 else [])


def _trace_lines(traces: Sequence[Trace]) -> list[str]:
    lines = []
    for trace in traces:
        place = f"{trace.file}{f' ({trace.inside})' if trace.inside else ''}"
        times = f", {trace.count:,} times" if trace.count > 1 else ""
        lines.append(escape_unseen(f"{trace.what} in {place}{times}"))
    return lines


def _file_lines(traces: Sequence[Trace]) -> list[str]:
    """Return a line for each file, those with the most traces first."""
    counts: Counter[str] = Counter()
    for trace in traces:
        counts[trace.file] += trace.count
    lines = [escape_unseen(f"{count:,} in {file}") for file, count in counts.most_common(_LISTED)]
    hidden = len(counts) - _LISTED
    more = f"in {hidden:,} more files; " if hidden > 0 else ""
    return [*lines, f"{more}--json lists every place"]
