"""A list of photos with a value each, as CelebA's: millions of lines as Arrow's columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...files.memory import release
from ...photos.formats import IMAGE_ENDINGS, ending
from ...photos.paths import photo_text
from ...tables.blocks import OBJECT_ROWS
from ...tables.text_hash import find_repeated, hash_texts
from ..text_lists import bad_line, iter_lines, read_text

ValueOf = Callable[[list[str]], str | bytes | None]
"""Turns the fields after a photo's name into its value."""


@dataclass(frozen=True, eq=False)
class PhotoValues:
    """What a list says of its photos.

    Attributes:
        names: ``(n,)``, the photos.
        values: ``(n,)``, the value of each.
    """

    names: pa.Array
    values: pa.Array

    def of(self, photos: pa.Array) -> pa.Array:
        """Return the values of some photos, null for those that are not in the list."""
        found = self.values.take(pc.index_in(photos, value_set=self.names))
        release()
        return found

    def has(self, photos: pa.Array) -> pa.Array:
        """Return which of some photos are in the list."""
        return pc.is_in(photos, value_set=self.names)


@dataclass(frozen=True, eq=False)
class PhotoList:
    """A list file: its column names, if it has any, and the lines after them.

    Attributes:
        where: what to call it.
        columns: the names.
        text: the file's.
        skipped: how many lines come before the photos'.
    """

    where: str
    columns: list[str]
    text: str
    skipped: int

    @classmethod
    def read(cls, where: str, read: Callable[[], bytes]) -> PhotoList:
        """Read a list, and split off the count and the column names, if it has them.

        Raises:
            SourceError: as :func:`..text_lists.read_lines`.
        """
        text = read_text(where, read)
        head = [line for _, line in islice(iter_lines(text), 2)]
        skipped = int(bool(head) and head[0].strip().isdigit())
        first = head[skipped] if len(head) > skipped else ""
        columns = cls(where, [], "", 0).fields(first) if first else []
        # a first line with a photo or a number is data, perhaps malformed, not the column names
        is_number = [field.lstrip("-").replace(".", "", 1).isdigit() for field in columns]
        if not columns or is_photo_name(columns[0]) or any(is_number):
            return cls(where, [], text, skipped)
        return cls(where, columns[1:] if columns[0] == "image_id" else columns, text, skipped + 1)

    def fields(self, line: str) -> list[str]:
        """Divide a line at its commas in CSV, else at its blanks."""
        if self.where.endswith(".csv"):
            return [field.strip().strip('"') for field in line.split(",")]
        return line.split()

    @cached_property
    def has_photos(self) -> bool:
        """Whether there is a line with a photo."""
        return next(self._lines(), None) is not None

    def by_photo(
        self,
        form: str,
        count: int,
        value_of: ValueOf,
        kind: pa.DataType | None = None,
    ) -> PhotoValues:
        """Return each photo's value.

        Args:
            form: what follows a photo's name, for messages.
            count: how many fields that is.
            value_of: turns these fields into the value; raises ValueError or KeyError if malformed.
            kind: of the values; None for text.

        Raises:
            SourceError: a line is malformed, or contradicts an earlier one; with its number.
        """
        lines = self._lines()
        names, values = [pa.array([], pa.string())], [pa.array([], kind or pa.string())]
        while block := list(islice(lines, OBJECT_ROWS)):
            rows = [self._row(number, line, form, count, value_of) for number, line in block]
            names.append(pa.array([name for name, _ in rows], pa.string()))
            values.append(pa.array([value for _, value in rows], kind or pa.string()))
        listed = PhotoValues(pa.concat_arrays(names), pa.concat_arrays(values))
        del names, values
        self._refuse_contradiction(listed)
        release()
        return listed

    def _lines(self) -> Iterator[tuple[int, str]]:
        return islice(iter_lines(self.text), self.skipped, None)

    def _row(
        self,
        number: int,
        line: str,
        form: str,
        count: int,
        value_of: ValueOf,
    ) -> tuple[str, str | bytes | None]:
        name, *fields = self.fields(line) or [""]
        if not is_photo_name(name):
            raise bad_line(self.where, number, line, "does not begin with a photo's name")
        try:
            if len(fields) != count:
                raise ValueError
            value = value_of(fields)
        except (ValueError, KeyError):
            raise bad_line(self.where, number, line, f"is not a photo's name and {form}") from None
        return photo_text(name) if "\\" in name else name, value

    def _refuse_contradiction(self, listed: PhotoValues) -> None:
        first_of: dict[str, int] = {}
        for row in find_repeated(hash_texts(listed.names)).tolist():
            first = first_of.setdefault(listed.names[row].as_py(), row)
            if listed.values[row].as_py() != listed.values[first].as_py():
                line = next(islice(self._lines(), row, None))[1]
                number = self.skipped + 1
                why = f"contradicts line {number + first} about the same photo"
                raise bad_line(self.where, number + row, line, why)


def is_photo_name(path: str) -> bool:
    """Return whether a path is a photo's by its name."""
    return not path.rpartition("/")[2].startswith(".") and ending(path) in IMAGE_ENDINGS


def collect_texts(texts: Iterable[str]) -> pa.ChunkedArray:
    """Return texts as a column; a block of them at a time are Python objects."""
    rest, chunks = iter(texts), list[pa.Array]()
    while block := list(islice(rest, OBJECT_ROWS)):
        chunks.append(pa.array(block, pa.string()))
    return pa.chunked_array(chunks, pa.string())


def spell_again(photos: pa.Array, listed: PhotoValues) -> pa.Array:
    """Return what a list calls some photos: by their names, or by their names with another ending.

    Args:
        photos: the photos.
        listed: the list. An entry with another ending must not be a photo's own.
    """
    own = listed.has(photos)
    at = np.flatnonzero(~own.to_numpy(zero_copy_only=False))
    if not len(at):
        return photos
    others = photos.take(pa.array(at))
    chosen = others
    for end in (".png", ".jpg"):  # the last one is preferred
        spelt = pc.replace_substring_regex(others, r"\.[^.]*$", end)
        fits = pc.and_(listed.has(spelt), pc.invert(pc.is_in(spelt, value_set=photos)))
        chosen = pc.if_else(fits, spelt, chosen)
    del others
    release()
    return pc.replace_with_mask(photos, pc.invert(own), chosen)
