"""The crops that a file's pairs are of; pure functions on a set's tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..files.remote import Location
from ..tables import schema
from ..types import BoolArray, Int64Array
from .pair_file import PAIR_FILE, PairFile

_NAMED = 3
_ENDING = r"\.[A-Za-z][A-Za-z0-9]{1,4}$"
_MOST_FOLDERS = 16


def match_pairs(listed: PairFile, classes: pa.Table, photos: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Map the pairs of a file to a set's crops.

    Args:
        listed: the file's pairs; :func:`find_records` says what its texts may be.
        classes: the set's crops: id, path, identity and split.
        photos: the ledger's columns record, photo and path.

    Returns:
        The pairs whose two photos were kept and are in one split (the one that the file names, if it names
        one), in the file's order (:data:`facedata.tables.schema.PAIRS`), and the section for dataset.json:
        how many are ``listed`` and ``complete``, those in an ``other_split``, each ``missing`` pair with the
        records that were not kept, and notes.

    Raises:
        SourceError: a text means no photo of the set or several, a pair is of one photo with itself, or its
            label contradicts the set; with the line.
    """
    table = listed.table
    texts = pc.unique(pa.chunked_array([*table.column("left").chunks, *table.column("right").chunks]))
    found, several = find_records(texts, classes, photos)
    places = [pc.index_in(table.column(side), value_set=texts).to_numpy() for side in ("left", "right")]
    records = [found[at] for at in places]
    if len(unknown := np.flatnonzero((records[0] < 0) | (records[1] < 0))):
        index = int(unknown[0])
        at = int(places[0 if records[0][index] < 0 else 1][index])
        text, more = texts[at].as_py(), f" (and {len(unknown) - 1:,} more)" if len(unknown) > 1 else ""
        if at in several:
            names = " or ".join(repr(name) for name in several[at])
            listed.fail(index, f"{text!r} may be {names}: write it as photos.parquet does{more}")
        listed.fail(index, f"{text!r} is no photo of this set: write its path as photos.parquet does{more}")
    # rows in the classes, -1 for records that were not kept
    path, crops = photos.column("path"), classes.column("path").combine_chunks()
    row_of = pc.fill_null(pc.index_in(path, value_set=crops, skip_nulls=True), -1).to_numpy()
    rows: list[Int64Array] = [np.asarray(row_of[side], np.int64) for side in records]
    complete: BoolArray = (rows[0] >= 0) & (rows[1] >= 0)
    same = table.column("same").combine_chunks()
    people = classes.column("identity").combine_chunks().dictionary_encode().indices
    persons, homes = (
        [column.take(pa.array(side, mask=~complete)) for side in rows]
        for column in (people, classes.column("split").combine_chunks())
    )
    contradicts = pc.fill_null(pc.not_equal(pc.equal(*persons), same), False)
    for wrong, why in (
        (records[0] == records[1], "its two photos are one and the same"),
        (contradicts.to_numpy(zero_copy_only=False), "it contradicts the set, which has {} here"),
    ):
        if wrong.any():
            index = int(np.argmax(wrong))
            listed.fail(index, why.format("two people" if same[index].as_py() else "one person"))
    asked = pc.coalesce(table.column("split").combine_chunks(), homes[0])
    home = pc.and_(pc.equal(homes[0], homes[1]), pc.equal(homes[0], asked))
    taken = pc.fill_null(home, False)
    names, mine = homes[0].filter(taken), np.asarray(taken.to_numpy(zero_copy_only=False), np.bool_)
    ids = classes.column("id").to_numpy()
    columns = [
        *(ids[side[mine]] for side in rows),
        *(crops.take(pa.array(side[mine])).dictionary_encode() for side in rows),
        same.filter(taken),
        names.dictionary_encode(),
        table.column("fold").combine_chunks().filter(taken),
    ]
    pairs = pa.table(columns, schema=schema.PAIRS)
    section = _section(listed, [photos.column("record").take(pa.array(side)) for side in records], rows)
    section["other_split"] = other = int(np.count_nonzero(complete & ~mine))
    if other:
        section["notes"].append(
            f"{other:,} of {len(same):,} pairs of the file are of photos in two splits, or in another split "
            "than it says: they are left out"
        )
    for name in sorted(pc.unique(names).to_pylist(), key=lambda name: (name != "train", name)):
        of_split = pc.equal(names, name)
        count, alike = pc.sum(of_split).as_py(), pc.sum(pc.and_(of_split, columns[4])).as_py()
        section["splits"][name] = {"asked": count, "rows": count, "same": alike}
    return pairs, section


