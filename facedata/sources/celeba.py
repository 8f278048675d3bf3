"""CelebA: a folder or zip with the photos, the identity list, and optionally the other lists.

As its authors publish it, as torchvision downloads it, or as Kaggle has it, with lists in CSV.

Liu, Luo, Wang, Tang, Deep Learning Face Attributes in the Wild, ICCV 2015.
"""

from __future__ import annotations

import math
import struct
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from ..config import PrepareConfig
from ..errors import SourceError
from ..files.remote import Location
from ..options import is_file
from ..photos.formats import IMAGE_ENDINGS, ending, kind_of_file
from ..photos.paths import photo_path, photo_text
from .archive import ZipMember, ZipReader, zip_members
from .base import PhotoReader, PlanBuilder, Scan, early_status
from .folder import FolderReader
from .open import SourceKind, local_paths
from .text_lists import bad_line, read_lines
from .walk import require_folder, size_and_time, walk_files

IDENTITIES = "identity_CelebA.txt"
_IDENTITIES = (IDENTITIES, "identity_CelebA.csv", "list_identity_celeba.txt", "list_identity_celeba.csv")
_PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
_BOXES = ("list_bbox_celeba.txt", "list_bbox_celeba.csv")
_ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
"""The lists by their names, the authors' own first, then Kaggle's."""

IMAGE_FOLDERS = ("img_celeba", "img_align_celeba", "img_align_celeba_png")
"""The original photos, and crops aligned by the eyes; the first folder that exists is used, or its zip."""

_LIST_FOLDERS = ("", "Anno", "anno", "Eval", "eval")
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_SIGNS = {"1": 1, "-1": 255}
"""The attributes' signs as bytes."""
_BOX = struct.Struct("4d")

T = TypeVar("T")


class CelebaSource:
    """CelebA's original photos (``img_celeba``) or aligned crops (``img_align_celeba``).

    A photo's identity is its number in the identity list, as text. Photos that are not in the list become
    ``no_identity`` records; listed photos that are absent are :attr:`Scan.missing`. The lists may lie
    anywhere in the source, and for a zip also beside it. A photo is found in them by its name, or by its name
    with another ending: the aligned PNGs are listed as ``.jpg``.

    Attributes:
        root: the folder or zip, as text.
    """

    kind = "celeba"
    search = "photo"
    licence = "CelebA agreement: non-commercial research only"

    def __init__(self, root: Path) -> None:
        self.root = photo_text(str(root))
        self._path = root

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> CelebaSource:
        """Make the source from the user's path."""
        return cls(*local_paths(roots, "celeba", 1, "a folder or zip"))

    @cached_property
    def face(self) -> str:
        """``largest`` for original photos, ``center`` for aligned ones; lists the source's files.

        Raises:
            SourceError: the source is missing, or holds neither.
        """
        return _find_images(_list_source(self._path)).face

    def scan(self) -> Scan:
        """List every photo of the image folder, with its entries in the lists.

        Raises:
            SourceError: no source, image folder or identity list; a malformed line (with its number).
        """
        source = _list_source(self._path)
        images = _find_images(source)
        listed = source.read_list(_IDENTITIES)
        if listed is None:
            raise SourceError(
                f"there is no {IDENTITIES} in {source.root}, the list of who is in which photo; Kaggle's "
                "copy leaves it out, CelebA's site has it under Anno, and torchvision downloads it: add it"
            )
        identities = listed.by_photo("an identity", 1, lambda fields: sys.intern(fields[0]))
        if not identities:
            raise SourceError(f"{listed.where} lists no photo; download it again")
        listed = source.read_list(_PARTITION)
        splits = listed.by_photo("0, 1 or 2", 1, lambda fields: _SPLITS[fields[0]]) if listed else {}
        listed = source.read_list(_BOXES) if images.face == "largest" else None
        boxes = listed.by_photo("finite numbers x, y, width, height", 4, _box) if listed else {}
        plan, names, notes = PlanBuilder(), [], list(images.notes)
        for name in sorted(images.kinds):
            stem = name.rpartition(".")[0]
            others = (f"{stem}{end}" for end in (".jpg", ".png"))
            other = next((one for one in others if one in identities and one not in images.kinds), name)
            listed_as = name if name in identities else other
            names.append(listed_as)
            size, mtime_ns = source.size_and_time(images.folder + name)
            identity, box = identities.get(listed_as), boxes.get(listed_as)
            plan.add(
                images.folder + name, size=size, mtime_ns=mtime_ns, identity=identity,
                official_split=splits.get(listed_as), given_box=None if box is None else _BOX.unpack(box),
                **early_status(images.kinds[name], identity, f"is not in {IDENTITIES}"),
            )  # fmt: skip
        if renamed := len(set(names) - set(images.kinds)):
            notes.append(f"{renamed:,} photos are listed with another ending, and were found without it")
        meta = {}
        if listed := source.read_list(_ATTRIBUTES):
            columns, width = listed.columns, len(listed.columns)
            if not columns or len(set(columns)) < width:
                raise SourceError(
                    f"{listed.where} does not begin with a line of the attributes' names; download it again"
                )
            signs = listed.by_photo(
                f"{width} times 1 or -1", width, lambda fields: bytes(map(_SIGNS.__getitem__, fields))
            )
            none = bytes(width)
            joined = b"".join(signs.get(name, none) for name in names)
            values = np.frombuffer(joined, np.int8).reshape(len(names), width)
            absent = np.array([name not in signs for name in names])
            for column, attribute in enumerate(columns):
                meta[f"meta_{attribute}"] = pa.array(values[:, column].copy(), pa.int8(), mask=absent)
        missing = sorted(images.folder + name for name in identities.keys() - set(names))
        return Scan(plan.table(meta), source.reader, images.other_files, missing, notes=notes)


