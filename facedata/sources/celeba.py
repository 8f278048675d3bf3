"""CelebA: a folder or zip with the photos and the identity list, and what other lists lie there.

Liu, Luo, Wang, Tang, Deep Learning Face Attributes in the Wild, ICCV 2015.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from ..errors import SourceError
from ..options import is_file
from ..photos.formats import IMAGE_ENDINGS, kind_of_file
from ..photos.paths import photo_text
from ..types import Status
from .archive import ZipReader, zip_members
from .base import PLAN, PhotoReader, Scan
from .folder import FolderReader, require_folder
from .text_lists import bad_line, list_bytes, text_lines

IDENTITIES = "identity_CelebA.txt"
PARTITION = "list_eval_partition.txt"
BOXES = "list_bbox_celeba.txt"
ATTRIBUTES = "list_attr_celeba.txt"

IMAGE_FOLDERS = ("img_celeba", "img_align_celeba")
"""As photographed, and cropped around eyes made level; the first that is there is taken."""

_LIST_FOLDERS = ("", "Anno", "anno", "Eval", "eval")
_SPLITS = {"0": "train", "1": "val", "2": "test"}
_SIGNS = {"1": 1, "-1": -1}

T = TypeVar("T")
Box = tuple[float, float, float, float]


class CelebaSource:
    """CelebA as photographed (``img_celeba``) or aligned (``img_align_celeba``).

    A photo's identity is the number the identity list gives it, as text. Photos the list does not name become
    ``no_identity`` records; photos it names that are absent are :attr:`Scan.missing`. The lists may lie
    anywhere in the source, and for a zip also beside it.

    Attributes:
        root: the folder or zip, as text.
    """

    kind = "celeba"
    search = "photo"

    def __init__(self, root: Path) -> None:
        self.root = photo_text(str(root))
        self._path = root

    @cached_property
    def face(self) -> str:
        """``largest`` for photos as photographed, ``center`` for aligned ones; looks at the source.

        Raises:
            SourceError: the source is missing, or holds neither.
        """
        return _face_rule(_images(_open(self._path)).folder)

    def scan(self) -> Scan:
        """List every photo of the image folder, with what the lists say of it.

        Raises:
            SourceError: no source, image folder or identity list; a malformed line (with its number).
        """
        listing = _open(self._path)
        images = _images(listing)
        identities = _identities(listing)
        missing = sorted(images.folder + name for name in identities.keys() - images.photos)
        table = _table(listing, images, identities)
        for name, column in _attributes(listing, images.photos):
            table = table.append_column(name, column)
        return Scan(
            table, listing.reader, other_files=images.other_files, missing=missing, notes=images.notes
        )


class _Listing(NamedTuple):
    """The files of a folder or zip, alike; paths are texts below the root."""

    root: Path
    files: Sequence[str]
    stat: Callable[[str], tuple[int, int]]
    """Gives a file's size in bytes and time of change in nanoseconds."""
    reader: PhotoReader

    def list_file(self, name: str) -> tuple[str, bytes] | None:
        """Find a list file: the one the fewest folders down; failing that, beside a zip."""
        inside = [file for file in self.files if file.rpartition("/")[2] == name]
        if inside:
            where = min(inside, key=lambda path: (path.count("/"), path))
            return f"{self.root}/{where}", list_bytes(f"{self.root}/{where}", lambda: self.reader(where))
        if isinstance(self.reader, ZipReader):
            for beside in (self.root.parent / folder / name for folder in _LIST_FOLDERS):
                if beside.is_file():
                    return str(beside), list_bytes(str(beside), beside.read_bytes)
        return None


def _open(root: Path) -> _Listing:
    if root.suffix.lower() == ".zip" and is_file(str(root)):
        members = {member.name: (member.size, member.mtime_ns) for member in zip_members(root)}
        return _Listing(root, list(members), members.__getitem__, ZipReader(root))
    require_folder(root)
    entries = dict(_walk(root))

    def stat(file: str) -> tuple[int, int]:
        try:
            found = entries[file].stat()
        except OSError:  # gone since it was listed: its row says so once it is read
            return 0, 0
        return found.st_size, found.st_mtime_ns

    return _Listing(root, list(entries), stat, FolderReader({"": root}))


