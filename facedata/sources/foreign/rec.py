"""Photos in MXNet's ``.rec`` files, as InsightFace's training sets have them.

A record's photo is ``<file>/<number>.jpg``, or ``<file>/<number>/<folder>/<name>`` where a ``.lst`` names
it; the number is that of the ``.idx`` or, without one, ``byte-`` and the record's first byte. Who is in
it: by the note of an export of ours, the name there; else the folder in the ``.lst``, where each label has
one folder of its own; else the label, as six digits or more, with the file's name before it where there
are several files, since each file counts its labels from 0. Records that hold labels and no image, such as
InsightFace's record 0 and its ranges of a person's records, are no photos.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...config import PrepareConfig
from ...errors import SourceError, UsageError
from ...files.remote import Location
from ...interchange.export_note import read_export_note, refuse_other_format
from ...interchange.record_list import read_list, read_pairs
from ...interchange.recordio import read_image, read_index, read_records
from ...photos.paths import photo_text
from ...tables.schema import PROTOCOL
from ...types import Int64Array
from ..base import PLAN, Scan
from ..folder import FolderSource
from ..open import SourceKind, local_paths

_LABEL_DIGITS, _NUMBER_DIGITS, _BYTE_DIGITS = 6, 8, 12
_BYTE = "byte-"


@dataclass(frozen=True)
class RecReader:
    """Reads photos from ``.rec`` files; picklable, and holds no open file.

    Attributes:
        files: the ``.rec`` files by name.
    """

    files: Mapping[str, Path]

    def __reduce__(self) -> tuple[type[RecReader], tuple[dict[str, Path]]]:
        """Pickle absolute paths: a worker may have another working directory."""
        return RecReader, ({name: path.absolute() for name, path in self.files.items()},)

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of the record's image.

        Raises:
            OSError: there is no such record, or it is damaged.
        """
        name, _, rest = photo.partition("/")
        number = rest.partition("/")[0].removesuffix(".jpg")
        path = self.files.get(name)
        try:
            if path is None:
                raise OSError(f"the path {photo!r} begins with the name of no .rec file of this source")
            if number.startswith(_BYTE):
                return read_image(path, int(number.removeprefix(_BYTE)))
            index = path.with_suffix(".idx")
            keys, offsets = _offsets(index, index.stat().st_mtime_ns)
            at = int(np.searchsorted(keys, int(number)))
            if at == len(keys) or keys[at] != int(number):
                raise OSError(f"{index} lists no record {number}")
            return read_image(path, int(offsets[at]))
        except (SourceError, ValueError) as error:
            raise OSError(str(error)) from error


@lru_cache(4)
def _offsets(index: Path, mtime_ns: int) -> tuple[Int64Array, Int64Array]:
    """Return an index's numbers, ascending, and their offsets; kept until the file changes."""
    keys, offsets = read_index(index)
    order = np.argsort(keys)
    return keys[order], offsets[order]


