"""Which files an export has, and which records and columns they hold, in Croissant's words."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from pyarrow.csv import ParseOptions, open_csv

from ...errors import writing
from ...files.atomic import file_sha256
from ...processes import cores
from ...tables.parquet import read_schema
from ...tables.schema import KINDS

Json = dict[str, Any]

_TYPES = {
    ".parquet": "application/x-parquet", ".csv": "text/csv", ".tar": "application/x-tar",
    ".json": "application/json", ".tsv": "text/tab-separated-values", ".txt": "text/plain",
    ".lst": "text/plain",
}  # fmt: skip
_JPEG, _JSON = "image/jpeg", "application/json"
_TEXT = "sc:Text"
_PICTURES = "pictures"


def list_files(folder: Path, leave_out: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return an export's files, and patterns of the crops where each is a file of its own.

    Folders of crops are not walked, since there may be millions; and their names, which may be people's, are
    not in the patterns unless they hold the folders of people.

    Args:
        folder: the export's.
        leave_out: names in it that are about the export, not of it.

    Returns:
        Paths below the folder in order, and patterns such as ``train/*/*.jpg``.
    """
    files, patterns, leave_out = list[str](), dict[str, None](), set(leave_out)
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.name in leave_out or entry.name.startswith("."):
            continue
        if not entry.is_dir():
            files.append(entry.name)
            continue
        with os.scandir(entry) as inside:
            first = next(inside, None)
        if first is None:
            continue
        if first.is_dir():
            patterns[f"{glob.escape(entry.name)}/*/*.jpg"] = None
        elif first.name.endswith(".jpg"):
            patterns["*/*.jpg"] = None
        else:
            files += sorted(f"{entry.name}/{one.name}" for one in os.scandir(entry))
    return files, list(patterns)


def describe_files(folder: Path, files: list[str], known: Mapping[str, str]) -> list[Json]:
    """Return each file as a FileObject, with its SHA-256.

    Args:
        folder: the export's.
        files: paths below it.
        known: the SHA-256 of some; the others are read.

    Raises:
        StoreError: a file cannot be read.
    """
    with writing(folder), ThreadPoolExecutor(min(4, cores())) as pool:
        digests = pool.map(lambda file: known.get(file) or file_sha256(folder / file), files)
        return [
            {
                "@type": "cr:FileObject",
                "@id": quote(file),
                "name": file,
                "contentUrl": file,
                "contentSize": f"{(folder / file).stat().st_size} B",
                "encodingFormat": _TYPES.get(Path(file).suffix, "application/octet-stream"),
                "sha256": digest,
            }
            for file, digest in zip(files, digests, strict=True)
        ]


def describe_records(
    folder: Path, files: list[str], patterns: list[str], has_splits: bool
) -> tuple[list[Json], list[Json]]:
    """Return sets of files of one kind, and the records in them.

    Args:
        folder: the export's.
        files: paths below it.
        patterns: of the crops that are files.
        has_splits: the first folder of such a crop's path is its split.

    Returns:
        FileSets and RecordSets.
    """
    sets, records = list[Json](), list[Json]()
    if patterns:
        sets.append(_file_set(_PICTURES, patterns, _JPEG))
        records.append(_pictures(_PICTURES, has_splits))
    tables = defaultdict(list)
    for file in files:
        if file.endswith(".parquet"):
            tables[file.rpartition("/")[0] or "tables"].append(file)
    for name, shards in sorted(tables.items()):
        pattern = f"{glob.escape(name)}/*.parquet" if "/" in shards[0] else "*.parquet"
        sets.append(_file_set(f"{name} shards", [pattern], "application/x-parquet"))
        records.append(parquet_records(name, sets[-1]["@id"], read_schema(folder / shards[0])))
    records += [csv_records(folder, file) for file in files if file.endswith(".csv")]
    if tars := [file for file in files if file.endswith(".tar")]:
        within = [{"@id": quote(file)} for file in tars]
        sets.append({**_file_set(_PICTURES, ["*.jpg"], _JPEG), "containedIn": within})
        records.append(_pictures(_PICTURES, False, is_in_tar=True))
        sets.append({**_file_set("facts", ["*.json"], _JSON), "containedIn": within})
        source = {"fileSet": {"@id": "facts"}}
        properties = {"path": "filename", "json": "content"}
        fields = [
            _field("facts", name, _TEXT, {**source, "extract": {"fileProperty": one}})
            for name, one in properties.items()
        ]
        records.append(_record_set("facts", fields))
    return sets, records


