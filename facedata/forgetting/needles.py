"""What would show that somebody was in a set: names, paths, digests, bytes of crops, embeddings."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import SetError, StoreError
from ..sets.prepared import PreparedSet
from ..store.read import read_crop
from ..tables.parquet import read_footer
from ..tables.schema import CLASSES
from ..tables.tombstones import Tombstones, read_tombstones
from ..types import Float32Array
from .traces.patterns import CROP, PHOTO, Needles, crop_slice

_LEDGER = ["record", "photo", "identity", "source_identity", "path", "sha256"]
_MOST_FILES = 1_000
_PARTS = ("record", "photo", "path")


def collect_needles(prepared: PreparedSet, people: Collection[str], records: Collection[str]) -> Needles:
    """Collect what would show that some people and photos were in a set, while they still are.

    What others in the set share with them is theirs and does not count: a group photo's path and bytes, a
    name that only some of its photos had.

    Args:
        prepared: the set, whole.
        people: all names of those who are to be forgotten.
        records: of all photos that are to be forgotten.

    Raises:
        SetError: a table of the set cannot be read.
    """
    gone, theirs, names = _split_ledger(prepared, set(people), set(records))
    names_gone = {*people, *gone["identity"], *gone["source_identity"]} - {None, ""}
    names_gone -= (theirs["identity"] | theirs["source_identity"]) - {*people}
    paths = {path for kind in _PARTS for path in gone[kind] - theirs[kind]} - {None, ""}
    digests = {digest: PHOTO for digest in gone["sha256"] - theirs["sha256"] if digest}
    crops = _crops_of(prepared, gone["path"])
    kept = {
        digest
        for digest, is_theirs in zip(crops["crop_sha256"], crops["is_shared"], strict=True)
        if is_theirs
    }
    slices = set[bytes | None]()
    for digest, file, offset, length in zip(
        *(crops[name] for name in ("crop_sha256", "file", "offset", "length")), strict=True
    ):
        if digest in kept:
            continue
        digests[digest] = CROP
        try:
            slices.add(crop_slice(read_crop(prepared.path, file, offset, length)))
        except StoreError:  # a crop that is lost can be found by its SHA-256 alone
            continue
    return Needles(
        tuple(sorted(names_gone)),
        _longer_names(names, names_gone),
        tuple(sorted(paths)),
        digests,
        tuple(sorted(one for one in slices if one is not None)),
        tuple(_embeddings(prepared, np.array(sorted(crops["id"]), np.int64))),
    )


def recall_needles(
    prepared: PreparedSet, people: Collection[str], tombstones: Tombstones | None = None
) -> Needles:
    """Return what can still be looked for once people are forgotten: their names, and the tombstones' hashes.

    Args:
        prepared: the set without them.
        people: their names, which the set no longer has.
        tombstones: the set's; None to read them.
    """
    _, theirs, names = _split_ledger(prepared, set(), set())
    gone = set(people) - theirs["identity"]
    known = read_tombstones(prepared.path) if tombstones is None else tombstones
    return Needles(tuple(sorted(gone)), _longer_names(names, gone), tombstones=known)


def _split_ledger(
    prepared: PreparedSet, people: set[str], records: set[str]
) -> tuple[dict[str, set[str]], dict[str, set[str]], set[str]]:
    """Return the values of the rows that go, those of them that other rows have as well, and other names."""
    gone: dict[str, set[str]] = {name: set() for name in _LEDGER}
    theirs: dict[str, set[str]] = {name: set() for name in _LEDGER}
    names = set[str]()
    for rows in prepared.blocks("photos"):
        goes = _goes(rows, people, records)
        for name in _LEDGER:
            gone[name] |= {*rows.filter(goes).column(name).to_pylist()}
    for rows in prepared.blocks("photos"):
        stays = rows.filter(pc.invert(_goes(rows, people, records)))
        for name in _LEDGER:
            shared = pc.is_in(stays.column(name), pa.array(sorted(gone[name] - {None}), pa.string()))
            theirs[name] |= {*stays.column(name).filter(shared).to_pylist()}
        for name in ("identity", "source_identity"):
            names |= {*pc.unique(stays.column(name)).to_pylist()}
    if not people and not records:  # nobody goes: then all names are others'
        theirs["identity"] = set(names)
    return gone, theirs, names - {None}


def _goes(rows: pa.Table, people: set[str], records: set[str]) -> pa.ChunkedArray:
    names, keys = pa.array(sorted(people), pa.string()), pa.array(sorted(records), pa.string())
    named = pc.or_(pc.is_in(rows.column("identity"), names), pc.is_in(rows.column("source_identity"), names))
    return pc.or_(named, pc.is_in(rows.column("record"), keys))


def _longer_names(names: set[str], gone: set[str]) -> tuple[str, ...]:
    """Return other people's names that contain one of some names."""
    every = pa.array(sorted(names - gone), pa.string())
    found = set[str]()
    for name in gone:
        found |= {*every.filter(pc.match_substring(every, name)).to_pylist()}
    return tuple(sorted(found))


def _crops_of(prepared: PreparedSet, paths: set[str]) -> dict[str, list[Any]]:
    """Return the crops with some paths, and whether another crop has the same bytes."""
    wanted, digests = pa.array(sorted(paths - {None}), pa.string()), set[str]()
    names = ["id", "path", "file", "offset", "length", "crop_sha256"]
    tables = [
        rows.select(names).filter(pc.is_in(rows.column("path"), wanted))
        for rows in prepared.blocks("classes")
    ]
    crops = pa.concat_tables(tables) if tables else CLASSES.empty_table().select(names)
    for rows in prepared.blocks("classes"):
        same = pc.is_in(rows.column("crop_sha256"), crops.column("crop_sha256").combine_chunks())
        others = pc.and_(same, pc.invert(pc.is_in(rows.column("path"), wanted)))
        digests |= {*rows.column("crop_sha256").filter(others).to_pylist()}
    columns: dict[str, list[Any]] = crops.to_pydict()
    return columns | {"is_shared": [digest in digests for digest in columns["crop_sha256"]]}


def _embeddings(prepared: PreparedSet, ids: np.ndarray[Any, Any]) -> Iterator[Float32Array]:
    """Yield the embeddings of some crops, file by file: those that a check kept, and those beside the set.

    Files that cannot be read are left out.
    """
    if not isinstance(prepared.path, Path):
        return
    kept = sorted((prepared.path / "check").glob("embeddings-*.parquet"))
    beside = islice(sorted(prepared.path.parent.glob("*.parquet")), _MOST_FILES)
    files = kept + [file for file in beside if _is_of(file, prepared.fingerprint)]
    wanted = pa.array(ids)
    for file in files:
        rows = list[Float32Array]()
        try:
            with file.open("rb") as stream:
                parquet = pq.ParquetFile(stream, pre_buffer=False)
                for batch in parquet.iter_batches(16_384, columns=["id", "embedding"]):
                    some = batch.filter(pc.is_in(batch.column(0), wanted)).column(1)
                    rows += [np.array(one, np.float32) for one in some.to_pylist()]
        except (pa.ArrowException, OSError):
            continue
        if rows and len({len(row) for row in rows}) == 1:
            yield np.stack(rows)


def _is_of(file: Path, fingerprint: str) -> bool:
    """Return whether a file has embeddings of a set."""
    try:
        footer = read_footer(file)
    except SetError:
        return False
    return (footer.kind, footer.fingerprint) == ("embeddings", fingerprint)