def _walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every file below the root with its path as text; hidden folders are passed over."""
    pending, seen = [("", root)], set()
    while pending:
        below, folder = pending.pop()
        try:
            found = folder.stat()
            if (found.st_dev, found.st_ino) in seen:  # a link that leads back
                continue
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(folder) as entries:
                for entry in entries:
                    path = below + photo_text(entry.name)
                    if entry.is_dir():
                        if not entry.name.startswith("."):
                            pending.append((f"{path}/", Path(entry.path)))
                    elif entry.is_file():
                        yield path, entry
        except OSError as error:
            raise SourceError(
                f"cannot list the folder {folder}: {error.strerror}; make it readable"
            ) from error


class _Images(NamedTuple):
    folder: str
    """The image folder below the root, ending in ``/``."""
    photos: Mapping[str, str]
    """Photos and videos: path below the image folder → ``photo`` or ``video``."""
    other_files: int
    notes: list[str]


def _images(listing: _Listing) -> _Images:
    """Choose the image folder and sort its files."""
    parents = Counter(file.rpartition("/")[0] for file in listing.files if _is_photo_name(file))
    for name in IMAGE_FOLDERS:
        # Kaggle's archive has img_align_celeba in img_align_celeba, and a zip may hold __MACOSX/…/img_celeba
        candidates = [parent for parent in parents if parent.rpartition("/")[2] == name]
        if candidates:
            folder = max(candidates, key=lambda parent: (parents[parent], parent)) + "/"
            break
    else:
        raise SourceError(
            f"{listing.root} holds photos in neither {' nor '.join(f'{name}/' for name in IMAGE_FOLDERS)}; "
            "name the folder or zip that holds one of them"
        )
    inside = {file[len(folder) :]: _kind(listing, file) for file in listing.files if file.startswith(folder)}
    photos = {name: kind for name, kind in inside.items() if kind != "other"}
    aside = sum(count for parent, count in parents.items() if not f"{parent}/".startswith(folder))
    notes = [f"{aside} photos outside {folder} were left aside"] if aside else []
    return _Images(folder, photos, len(inside) - len(photos), notes)


def _kind(listing: _Listing, file: str) -> str:
    name = file.rpartition("/")[2]
    if name.startswith("."):  # as ._000001.jpg, which macOS leaves in archives
        return "other"
    kind = kind_of_file(name, b"")
    if kind != "other":
        return kind
    try:
        return kind_of_file(name, listing.reader(file)[:16])
    except OSError:  # neither ending nor bytes tell what it is
        return "other"


def _face_rule(folder: str) -> str:
    return "largest" if folder.endswith("img_celeba/") else "center"


def _is_photo_name(name: str) -> bool:
    name = name.rpartition("/")[2]
    _, dot, ending = name.rpartition(".")
    return not name.startswith(".") and dot + ending.lower() in IMAGE_ENDINGS


def _identities(listing: _Listing) -> dict[str, str]:
    """Return every listed photo's identity."""
    found = listing.list_file(IDENTITIES)
    if found is None:
        raise SourceError(
            f"there is no {IDENTITIES} in {listing.root}; CelebA's site has it under Anno: put it there"
        )

    def identity(values: list[str]) -> str:
        if len(values) != 1:
            raise ValueError("is not a photo's name and an identity")
        return values[0]

    where, data = found
    identities = _by_name(where, _head(text_lines(where, data))[1], identity)
    if not identities:
        raise SourceError(f"{where} names no photo; download it again")
    return identities


def _optional(listing: _Listing, name: str, parse: Callable[[list[str]], T]) -> dict[str, T]:
    found = listing.list_file(name)
    return _by_name(found[0], _head(text_lines(*found))[1], parse) if found else {}


def _split(values: list[str]) -> str:
    if len(values) != 1 or values[0] not in _SPLITS:
        raise ValueError("is not a photo's name and 0, 1 or 2")
    return _SPLITS[values[0]]