class RecSource:
    """The images in ``.rec`` files.

    Attributes:
        root: the files or the folder, as text.
        licence: that of the photos, by the note of an export of ours; None if it is not known.

    Args:
        roots: a folder of ``.rec`` files, one such file, or several by name. Each file is a split of its
            name; one that is alone, and is no export of ours, gives no split.
    """

    kind, face, search = "rec", "largest", "photo"
    splits_are_official = True

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self.root = FolderSource({"" if len(roots) == 1 else name: path for name, path in roots.items()}).root
        self._folder = next((path for path in roots.values() if path.is_dir()), None)
        beside = sorted(self._folder.glob("*.rec")) if self._folder else []
        found = [("#", path) for path in beside] if self._folder else roots.items()
        names = {path: path.stem if name.startswith("#") or not name else name for name, path in found}
        self._files = {photo_text(name): path for path, name in names.items()}
        if not self._files and self._folder:
            refuse_other_format(read_export_note(self._folder), self.kind, str(self._folder))
            raise SourceError(f"{self._folder} holds no .rec file")
        if (self._folder and len(roots) > 1) or len(self._files) < len(roots):
            raise UsageError(
                "rec takes a folder, or .rec files, each with a name of its own: NAME=FILE NAME=FILE"
            )
        folders = {path.parent: read_export_note(path.parent) for path in self._files.values()}
        self._notes = {
            folder: note if note is not None and note.format == "rec" else None
            for folder, note in folders.items()
        }
        licences = {note and note.licence for note in self._notes.values()}
        self.licence = licences.pop() if len(licences) == 1 else None

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> RecSource:
        """Make the source from the user's paths by name."""
        paths = local_paths(roots, "rec", 1_000, "a .rec file, or a folder of them")
        for path in paths:
            if not path.exists():
                raise SourceError(f"there is no {path}: name a .rec file, or a folder of them")
            if path.is_file() and path.suffix == ".bin":
                raise SourceError(f"{path} holds pairs to verify, not records: use `facedata prepare bin`")
        return cls(dict(zip(roots, paths, strict=True)))

    def open_reader(self) -> RecReader:
        """Return the reader, without listing the records."""
        return RecReader(self._files)

    def scan(self) -> Scan:
        """List every record that holds an image.

        Raises:
            SourceError: a file is missing, cut off or damaged, or a label is no whole number that float32
                holds.
        """
        parts = [self._scan_file(name, path) for name, path in self._files.items()]
        in_order = sorted(
            parts, key=lambda part: (part.split != "train", part.path.stem)
        )  # as a set has them
        pairs = [pair for part in in_order for pair in self._read_pairs(part)]
        notes = [note for part in parts for note in part.notes]
        bins = sorted(self._folder.glob("*.bin")) if self._folder else []
        stems = {path.stem for path in self._files.values() if self._notes[path.parent] is not None}
        if others := [path.name for path in bins if path.stem not in stems]:
            notes.append(
                f"{', '.join(others)}: pairs to verify, which are not part of this set; make a set of each "
                "with `facedata prepare bin`"
            )
        photos = pa.concat_tables(part.photos for part in parts)
        protocol = pa.concat_tables(pairs).cast(PROTOCOL) if pairs else None
        return Scan(photos, self.open_reader(), other_files=len(others), protocol=protocol, notes=notes)

    def _scan_file(self, name: str, path: Path) -> _File:
        index = path.with_suffix(".idx")
        try:
            records = read_records(path, index if index.is_file() else None)
            mtime_ns = path.stat().st_mtime_ns
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
        has_index = records.keys is not records.offsets
        images = np.flatnonzero(records.image_bytes)
        if not len(images):
            raise SourceError(f"{path} holds no image: its {len(records.keys):,} records have labels only")
        images = images[np.argsort(records.keys[images])]
        keys, labels = records.keys[images], records.whole_labels(images)
        names, notes = _read_names(path.with_suffix(".lst"), keys) if has_index else (None, [])
        digits = _NUMBER_DIGITS if has_index else _BYTE_DIGITS
        numbers = pc.utf8_lpad(pa.array(keys).cast(pa.string()), digits, "0")
        start = f"{name}/" if has_index else f"{name}/{_BYTE}"
        jpg = pa.array([".jpg"] * len(keys))
        ends = jpg if names is None else pc.binary_join_element_wise("", names, "/")
        photo = pc.binary_join_element_wise(start, numbers, ends, "")
        people, more = self._name_people(name, path, labels, names)
        of = self._split(name, path)
        split, stamp = pa.array([of] * len(keys), pa.string()), np.full(len(keys), mtime_ns)
        columns = {"record": photo, "photo": photo, "identity": people, "official_split": split}
        columns |= {"size": pa.array(records.image_bytes[images]), "mtime_ns": pa.array(stamp)}
        arrays = [columns.get(field.name, pa.nulls(len(keys), field.type)) for field in PLAN]
        return _File(path, of, keys, pa.table(arrays, schema=PLAN), [*notes, *more])

    def _split(self, name: str, path: Path) -> str | None:
        """Return the split of a file's photos; None where nothing says it."""
        if (note := self._notes[path.parent]) is None:
            return name if len(self._files) > 1 else None
        return note.split_names.get(path.stem, path.stem) or None

    def _name_people(
        self, name: str, path: Path, labels: Int64Array, names: pa.StringArray | None
    ) -> tuple[pa.StringArray, list[str]]:
        """Return who is in each photo, and what the user should know about that."""
        numbers, codes = np.unique(labels, return_inverse=True)
        digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), _LABEL_DIGITS, "0")
        people = digits if len(self._files) == 1 else pc.binary_join_element_wise(name, digits, "-")
        notes = []
        note = self._notes[path.parent]
        if note is not None and note.people:
            known = (note.people.get(f"{path.stem}/{number}") for number in numbers.tolist())
            people = pc.coalesce(pa.array(known, pa.string()), people)
        elif names is not None:
            folders = pc.dictionary_encode(pc.replace_substring_regex(names, "/.*", ""))
            folder = folders.indices.to_numpy()
            both = np.unique(codes.astype(np.int64) * len(folders.dictionary) + folder)
            if len(both) == len(numbers) == len(folders.dictionary):
                first = np.unique(codes, return_index=True)[1]
                people = folders.dictionary.take(pa.array(folder[first]))
            else:
                notes.append(
                    f"{name}.lst has {len(folders.dictionary):,} folders for {len(numbers):,} labels, which "
                    "are not one for one: people are named by their labels"
                )
        return people.take(pa.array(codes)), notes

    def _read_pairs(self, file: _File) -> Iterator[pa.Table]:
        """Yield the pairs of an export of ours, by record."""
        path = file.path.with_suffix(".pairs.tsv")
        if self._notes[file.path.parent] is None or file.split is None or not path.is_file():
            return
        pairs, records = read_pairs(path), file.photos.column("record").combine_chunks()
        sides = []
        for side in ("left", "right"):
            keys = pairs.column(side).to_numpy()
            at = np.minimum(np.searchsorted(file.keys, keys), len(file.keys) - 1)
            if len(wrong := np.flatnonzero(file.keys[at] != keys)):
                raise SourceError(
                    f"{path}: line {wrong[0] + 2} is of record {keys[wrong[0]]}, and {file.path.name} has no "
                    "such image: export the set again"
                )
            sides.append(records.take(pa.array(at)))
        same, split = pc.cast(pairs.column("same"), pa.bool_()), pa.array([file.split] * len(pairs))
        yield pa.table([*sides, same, split, pairs.column("fold")], names=PROTOCOL.names)


