"""Who and which photos are meant, and all rows of the ledger that this concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..detect.choose import box_iou
from ..errors import SourceError, UsageError
from ..options import nearest
from ..photos.listed_paths import listed_spellings
from ..sets.prepared import PreparedSet
from ..sources.text_lists import read_lines
from ..tables.forgotten_rows import record_keys
from ..tables.names import clean_name, show_name
from ..tables.parquet import read_blocks
from ..tables.tombstones import Tombstones
from ..types import BoolArray

_COLUMNS = ["record", "photo", "identity", "source_identity", "sha256"]
_SHOWN = 20
_ONE_FACE = 0.5
"""Two boxes in a photo that overlap by more than this show one face."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is to be forgotten.

    Attributes:
        people: names, as the ledger has them; also of people who were forgotten before.
        names: all names that these people have in the set: other spellings, and those merged into theirs.
        rows: ``(n,)`` bool, the ledger's rows to empty.
        records: of these rows, in order.
        keys: of these rows (:func:`facedata.tables.forgotten_rows.record_keys`).
        photos: the SHA-256 of their photos that are nobody else's.
        copies: records among these of other people, whose photos have the same bytes as a forgotten one.
        shared: records that stay although they are of the same photo: other faces in it.
        before: people and photos that had been forgotten already.
    """

    people: tuple[str, ...]
    names: tuple[str, ...]
    rows: BoolArray
    records: tuple[str, ...]
    keys: tuple[str, ...]
    photos: tuple[str, ...]
    copies: tuple[str, ...]
    shared: tuple[str, ...]
    before: tuple[str, ...]


def choose_rows(
    prepared: PreparedSet, people: Sequence[str], photos: Sequence[str], tombstones: Tombstones
) -> Chosen:
    """Find the rows of people and photos.

    A person's rows are those under the name in ``identity`` or in ``source_identity``. Photos with the same
    bytes go too, under whatever name they are, since they show the same; a photo that the source lists for
    several people by the boxes of their faces is not one person's, and their rows stay.

    Args:
        prepared: the set.
        people: names as the ledger or :func:`facedata.tables.names.show_name` writes them.
        photos: records or photos' paths, as the ledger or another program writes them.
        tombstones: who was forgotten before.

    Raises:
        UsageError: somebody, or a photo, is not there; all of them are named, with the nearest names.
    """
    merge = prepared.info["settings"].get("names", "merge") == "merge"
    known: set[str] = set()
    for _, block in _blocks(prepared, ["identity", "source_identity"]):
        for column in block.columns:
            known.update(pc.unique(column).drop_null().to_pylist())
    found, before, wrong = _find_people(known, people, tombstones, merge)
    listed, gone, lost = _find_photos(prepared, photos, tombstones)
    if wrong := [*wrong, *lost]:
        more = f"\n  and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        lines = "".join(f"\n  {line}" for line in wrong[:_SHOWN])
        raise UsageError(f"nothing was forgotten, since {prepared} lacks some of it:{lines}{more}")
    names = _all_names(prepared, found, known, merge)
    rows = _rows_of(prepared, names, listed)
    rows, digests, copies, shared = _follow_bytes(prepared, rows)
    records, keys = list[str](), list[str]()
    for at, block in _blocks(prepared, ["record", "source_identity"]):
        mine = block.filter(pa.array(rows[at]))
        records += mine.column("record").to_pylist()
        keys += record_keys(mine)
    return Chosen(
        people=(*found, *(name for name in before if name in people)),
        names=tuple(names),
        rows=rows,
        records=tuple(records),
        keys=tuple(keys),
        photos=tuple(digests),
        copies=tuple(copies),
        shared=tuple(shared),
        before=(*before, *gone),
    )


def read_photo_list(file: str) -> list[str]:
    """Return the lines of a file of photos, without empty ones.

    Raises:
        UsageError: it cannot be read, or lists nothing.
    """
    path = Path(file)
    try:
        lines = read_lines(file, path.read_bytes)
    except SourceError as error:
        raise UsageError(f"--photos: {error}") from error
    photos = [line for _, line in lines if line.strip()]
    if not photos:
        raise UsageError(f"--photos {file} lists no photo: write one a line, as photos.parquet has them")
    return photos


def _blocks(prepared: PreparedSet, columns: Sequence[str] = _COLUMNS) -> Iterator[tuple[slice, pa.Table]]:
    """Yield the ledger a block at a time, and which rows each is."""
    start = 0
    for block in read_blocks(prepared.path / "photos.parquet", list(columns)):
        yield slice(start, start + block.num_rows), block
        start += block.num_rows


def _find_people(
    known: set[str], people: Sequence[str], tombstones: Tombstones, merge: bool
) -> tuple[list[str], list[str], list[str]]:
    """Return the people meant, those who had been forgotten, and what is wrong with the other names."""
    found, before, wrong = list[str](), list[str](), list[str]()
    for text in dict.fromkeys(people):
        alike = sorted(name for name in known if clean_name(name) == clean_name(text))
        exact = next((one for one in (text, text.strip()) if one in known), None)
        if exact is not None:
            found.append(exact)
        elif alike and (merge or len(alike) == 1):
            found.append(alike[0])
        elif alike:
            some = " or ".join(map(show_name, alike))
            wrong.append(f"{text!r} may be {some}: write it letter by letter")
        elif tombstones.has_person(text, merge) or tombstones.has_person(text.strip(), merge):
            before.append(text)
        else:
            part = text.strip().casefold()
            holding = sorted(name for name in known if len(part) > 1 and part in name.casefold())
            hint = nearest(text.strip(), known)
            if 0 < len(holding) <= 3:
                hint = f"; did you mean {' or '.join(map(show_name, holding))}?"
            wrong.append(f"there is nobody called {show_name(text)}{hint}")
    return list(dict.fromkeys(found)), before, wrong


def _find_photos(
    prepared: PreparedSet, photos: Sequence[str], tombstones: Tombstones
) -> tuple[set[str], list[str], list[str]]:
    """Return the records and photos meant, those that had been forgotten, and what is wrong with others."""
    found: dict[str, str] = {}
    forms: Sequence[Callable[[str], Iterable[str]]] = (lambda text: [text], listed_spellings)
    for spellings in forms if photos else ():  # nearly all are written as they are
        wanted = {one: text for text in photos if text not in found for one in spellings(text)}
        if not wanted:
            break
        values = pa.array(sorted(wanted), pa.string())
        for _, block in _blocks(prepared, ["record", "photo"]):
            for name in ("record", "photo"):
                here = block.column(name).filter(pc.is_in(block.column(name), value_set=values))
                found |= {wanted[one]: one for one in here.to_pylist()}
    gone = [
        text
        for text in dict.fromkeys(photos)
        if text not in found and any(tombstones.has("records", one) for one in listed_spellings(text))
    ]
    lost = [f"there is no photo {text!r}" for text in dict.fromkeys(photos) if text not in {*found, *gone}]
    return set(found.values()), gone, lost


def _all_names(prepared: PreparedSet, found: Sequence[str], known: set[str], merge: bool) -> list[str]:
    """Return people's names with their other spellings, and the names that corrections merged into them."""
    names = dict.fromkeys(found)
    merges: list[tuple[str, str]] = []
    if prepared.has("corrections"):
        table = prepared.table("corrections", ["action", "identity", "to_identity"])
        rows = table.filter(pc.equal(table.column("action"), "merge")).to_pylist()
        merges = [(row["identity"], row["to_identity"]) for row in rows if row["identity"]]
    count = -1
    while count < len(names):
        count = len(names)
        names |= dict.fromkeys(one for one, into in merges if into in names)
        if merge:
            looks = {clean_name(name) for name in names}
            names |= dict.fromkeys(sorted({*looks, *(one for one in known if clean_name(one) in looks)}))
    return list(names)


