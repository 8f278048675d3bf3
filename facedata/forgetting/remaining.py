"""A set's tables without the rows of those who are forgotten, a block at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import parse_splits
from ..errors import SetError
from ..progress.folder import PHOTO_STATS
from ..sampling.split import TRAIN, labels_of, training_split
from ..sets.prepared import PreparedSet
from ..store.open import open_store
from ..tables.blocks import BLOCK_ROWS, regroup
from ..tables.forgotten_rows import empty_rows, leave_out_corrections, leave_out_pairs, merge_rows
from ..tables.parquet import read_blocks, read_table
from ..tables.people import person_codes
from ..tables.schema import CLASSES
from ..tables.tombstones import Tombstones
from ..types import BoolArray, Int64Array
from .resolve import Chosen


class Remaining:
    """What stays of a set.

    Args:
        prepared: the set, in a folder.
        chosen: what is to be forgotten.

    Attributes:
        gone: the crops that go: columns id, path, file and crop_sha256.
        keep: ``(m,)`` bool, which crops stay, in order.

    Raises:
        SetError: the ledger and the crops do not match.
    """

    def __init__(self, prepared: PreparedSet, chosen: Chosen) -> None:
        self.prepared, self.chosen = prepared, chosen
        masks, start = [np.zeros(0, np.bool_)], 0
        for block in prepared.blocks("photos"):
            is_kept = pc.is_valid(block.column("path")).to_numpy()
            masks.append(~chosen.rows[start : start + block.num_rows][is_kept])
            start += block.num_rows
        self.keep: BoolArray = np.concatenate(masks)
        if len(self.keep) != prepared.info["tables"]["classes"]["rows"]:
            raise SetError(
                f"the ledger of {prepared} has {len(self.keep):,} kept photos, and its crops are "
                f"{prepared.info['tables']['classes']['rows']:,}: `facedata check {prepared}` says more; "
                "`facedata prepare` repairs the set"
            )
        columns = ["id", "path", "file", "crop_sha256"]
        pieces = [CLASSES.empty_table().select(columns)]
        start = 0
        for block in prepared.blocks("classes"):
            mine = ~self.keep[start : start + block.num_rows]
            pieces.append(block.select(columns).filter(pa.array(mine)))
            start += block.num_rows
        self.gone = pa.concat_tables(pieces).combine_chunks()

    @cached_property
    def gone_ids(self) -> Int64Array:
        """The ids of the crops that go, ascending."""
        return np.asarray(self.gone.column("id").to_numpy())

    @cached_property
    def twins(self) -> dict[str, str]:
        """The crops that stay although one with the same bytes goes: the SHA-256 of each by its path."""
        found, start = dict[str, str](), 0
        values = pc.unique(self.gone.column("crop_sha256"))
        for block in read_blocks(self._path / "classes.parquet", ["path", "crop_sha256"]):
            stays = block.filter(pa.array(self.keep[start : start + block.num_rows]))
            same = stays.filter(pc.is_in(stays.column("crop_sha256"), value_set=values))
            found |= dict(zip(*(same.column(name).to_pylist() for name in same.column_names), strict=True))
            start += block.num_rows
        return found

    def people_below(self, least: int) -> list[str]:
        """Return the people who lose crops and have some left, but fewer than ``least``."""
        before, after = Counter[str](), Counter[str]()
        start = 0
        for block in read_blocks(self._path / "classes.parquet", ["identity"]) if least > 1 else ():
            names = block.column("identity")
            before.update(names.to_pylist())
            after.update(names.filter(pa.array(self.keep[start : start + block.num_rows])).to_pylist())
            start += block.num_rows
        return sorted(name for name, count in after.items() if count < least and count < before[name])

    def photos(self, tombstones: Tombstones) -> Iterator[pa.Table]:
        """Yield the ledger; forgotten rows are empty, and in their new place.

        Args:
            tombstones: with the hashes of all that is forgotten.
        """
        blocks = map(_decode, self._filtered(self.prepared.blocks("photos"), ~self.chosen.rows))
        first = next(blocks)
        buried = empty_rows(first.schema, map(tombstones.record_name, self.chosen.records))
        for block in regroup(merge_rows(chain([first], blocks), buried)):
            yield _encode(block, ("source", "licence"))

    def classes(self) -> Iterator[pa.Table]:
        """Yield the crops; labels are dense again, and tars that lose crops have other offsets."""
        labels = self._labels()
        store = open_store(self.prepared.info["settings"].get("store", "folders"), self._path, self._path)

        def relabelled() -> Iterator[pa.Table]:
            start = 0
            for block in self._filtered(self.prepared.blocks("classes"), self.keep):
                mine = labels[start : start + block.num_rows]
                at = block.schema.get_field_index("label")
                yield block.set_column(at, CLASSES.field("label"), pa.array(mine, mask=mine < 0))
                start += block.num_rows

        yield from regroup(store.assign_files(relabelled()))

    def rows_of_crops(self, kind: str) -> Iterator[pa.Table]:
        """Yield pairs or triplets without those that have a crop that goes."""
        for block in self.prepared.blocks(kind):
            keep = np.ones(block.num_rows, np.bool_)
            sides = [name.removesuffix("_path") for name in block.column_names if name.endswith("_path")]
            for side in sides:
                keep &= ~np.isin(block.column(side).to_numpy(), self.gone_ids)
            rows = block.filter(pa.array(keep))
            if rows.num_rows:
                yield _without_unused(rows.combine_chunks())

    def small_tables(self, tombstones: Tombstones) -> dict[str, pa.Table]:
        """Return the protocol and the corrections, if there are any; without corrections that table goes."""
        merge = self.prepared.info["settings"].get("names", "merge") == "merge"
        tables = {}
        if self.prepared.has("protocol"):
            tables["protocol"] = leave_out_pairs(self.prepared.table("protocol"), tombstones).combine_chunks()
        if self.prepared.has("corrections"):
            rows = leave_out_corrections(self.prepared.table("corrections"), tombstones, merge)
            if rows.num_rows:
                tables["corrections"] = rows.combine_chunks()
        return tables

    def photo_stats(self, tombstones: Tombstones) -> Iterator[pa.Table]:
        """Yield the rows of .seen.arrow; none if there is no such file, or of other photos."""
        file = self._path / PHOTO_STATS
        if not file.is_file():
            return
        try:
            with file.open("rb") as stream:
                stats = pa.ipc.open_file(stream).read_all()
        except (OSError, pa.ArrowInvalid):
            return
        if stats.num_rows != len(self.chosen.rows):
            return
        starts = range(0, stats.num_rows, BLOCK_ROWS)
        blocks = self._filtered((stats.slice(start, BLOCK_ROWS) for start in starts), ~self.chosen.rows)
        buried = empty_rows(stats.schema, map(tombstones.record_name, self.chosen.records))
        yield from regroup(merge_rows(blocks, buried))

    def _filtered(self, blocks: Iterator[pa.Table], keep: BoolArray) -> Iterator[pa.Table]:
        start = 0
        for block in blocks:
            yield block.filter(pa.array(keep[start : start + block.num_rows]))
            start += block.num_rows

    def _labels(self) -> Int64Array:
        """Return the label of each crop that stays, -1 for none."""
        file = self._path / "classes.parquet"
        rows = read_table(file, "classes", ["identity", "split"], encoded=["identity", "split"])
        rows = rows.filter(pa.array(self.keep))
        person, _ = person_codes(rows.column("identity").cast(pa.string()))
        options = self.prepared.info["drawing"]["split"]
        is_official = options["split_by"] == "official"
        home = TRAIN if is_official else training_split(parse_splits(options["splits"]))
        training = pc.fill_null(pc.equal(rows.column("split").cast(pa.string()), home), False).to_numpy()
        return labels_of(person, training) if len(person) else np.zeros(0, np.int64)

    @property
    def _path(self) -> Path:
        if not isinstance(self.prepared.path, Path):
            raise TypeError(f"{self.prepared} is not in a folder")
        return self.prepared.path


def _decode(rows: pa.Table) -> pa.Table:
    """Return rows with texts for dictionaries, which may hold what no row has."""
    for at, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            texts = rows.column(at).cast(field.type.value_type)
            rows = rows.set_column(at, pa.field(field.name, field.type.value_type, field.nullable), texts)
    return rows


def _encode(rows: pa.Table, names: tuple[str, ...]) -> pa.Table:
    for name in names:
        at = rows.schema.get_field_index(name)
        column = rows.column(at)
        kind = pa.dictionary(pa.int32(), pa.string())
        if len(column):
            values = column.combine_chunks().dictionary_encode()
            rows = rows.set_column(at, pa.field(name, kind, rows.schema.field(at).nullable), values)
    return rows


def _without_unused(rows: pa.Table) -> pa.Table:
    """Return rows whose dictionaries hold only what some row has: others' names would be written, too."""
    for at, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            column = rows.column(at).combine_chunks()
            used = pc.unique(column.indices)
            indices = pc.index_in(column.indices, value_set=used).cast(pa.int32())
            values = pa.DictionaryArray.from_arrays(indices, column.dictionary.take(used))
            rows = rows.set_column(at, field, values)
    return rows
