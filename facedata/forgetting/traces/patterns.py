"""Everything that is looked for, in every spelling, and what it means where it is found."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ...tables.tombstones import Tombstones
from ...types import Float32Array
from .byte_search import SHORTEST, ByteSearch
from .name_rules import NameKind, Surroundings, kind_of_name, stands_alone
from .spellings import spell_text, spell_wide

NAME, PATH, PHOTO, CROP, EMBEDDING = "name", "path", "photo", "crop", "embedding"
FORGOTTEN = {"people": "a forgotten name", "records": "a forgotten path", "photos": "a forgotten photo"}
FORGOTTEN |= {"crops": "a forgotten crop"}
"""What is found by the tombstones alone, by the list that it is in; whose it was they cannot tell."""

SLICE_BYTES, _LEAST_VARIETY = 32, 20
_FEWEST_BYTES = 6
_MOST_SEEN, _MOST_PARTS = 100_000, 64
_BETWEEN = re.compile(rb"[^\"'\t\r\n,;<>|\0]+")
_HEX = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")


@dataclass(frozen=True, eq=False)
class Needles:
    """What would show that somebody was in a set.

    Attributes:
        names: the person's names; of several people all of theirs.
        others: names of other people that contain one of these, such as ``Ann Lee`` for ``Ann``.
        paths: the photos' records and paths and the crops' paths, with ``/`` between the parts.
        digests: SHA-256 in lower-case hex → :data:`PHOTO` or :data:`CROP`.
        slices: some bytes out of each crop's middle.
        embeddings: ``(n, dim)`` float32 arrays, one for each model.
        tombstones: salted hashes of what was forgotten earlier.
    """

    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    slices: tuple[bytes, ...] = ()
    embeddings: tuple[Float32Array, ...] = ()
    tombstones: Tombstones = field(default_factory=Tombstones)


class Hit(NamedTuple):
    """Something found.

    Attributes:
        kind: what it is.
        at: the offset of its first byte.
        is_sure: it is not just two letters, or a number, which may mean something else.
    """

    kind: str
    at: int
    is_sure: bool = True


class _Meaning(NamedTuple):
    """What a byte string is: its kind; for names and paths the rule by which its letters count."""

    kind: str
    rule: NameKind | None = None
    is_wide: bool = False
    only_bytes: bool = False


class Patterns:
    """All byte strings of some needles.

    Args:
        needles: what is looked for.
    """

    def __init__(self, needles: Needles) -> None:
        self.needles = needles
        self.digests = {bytes.fromhex(digest): kind for digest, kind in needles.digests.items()}
        self._meanings: dict[bytes, set[_Meaning]] = defaultdict(set)
        self._spelled: dict[str, set[bytes]] = {}
        # of a string: how long a longer one is, and how far in it begins → all of these longer ones
        self._longer: dict[bytes, dict[tuple[int, int], set[bytes]]] = defaultdict(lambda: defaultdict(set))
        for name in needles.names:
            self._add_name(name)
        for path in needles.paths:
            for spelled in spell_text(path) | spell_text(path.replace("/", "\\")):
                self._meanings[spelled].add(_Meaning(PATH, NameKind.PATH))
            self._keep_longer(path)
        for digest, kind in needles.digests.items():
            for spelled in (digest.encode(), digest.upper().encode(), bytes.fromhex(digest)):
                self._meanings[spelled].add(_Meaning(kind))
        for some in needles.slices:
            self._meanings[some].add(_Meaning(CROP))
        for rows in needles.embeddings:
            for row in rows:
                self._add_embedding(row)
        self.short = {one: next(iter(what)) for one, what in self._meanings.items() if len(one) < SHORTEST}
        self.search = ByteSearch(one for one in self._meanings if len(one) >= SHORTEST)

    def find(self, data: bytes | memoryview, where: Surroundings) -> list[Hit]:
        """Return what is in some bytes, by offset; a name that is a part of a path found is not told again.

        Args:
            data: all the bytes of a text or of a value; or some bytes, where only those are looked at.
            where: what kind of bytes these are.
        """
        found = self.search.find(data)
        if where is not Surroundings.DECODED:
            found += self.find_short(data, 2 if where is Surroundings.BYTES else 1)
        return self.judge(found, data, where)

    def find_short(self, data: bytes | memoryview, least: int = 1) -> list[tuple[int, bytes]]:
        """Return names of less than four bytes and at least so many, with the offset of the first byte."""
        text = bytes(data)
        short = [one for one in self.short if len(one) >= least]
        return [(place.start(), one) for one in short for place in re.finditer(re.escape(one), text)]

    def judge(
        self, found: list[tuple[int, bytes]], data: bytes | memoryview, where: Surroundings
    ) -> list[Hit]:
        """Return which strings that were found mean something where they are."""
        hits, path_end = list[Hit](), 0
        for at, one in sorted(found, key=lambda hit: (hit[0], -len(hit[1]))):
            meant = [what for what in self._meanings[one] if self._counts(what, one, data, at, where)]
            kinds = {what.kind: what.rule not in (NameKind.CELL, NameKind.NUMBER) for what in meant}
            if PATH in kinds:
                path_end = max(path_end, at + len(one))
            elif kinds.keys() == {NAME} and at + len(one) <= path_end:
                continue
            hits += [Hit(kind, at, is_sure) for kind, is_sure in sorted(kinds.items())]
        return hits

    def find_forgotten(self, text: bytes) -> Iterator[Hit]:
        """Yield what the tombstones know of a text: hex digests, names and paths between quotes or commas."""
        tombstones = self.needles.tombstones
        if not tombstones:
            return
        for found in _HEX.finditer(text):
            for kind in ("photos", "crops"):
                if tombstones.has(kind, found[0].decode().lower()):
                    yield Hit(FORGOTTEN[kind], found.start())
        seen = dict[bytes, set[str]]()
        for found in _BETWEEN.finditer(text):
            token = found[0].strip()
            if token not in seen:
                if len(seen) > _MOST_SEEN:
                    seen.clear()
                seen[token] = self.forgotten_of(token.decode("utf-8", "surrogateescape"))
            yield from (Hit(kind, found.start()) for kind in seen[token])

    def forgotten_of(self, path: str) -> set[str]:
        """Return what the tombstones know of a name or path, whatever folders stand before it."""
        tombstones, parts = self.needles.tombstones, path.split("/")
        if not tombstones or len(parts) > _MOST_PARTS:
            return set()
        kinds = {FORGOTTEN["people"] for part in {path, *parts} if part and tombstones.has_person(part)}
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        return kinds | {FORGOTTEN["records"] for tail in tails if tombstones.has("records", tail)}

    def _add_name(self, name: str) -> None:
        rule = kind_of_name(name)
        for spelled in spell_text(name, is_name=True):
            self._meanings[spelled].add(_Meaning(NAME, rule))
        for wide in spell_wide(name):
            if len(wide) >= _FEWEST_BYTES:
                self._meanings[wide].add(_Meaning(NAME, rule, is_wide=True))
        plain = name.encode("utf-8", "surrogatepass")
        if 1 < len(plain) < _FEWEST_BYTES:  # with its length, as Parquet and pickles write it
            size = len(plain)
            for before in (size.to_bytes(4, "little"), size.to_bytes(4, "big"), bytes([0x8C, size])):
                self._meanings[before + plain].add(_Meaning(NAME, only_bytes=True))
        self._keep_longer(name)

    def _keep_longer(self, text: str) -> None:
        """Remember other people's names that contain a name, or end with the folder of a path."""
        first = text.partition("/")[0]
        theirs = [longer for other in self.needles.others if first in other for longer in self._spell(other)]
        for spelled in self._spell(text) if theirs else ():
            start = spelled.partition(b"/")[0] if "/" in text else spelled
            for longer in theirs:
                at = longer.find(start)
                while start and at >= 0:
                    if longer != start:
                        self._longer[spelled][at, len(longer)].add(longer)
                    at = longer.find(start, at + 1)

    def _spell(self, text: str) -> set[bytes]:
        if text not in self._spelled:
            self._spelled[text] = spell_text(text, is_name=True)
        return self._spelled[text]

    def _add_embedding(self, row: Float32Array) -> None:
        for kind in ("<f4", "<f2", "<f8"):
            data = row.astype(kind).tobytes()
            self._meanings[choose_slice(data, 16)].add(_Meaning(EMBEDDING))

    def _counts(
        self, what: _Meaning, one: bytes, data: bytes | memoryview, at: int, where: Surroundings
    ) -> bool:
        """Return whether a string that was found is what it could be."""
        is_text = where in (Surroundings.TEXT, Surroundings.VALUE)
        if what.only_bytes:
            return not is_text
        if what.rule is None:
            return True
        end = at + len(one)
        if any(
            at >= before and bytes(data[at - before : at - before + length]) in longer
            for (before, length), longer in self._longer.get(one, {}).items()
        ):
            return False
        if what.is_wide:
            beside = bytes(data[max(0, at - 2) : at]), bytes(data[end : end + 2])
            return not any(byte.isalnum() for pair in beside for byte in (pair[:1], pair[1:]) if 0 in pair)
        return stands_alone(what.rule, data, at, end, where)


def choose_slice(data: bytes, length: int = SLICE_BYTES) -> bytes:
    """Return some bytes that are hardly anywhere else: of several places from the middle on the most varied.

    A crop's middle is its face; black edges compress to the same bytes in every crop.

    Args:
        data: a JPEG's compressed pixels, or an embedding's bytes.
        length: how many bytes.
    """
    last = max(0, len(data) - length)
    starts = sorted({min(last, last // 2 + step * length) for step in range(16)})
    return max((data[start : start + length] for start in starts), key=lambda some: len(set(some)))


def crop_slice(crop: bytes) -> bytes | None:
    """Return bytes by which a JPEG is found in a larger file; None if its pixels compress to too few.

    What comes before the pixels, such as tables, is the same in many JPEGs.
    """
    pixels = crop[crop.rfind(b"\xff\xda") + 2 :] if b"\xff\xda" in crop else b""
    some = choose_slice(pixels)
    return some if len(pixels) >= 4 * SLICE_BYTES and len(set(some)) >= _LEAST_VARIETY else None