def _box(values: list[str]) -> Box | None:
    """Return x0 y0 x1 y1 from x y width height; None for a box without an area, of which CelebA has some."""
    try:
        x, y, width, height = map(float, values)
    except ValueError:
        raise ValueError("is not a photo's name and x, y, width, height") from None
    if not np.isfinite((x, y, width, height)).all():
        raise ValueError("has a number that is not finite")
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None


def _attributes(listing: _Listing, photos: Mapping[str, str]) -> Iterator[tuple[str, pa.Array]]:
    """Yield a ``meta_`` column of int8 for each attribute: 1, -1, or null for photos not listed."""
    found = listing.list_file(ATTRIBUTES)
    if found is None:
        return
    where, data = found
    columns, lines = _head(text_lines(where, data))
    if not columns or len(set(columns)) < len(columns):
        raise SourceError(f"{where} does not begin with a line of the attributes' names; download it again")

    def signs(values: list[str]) -> array[int]:
        if len(values) != len(columns) or not _SIGNS.keys() >= set(values):
            raise ValueError(f"is not a photo's name and {len(columns)} times 1 or -1")
        return array("b", map(_SIGNS.__getitem__, values))

    known = _by_name(where, lines, signs)
    none = array("b", bytes(len(columns)))
    names = sorted(photos)
    values = np.array([known.get(name, none) for name in names], np.int8).reshape(len(names), -1)
    absent = np.array([name not in known for name in names])
    for column, name in enumerate(columns):
        yield f"meta_{name}", pa.array(values[:, column].copy(), pa.int8(), mask=absent)


def _head(lines: list[tuple[int, str]]) -> tuple[list[str], list[tuple[int, str]]]:
    """Cut the count and the columns' names, each where it is there, off a list; return the names too."""
    if lines and lines[0][1].strip().isdigit():
        lines = lines[1:]
    columns = lines[0][1].split() if lines else []
    # no number in it: a first line with a mistake shall not pass for column names
    if not columns or _is_photo_name(columns[0]) or any(_is_number(field) for field in columns):
        return [], lines
    return columns[1:] if columns[0] == "image_id" else columns, lines[1:]


def _is_number(field: str) -> bool:
    return field.lstrip("-").replace(".", "", 1).isdigit()


def _by_name(where: str, lines: list[tuple[int, str]], parse: Callable[[list[str]], T]) -> dict[str, T]:
    """Parse lines of a photo's name and more; ``parse`` takes the rest, its ValueError says what is wrong."""
    found: dict[str, T] = {}
    for number, line in lines:
        name, *values = line.split() or [""]
        if not _is_photo_name(name):
            raise bad_line(where, number, line, "does not begin with a photo's name")
        try:
            value = parse(values)
        except ValueError as error:
            raise bad_line(where, number, line, str(error)) from None
        if found.setdefault(photo_text(name) if "\\" in name else name, value) != value:
            first = next(earlier for earlier, text in lines if text.split()[:1] == [name])
            raise bad_line(where, number, line, f"contradicts line {first}, which names the same photo")
    return found


def _table(listing: _Listing, images: _Images, identities: Mapping[str, str]) -> pa.Table:
    """Make the plan, column by column: there may be 200,000 rows."""
    names = sorted(images.photos)
    splits = _optional(listing, PARTITION, _split)
    boxes = _optional(listing, BOXES, _box) if _face_rule(images.folder) == "largest" else {}
    stats = [listing.stat(images.folder + name) for name in names]
    verdicts = [_verdict(images.photos[name], name in identities) for name in names]
    paths = [images.folder + name for name in names]
    columns = {
        "record": paths,
        "photo": paths,
        "identity": [identities.get(name) for name in names],
        "role": [None] * len(names),
        "official_split": [splits.get(name) for name in names],
        "status": [status for status, _ in verdicts],
        "reason": [reason for _, reason in verdicts],
        "given_box": [boxes.get(name) for name in names],
        "size": [size for size, _ in stats],
        "mtime_ns": [mtime_ns for _, mtime_ns in stats],
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in PLAN}, schema=PLAN)


def _verdict(kind: str, listed: bool) -> tuple[str | None, str | None]:
    if kind == "video":
        return str(Status.UNSUPPORTED), "a video"
    return (None, None) if listed else (str(Status.NO_IDENTITY), f"is not in {IDENTITIES}")
