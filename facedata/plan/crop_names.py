"""Crop names: from a photo's path and person to ``<identity>/<name>.jpg``, safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables.blocks import BLOCK_ROWS, as_array
from ..tables.people import person_codes
from ..tables.text_hash import mixed, repeated, text_numbers
from ..types import BoolArray, Int32Array, Int64Array

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]')
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[1-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Windows takes these for devices, whatever ending follows."""
_LIKE_OURS = re.compile(r"~[0-9a-f]{8}$")
_MOST_BYTES = 200

_PLAIN = r"^(?s:.*/)?([0-9A-Za-z_-]{1,180})(\.[0-9A-Za-z]*)?$"
"""Paths whose stem is a safe name as it is, unless it is a device's: nearly all there are."""
_MAYBE_DEVICE = r"(?i)^(?s:.*/)?(con|prn|aux|nul|com|lpt)[^/]*$"


def crop_paths(records: Sequence[str], photos: Sequence[str], identities: Sequence[str]) -> list[str]:
    """Return each record's crop path.

    A crop is named after its photo's stem. When two of a person collide (case-folded, NFC), all but the
    first get ``~`` and 8 hex digits of SHA-256(record). Unsafe characters are percent-encoded; names over
    200 bytes are cut and get the hash too, and so do those that already end like one that did. People whose
    folders would collide on a case-folding file system are told apart likewise.

    Args:
        records: in ascending order of their UTF-8 bytes.
        photos: their photos' paths.
        identities: their people.

    >>> crop_paths(["a/1.jpg", "a/1.png"], ["a/1.jpg", "a/1.png"], ["a", "a"])
    ['a/1.jpg', 'a/1~8630ea93.jpg']
    """
    columns = [pa.array(column, pa.string()) for column in (records, photos, identities)]
    rows = pa.table(columns, ["record", "photo", "identity"])
    wanted = pa.chunked_array([pa.array(np.ones(rows.num_rows, np.bool_))])
    return [str(path) for path in crop_path_column(rows, wanted).to_pylist()]


def crop_path_column(rows: pa.Table, wanted: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the crop paths of a table's columns record, photo and identity, as :func:`crop_paths` does.

    Args:
        rows: in ascending order of their records' UTF-8 bytes.
        wanted: ``(n,)`` bool, which rows get one; the others get null.
    """
    chosen = wanted.to_numpy()
    who, folders = _folder_of_each(rows.column("identity"), chosen)
    stems = [_stems(rows.slice(start, BLOCK_ROWS)) for start in range(0, rows.num_rows, BLOCK_ROWS)]
    later = _later(stems, who, chosen)
    paths = []
    for number, stem in enumerate(stems):
        start = number * BLOCK_ROWS
        span = slice(start, start + len(stem))
        names = _with_hashes(stem, np.flatnonzero(later[span]), rows.column("record").slice(start, len(stem)))
        folder = folders.take(pa.array(who[span], mask=~chosen[span]))
        path = pc.binary_join_element_wise(folder, "/", names, ".jpg", "")
        same = as_array(rows.column("record").slice(start, len(stem)))
        paths.append(same if path.equals(same) else path)  # one copy where a photo's own path is safe
        stems[number] = pa.nulls(0, pa.string())  # its memory is not needed twice
    return pa.chunked_array(paths, pa.string())


def _folder_of_each(identities: pa.ChunkedArray, chosen: BoolArray) -> tuple[Int32Array, pa.Array]:
    """Return each row's place among the folders, and the folders, of the chosen rows' people only."""
    who, people = person_codes(identities)
    used = np.flatnonzero(np.bincount(who[chosen], minlength=len(people)))
    place = np.zeros(len(people) + 1, np.int32)  # one more, for rows without a person
    place[used] = np.arange(len(used))
    return place[who], pa.array(_folders([people[code] for code in used.tolist()]), pa.string())


def _stems(block: pa.Table) -> pa.Array:
    """Return the safe stems of a block's photos: vectorised where it is plain, one by one elsewhere."""
    photos = block.column("photo").combine_chunks()
    plain = pc.and_(
        pc.match_substring_regex(photos, _PLAIN), pc.invert(pc.match_substring_regex(photos, _MAYBE_DEVICE))
    )
    stems = pc.replace_substring_regex(photos, _PLAIN, r"\1")
    others = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
    return _replaced(
        stems,
        others,
        lambda _, index: safe_name(_stem(photos[index].as_py()), block.column("record")[index].as_py()),
    )


def _replaced(texts: pa.Array, places: Int64Array, new: Callable[[str, int], str]) -> pa.Array:
    """Return the texts with those at some places, which ascend, made anew."""
    if not len(places):
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[places] = True
    values = [new(texts[index].as_py(), index) for index in places.tolist()]
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(values, pa.string()))


