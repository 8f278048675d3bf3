"""Crop names: ``<identity>/<name>.jpg``, made from a photo's path and person, safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..files.memory import release
from ..tables.blocks import BLOCK_ROWS, as_array, cut_texts, last_at, text_letters
from ..tables.people import person_codes
from ..tables.text_hash import find_repeated_by_spans, hash_texts, mix_bits
from ..types import BoolArray, Int32Array, Int64Array, UInt64Array

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%]')
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[1-9¹²³]) *(\.|$)", re.IGNORECASE)
"""Names that Windows reserves for devices, with any ending."""
_LIKE_OURS = re.compile(r"~[0-9a-f]{8}$")
_MOST_BYTES = 200

_PLAIN = re.compile(r"(?!con|prn|aux|nul|com|lpt)[0-9A-Za-z_-]{1,180}", re.IGNORECASE | re.ASCII)
"""Names that are safe already, and name no device: nearly all. Blocks of photos are tested by numbers."""
_PLAIN_NAME = r"(?:^|/)[0-9A-Za-z_-]{1,180}(?:\.[0-9A-Za-z]*)?$"
_DEVICE_FIRST = np.zeros(256, np.bool_)
_DEVICE_FIRST[list(b"cpanlCPANL")] = True
_SMALL = 0x20  # in ASCII, the bit that turns a capital into a small letter
_DEVICES = [int.from_bytes(name, "big") for name in (b"con", b"prn", b"aux", b"nul", b"com", b"lpt")]


def crop_paths(rows: pa.Table, wanted: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return each record's crop path.

    A crop is named after its photo's stem. If two crops of a person collide (case-folded, NFC), all but the
    first get ``~`` and 8 hex digits of SHA-256(record). Unsafe characters are percent-encoded. Names over 200
    bytes are shortened and get the hash too, and so do names that already end like one, and people's folders
    that would collide on a case-insensitive file system.

    Args:
        rows: columns record, photo and identity, in ascending order of the records' UTF-8 bytes.
        wanted: ``(n,)`` bool, which rows get a path; the others get null.

    >>> photos = ["a/1.jpg", "a/1.png"]
    >>> rows = pa.table({"record": photos, "photo": photos, "identity": ["a", "a"]})
    >>> crop_paths(rows, pa.chunked_array([[True, True]])).to_pylist()
    ['a/1.jpg', 'a/1~8630ea93.jpg']
    """
    chosen = wanted.to_numpy()
    folder_of, folders = _name_folders(rows.column("identity"), chosen)
    stems = [_safe_stems(rows.slice(start, BLOCK_ROWS)) for start in range(0, rows.num_rows, BLOCK_ROWS)]
    release()
    collides = _find_collisions(stems, folder_of, chosen)
    paths = []
    for number, stem in enumerate(stems):
        start = number * BLOCK_ROWS
        span = slice(start, start + len(stem))
        records = as_array(rows.column("record").slice(start, len(stem)))
        at = np.flatnonzero(collides[span])
        hashed = [_with_hash(stem[i].as_py(), records[i].as_py()) for i in at.tolist()]
        names = _replace_at(stem, at, hashed)
        folder = folders.take(pa.array(folder_of[span], mask=~chosen[span]))
        path = pc.binary_join_element_wise(folder, "/", names, ".jpg", "")
        paths.append(records if path.equals(records) else path)  # one copy where a photo's own path is safe
        stems[number] = pa.nulls(0, pa.string())  # frees its memory
    return pa.chunked_array(paths, pa.string())


def _name_folders(identities: pa.ChunkedArray, chosen: BoolArray) -> tuple[Int32Array, pa.Array]:
    """Return each row's index into the folders, and the folders, of the chosen rows' people only."""
    person, people = person_codes(identities)
    used = np.flatnonzero(np.bincount(person[chosen], minlength=len(people)))
    index = np.zeros(len(people) + 1, np.int32)  # one more, for rows without a person
    index[used] = np.arange(len(used))
    return index[person], pa.array(safe_names([people[code] for code in used.tolist()]), pa.string())


def _safe_stems(block: pa.Table) -> pa.Array:
    """Return the safe stems of a block's photos: plain ones by vectorised code, others one by one."""
    photos, records = as_array(block.column("photo")), block.column("record")
    letters, starts, stops = _find_plain(photos)
    at = np.flatnonzero(stops == starts)
    others = []
    for index in at.tolist():
        name = photos[index].as_py().rpartition("/")[2]
        stem, dot, _ = name.rpartition(".")
        others.append(safe_name(stem if dot and stem else name, records[index].as_py()))
    return _replace_at(cut_texts(letters, starts, stops), at, others)