def _file_set(name: str, patterns: list[str], kind: str) -> Json:
    return {
        "@type": "cr:FileSet", "@id": quote(name), "name": name, "includes": patterns, "encodingFormat": kind,
    }  # fmt: skip


def _record_set(name: str, fields: list[Json]) -> Json:
    return {"@type": "cr:RecordSet", "@id": quote(name) + "-records", "name": name, "field": fields}


def _field(within: str, name: str, kind: str, source: Mapping[str, Any], **more: Any) -> Json:
    named = f"{quote(within)}-records/{quote(name)}"
    return {
        "@type": "cr:Field", "@id": named, "name": name, "dataType": kind, "source": dict(source), **more,
    }  # fmt: skip


def _pictures(name: str, has_splits: bool, *, is_in_tar: bool = False) -> Json:
    """Return the records of crops that are files: the picture, its path, and what the path says."""
    source = {"fileSet": {"@id": quote(name)}}
    path = {**source, "extract": {"fileProperty": "filename" if is_in_tar else "fullpath"}}
    fields = [
        _field(name, "image", "sc:ImageObject", {**source, "extract": {"fileProperty": "content"}}),
        _field(name, "path", _TEXT, path),
    ]
    if not is_in_tar:
        fields.append(
            _field(name, "person", _TEXT, {**path, "transform": {"regex": "^(?:[^/]+/)?([^/]+)/[^/]+$"}})
        )
    if has_splits:
        fields.append(_field(name, "split", _TEXT, {**path, "transform": {"regex": "^([^/]+)/"}}))
    return _record_set(name, fields)


def parquet_records(name: str, shards: str, schema: pa.Schema) -> Json:
    """Return the rows of Parquet shards, whose names begin with the split."""
    fields, source = [], {"fileSet": {"@id": shards}}
    for column in schema:
        kind, own = column.type, {**source, "extract": {"column": column.name}}
        if pa.types.is_struct(kind):
            own["transform"] = {"jsonPath": "bytes"}
            fields.append(_field(name, column.name, "sc:ImageObject", own))
        elif pa.types.is_list(kind):
            fields.append(_field(name, column.name, _data_type(kind.value_type), own, repeated=True))
        else:
            fields.append(_field(name, column.name, _data_type(kind), own))
    if "split" not in schema.names:
        regex = {"regex": r"^(.+)-\d+-of-\d+\.parquet$"}
        own = {**source, "extract": {"fileProperty": "filename"}, "transform": regex}
        fields.append(_field(name, "split", _TEXT, own))
    return _record_set(name, fields)


def csv_records(folder: Path, file: str) -> Json:
    """Return the rows of a table in CSV; a column that the set has, too, is of the same kind."""
    name, source = Path(file).stem, {"fileObject": {"@id": quote(file)}}
    mine = [KINDS[name]] if name in KINDS else []
    known = {field.name: field.type for schema in (*KINDS.values(), *mine) for field in schema}
    options, fields = ParseOptions(newlines_in_values=True), []
    with writing(folder), open_csv(folder / file, parse_options=options) as rows:
        for column in rows.schema:
            kind = known.get(column.name, pa.string() if column.name.startswith("meta_") else column.type)
            if column.name not in known and pa.types.is_integer(kind):
                kind = pa.float64()  # further down there may be fractions
            own = {**source, "extract": {"column": column.name}}
            fields.append(_field(name, column.name, _data_type(kind), own))
    return _record_set(name, fields)


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else _TEXT
