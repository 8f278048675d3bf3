"""Photos in many files, some thousands in each: which files, of which split, and where a photo is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError, UsageError
from ...files.remote import Location
from ...interchange.export_note import EXPORT_NOTE, ExportNote, read_export_note, refuse_other_format
from ...photos.formats import ending
from ...photos.paths import photo_text
from ...tables.text_hash import hash_texts
from ...types import Int64Array, UInt64Array
from ..open import SourceLike, local_paths
from ..walk import require_folder, walk_files
from .imagefolder import SPLIT_NAMES

_ABOUT = frozenset((EXPORT_NOTE, "README.md", "croissant.json"))
"""Files of an export that are about it."""

_SHARD_OF = re.compile(r"(\w+(?:\.\w+)*)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?")
"""How the hub names the shards of a split."""
_OWN_SHARD = re.compile(r"(\w+)-(?:\d{5}-of-\d{5}|\d{6})")
"""How an export of facedata does."""


class Shard(NamedTuple):
    """A file with photos: its name below the source, its path, size in bytes and time; its split, if any."""

    name: str
    path: Path
    size: int
    mtime_ns: int
    split: str | None


@dataclass(frozen=True)
class Shards:
    """The files of a source.

    Attributes:
        root: the source as dataset.json names it.
        files: those of the kind's ending, by name.
        note: of the export that they are; None if they are none.
        other_files: how many others there are.
    """

    root: str
    files: Sequence[Shard]
    note: ExportNote | None
    other_files: int


class ShardPaths:
    """What a user typed for a kind of source that is a folder of shards, or some shards.

    Args:
        roots: the paths.
        kind: the source's name.
        suffix: the files' ending, such as ``.tar``.

    Raises:
        UsageError: there is no path, a URL, or several folders.
    """

    def __init__(self, roots: Mapping[str, Location], kind: str, suffix: str) -> None:
        self.paths = local_paths(
            roots, kind, max(len(roots), 1), f"a folder of {suffix} files, or such files"
        )
        self.kind, self.suffix = kind, suffix
        if len(self.paths) > 1 and (folder := next((path for path in self.paths if path.is_dir()), None)):
            raise UsageError(
                f"{kind} takes one folder, or several {suffix} files, and {folder} is a folder: prepare each "
                "folder by itself"
            )

    @property
    def root(self) -> str:
        """The paths as text, separated by commas."""
        return ",".join(photo_text(str(path)) for path in self.paths)

    def find(self) -> Shards:
        """Find the files.

        Raises:
            SourceError: there is none, or one is missing.
        """
        first, others = self.paths[0], 0
        found: list[tuple[str, Path]] = []
        if len(self.paths) == 1 and ending(first.name) != self.suffix:
            require_folder(first)
            for folder, entry in walk_files(first):
                if ending(entry.name) == self.suffix and not entry.name.startswith("."):
                    found.append((folder + photo_text(entry.name), Path(entry.path)))
                else:
                    others += entry.name not in _ABOUT
            base = first
        else:
            base = first.parent
            found = [(photo_text(path.name), path) for path in self.paths]
            if len({name for name, _ in found}) < len(found):
                raise SourceError(
                    f"two of the files {self.root} have the same name: rename one, or name the folder"
                )
        if not found:
            refuse_other_format(read_export_note(base), self.kind, self.root)
            raise SourceError(
                f"{self.root} holds no {self.suffix} file ({others:,} other file{'s'[: others != 1]})"
            )
        note = next(filter(None, map(read_export_note, (base, base.absolute().parent))), None)
        shards = []
        for name, path in sorted(found):
            try:
                info = path.stat()
            except OSError as error:
                raise SourceError(f"cannot open {path}: {error.strerror}") from error
            shards.append(Shard(name, path, info.st_size, info.st_mtime_ns, split_of(name, note)))
        return Shards(self.root, shards, note, others)


def typed_paths(suffix: str) -> Callable[[str, SourceLike | None], SourceLike | None]:
    """Return what takes the text of several files apart; see :class:`facedata.sources.open.SourceKind`.

    >>> typed_paths(".tar")("a/1.tar,a/2.tar", None)
    ['a/1.tar', 'a/2.tar']
    """

    def typed(root: str, moved: SourceLike | None) -> SourceLike | None:
        if moved is not None:
            return moved
        paths = re.split(rf"(?<={re.escape(suffix)}),", root)
        return root if len(paths) == 1 or Path(root).exists() else paths

    return typed


def split_of(name: str, note: ExportNote | None = None) -> str | None:
    """Return the split that a file's path says it is of; None if it says none, or several.

    Args:
        name: the path, with ``/``.
        note: of the export it belongs to.

    >>> [split_of(name) for name in ("data/train-00000-of-00002.parquet", "val/0000.parquet", "00000.tar")]
    ['train', 'val', None]
    """
    *folders, last = name.rpartition(".")[0].split("/")
    if note is not None and (own := _OWN_SHARD.fullmatch(last)):
        return note.split_names.get(own[1], own[1]) or None
    if shard := _SHARD_OF.fullmatch(last):
        return shard[1]
    for part in (last, *reversed(folders)):
        words = {word for word in re.split(r"[^A-Za-z]+", part) if word.lower() in SPLIT_NAMES}
        if words:
            return words.pop() if len(words) == 1 else None
    return None


def usual_splits(splits: pa.ChunkedArray, is_own: bool) -> tuple[pa.ChunkedArray, list[str]]:
    """Return a source's splits, and a note: one alone divides nothing, unless an export had only that."""
    names = splits.unique().drop_null().to_pylist()
    if is_own or len(names) != 1 or splits.null_count:
        return splits, []
    note = f"all photos are in one split, {names[0]}, which divides nothing: the set is divided by --splits"
    return pa.chunked_array([pa.nulls(len(splits), pa.string())]), [note]


class ShardSpan(NamedTuple):
    """A file, its name below the source, and the first and last of its photos in the order of their texts."""

    path: Path
    name: str
    first: str
    last: str


def span_of(shard: Shard, photos: pa.Array | pa.ChunkedArray) -> ShardSpan:
    """Return a file's span; ``photos`` are all of its photos, at least one."""
    ends = pc.min_max(photos).as_py()
    return ShardSpan(shard.path.absolute(), shard.name, ends["min"], ends["max"])


def find_shard_of(
    spans: Iterable[ShardSpan], photo: str, find: Callable[[ShardSpan], int]
) -> tuple[Path, int]:
    """Return the file that has a photo, and what ``find`` says of the place there.

    Args:
        spans: the files.
        photo: the photo.
        find: returns the photo's place in a file, -1 if it is not there.

    Raises:
        OSError: no file has it.
    """
    for span in spans:
        if span.first <= photo <= span.last and (place := find(span)) >= 0:
            return span.path, place
    raise FileNotFoundError(f"no file of this source has the photo {photo!r} any more")


class PhotoIndex:
    """Where photos are, by name, in 16 bytes each.

    Args:
        photos: their names.
    """

    def __init__(self, photos: pa.Array | pa.ChunkedArray) -> None:
        hashes = hash_texts(photos)
        self._order: Int64Array = np.argsort(hashes, kind="stable")
        self._hashes: UInt64Array = hashes[self._order]

    def find(self, photo: str) -> int:
        """Return a photo's number; -1 if it is none of them."""
        wanted = hash_texts(pa.array([photo]))[0]
        at = int(np.searchsorted(self._hashes, wanted))
        return int(self._order[at]) if at < len(self._hashes) and self._hashes[at] == wanted else -1