def _section(listed: PairFile, names: list[pa.ChunkedArray], rows: list[Int64Array]) -> dict[str, Any]:
    """Return the section for dataset.json; ``names`` are the records, ``rows`` those of their crops."""
    gone = (rows[0] < 0) | (rows[1] < 0)
    missing = []
    for index in np.flatnonzero(gone).tolist():
        pair = {side: names[at][index].as_py() for at, side in enumerate(("left", "right"))}
        lost = [pair[side] for at, side in enumerate(("left", "right")) if rows[at][index] < 0]
        missing.append({**pair, "missing": lost})
    notes = list(listed.notes)
    if missing:
        photos = list(dict.fromkeys(name for pair in missing for name in pair["missing"]))
        some = ", ".join(photos[:_NAMED]) + (", …" if len(photos) > _NAMED else "")
        notes.append(
            f"{len(missing):,} of {len(gone):,} pairs of the file need a photo that was not kept ({some}); "
            "dataset.json names them"
        )
    counts = {"listed": len(gone), "complete": int(np.count_nonzero(~gone)), "missing": missing}
    return {"strategy": "file", **counts, "splits": {}, "notes": notes}


def find_records(
    texts: pa.Array, classes: pa.Table, photos: pa.Table
) -> tuple[Int64Array, dict[int, list[str]]]:
    """Find the records that texts mean.

    A text is a record, a photo's path, a crop's path, or an id (if all are). Paths may be written with
    backslashes, in another Unicode form, with another ending or none; they may begin below the source's
    root, or, all alike, some folders above it.

    Args:
        texts: ``(n,)``, no two alike.
        classes: the set's crops: id and path.
        photos: the ledger's columns record, photo and path.

    Returns:
        ``(n,)`` int64, the row in the ledger of each text, -1 for none; and, for those that may mean several
        photos, the first few of their records by the index of the text.
    """
    found: Int64Array = np.full(len(texts), -1, np.int64)
    several: dict[int, list[str]] = {}

    def look(keys: Iterable[str | None], column: pa.ChunkedArray) -> None:
        """Find the texts that are neither found nor ambiguous yet: ``keys`` of all texts in a column."""
        open_ = np.array([row < 0 and at not in several for at, row in enumerate(found.tolist())], np.bool_)
        wanted = pa.array(keys, pa.string())
        wanted = pc.if_else(pa.array(open_), wanted, None)
        here = pc.fill_null(pc.is_in(column, value_set=wanted.drop_null()), False)
        rows, names = np.flatnonzero(here.to_numpy()), column.filter(here).combine_chunks()
        first = pc.index_in(wanted, value_set=names, skip_nulls=True)
        repeated = {count["values"] for count in pc.value_counts(names).to_pylist() if count["counts"] > 1}
        for at, (key, place) in enumerate(zip(wanted.to_pylist(), first.to_pylist(), strict=True)):
            if place is not None and key in repeated:
                mine = rows[pc.equal(names, key).to_numpy(zero_copy_only=False)][:_NAMED]
                several[at] = photos.column("record").take(pa.array(mine)).to_pylist()
            elif place is not None:
                found[at] = rows[place]

    written = texts.to_pylist()
    if written and all(text.isascii() and text.isdigit() and str(int(text)) == text for text in written):
        at = pc.index_in(texts.cast(pa.int64()), value_set=classes.column("id").combine_chunks())
        look(classes.column("path").combine_chunks().take(at).to_pylist(), photos.column("path"))
        if (found >= 0).all():
            return found, several
        found[:] = -1
    plain = [_plain(text) for text in written]
    for keys in (written, plain):
        for name in ("record", "photo", "path"):
            look(keys, photos.column(name))
    # then without endings, and in one Unicode form; pyarrow's own utf8_normalize does nothing before 26
    stems = []
    for name in ("photo", "path"):
        chunks = [
            [text and unicodedata.normalize("NFC", text) for text in chunk.to_pylist()]
            for chunk in photos.column(name).chunks
        ]
        stems.append(pc.replace_substring_regex(pa.chunked_array(chunks, pa.string()), _ENDING, ""))
    bare = pc.replace_substring_regex(pa.array(plain, pa.string()), _ENDING, "").to_pylist()
    for keys in (plain, bare):
        for column in stems:
            look(keys, column)
    # photos with more folders before them than the text has
    for parts in sorted({key.count("/") for key in bare if key.count("/") < _MOST_FOLDERS}):
        if (found < 0).any():
            tail = f"(?:^|/)(?P<tail>(?:[^/]+/){{{parts}}}[^/]+)$"
            column = pc.struct_field(pc.extract_regex(stems[0], tail), "tail")
            for keys in (plain, bare):
                look([key if key.count("/") == parts else None for key in keys], column)
    # texts with more folders before them than the photos have, all with the same number
    for parts in range(1, _MOST_FOLDERS):
        left = [at for at in range(len(written)) if found[at] < 0 and at not in several]
        if not left or any(bare[at].count("/") < parts for at in left):
            break
        before = found.copy()
        look([key.split("/", parts)[-1] for key in bare], stems[0])
        if any(found[at] < 0 for at in left):
            found[:] = before
            several = {at: names for at, names in several.items() if at not in left}
    return found, several


