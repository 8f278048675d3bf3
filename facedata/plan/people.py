"""Who is in the photos: names that look the same, and sources whose photos have no person, or only one."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import PrepareConfig
from ..errors import SourceError
from ..photos.paths import photo_path, photo_text
from ..sampling.split import TRAIN
from ..sources.base import Source
from ..tables.blocks import BLOCK_ROWS, as_array, cut_texts, iter_texts, last_at, text_letters
from ..tables.names import clean_name, join_names, name_notes, show_name
from ..types import Status

_BEFORE_NUMBER = r"^(.+?)[ _.-]*[(]?\d+[)]?\.[^.]+$"
"""Finds the person in ``Anna Berg_01.jpg`` and ``anna (2).jpg``."""

_EXPECTED = "each person's photos are expected in a folder of their own"


def merge_names(records: pa.Table) -> tuple[pa.Table, list[str]]:
    """Give people, and official splits, whose names look the same one spelling; also return notes.

    A split's name is cleaned even where it is like no other, since commands and models look for ``train``.
    Works on the distinct names; a column in which no name changes is not touched.
    """
    people = pc.unique(records.column("identity")).drop_null().to_pylist()
    joined = join_names(people)
    notes = name_notes(people, joined)
    splits = pc.unique(records.column("official_split")).drop_null().to_pylist()
    cleaned = {name: clean_name(name) for name in splits if clean_name(name) != name}
    notes += name_notes([*splits, TRAIN] if splits else [], cleaned, "splits")
    for column, spelling in (("identity", joined), ("official_split", cleaned)):
        if spelling:
            chunks = []
            for chunk in records.column(column).chunks:
                coded = chunk.dictionary_encode()
                names = [spelling.get(name, name) for name in coded.dictionary.to_pylist()]
                chunks.append(pa.array(names, pa.string()).take(coded.indices))
            index = records.schema.get_field_index(column)
            records = records.set_column(index, column, pa.chunked_array(chunks, pa.string()))
    return records, notes


def look_for_people(records: pa.Table, source: Source, config: PrepareConfig) -> list[str]:
    """Refuse a source none of whose photos has a person; return notes on people that may be others.

    Args:
        records: a plan's records, before any is detected.
        source: where they are from.
        config: the options.

    Raises:
        SourceError: no photo has a person; it says what was expected, what was found and what to do.
    """
    by_folder = source.kind == "folder" and config.identity_from in ("parent", "path")
    column = records.column("identity")
    if column.null_count < len(column):
        people = pc.unique(column).drop_null().to_pylist()
        notes = []
        if len(people) == 1:
            note = f"all photos are of one person, {show_name(people[0])}"
            more = f": {_EXPECTED}; if theirs are of several people, add --identity-from REGEX"
            notes.append(note + more if by_folder else note)
        if by_folder and config.identity_from == "parent":
            notes += nested_folder_notes(records)
        return notes
    nobody = records.filter(pc.equal(records.column("status"), Status.NO_IDENTITY.value))
    if not nobody.num_rows:
        return []
    photos = list(iter_texts(nobody.column("photo")))
    if not by_folder:
        reason = nobody.column("reason")[0].as_py()
        raise SourceError(f"no photo of {source.root} has a person, such as {photos[0]!r}: {reason}")
    remedy = "if the files' names say who is in them, add --identity-from REGEX"
    names = Counter(match[1] for photo in photos if (match := re.match(_BEFORE_NUMBER, photo)))
    if len(names) > 1 and names.total() >= max(0.8 * len(photos), 1.5 * len(names)):
        remedy = (
            f"if the files' names begin with the person's, add --identity-from '{_BEFORE_NUMBER}' "
            f"({len(names):,} people, such as {show_name(min(names))})"
        )
    root = Path(photo_path(source.root))
    above = f", {photo_text(str(root.absolute().parent))}" if root.is_dir() else ""
    count = f"{len(photos):,} photos" if len(photos) > 1 else "1 photo"
    raise SourceError(
        f"{source.root} holds {count} and no person's folder: {_EXPECTED}. If all are of one person, name "
        f"the folder above{above}; {remedy}"
    )


def nested_folder_notes(records: pa.Table) -> list[str]:
    """Return a note on people named by their photos' own folders, where the folders above may be the people.

    They may if a person's folder lies in another's (``ben/edited``), or if there are fewer names than folders
    above them (``ben/holiday`` and ``anna/holiday``, but not ``2019/ben`` and ``2020/ben``).
    """
    known: set[str] = set()
    for start in range(0, records.num_rows, BLOCK_ROWS):
        rows = records.select(["photo", "identity"]).slice(start, BLOCK_ROWS)
        known.update(_folders_of(as_array(rows.filter(pc.is_valid(rows.column("identity"))).column("photo"))))
    folders = sorted((above, name) for above, _, name in (folder.rpartition("/") for folder in known))
    inner = [(above, name) for above, name in folders if above in known and above.split("/")[-1] != name]
    counts = Counter(name for _, name in folders)
    if inner:
        above, name = inner[0]
        text = (
            f"folders in a person's folder are taken as people of their own ({len(inner):,}, such as "
            f"{show_name(f'{above}/{name}')} as {show_name(name)})"
        )
    elif len(counts) < len({above for above, _ in folders}):
        name, count = counts.most_common(1)[0]
        above, other, *_ = (above for above, same in folders if same == name)
        text = (
            f"folders of one name are taken as one person ({count:,} are called {show_name(name)}, such as "
            f"{show_name(f'{above}/{name}')} and {show_name(f'{other}/{name}')})"
        )
    else:
        return []
    outer = "[^/]+/" * above.count("/")
    return [f"{text}; if the people are the folders above, add --identity-from '^{outer}([^/]+)/'"]


def _folders_of(photos: pa.Array) -> list[str]:
    """Return the folders of some photos, each once; a photo in none stands for itself."""
    letters, bounds = text_letters(photos)
    slash = last_at("/", letters, bounds)
    folders = cut_texts(letters, bounds[:-1], np.where(slash < 0, bounds[1:], slash))
    return list(pc.unique(folders).to_pylist())
