"""InsightFace's ``.bin`` files of pairs to verify, such as ``lfw.bin``: distinct images, and the pairs.

A photo is ``<file>/<number>.jpg``, the place of its first use in the list of images. The file names
nobody: images that pairs call the same person, also by a chain of pairs, are of one person,
``person-000000`` and so on. The pairs are the set's official ones, in ten folds without shuffling, as
InsightFace's own verification divides them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ...config import PrepareConfig
from ...errors import SourceError, UsageError
from ...files.remote import Location
from ...interchange.pickle_stream import read_span
from ...interchange.recordio import begins_with_record
from ...interchange.verification_bin import VerificationPairs, read_verification
from ...photos.paths import photo_text
from ...tables.schema import PROTOCOL
from ...types import Int64Array
from ..base import PlanBuilder, Scan
from ..folder import FolderSource
from ..open import SourceKind, local_paths

_FOLDS = 10
_BESIDE_REC = (".idx", ".lst")
"""What the lists of a ``.rec`` end with."""


@dataclass(frozen=True)
class BinReader:
    """Reads images from ``.bin`` files; picklable, and holds no open file.

    Attributes:
        files: the files by name.
    """

    files: Mapping[str, Path]

    def __reduce__(self) -> tuple[type[BinReader], tuple[dict[str, Path]]]:
        """Pickle absolute paths: a worker may have another working directory."""
        return BinReader, ({name: path.absolute() for name, path in self.files.items()},)

    def __call__(self, photo: str) -> bytes:
        """Return an image's bytes.

        Raises:
            OSError: there is no such image, or its file is damaged.
        """
        name, _, number = photo.partition("/")
        path = self.files.get(name)
        if path is None:
            raise OSError(f"the path {photo!r} begins with the name of no .bin file of this source")
        try:
            spans = _read_file(path, path.stat().st_mtime_ns).images
            return read_span(path, spans[int(number.removesuffix(".jpg"))])
        except (SourceError, ValueError, IndexError) as error:
            raise OSError(f"{path} has no image {number}: {error}") from error


@lru_cache(4)
def _read_file(path: Path, mtime_ns: int) -> VerificationPairs:
    """Return what a file holds; kept until the file changes."""
    ending = path.suffix.lower()
    if ending in (".rec", *_BESIDE_REC) or begins_with_record(path):
        rec = path.with_suffix(".rec") if ending in _BESIDE_REC else path
        raise SourceError(
            f"{path} is of a training set in records, not pairs to verify: use `facedata prepare rec {rec}`"
        )
    return read_verification(path)


class BinSource:
    """The images of ``.bin`` files, and their pairs.

    Attributes:
        root: the files, as text.

    Args:
        files: by name; of one file all is the split ``test``, of several each is a split of its name.
    """

    kind, face, search = "bin", "center", "photo"
    splits_are_official = True

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.root = FolderSource({"" if len(files) == 1 else name: path for name, path in files.items()}).root
        names = {path: path.stem if name.startswith("#") else name for name, path in files.items()}
        self._files = {photo_text(name): path for path, name in names.items()}
        if len(self._files) < len(files):
            raise UsageError("two .bin files have one name: write them as NAME=FILE NAME=FILE")

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> BinSource:
        """Make the source from the user's paths by name."""
        paths = local_paths(roots, "bin", 1_000, "InsightFace's .bin files")
        for path in paths:
            if not path.is_file():
                what = "a folder" if path.is_dir() else "no file"
                raise SourceError(f"{path} is {what}: name a .bin file, or several")
        return cls(dict(zip(roots, paths, strict=True)))

    def open_reader(self) -> BinReader:
        """Return the reader, without listing the images."""
        return BinReader(self._files)

    def scan(self) -> Scan:
        """List every distinct image, and the pairs.

        Raises:
            SourceError: a file is missing, cut off, or holds anything but images and their answers.
        """
        plan, notes, pairs = PlanBuilder(), list[str](), []
        for name, path in self._files.items():
            split, before = ("test", "") if len(self._files) == 1 else (name, f"{name}-")
            found = _read_images(path)
            for number, length, person in zip(found.numbers, found.lengths, found.people, strict=True):
                plan.add(
                    f"{name}/{number:06d}.jpg", size=length, mtime_ns=path.stat().st_mtime_ns,
                    identity=f"{before}person-{person:06d}", official_split=split,
                )  # fmt: skip
            left, right = (
                pa.array([f"{name}/{found.numbers[image]:06d}.jpg" for image in side])
                for side in (found.image_of[0::2].tolist(), found.image_of[1::2].tolist())
            )
            same, of = _read_file(path, path.stat().st_mtime_ns).same, np.array(found.people)
            # ten in a row, the first ones one pair longer where it does not divide
            sizes = [len(same) // _FOLDS + (at < len(same) % _FOLDS) for at in range(_FOLDS)]
            fold = pa.array(np.repeat(np.arange(_FOLDS, dtype=np.int32), sizes))
            pairs.append(pa.table([left, right, same, pa.array([split] * len(same)), fold], schema=PROTOCOL))
            apart = ~same & (of[found.image_of[0::2]] == of[found.image_of[1::2]])
            if apart.any():
                notes.append(
                    f"{path.name}: {int(apart.sum()):,} of its {len(same):,} pairs are called different "
                    "people, though other pairs, or equal images, make them one (the first is pair "
                    f"{int(np.argmax(apart)) + 1}); the pairs are kept as listed"
                )
        return Scan(plan.table(), self.open_reader(), protocol=pa.concat_tables(pairs), notes=notes)


class _Images(NamedTuple):
    """A file's distinct images, in the order of their first use.

    ``numbers`` are the places of that use, ``lengths`` bytes, ``people`` the numbers of the people on
    them, and ``image_of`` ``(2n,)`` int64 the image of each place in the file's list.
    """

    numbers: list[int]
    lengths: list[int]
    people: list[int]
    image_of: Int64Array


def _read_images(path: Path) -> _Images:
    """Find a file's distinct images, and which of them show one person."""
    try:
        listed = _read_file(path, path.stat().st_mtime_ns)
        by_span: dict[object, int] = {}
        by_digest: dict[bytes, int] = {}
        numbers, lengths = list[int](), list[int]()
        image_of = np.empty(len(listed.images), np.int64)
        for place, span in enumerate(listed.images):
            if span not in by_span:
                data = read_span(path, span)
                by_span[span] = by_digest.setdefault(hashlib.sha256(data).digest(), len(by_digest))
                if by_span[span] == len(numbers):
                    numbers.append(place)
                    lengths.append(len(data))
            image_of[place] = by_span[span]
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    head = list(range(len(numbers)))
    for left, right in image_of.reshape(-1, 2)[listed.same].tolist():
        ends = []
        for image in (left, right):
            while head[image] != image:
                head[image] = head[head[image]]
                image = head[image]
            ends.append(image)
        head[max(ends)] = min(ends)
    people = dict[int, int]()
    for image in range(len(head)):
        head[image] = head[head[image]]  # the smaller end comes first, so it is settled already
        people.setdefault(head[image], len(people))
    return _Images(numbers, lengths, [people[end] for end in head], image_of)


BIN = SourceKind(BinSource.open, FolderSource.typed)