class _File(NamedTuple):
    """What one ``.rec`` holds: its path and split, its images' numbers, ascending, their rows, and notes."""

    path: Path
    split: str | None
    keys: Int64Array
    photos: pa.Table
    notes: list[str]


def _read_names(path: Path, keys: Int64Array) -> tuple[pa.StringArray | None, list[str]]:
    """Return ``<folder>/<name>`` of each record by a ``.lst``, and notes; None where none fits."""
    if not path.is_file():
        return None, []
    listed, paths = read_list(path)
    at = np.minimum(np.searchsorted(listed, keys), len(listed) - 1)
    if not (is_there := listed[at] == keys).all():
        few = f"{path.name} lists {int(is_there.sum()):,} of the {len(keys):,} images: its names are not used"
        return None, [few]
    texts = pc.replace_substring(paths.take(pa.array(at)), "\\", "/")
    tails = pc.replace_substring_regex(texts, r"^.*?([^/]+/[^/]+)/*$", r"\1")
    if not pc.all(pc.match_substring_regex(tails, r"^[^/]*[^/.][^/]*/[^/]*[^/.][^/]*$")).as_py():
        return None, [f"{path.name} has paths that are not <folder>/<name>: its names are not used"]
    return tails, []


REC = SourceKind(RecSource.open, FolderSource.typed)