def _find_plain(photos: pa.Array) -> tuple[NDArray[np.uint8], Int64Array, Int64Array]:
    """Return the photos' bytes, and between which of them each one's stem is, if it is plain; else nothing.

    A plain stem has up to 180 of ``0-9A-Za-z_-``, begins like no device, and is followed by nothing, or by a
    point and ``0-9A-Za-z``.
    """
    letters, bounds = text_letters(photos)
    starts = np.maximum(bounds[:-1], last_at("/", letters, bounds) + 1)
    points = last_at(".", letters, bounds)
    stops = np.where(points >= starts, points, bounds[1:])
    plain = pc.match_substring_regex(photos, _PLAIN_NAME).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(stops - starts >= 3)
    at = at[_DEVICE_FIRST[letters[starts[at]]]]
    first, second, third = ((letters[starts[at] + place] | _SMALL).astype(np.int64) for place in range(3))
    plain[at[np.isin(first << 16 | second << 8 | third, _DEVICES)]] = False
    return letters, starts, np.where(plain, stops, starts)


def _find_collisions(stems: Sequence[pa.Array], person: Int32Array, chosen: BoolArray) -> BoolArray:
    """Tell which chosen rows come after another one of the same person with the same stem, folded."""

    def spans() -> Iterator[UInt64Array]:
        for number, stem in enumerate(stems):
            lower, is_ascii = pc.ascii_lower(stem), pc.string_is_ascii(stem)
            at = np.flatnonzero(~is_ascii.to_numpy(zero_copy_only=False))
            keys = hash_texts(_replace_at(lower, at, [_fold(lower[i].as_py()) for i in at.tolist()]))
            span = slice(number * BLOCK_ROWS, number * BLOCK_ROWS + len(stem))
            yield (keys + mix_bits(person[span].astype(np.uint64)))[chosen[span]]

    repeated = find_repeated_by_spans(int(np.count_nonzero(chosen)), spans)
    collides = np.zeros(len(person), np.bool_)
    seen: set[tuple[int, str]] = set()
    for row in np.flatnonzero(chosen)[repeated].tolist() if len(repeated) else ():
        block, index = divmod(row, BLOCK_ROWS)
        key = (int(person[row]), _fold(stems[block][index].as_py()))
        collides[row] = key in seen
        seen.add(key)
    return collides


def _replace_at(texts: pa.Array, indices: Int64Array, values: Sequence[str]) -> pa.Array:
    """Replace the texts at some indices, in ascending order."""
    if not len(indices):
        return texts
    mask = np.zeros(len(texts), np.bool_)
    mask[indices] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array(values, pa.string()))


def safe_names(names: Sequence[str], keys: Sequence[str] | None = None) -> list[str]:
    """Return a safe file or folder name for each name, none equal to another on any file system.

    Args:
        names: the names; one that comes again, or differs in case only, gets the hash of its key.
        keys: as many texts, all different; None for the names themselves.

    >>> safe_names(["anna", "Anna", "a/b"])
    ['anna', 'Anna~bf4fccd6', 'a%2Fb']
    """
    safe, seen = [], set()
    for name, key in zip(names, keys or names, strict=True):
        one = safe_name(name, key)
        folded = _fold(one)
        safe.append(_with_hash(one, key) if folded in seen else one)
        seen.add(folded)
    return safe


def safe_name(name: str, key: str) -> str:
    """Return a file or folder name that is safe on Linux, macOS and Windows.

    A name that is too long, or already ends in ``~`` and 8 hex digits, gets the hash of ``key``.

    >>> safe_name("con", "x"), safe_name("1~8630ea93", "x")
    ('%63on', '1~8630ea93~2d711642')
    >>> safe_name("50% off: a/b", "x"), safe_name("..", "x"), len(safe_name("é" * 300, "x").encode())
    ('50%25 off%3A a%2Fb', '%2E%2E', 199)
    """
    if _PLAIN.fullmatch(name):
        return name
    safe = _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if safe.endswith((".", " ")):  # Windows drops them
        safe = f"{safe[:-1]}%{ord(safe[-1]):02X}"
    if _DEVICE.match(safe):
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    is_plain = len(safe.encode()) <= _MOST_BYTES and not _LIKE_OURS.search(_fold(safe))
    return safe if is_plain else _with_hash(safe, key)


def _with_hash(name: str, key: str) -> str:
    suffix = "~" + hashlib.sha256(key.encode()).hexdigest()[:8]
    cut = name.encode()[: _MOST_BYTES - len(suffix)].decode(errors="ignore")
    return re.sub(r"%[0-9A-F]?$", "", cut) + suffix


def _fold(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
