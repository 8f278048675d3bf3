"""Which photo and which person a line of corrections means: names as people write them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..options import nearest
from ..photos.listed_paths import listed_spellings
from ..tables.names import clean_name

_NEW = re.compile(r"(?:\+|new:) ?", re.IGNORECASE)
"""What a name begins with that nobody has yet; spreadsheets take a cell that begins with + for a formula."""

LETTER_BY_LETTER = ": write it letter by letter"
"""The end of what is said of a name that may be several people's."""

_MOST_COMPARED = 20_000
"""The most names that a misspelt one is compared with; of more, those that begin like it."""


class PeopleNames:
    """Finds people by their names: letter by letter, else by what can be seen of them.

    Nodes are numbers: those of the people first, then one for each name that the corrections make.

    Attributes:
        names: the name of each node.
        count: how many of them are people that are there.

    Args:
        people: the people that are there, no two of one name.
        wanted: all texts that will be looked for.
    """

    def __init__(self, people: Sequence[str], wanted: Collection[str]) -> None:
        self.names, self.count = list(people), len(people)
        exact = {one for text in wanted for one in (text, text.strip())}
        clean = {one for text in wanted for one in (clean_name(text), _new_name(text)) if one is not None}
        self._exact: dict[str, int] = {}
        self._clean: dict[str, list[int]] = defaultdict(list)
        for node, name in enumerate(people):
            if name in exact:
                self._exact[name] = node
            if (seen := clean_name(name)) in clean:
                self._clean[seen].append(node)
        self._made: dict[str, int] = {}

    def find(self, text: str) -> int | str:
        """Return the node of a person that is there, or that :meth:`make` made; else why there is none."""
        for one in (text, text.strip()):
            if one in self._exact:
                return self._exact[one]
        seen = clean_name(text)
        nodes = self._clean.get(seen, [])
        if len(nodes) == 1:
            return nodes[0]
        if nodes:
            some = " or ".join(repr(self.names[node]) for node in nodes)
            return f"{text.strip()!r} may be {some}{LETTER_BY_LETTER}"
        for name in (seen, _new_name(text)):
            if name in self._made:
                return self._made[name]
        return f"there is nobody called {text.strip()!r}"

    def make(self, text: str) -> str | None:
        """Make the new person that a text such as ``+Anna Berg`` names; return why it cannot be made.

        A text that is the name of somebody who is there makes nobody.
        """
        name = _new_name(text)
        if name is None or text in self._exact or clean_name(text) in self._clean:
            return None
        if not name:
            return f"{text.strip()!r} names nobody: the new name follows"
        if name in self._clean:
            return f"{text.strip()!r} is no new person: {name!r} is there already"
        if name not in self._made:
            self._made[name] = len(self.names)
            self.names.append(name)
        return None

    def suggest(self, text: str) -> str:
        """Return ``; did you mean …?`` with the name most like a text; empty if none is."""
        return _nearest(clean_name(text), self.names)


def _new_name(text: str) -> str | None:
    """Return the name of a new person; None if a text does not say that it is one."""
    seen = clean_name(text)
    mark = _NEW.match(seen)
    return clean_name(seen[mark.end() :]) if mark else None


def find_photos(texts: Collection[str], records: pa.Table) -> dict[str, list[int]]:
    """Find the records that texts mean.

    A text is a record, or a photo, which may have several records; as it is written, else in another spelling
    (:func:`facedata.photos.listed_paths.listed_spellings`).

    Args:
        texts: as they are written.
        records: with the columns record and photo.

    Returns:
        The row numbers, ascending, of each text that means any.
    """
    keys, photos = records.column("record"), records.column("photo")
    columns = [keys] if photos.equals(keys) else [keys, photos]
    found: dict[str, list[int]] = {}
    for spellings in (lambda text: [text], listed_spellings):  # nearly all are written as they are
        many = {text: list(spellings(text)) for text in texts if text not in found}
        wanted = {one for forms in many.values() for one in forms}
        rows_of = [_rows_of(column, wanted) for column in columns] if wanted else []
        for text, forms in many.items():
            rows = next((rows[one] for one in forms for rows in rows_of if one in rows), None)
            if rows is not None:
                found[text] = rows
    return found


def _rows_of(column: pa.ChunkedArray, texts: Collection[str]) -> dict[str, list[int]]:
    """Return the rows in which each text stands that stands in any."""
    wanted = pa.array(sorted(texts), pa.string())
    places = pc.fill_null(pc.index_in(column, value_set=wanted), -1).to_numpy()
    rows = np.flatnonzero(places >= 0)
    found: dict[str, list[int]] = {}
    for row, text in zip(rows.tolist(), wanted.take(pa.array(places[rows])).to_pylist(), strict=True):
        found.setdefault(text, []).append(row)
    return found


def suggest_photo(text: str, records: pa.Table) -> str:
    """Return ``; did you mean …?`` with the record most like a text, in its folder; empty if none is."""
    likely = list(listed_spellings(text))[-1] if text.strip() else text
    folder, _, name = likely.rpartition("/")
    keys = records.column("record")
    inside = keys.filter(pc.starts_with(keys, f"{folder}/")) if folder else keys.slice(0, 0)
    if not len(inside):  # perhaps the folder is misspelt or left out: look for the file's name
        inside = keys.filter(pc.ends_with(keys, f"/{name}"))
        if len(inside) == 1:
            return f"; did you mean {inside[0].as_py()!r}?"
    return _nearest(likely, (inside if len(inside) else keys).slice(0, _MOST_COMPARED).to_pylist())


def _nearest(text: str, names: Sequence[str]) -> str:
    """Return :func:`facedata.options.nearest` in quotes; of very many names only those that begin alike."""
    likely = names
    for letters in range(1, 8):
        if len(likely) <= _MOST_COMPARED:
            break
        start = text[:letters].casefold()
        likely = [name for name in likely if name[:letters].casefold() == start]
    hint = nearest(text, likely[:_MOST_COMPARED])
    return f"; did you mean {hint.removeprefix('; did you mean ').removesuffix('?')!r}?" if hint else ""