def _rows_of(prepared: PreparedSet, names: Sequence[str], listed: set[str]) -> BoolArray:
    """Return which rows are of these names, or are these records or photos."""
    people, paths = (pa.array(sorted(some), pa.string()) for some in (names, listed))
    masks = [np.zeros(0, np.bool_)]
    for _, block in _blocks(prepared):
        mask = np.zeros(block.num_rows, np.bool_)
        for column, values in (
            ("identity", people), ("source_identity", people), ("record", paths), ("photo", paths)
        ):  # fmt: skip
            if len(values):
                mask |= pc.is_in(block.column(column), value_set=values).to_numpy()
        masks.append(mask)
    return np.concatenate(masks)


def _follow_bytes(
    prepared: PreparedSet, rows: BoolArray
) -> tuple[BoolArray, list[str], list[str], list[str]]:
    """Add the rows of photos with the same bytes; see :func:`choose_rows`.

    Of a photo with several rows only those are added that show the same face and have no crop: they lost it
    to a row that goes, and would get it now.

    Returns:
        All rows, the SHA-256 that only they have, the records that were added, and those that stay.
    """
    faces: dict[str, list[Any]] = {}
    for at, block in _blocks(prepared, ["sha256", "box"]):
        for row in block.filter(pa.array(rows[at])).to_pylist():
            if row["sha256"] is not None:
                faces.setdefault(row["sha256"], []).append(row["box"])
    rows, copies, shared, kept = rows.copy(), list[str](), list[str](), set[str]()
    values = pa.array(sorted(faces), pa.string())
    for at, block in _blocks(prepared, ["record", "photo", "sha256", "box", "path"]) if faces else ():
        same = pc.is_in(block.column("sha256"), value_set=values).to_numpy() & ~rows[at]
        for index, row in zip(
            np.flatnonzero(same).tolist(), block.filter(pa.array(same)).to_pylist(), strict=True
        ):
            goes = row["record"] == row["photo"]
            if not goes and row["path"] is None:
                mine = row["box"] and np.array(row["box"])
                goes = mine is not None and any(
                    box_iou(np.array(box), mine) > _ONE_FACE for box in faces[row["sha256"]] if box
                )
            if goes:
                copies.append(row["record"])
                rows[at.start + index] = True
            else:  # another face in the photo
                shared.append(row["record"])
                kept.add(row["sha256"])
    return rows, sorted(faces.keys() - kept), copies, shared