class _List(NamedTuple):
    """A list file: its column names, if it has any, and the numbered lines after them."""

    where: str
    columns: list[str]
    lines: list[tuple[int, str]]

    @classmethod
    def read(cls, where: str, read: Callable[[], bytes]) -> _List:
        """Read a list, and split off the count and the column names, if it has them."""
        lines = read_lines(where, read)
        if lines and lines[0][1].strip().isdigit():
            lines = lines[1:]
        columns = cls(where, [], []).fields(lines[0][1]) if lines else []
        # a first line with a photo or a number is data, perhaps malformed, not the column names
        is_number = [field.lstrip("-").replace(".", "", 1).isdigit() for field in columns]
        if not columns or _is_photo_name(columns[0]) or any(is_number):
            return cls(where, [], lines)
        return cls(where, columns[1:] if columns[0] == "image_id" else columns, lines[1:])

    def fields(self, line: str) -> list[str]:
        """Divide a line at its commas in CSV, else at its blanks."""
        if self.where.endswith(".csv"):
            return [field.strip().strip('"') for field in line.split(",")]
        return line.split()

    def by_photo(self, form: str, count: int, value_of: Callable[[list[str]], T]) -> dict[str, T]:
        """Return each photo's value.

        Args:
            form: what follows a photo's name, for messages.
            count: how many fields that is.
            value_of: turns these fields into the value; raises ValueError or KeyError if malformed.
        """
        values: dict[str, T] = {}
        for number, line in self.lines:
            name, *fields = self.fields(line) or [""]
            if not _is_photo_name(name):
                raise bad_line(self.where, number, line, "does not begin with a photo's name")
            try:
                if len(fields) != count:
                    raise ValueError
                value = value_of(fields)
            except (ValueError, KeyError):
                raise bad_line(self.where, number, line, f"is not a photo's name and {form}") from None
            if values.setdefault(photo_text(name) if "\\" in name else name, value) != value:
                first = next(other for other, text in self.lines if self.fields(text)[:1] == [name])
                raise bad_line(self.where, number, line, f"contradicts line {first} about the same photo")
        return values


def _is_photo_name(path: str) -> bool:
    return not path.rpartition("/")[2].startswith(".") and ending(path) in IMAGE_ENDINGS