def _plain(text: str) -> str:
    """Return a path with ``/``, without ``./`` or ``/`` at its start, in NFC."""
    text = unicodedata.normalize("NFC", text.strip().replace("\\", "/"))
    while text.startswith(("./", "/")):
        text = text[1:] if text[0] == "/" else text[2:]
    return text


def pairs_again(pairs: pa.Table, classes: pa.Table, path: Location) -> PairFile:
    """Return a set's pairs as a file would list them by their ids now, to be mapped to its crops again.

    Args:
        pairs: as in :data:`facedata.tables.schema.PAIRS`.
        classes: the set's crops now: id, path and identity. Pairs of others are left out, and so are those
            that say something else than the crops' people do since they were corrected; notes say so.
        path: the pairs' file, for messages.
    """
    paths = [pairs.column(name).cast(pa.string()).combine_chunks() for name in ("left_path", "right_path")]
    crops, count = classes.column("path").combine_chunks(), pairs.num_rows
    at = [pc.index_in(side, value_set=crops, skip_nulls=True) for side in paths]
    people = classes.column("identity").combine_chunks().cast(pa.string())
    there = pc.and_(*(side.is_valid() for side in at))
    same = pairs.column("same").combine_chunks()
    agrees = pc.fill_null(pc.equal(pc.equal(*(people.take(side) for side in at)), same), True)
    # not paths: that of a corrected photo may be another photo's name
    ids = [classes.column("id").combine_chunks().take(side).cast(pa.string()) for side in at]
    nothing = pa.nulls(count, pa.string())
    table = pa.table([*ids, same, nothing, pairs.column("fold")], schema=PAIR_FILE)
    notes = [
        f"{number:,} of {count:,} pairs are left out, since {reason}"
        for number, reason in (
            (count - there.true_count, "a photo of theirs is no longer kept"),
            (count - agrees.true_count, "the corrections contradict them"),
        )
        if number
    ]
    kept = table.filter(pc.and_(there, agrees))
    return PairFile(path, kept, range(1, kept.num_rows + 1), "row", tuple(notes))
