"""For the Hugging Face hub: Parquet shards with pictures and class labels; pairs and triplets beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import UsageError
from ..interchange.hub_parquet import GROUP_ROWS, IMAGE, HubShards, hub_schema, plain_type
from ..tables.blocks import BLOCK_ROWS, regroup
from ..tables.parquet import read_schema
from ..tables.schema import CLASSES
from ..types import Int64Array
from .base import Export, Written
from .left_out import tell_left_out
from .split_folders import changed_names, name_splits_in_words

_MEGABYTE = 1_000_000
_MOST_NAMED = 100_000
"""People: with more, the label is a plain number, since every shard repeats all the names."""

_LEDGER = (
    *("record", "width", "height", "turned_deg", "score", "box", "landmarks", "tilt_deg", "matrix", "sha256"),
    *("source", "licence"),
)
_CROP = ("identity", "id", "path", "photo", "role", "crop_sha256")

_TUPLES = {"pairs": ("left", "right"), "triplets": ("anchor", "positive", "negative")}
"""The crops in a row of the other two tables."""


class HubFormat:
    """The layout that the hub shows and ``datasets.load_dataset`` reads, without any script.

    ``data/<split>-00000-of-00002.parquet`` has a row per crop, in ascending id; ``pairs/`` and ``triplets/``
    name crops by id, by path and by their row in ``data``.
    """

    def refuse(self, export: Export) -> None:
        """Nothing is refused but columns of a kind that ``datasets`` does not know."""
        for field in _columns(export):
            kind = field.type
            while pa.types.is_list(kind):
                kind = kind.value_type
            if pa.types.is_nested(kind) and kind != IMAGE:
                raise UsageError(
                    f"the column {field.name} of {export.prepared} holds {field.type}, which --to hf does "
                    "not take: prepare the set without it, or use --to csv"
                )

    def write(self, export: Export) -> Written:
        """Write the shards; see :class:`facedata.exports.base.ExportFormat`."""
        names, most_bytes = name_splits_in_words(export.splits), export.config.shard_mb * _MEGABYTE
        people = export.people.to_pylist()
        numbers = {name: number for number, name in enumerate(people)}
        labels = {"label": people} if len(people) <= _MOST_NAMED else {}
        digests: dict[Path, str] = {}
        schema = hub_schema(pa.schema(list(_columns(export))), labels)
        configs = [_config("default", "data", names.values())]
        for split, name in names.items():
            with HubShards(export.folder / "data", name, schema, most_bytes) as shards:
                for rows in regroup(self._read_crops(export, split, numbers), GROUP_ROWS):
                    shards.write(rows.select(schema.names))
                shards.close()
            digests.update(shards.sha256)
        for kind in _TUPLES:
            found = {
                name: self._write_tuples(export, kind, split, name, most_bytes)
                for split, name in names.items()
            }
            for files in found.values():
                digests.update(files)
            if written := [name for name, files in found.items() if files]:
                configs.append(_config(kind, kind, written))
        left_out = tell_left_out(export, "labels")
        status = export.prepared.info["counts"]["status"]
        if lost := sum(status.values()) - status.get("kept", 0):
            left_out.append(
                f"{lost:,} photo{'s'[: lost != 1]} that {'was' if lost == 1 else 'were'} not kept"
            )
        if not labels:
            left_out.append(f"what the labels mean: {len(people):,} names are too many; `identity` has them")
        others = [f", {config['config_name']!r}" for config in configs[1:]]
        lines = [f"datasets.load_dataset({export.shown!r}{name})" for name in ("", *others)]
        return Written(
            left_out=tuple(left_out), lines=tuple(lines), card={"configs": configs},
            split_names=changed_names(names),
            sha256={f"{file.parent.name}/{file.name}": digest for file, digest in digests.items()},
        )  # fmt: skip

    def _read_crops(
        self, export: Export, split: str | None, numbers: Mapping[str, int]
    ) -> Iterator[pa.Table]:
        """Yield the rows of one split, with their pictures."""
        added = [field.name for field in _ledger_fields(export)]
        for rows, crops in export.crops(split, ledger=added):
            paths = rows.column("path").combine_chunks()
            images = pa.StructArray.from_arrays([pa.array(crops, pa.binary()), paths], fields=list(IMAGE))
            label = pa.array([numbers[name] for name in rows.column("identity").to_pylist()], pa.int64())
            rows = rows.set_column(rows.schema.get_field_index("label"), "label", label)
            yield rows.append_column("image", images)

    def _write_tuples(
        self, export: Export, kind: str, split: str | None, name: str, most_bytes: int
    ) -> dict[Path, str]:
        """Write one split's pairs or triplets; return the files with their SHA-256, none without rows."""
        blocks = regroup(export.rows(kind, split), BLOCK_ROWS)
        first = next(blocks, None)
        if first is None:
            return {}
        parts = _TUPLES[kind]
        types: dict[str, pa.DataType] = {
            **dict.fromkeys(parts, pa.int64()),
            **{f"{part}_path": pa.string() for part in parts},
            **{f"{part}_row": pa.int64() for part in parts},
            **({"same": pa.bool_(), "fold": pa.int32()} if kind == "pairs" else {}),
        }
        ids = np.concatenate([rows.column("id").to_numpy() for rows in export.blocks(split)])
        schema = hub_schema(pa.schema(types.items()))
        with HubShards(export.folder / kind, name, schema, most_bytes, BLOCK_ROWS) as shards:
            for rows in chain([first], blocks):
                for part in parts:
                    rows = rows.append_column(f"{part}_row", find_rows(ids, rows.column(part).to_numpy()))
                shards.write(rows.select(schema.names))
            shards.close()
        return shards.sha256


def _columns(export: Export) -> Iterator[pa.Field]:
    """Yield the columns of ``data``, with the types they have there."""
    yield pa.field("image", IMAGE)
    yield pa.field("label", pa.int64())
    for name in _CROP:
        yield pa.field(name, plain_type(CLASSES.field(name).type))
    for field in _ledger_fields(export):
        yield pa.field(field.name, plain_type(field.type))


def _ledger_fields(export: Export) -> list[pa.Field]:
    ledger = read_schema(export.prepared.path / "photos.parquet")
    return [ledger.field(name) for name in ledger.names if name in _LEDGER or name.startswith("meta_")]


def find_rows(ids: Int64Array, wanted: Int64Array) -> pa.Array:
    """Return at which place of ``ids``, which ascend, each of the others is; null where it is not.

    >>> find_rows(np.array([2, 5]), np.array([5, 4])).to_pylist()
    [1, None]
    """
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return pa.array(at, mask=ids[at] != wanted)


def _config(name: str, folder: str, splits: Iterable[str]) -> dict[str, Any]:
    """Return one of the configurations that the dataset card's YAML lists."""
    files = [{"split": split, "path": f"{folder}/{split}-*"} for split in splits]
    return {"config_name": name, "data_files": files, **({"default": True} if name == "default" else {})}


HF = HubFormat()
