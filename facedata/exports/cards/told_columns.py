"""What the source says of consent and licences, counted: never a name, nor what could be one."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from ...sets.prepared import PreparedSet
from ...tables.parquet import read_blocks, read_schema
from ...types import Status
from .licences import hub_licence

_META = "meta_"
_CONSENT = re.compile(r"consent|permission|release|agree", re.IGNORECASE)
_WORDS = {
    "yes", "no", "y", "n", "true", "false", "1", "0", "given", "granted", "refused", "denied", "withdrawn",
    "written", "oral", "verbal", "parental", "guardian", "pending", "unknown", "none", "n/a", "not asked",
}  # fmt: skip
_FEWEST_PEOPLE = 3
"""A text that is said of fewer could be about one of them, and is not shown unless it is a plain word."""

_MOST_SHOWN, _MOST_HELD, _MOST_LETTERS = 10, 1000, 100
"""Texts of a column that are shown and that are held, and their length; the others are only counted."""


@dataclass(frozen=True)
class ToldColumn:
    """What one column says of the photos in the set.

    Attributes:
        name: of the column.
        texts: texts that can be shown, with the number of photos, the most frequent first.
        others: photos with another text, which is not shown.
        missing: photos of which it says nothing.
    """

    name: str
    texts: tuple[tuple[str, int], ...]
    others: int = 0
    missing: int = 0

    @property
    def sentence(self) -> str:
        """All of it in a sentence."""
        counts = [*self.texts, ("others", self.others), ("not known", self.missing)]
        said = [f"{text} ({count:,} photo{'s'[: count != 1]})" for text, count in counts if count]
        return f"{'; '.join(said)}."

    def says_more_than(self, text: str | None) -> bool:
        """Tell whether it is not one and the same text for all photos."""
        said = [one for one, _ in self.texts]
        return bool(self.others) or said not in ([], [text]) or (bool(said) and self.missing > 0)


def list_meta(prepared: PreparedSet) -> list[str]:
    """Return the names of the columns that the source passed on, with their ``meta_``."""
    names = read_schema(prepared.path / "photos.parquet").names
    return [name for name in names if name.startswith(_META)]


def count_told(prepared: PreparedSet) -> list[ToldColumn]:
    """Return what the columns about consent, and the photos' licences, say of the photos in the whole set.

    No text that is shown holds the name of anybody in the ledger, in the set's spelling or the source's.
    """
    names = [name for name in list_meta(prepared) if _CONSENT.search(name)]
    names += ["licence"] if prepared.info["schema_version"] > 1 else []
    columns = {name: _Column(name, str(prepared.info.get("licence"))) for name in names}
    file, people = prepared.path / "photos.parquet", set[str]()
    spellings = {"identity", "source_identity"} & {*read_schema(file).names}
    for block in read_blocks(file, ["status", *sorted(spellings), *names]):
        for spelling in spellings:
            people.update(pc.unique(block.column(spelling)).drop_null().to_pylist())
        kept = block.filter(pc.equal(block.column("status"), Status.KEPT.value))
        for name, column in columns.items():
            column.add(kept.column(name), kept.column("identity"))
    names_of = {" ".join(name.casefold().split()) for name in people if len(name) > 1}
    return [column.tell(names_of) for column in columns.values()]


class _Column:
    """One column's texts, with the number of photos and the first few people of each.

    Args:
        name: of the column.
        licence: of the whole set, which the card says anyway.
    """

    def __init__(self, name: str, licence: str) -> None:
        self.name, self.licence, self.others, self.missing = name, licence, 0, 0
        self.counts: dict[str, int] = {}
        self.people: dict[str, set[str]] = {}

    def add(self, values: pa.ChunkedArray, identities: pa.ChunkedArray) -> None:
        """Count further photos."""
        try:
            texts = values.cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # lists, or bytes that are no text
            shown = [None if one is None else str(one) for one in values.to_pylist()]
            texts = pa.chunked_array([shown], pa.string())
        texts = pc.if_else(pc.fill_null(pc.not_equal(texts, ""), False), texts, None)
        for one in pc.value_counts(texts).to_pylist():
            text, count = one["values"], one["counts"]
            if text is None:
                self.missing += count
            elif text in self.counts or len(self.counts) < _MOST_HELD:
                self.counts[text] = self.counts.get(text, 0) + count
            else:
                self.others += count
        few = [text for text in self.counts if len(self.people.setdefault(text, set())) < _FEWEST_PEOPLE]
        rows = pa.table({"text": texts, "identity": identities})
        rows = rows.filter(pc.is_in(texts, pa.array(few, pa.string())))
        for row in rows.group_by(["text", "identity"], use_threads=False).aggregate([]).to_pylist():
            if len(self.people[row["text"]]) < _FEWEST_PEOPLE:
                self.people[row["text"]].add(row["identity"])

    def tell(self, people: Collection[str]) -> ToldColumn:
        """Return what can be shown; ``people``: whose names, case-folded, no text that is shown may hold."""
        ranked = sorted(self.counts.items(), key=lambda one: (-one[1], one[0]))
        shown = list(islice((one for one in ranked if self._is_of_nobody(one[0], people)), _MOST_SHOWN))
        others = self.others + sum(self.counts.values()) - sum(count for _, count in shown)
        return ToldColumn(self.name, tuple(shown), others, self.missing)

    def _is_of_nobody(self, text: str, people: Collection[str]) -> bool:
        """Tell whether a text can be shown: it is about several people, and names none."""
        if text.strip().casefold() in _WORDS or text == self.licence or hub_licence(text):
            return True
        if len(self.people[text]) < _FEWEST_PEOPLE or len(text) > _MOST_LETTERS:
            return False
        folded = " ".join(text.casefold().split())
        starts = [found.start() for found in re.finditer(r"(?<!\w)(?=.)", folded, re.DOTALL)]
        ends = [found.start() for found in re.finditer(r"(?!\w)", folded)]
        return not any(folded[start:end] in people for start in starts for end in ends if start < end)
