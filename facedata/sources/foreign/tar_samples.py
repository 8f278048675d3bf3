"""The samples of a WebDataset tar: files that follow each other and have one name up to the first dot."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...errors import SourceError, TooLargeImageError
from ...interchange.tar_shards import Member, read_members
from ...photos.formats import IMAGE_ENDINGS
from ...photos.paths import escape_bytes
from ...types import Int64Array
from .shards import PhotoIndex, ShardSpan, find_shard_of

_MOST_TEXT_BYTES = 1 << 24
"""A sample's JSON or text with more is refused."""
_MOST_BYTES = 512 << 20


class Sample(NamedTuple):
    """A sample: its key, and its files by ending, such as ``jpg``."""

    key: str
    parts: Mapping[str, Member]


def read_samples(tar: Path) -> Iterator[Sample]:
    """Yield a tar's samples; files without an ending and hidden ones are passed over.

    Raises:
        UnsafeArchiveError: as :func:`facedata.interchange.tar_shards.read_members`.
        SourceError: the tar is damaged, or a key or a file is there twice.
    """
    seen: set[str] = set()
    key, parts = "", dict[str, Member]()
    for member in read_members(tar):
        name = escape_bytes(member.name)
        folder, slash, last = name.rpartition("/")
        stem, dot, ending = last.partition(".")
        if not stem or not dot:
            continue
        own = folder + slash + stem
        if own != key:
            if parts:
                yield Sample(key, parts)
            if own in seen:
                raise SourceError(f"{tar} has the sample {own!r} twice; photos in it need keys of their own")
            seen.add(own)
            key, parts = own, {}
        if ending.lower() in parts:
            raise SourceError(f"{tar} has the file {name!r} twice")
        parts[ending.lower()] = member
    if parts:
        yield Sample(key, parts)


class TarTexts:
    """Reads small files of a tar that is open.

    Args:
        tar: the tar.
        file: its file descriptor.
    """

    def __init__(self, tar: Path, file: int) -> None:
        self._tar, self._file = tar, file

    def json(self, member: Member) -> dict[str, Any]:
        """Return what a file of JSON says; nothing of one that is no object.

        Raises:
            SourceError: it cannot be read.
        """
        data = self._bytes(member)
        try:
            values = json.loads(data.decode("utf-8-sig"))  # by itself it takes halves of letters
            if b"\\u" in data:
                json.dumps(
                    values, ensure_ascii=False
                ).encode()  # half a letter can be escaped, and not stored
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{member.name} in {self._tar} is no JSON: {error}") from error
        return values if isinstance(values, dict) else {}

    def text(self, member: Member) -> str:
        """Return a file's text without blanks around it.

        Raises:
            SourceError: it cannot be read.
        """
        try:
            return self._bytes(member).decode().strip()
        except UnicodeDecodeError as error:
            raise SourceError(f"{member.name} in {self._tar} is no text in UTF-8") from error

    def _bytes(self, member: Member) -> bytes:
        if member.size > _MOST_TEXT_BYTES:
            raise SourceError(f"{member.name} in {self._tar} has {member.size:,} bytes, too many for a text")
        return os.pread(self._file, member.size, member.offset)


def find_picture(key: str, parts: Mapping[str, Member], tar: Path) -> str | None:
    """Return the ending of a sample's picture; None if it has none.

    Args:
        key: the sample's.
        parts: its files by ending.
        tar: the tar, for messages.

    Raises:
        SourceError: it has several.
    """
    pictures = [ending for ending in parts if f".{ending.rpartition('.')[2]}" in IMAGE_ENDINGS]
    plain = [ending for ending in pictures if "." not in ending] or pictures
    if len(plain) > 1:
        raise SourceError(
            f"the sample {key!r} of {tar} has {len(plain)} pictures ({', '.join(plain)}), and one is "
            "expected: write tars with the one that is meant"
        )
    return plain[0] if plain else None


def own_record(facts: Mapping[str, Any]) -> str | None:
    """Return the record of a crop that facedata put into a tar, for an export or a set; None if it did not.

    >>> own_record({"crop_sha256": "…", "path": "Anna/1.jpg"}), own_record({"path": "Anna/1.jpg"})
    ('Anna/1.jpg', None)
    """
    record = facts.get("record", facts.get("path")) if "crop_sha256" in facts else None
    return record if isinstance(record, str) and record else None


class SamplePhoto(NamedTuple):
    """A sample with a picture: its key and files, the picture among them, and its JSON, if that was read."""

    key: str
    parts: Mapping[str, Member]
    ending: str
    facts: Mapping[str, Any]

    def photo(self, tar: str, is_own: bool) -> str:
        """Return what the photo is called, in a tar of this name; ``is_own`` where facedata wrote the tar."""
        return (own_record(self.facts) if is_own else None) or f"{tar}/{self.key}.{self.ending}"


def read_photos(tar: Path, with_facts: bool) -> Iterator[SamplePhoto | None]:
    """Yield the samples of a tar; None for one without a picture.

    Args:
        tar: the tar.
        with_facts: whether to read the JSON.

    Raises:
        SourceError: the tar or a sample is damaged.
    """
    with tar.open("rb", buffering=0) as stream:
        texts = TarTexts(tar, stream.fileno())
        for key, parts in read_samples(tar):
            if (ending := find_picture(key, parts, tar)) is None:
                yield None
                continue
            facts = texts.json(parts["json"]) if with_facts and "json" in parts else {}
            yield SamplePhoto(key, parts, ending, facts)


class TarReader(NamedTuple):
    """Reads photos from tars, in place; picklable, and holds no open file.

    Attributes:
        spans: the tars.
        is_own: whether photos are records that the samples' JSON has.
    """

    spans: tuple[ShardSpan, ...]
    is_own: bool

    def __call__(self, photo: str) -> bytes:
        """Return a photo's bytes.

        Raises:
            OSError: it is not there, or the tar is cut off.
            TooLargeImageError: it has more than 512 MiB.
        """
        tar, number = find_shard_of(self.spans, photo, lambda span: self._index(span).find(photo))
        span = next(span for span in self.spans if span.path == tar)
        offset, size = self._index(span).places[number].tolist()
        if size > _MOST_BYTES:
            raise TooLargeImageError(f"the file has more than {_MOST_BYTES >> 20} MiB")
        with tar.open("rb", buffering=0) as stream:
            data = os.pread(stream.fileno(), size, offset)
        if len(data) < size:
            raise OSError(f"{tar} breaks off within {photo}")
        return data

    def _index(self, span: ShardSpan) -> TarIndex:
        return index_tar(span, span.path.stat().st_mtime_ns, self.is_own)


class TarIndex(PhotoIndex):
    """Where the photos of a tar are.

    Attributes:
        places: ``(n, 2)`` int64, the offset and the size of each.

    Args:
        photos: their names.
        places: as above.
    """

    def __init__(self, photos: pa.Array, places: Int64Array) -> None:
        super().__init__(photos)
        self.places = places


@lru_cache(8)
def index_tar(span: ShardSpan, mtime_ns: int, is_own: bool) -> TarIndex:
    """Return where a tar's photos are; kept until the tar changes."""
    try:
        photos = filter(None, read_photos(span.path, is_own))
        found = [(each.photo(span.name, is_own), each.parts[each.ending]) for each in photos]
    except SourceError as error:
        raise OSError(str(error)) from error
    places = np.array([(member.offset, member.size) for _, member in found], np.int64).reshape(-1, 2)
    return TarIndex(pa.array([photo for photo, _ in found], pa.string()), places)
