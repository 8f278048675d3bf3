"""What a format is, and what it gets: a set's crops, people and rows, by split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ..config import ExportConfig
from ..errors import OtherSetError
from ..processes import cores
from ..sets.prepared import PreparedSet
from ..tables.blocks import TableStream
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
        shown: the folder under its final name, as the user gave it.
    """

    prepared: PreparedSet
    folder: Path
    splits: tuple[str | None, ...]
    config: ExportConfig
    on_progress: OnProgress | None = None
    shown: str = ""
    _done: list[int] = field(default_factory=lambda: [0], repr=False)

    def blocks(
        self, split: str | None = None, *, every: bool = False, ledger: Sequence[str] = ()
    ) -> Iterator[pa.Table]:
        """Yield the classes table, some rows at a time: those of one split, or of ``every`` exported one.

        Args:
            split: the split; None for crops in none.
            every: all exported splits instead.
            ledger: columns of the ledger to add.

        Raises:
            OtherSetError: the ledger is not that of the crops.
        """
        for block in self._with_ledger(ledger) if ledger else self.prepared.blocks("classes"):
            of = block.column("split")
            if every:
                is_in = pc.is_in(of, pa.array(self.splits, pa.string()))
            else:
                is_in = pc.is_null(of) if split is None else pc.fill_null(pc.equal(of, split), False)
            if (rows := block.filter(is_in)).num_rows:
                yield rows

    def crops(
        self, split: str | None = None, *, every: bool = False, ledger: Sequence[str] = ()
    ) -> Iterator[CropsRead]:
        """Yield crops with their bytes, checked, in ascending id, as :meth:`blocks` chooses them.

        Raises:
            StoreError: a crop is missing or damaged.
            OtherSetError: the ledger is not that of the crops.
        """
        blocks = self.blocks(split, every=every, ledger=ledger)
        return read_crops(self.prepared.path, str(self.prepared), blocks, min(4, cores()), self.count_written)

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

    def _with_ledger(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Yield the classes table with columns of the ledger, which has the same crops in the same order."""
        kept = TableStream(
            block.filter(pc.is_valid(block.column("path"))).select(["path", *names])
            for block in self.prepared.blocks("photos")
        )
        for block in self.prepared.blocks("classes"):
            rows = kept.take(block.num_rows)
            if rows is None or not rows.column("path").equals(block.column("path")):
                raise OtherSetError(
                    f"the ledger of {self.prepared} does not list the crops of its classes: run the "
                    "`facedata prepare` that made the set again"
                )
            for name in names:
                block = block.append_column(name, rows.column(name))
            yield block

    def count_written(self, more: int) -> None:
        """Report that so many more crops are done; :meth:`crops` does it by itself."""
        self._done[0] += more
        if self.on_progress is not None:
            self.on_progress(self._done[0], self.total)


@dataclass(frozen=True)
class Written:
    """What a format wrote.

    Attributes:
        people: what names a person there → the identity, where they differ; see :class:`ExportNote`.
        split_names: likewise what names a split → the split, empty for crops in none.
        left_out: what of the set is not in it, a sentence each.
        lines: what the user should know, such as the line that opens it in its program.
        card: what the dataset card's YAML says besides, such as the hub's ``configs``.
        sha256: of files, by their path below the folder, for those that were hashed while they were written;
            Croissant lists the others' too, and they are read again for it.
    """

    people: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    split_names: Mapping[str, str] = field(default_factory=dict)


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