def _with_hashes(stems: pa.Array, places: Int64Array, records: pa.ChunkedArray) -> pa.Array:
    return _replaced(stems, places, lambda name, index: _with_hash(name, records[index].as_py()))


def _later(stems: Sequence[pa.Array], who: Int32Array, chosen: BoolArray) -> BoolArray:
    """Tell which chosen rows come after another one of the same person with the same stem, folded."""
    numbers = np.concatenate(
        [np.empty(0, np.uint64), *(text_numbers(_folded_column(stem)) for stem in stems)]
    )
    numbers += mixed(who.astype(np.uint64))
    later = np.zeros(len(who), np.bool_)
    seen: set[tuple[int, str]] = set()
    at = np.arange(len(who), dtype=np.int32) if chosen.all() else np.flatnonzero(chosen)
    for index in at[repeated(numbers if chosen.all() else numbers[at])].tolist():
        block, place = divmod(index, BLOCK_ROWS)
        key = (int(who[index]), _folded(stems[block][place].as_py()))
        later[index] = key in seen
        seen.add(key)
    return later


def _folded_column(texts: pa.Array) -> pa.Array:
    ascii_only = pc.string_is_ascii(texts).to_numpy(zero_copy_only=False)
    return _replaced(pc.ascii_lower(texts), np.flatnonzero(~ascii_only), lambda text, _: _folded(text))


def safe_name(name: str, key: str) -> str:
    """Return a file or folder name that is safe on Linux, macOS and Windows.

    A name that is too long, or ends in ``~`` and 8 hex digits and so could pass for one that was told apart,
    gets the hash of ``key``.

    >>> safe_name("con", "x"), safe_name("1~8630ea93", "x")
    ('%63on', '1~8630ea93~2d711642')
    >>> safe_name("50% off: a/b", "x"), safe_name("..", "x"), len(safe_name("é" * 300, "x").encode())
    ('50%25 off%3A a%2Fb', '%2E%2E', 199)
    """
    safe = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if safe.endswith((".", " ")):  # Windows drops them
        safe = f"{safe[:-1]}%{ord(safe[-1]):02X}"
    if _DEVICE.match(safe):
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    is_plain = len(safe.encode()) <= _MOST_BYTES and not _LIKE_OURS.search(_folded(safe))
    return safe if is_plain else _with_hash(safe, key)


def _with_hash(name: str, key: str) -> str:
    suffix = "~" + hashlib.sha256(key.encode()).hexdigest()[:8]
    cut = name.encode()[: _MOST_BYTES - len(suffix)].decode(errors="ignore")
    return re.sub(r"%[0-9A-F]?$", "", cut) + suffix


def _folders(identities: Sequence[str]) -> list[str]:
    """Return a folder for each person; they come in byte order."""
    names = [safe_name(identity, identity) for identity in identities]
    seen: set[str] = set()
    folders = []
    for identity, name in zip(identities, names, strict=True):
        key = _folded(name)
        folders.append(_with_hash(name, identity) if key in seen else name)
        seen.add(key)
    return folders


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _stem(photo: str) -> str:
    name = photo.rpartition("/")[2]
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name
