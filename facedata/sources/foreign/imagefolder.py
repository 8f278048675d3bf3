"""A folder a split, in it a folder a person, as torchvision reads them; or people's folders alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ...config import PrepareConfig
from ...errors import SourceError, UsageError
from ...files.remote import Location
from ...interchange.export_note import (
    EXPORT_NOTE,
    ExportNote,
    parse_export_note,
    read_export_note,
    refuse_other_format,
)
from ...photos.paths import photo_path, photo_text
from ...types import Status
from ..archive import ZipReader
from ..base import PhotoReader, Scan
from ..folder import FolderReader, FolderSource
from ..open import SourceKind

SPLIT_NAMES = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing"))
"""Folders at the top that are splits where no export's note says so, in small letters."""

_NAMED = 5
_NOBODY = "it lies in no person's folder"


class ImageFolderSource:
    """Photos in ``<split>/<person>/``, or in ``<person>/``, at any depth below.

    Whether the folders at the top are splits is what the note of an export says; else they are when all of
    them are named as splits are. What could be read either way is refused. Where an export named people's
    folders otherwise than they are called, its note gives the people.

    Attributes:
        location: a folder, a zip, a tar or a URL.
        cache: where tars are unpacked; None for the default.
    """

    kind = "imagefolder"
    face = "largest"
    search = "photo"
    splits_are_official = True

    def __init__(self, location: Location, cache: Path | None = None) -> None:
        self.location, self.cache = location, cache

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> ImageFolderSource:
        """Make the source from the user's one path.

        Raises:
            UsageError: there is none, or there are several.
        """
        if len(roots) != 1:
            said = f"imagefolder takes one folder, not {len(roots)}" if roots else "no source is given"
            raise UsageError(f"{said}; for several folders of people use folder with name=DIR name=DIR")
        return cls(next(iter(roots.values())), Path(config.cache) if config.cache else None)

    @property
    def root(self) -> str:
        """The folder as text."""
        return photo_text(str(self.location))

    def scan(self) -> Scan:
        """List every photo with its person, and its split where there are any.

        Raises:
            SourceError: as :meth:`.folder.FolderSource.scan`; or the note is damaged or of another format, or
                what the folders at the top are is not clear.
            StoreError: the cache, for a tar, cannot be written.
        """
        if isinstance(self.location, Path):  # one to another format may hold no photo at all
            refuse_other_format(read_export_note(self.location), self.kind, self.root)
        scan = FolderSource({"": self.location}, cache=self.cache).scan()
        table, photos = scan.photos, scan.photos.column("photo")
        wrapper, note = self._find_note(scan.reader, photos)
        is_split = note is not None
        if note is None:
            shape = _Shape.of(photos)
            wrapper, is_split = shape.wrapper, shape.has_splits(self.root)
        level = wrapper.count("/") + is_split
        split_names, people = (note.split_names, note.people) if note else ({}, {})
        columns = {"identity": _name(_part(photos, level), people)}
        if is_split:
            columns["official_split"] = _name(_part(photos, level - 1), split_names)
        is_video = pc.equal(pc.fill_null(table.column("status"), ""), str(Status.UNSUPPORTED))
        nobody = pc.and_(pc.is_null(columns["identity"]), pc.invert(is_video))
        for name, text in (("status", str(Status.NO_IDENTITY)), ("reason", _NOBODY)):
            others = pc.if_else(is_video, table.column(name), pa.scalar(None, pa.string()))
            columns[name] = pc.if_else(nobody, pa.scalar(text), others)
        for name, values in columns.items():
            at = table.schema.get_field_index(name)
            table = table.set_column(at, table.schema.field(at), values)
        return dataclasses.replace(scan, photos=table)

    def _find_note(self, reader: PhotoReader, photos: pa.ChunkedArray) -> tuple[str, ExportNote | None]:
        """Return the note of the export that this is, and the folder around it; None if it is none."""
        tops = pc.unique(_part(photos, 0)).to_pylist()
        for wrapper in ("", *(f"{top}/" for top in tops if len(tops) == 1 and top)):
            if (note := self._read_note(reader, wrapper + EXPORT_NOTE)) is not None:
                return wrapper, note
        return "", None

    def _read_note(self, reader: PhotoReader, name: str) -> ExportNote | None:
        root = reader.roots[""] if isinstance(reader, FolderReader) else self.location
        try:
            data = root.read(name) if isinstance(root, ZipReader) else (root / photo_path(name)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceError(f"cannot read {name} in {self.root}: {error.strerror or error}") from error
        note = parse_export_note(data, f"{self.root}/{name}")
        refuse_other_format(note, self.kind, self.root)
        return note


class _Shape(NamedTuple):
    """How the photos lie in their folders.

    Attributes:
        wrapper: a folder that holds all others, as archives have it; empty or ending in ``/``.
        direct: the folders at the top that hold photos themselves.
        deep: those that hold further folders with photos.
    """

    wrapper: str
    direct: frozenset[str]
    deep: frozenset[str]

    @classmethod
    def of(cls, photos: pa.ChunkedArray) -> _Shape:
        """Look at all paths; one folder at the top that is no split and holds splits is a wrapper."""
        found = cls("", *_tops(photos, 0))
        if found.direct or len(found.deep) != 1 or _are_splits(found.deep):
            return found
        inner = cls(f"{next(iter(found.deep))}/", *_tops(photos, 1))
        return inner if _are_splits(inner.deep) and not inner.direct - inner.deep else found

    def has_splits(self, root: str) -> bool:
        """Return whether the folders at the top are splits.

        Raises:
            SourceError: they could be people as well.
        """
        splits = frozenset(name for name in self.deep if name.lower() in SPLIT_NAMES)
        others = sorted((self.direct | self.deep) - splits)
        if not splits and not _are_splits(self.direct) and (self.direct or not self.deep):
            return False
        if splits and not others:
            return True
        some = ", ".join(others[:_NAMED] + ["…"][: len(others) > _NAMED])
        if splits:
            what = f"{', '.join(sorted(splits))} look like splits, and beside them are {some}"
        elif _are_splits(self.direct):
            what = f"{some} are named like splits, and hold photos but no people's folders"
        else:
            what = f"the folders at the top ({some}) hold folders only, and are not named like splits"
        raise SourceError(
            f"{root} could be read in two ways: {what}. Say which folder is the person: `facedata prepare "
            f"folder {root}` takes the one that a photo lies in (--identity-from names another one), and "
            "--split-from '^([^/]+)/' takes the folders at the top as splits"
        )


def _are_splits(names: frozenset[str]) -> bool:
    return bool(names) and all(name.lower() in SPLIT_NAMES for name in names)


def _tops(photos: pa.ChunkedArray, level: int) -> tuple[frozenset[str], frozenset[str]]:
    """Return the folders at a level that hold photos themselves, and those that hold further folders."""
    tops, below = _part(photos, level), _part(photos, level + 1)
    is_deep = pc.is_valid(below)
    direct, deep = (pc.unique(tops.filter(mask)).drop_null() for mask in (pc.invert(is_deep), is_deep))
    return frozenset(direct.to_pylist()), frozenset(deep.to_pylist())


def _part(photos: pa.ChunkedArray, level: int) -> pa.ChunkedArray:
    """Return the folder at a level of each photo's path, from 0; null where the path has not so many."""
    pattern = rf"^(?:[^/]*/){{{level}}}(?P<part>[^/]*)/"
    chunks = [pc.struct_field(pc.extract_regex(chunk, pattern), "part") for chunk in photos.chunks]
    return pa.chunked_array(chunks, pa.string())


def _name(folders: pa.ChunkedArray, names: Mapping[str, str]) -> pa.ChunkedArray:
    """Return what the folders stand for; null for an empty name."""
    if not names:
        return folders
    chunks = []
    for chunk in folders.chunks:
        encoded = chunk.dictionary_encode()
        known = [names.get(folder, folder) or None for folder in encoded.dictionary.to_pylist()]
        chunks.append(pa.array(known, pa.string()).take(encoded.indices))
    return pa.chunked_array(chunks, pa.string())


IMAGEFOLDER = SourceKind(ImageFolderSource.open)
