"""What a format is, and what it gets: a set's crops, people and rows, by split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ..config import ExportConfig
from ..processes import cores
from ..sets.prepared import PreparedSet
from .crops import CropsRead, read_crops

OnProgress = Callable[[int, int], None]
"""Called with the number of crops that are written, and the total."""


@dataclass(frozen=True)
class Export:
    """A set on its way into another format.

    Attributes:
        prepared: the set.
        folder: where it goes: new and empty, and not yet under its name.
        splits: the splits to export, ``train`` first; None among them stands for crops in no split.
        config: the options.
        on_progress: called with the number of crops that were read, and the total.
    """

    prepared: PreparedSet
    folder: Path
    splits: tuple[str | None, ...]
    config: ExportConfig
    on_progress: OnProgress | None = None
    _done: list[int] = field(default_factory=lambda: [0], repr=False)

    def blocks(self, split: str | None = None, *, every: bool = False) -> Iterator[pa.Table]:
        """Yield the classes table, some rows at a time: those of one split, or of ``every`` exported one."""
        for block in self.prepared.blocks("classes"):
            of = block.column("split")
            if every:
                is_in = pc.is_in(of, pa.array(self.splits, pa.string()))
            else:
                is_in = pc.is_null(of) if split is None else pc.fill_null(pc.equal(of, split), False)
            if (rows := block.filter(is_in)).num_rows:
                yield rows

    def crops(self, split: str | None = None, *, every: bool = False) -> Iterator[CropsRead]:
        """Yield crops with their bytes, checked, in ascending id, as :meth:`blocks` chooses them.

        Raises:
            StoreError: a crop is missing or damaged.
        """
        blocks = self.blocks(split, every=every)
        return read_crops(self.prepared.path, str(self.prepared), blocks, min(4, cores()), self._count)

    def rows(self, kind: str, split: str | None) -> Iterator[pa.Table]:
        """Yield the pairs or triplets of one split, some at a time; nothing where the set has none."""
        for block in self.prepared.blocks(kind) if self.prepared.has(kind) else ():
            rows = block.filter(pc.fill_null(pc.equal(block.column("split"), split or ""), False))
            if rows.num_rows:
                yield rows

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """By exported split (empty for none), how many ``crops`` and ``people`` are in it."""
        return {split or "": self._count_split(split) for split in self.splits}

    @property
    def total(self) -> int:
        """How many crops are exported."""
        return sum(split["crops"] for split in self.counts.values())

    @cached_property
    def people(self) -> pa.Array:
        """Everybody in the exported splits, in UTF-8 byte order."""
        found = [pc.unique(block.column("identity")) for block in self.blocks(every=True)]
        if not found:
            return pa.array([], pa.string())
        people = pa.concat_arrays(found).unique()
        return people.take(pc.sort_indices(people))

    def _count_split(self, split: str | None) -> dict[str, int]:
        crops, people = 0, pa.array([], pa.string())
        for block in self.blocks(split):
            crops += block.num_rows
            people = pa.concat_arrays([people, pc.unique(block.column("identity"))]).unique()
        return {"crops": crops, "people": len(people)}

    def _count(self, more: int) -> None:
        self._done[0] += more
        if self.on_progress is not None:
            self.on_progress(self._done[0], self.total)


@dataclass(frozen=True)
class Written:
    """What a format wrote.

    Attributes:
        people: what names a person there → the identity, where they differ; see :class:`ExportNote`.
        left_out: what of the set is not in it, a sentence each.
        lines: what the user should know, such as the line that opens it in its program.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class ExportFormat(Protocol):
    """A format: a row of :data:`facedata.config.EXPORTS`."""

    def refuse(self, export: Export) -> None:
        """Check, before anything is written, that the format can hold the set.

        Raises:
            UsageError: it cannot: says what, which person or crop, and what would work.
        """
        ...

    def write(self, export: Export) -> Written:
        """Write the set below ``export.folder``; cards and the note are added afterwards.

        Raises:
            StoreError: something cannot be written, or a crop is missing or damaged.
        """
        ...