def _box(fields: list[str]) -> bytes | None:
    """Return x0 y0 x1 y1 from x y width height, packed; None for a box without an area (CelebA has some)."""
    x, y, width, height = (float(field) + 0.0 for field in fields)  # -0 becomes 0
    if not all(map(math.isfinite, (x, y, width, height))):
        raise ValueError
    return _BOX.pack(x, y, x + width, y + height) if width > 0 and height > 0 else None


class _Listing(NamedTuple):
    """The files of a folder or zip by their path below the root, as text."""

    root: Path
    files: Mapping[str, ZipMember | None]
    reader: PhotoReader
    around: _Listing | None = None
    """The folder in which a zip was found, which may hold lists too."""

    def size_and_time(self, file: str) -> tuple[int, int]:
        """Return a file's size in bytes and modification time in nanoseconds."""
        if (member := self.files[file]) is not None:
            return member.size, member.mtime_ns
        # a file deleted meanwhile still gets a row
        return size_and_time(self.root / photo_path(file)) or (0, 0)

    def read_list(self, names: Sequence[str]) -> _List | None:
        """Read the list of the first of these names: the least deeply nested one, or one beside a zip."""
        for name in names:
            inside = [file for file in self.files if file.rpartition("/")[2] == name]
            if inside:
                file = min(inside, key=lambda path: (path.count("/"), path))
                return _List.read(f"{self.root}/{file}", partial(self.reader, file))
            if isinstance(self.reader, ZipReader):
                for beside in (self.root.parent / folder / name for folder in _LIST_FOLDERS):
                    if beside.is_file():
                        return _List.read(str(beside), beside.read_bytes)
        return self.around.read_list(names) if self.around else None


def _list_source(root: Path) -> _Listing:
    if root.suffix.lower() == ".zip" and is_file(str(root)):
        return _Listing(root, {member.name: member for member in zip_members(root)}, ZipReader(root))
    require_folder(root)
    files: dict[str, ZipMember | None] = {
        folder + photo_text(entry.name): None
        for folder, entry in walk_files(root, each_folder_once=True)
        if entry.is_file(follow_symlinks=False) or is_file(entry.path)
    }
    listing = _Listing(root, files, FolderReader({"": root}))
    if not any(file.rpartition("/")[0].rpartition("/")[2] in IMAGE_FOLDERS for file in files):
        for name in IMAGE_FOLDERS:  # as torchvision leaves it before it is unpacked
            zips = [file for file in files if file.rpartition("/")[2] == f"{name}.zip"]
            if zips:
                return _list_source(root / photo_path(min(zips)))._replace(around=listing)
    return listing


class _Images(NamedTuple):
    folder: str
    """The image folder below the root, ending in ``/``."""
    kinds: Mapping[str, str]
    """Path of each photo and video below the image folder → ``photo`` or ``video``."""
    other_files: int
    notes: list[str]

    @property
    def face(self) -> str:
        """The face rule: aligned photos have their face in the centre."""
        return "largest" if self.folder.endswith("img_celeba/") else "center"


def _find_images(source: _Listing) -> _Images:
    """Choose the image folder and sort its files."""
    parents = Counter(file.rpartition("/")[0] for file in source.files if _is_photo_name(file))
    for name in IMAGE_FOLDERS:
        # Kaggle's archive has img_align_celeba in img_align_celeba, and a zip may hold __MACOSX/…/img_celeba
        candidates = [parent for parent in parents if parent.rpartition("/")[2] == name]
        if candidates:
            folder = max(candidates, key=lambda parent: (parents[parent], parent)) + "/"
            break
    else:
        raise SourceError(
            f"{source.root} holds photos in neither {' nor '.join(f'{name}/' for name in IMAGE_FOLDERS)}, "
            "nor a zip of that name; name the folder or zip that holds one of them"
        )
    kinds = {
        file[len(folder) :]: kind_of_file(file, partial(source.reader, file))
        for file in source.files
        if file.startswith(folder)
    }
    photos = {name: kind for name, kind in kinds.items() if kind != "other"}
    outside = sum(count for parent, count in parents.items() if not f"{parent}/".startswith(folder))
    notes = [f"{outside} photos outside {folder} were left aside"] if outside else []
    return _Images(folder, photos, len(kinds) - len(photos), notes)


CELEBA = SourceKind(CelebaSource.open)
