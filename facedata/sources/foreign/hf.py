"""Parquet files with pictures, as the Hugging Face hub has them and ``datasets`` writes them; read in place.

A photo is ``<file>/<row>/<name>``, where the file gives its pictures names, else ``<file>/<row>``. In an
export of facedata photos keep their records in the set that was exported; its pairs are the official ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...config import PrepareConfig
from ...errors import SourceError
from ...files.remote import Location
from ...interchange.hub_columns import HubColumns, read_columns
from ...interchange.hub_parquet import plain_type
from ...types import Status
from ..base import PLAN, Scan
from ..open import SourceKind
from .hub_choice import BY_DEFAULT, OWN_COLUMNS, ColumnChoice, refuse_configurations
from .hub_pairs import read_pairs
from .hub_reader import HubReader
from .shards import Shard, ShardPaths, Shards, span_of, typed_paths, usual_splits

_OF_SET = OWN_COLUMNS | {
    *("id", "label", "photo", "width", "height", "turned_deg", "score", "box", "landmarks", "tilt_deg"),
    *("matrix", "sha256", "source"),
}
"""Columns of an export that are found anew, or read otherwise; the others are passed on."""


class HubSource:
    """A folder of Parquet files with pictures, or such files.

    Attributes:
        paths: what the user typed.
        identity_from: the column of people; ``parent`` for the usual one.
        licence: of all photos, where they have the same; known after :meth:`scan`.
    """

    kind = "hf"
    face = "largest"
    search = "photo"
    splits_are_official = True

    def __init__(self, paths: ShardPaths, identity_from: str = BY_DEFAULT) -> None:
        self.paths, self.identity_from = paths, identity_from
        self.licence: str | None = None

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> HubSource:
        """Make the source from the user's paths."""
        return cls(ShardPaths(roots, "hf", ".parquet"), config.identity_from)

    @property
    def root(self) -> str:
        """The folder or the files as text."""
        return self.paths.root

    def scan(self) -> Scan:
        """List every row with a picture; no picture is read.

        Raises:
            SourceError: there is no file with pictures, or one cannot be read or has other columns.
            UsageError: it is not clear which column has the people or pictures, or which files are meant.
        """
        shards = self.paths.find()
        found = {shard: HubColumns(shard.path) for shard in shards.files}
        with_pictures = {shard: columns for shard, columns in found.items() if columns.pictures}
        if not with_pictures:
            raise SourceError(
                f"none of the {len(found):,} Parquet files of {self.root} has a column of pictures: for a "
                "table of paths use `facedata prepare table`"
            )
        columns = ColumnChoice.of(self.root, with_pictures, self.identity_from)
        if not columns.is_own:
            refuse_configurations(self.root, with_pictures)
        tables, spans = [], []
        for shard, its in with_pictures.items():
            if its.rows:
                tables.append(self._list_rows(shard, its, columns))
                spans.append(span_of(shard, tables[-1].column("photo")))
        if not tables:
            raise SourceError(f"the Parquet files of {self.root} have no rows")
        try:
            photos = pa.concat_tables(tables, promote_options="permissive")
        except pa.ArrowException as error:
            raise SourceError(f"the Parquet files of {self.root} have different columns: {error}") from error
        splits, notes = usual_splits(photos.column("official_split"), columns.is_own)
        paths = photos.column("path")
        photos = self._take_licence(photos.drop_columns(["path"]))
        at = photos.schema.get_field_index("official_split")
        photos = photos.set_column(at, "official_split", splits)
        protocol, missing = read_pairs(found, paths, photos) if columns.is_own else (None, [])
        others = shards.other_files + (0 if columns.is_own else len(found) - len(with_pictures))
        reader = HubReader(tuple(spans), columns.picture, columns.is_own, self._home(shards))
        return Scan(photos, reader, others, missing, protocol, notes)

    def _home(self, shards: Shards) -> Path:
        first = self.paths.paths[0]
        return (first if first.is_dir() else shards.files[0].path.parent).absolute()

    def _list_rows(self, shard: Shard, its: HubColumns, columns: ColumnChoice) -> pa.Table:
        """Return a file's rows as a scan has them, and ``path``: in an export the crop's, else null."""
        meta = {
            name: name if name.startswith("meta_") else f"meta_{name}"
            for name in (field.name for field in its.schema if not pa.types.is_nested(field.type))
            if name not in {*its.pictures, columns.identity} and not (columns.is_own and name in _OF_SET)
        }
        if len(set(meta.values())) < len(meta):
            twice = next(own for own in meta.values() if [*meta.values()].count(own) > 1)
            raise SourceError(
                f"{shard.path} has two columns that would both be {twice} in the set: write it again with "
                "other names"
            )
        is_struct = pa.types.is_struct(its.schema.field(columns.picture).type)
        path = [f"{columns.picture}.path"] if is_struct and not columns.is_own else []
        names = [columns.identity, *meta, *(("record", "path", "role") if columns.is_own else ())]
        rows = read_columns(shard.path, [*names, *path])
        identity = columns.name_people(rows.column(columns.identity))
        nobody = pc.is_null(identity)
        none = pa.scalar(None, pa.string())
        photos = (
            rows.column("record") if columns.is_own else self._number_rows(shard.name, rows, columns.picture)
        )
        if photos.null_count:
            raise SourceError(f"{shard.path} has rows without a record: export the set again")
        values: dict[str, Any] = {
            "record": photos,
            "photo": photos,
            "identity": identity,
            "role": rows.column("role") if columns.is_own else None,
            "official_split": pa.repeat(pa.scalar(shard.split, pa.string()), len(photos)),
            "status": pc.if_else(nobody, str(Status.NO_IDENTITY), none),
            "reason": pc.if_else(nobody, f"its column {columns.identity} names nobody", none),
            "size": pa.repeat(shard.size, len(photos)),
            "mtime_ns": pa.repeat(shard.mtime_ns, len(photos)),
        }
        nulls = {field.name: pa.nulls(len(photos), field.type) for field in PLAN}
        arrays = {name: nulls[name] if values.get(name) is None else values[name] for name in PLAN.names}
        table = pa.table(arrays).cast(PLAN)
        for name, own in meta.items():
            column = rows.column(name)
            table = table.append_column(own, column.cast(plain_type(column.type)))
        paths = (
            rows.column("path") if columns.is_own else pa.chunked_array([pa.nulls(len(photos), pa.string())])
        )
        return table.append_column("path", paths)

    def _take_licence(self, photos: pa.Table) -> pa.Table:
        """Take a licence that all photos share as that of the source."""
        name = "meta_licence"
        if name in photos.column_names and pa.types.is_string(photos.schema.field(name).type):
            values = photos.column(name).unique().to_pylist()
            if len(values) == 1:
                self.licence = values[0]
                return photos.drop_columns([name])
        return photos

    def _number_rows(self, file: str, rows: pa.Table, picture: str) -> pa.ChunkedArray:
        """Return a file's photos: its name, the row in eight digits, and the picture's own name, if any."""
        numbers = [f"{file}/{row:08d}" for row in range(rows.num_rows)]
        if picture not in rows.column_names:
            return pa.chunked_array([pa.array(numbers, pa.string())])
        texts = (str(value["path"] or "") if value else "" for value in rows.column(picture).to_pylist())
        lasts = (text.rpartition("/")[2] for text in texts)
        named = [f"{number}/{last}" if last else number for number, last in zip(numbers, lasts, strict=True)]
        return pa.chunked_array([pa.array(named, pa.string())])


HF = SourceKind(HubSource.open, typed_paths(".parquet"))
