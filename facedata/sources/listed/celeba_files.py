"""CelebA's files in a folder or zip: its lists by their names, and the photos of its image folder."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError
from ...options import is_file
from ...photos.formats import kind_of_file
from ...photos.paths import photo_path, photo_text
from ...tables.blocks import as_array, iter_texts
from ...types import BoolArray, Int64Array
from ..archive import ZipReader, zip_members
from ..base import PhotoReader
from ..folder import FolderReader
from ..walk import require_folder, size_and_time, walk_files
from .photo_values import PhotoList, collect_texts, is_photo_name

IDENTITIES = "identity_CelebA.txt"
IDENTITY_LISTS = (IDENTITIES, "identity_CelebA.csv", "list_identity_celeba.txt", "list_identity_celeba.csv")
PARTITION_LISTS = ("list_eval_partition.txt", "list_eval_partition.csv")
BOX_LISTS = ("list_bbox_celeba.txt", "list_bbox_celeba.csv")
ATTRIBUTE_LISTS = ("list_attr_celeba.txt", "list_attr_celeba.csv")
"""The lists by their names, the authors' own first, then Kaggle's."""

IMAGE_FOLDERS = ("img_celeba", "img_align_celeba", "img_align_celeba_png")
"""The original photos, and crops aligned by the eyes; the first folder that exists is used, or its zip."""

_LIST_FOLDERS = ("", "Anno", "anno", "Eval", "eval")
LISTS = frozenset((*IDENTITY_LISTS, *PARTITION_LISTS, *BOX_LISTS, *ATTRIBUTE_LISTS))


class Listing(NamedTuple):
    """The files of a folder or zip by their path below the root, as text."""

    root: Path
    files: pa.ChunkedArray
    reader: PhotoReader
    lists: Mapping[str, str]
    """The lists and zips among the files, by their names: of several the least deeply nested one."""
    stamps: tuple[Int64Array, Int64Array] | None = None
    """Size in bytes and time in nanoseconds of a zip's files; None for a folder's, asked when needed."""
    around: Listing | None = None
    """The folder in which a zip was found, which may hold lists too."""

    def sizes_and_times(self, photos: pa.Array, rows: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return some files' sizes in bytes and modification times in nanoseconds."""
        if self.stamps is not None:
            return self.stamps[0][rows], self.stamps[1][rows]
        found = np.zeros((2, len(photos)), np.int64)
        for index, file in enumerate(iter_texts(pa.chunked_array([photos]))):
            # a file deleted meanwhile still gets a row
            found[:, index] = size_and_time(self.root / photo_path(file)) or (0, 0)
        return found[0], found[1]

    def read_list(self, names: Sequence[str]) -> PhotoList | None:
        """Read the list of the first of these names: the least deeply nested one, or one beside a zip."""
        for name in names:
            if (file := self.lists.get(name)) is not None:
                return PhotoList.read(f"{self.root}/{file}", partial(self.reader, file))
            if isinstance(self.reader, ZipReader):
                for beside in (self.root.parent / folder / name for folder in _LIST_FOLDERS):
                    if beside.is_file():
                        return PhotoList.read(str(beside), beside.read_bytes)
        return self.around.read_list(names) if self.around else None


def list_source(root: Path) -> Listing:
    """List a folder or zip.

    Raises:
        SourceError: it is missing or damaged.
    """
    if root.suffix.lower() == ".zip" and is_file(str(root)):
        members = zip_members(root)
        files = collect_texts(member.name for member in members)
        sizes, times = (
            np.array([getattr(member, name) for member in members], np.int64) for name in ("size", "mtime_ns")
        )
        return Listing(root, files, ZipReader(root), _find_lists(files), (sizes, times))
    require_folder(root)
    files = collect_texts(
        folder + photo_text(entry.name)
        for folder, entry in walk_files(root, each_folder_once=True)
        if entry.is_file(follow_symlinks=False) or is_file(entry.path)
    )
    listing = Listing(root, files, FolderReader({"": root}), _find_lists(files))
    if not any(file.rpartition("/")[0].rpartition("/")[2] in IMAGE_FOLDERS for file in iter_texts(files)):
        for name in IMAGE_FOLDERS:  # as torchvision leaves it before it is unpacked
            zips = [file for file in iter_texts(files) if file.rpartition("/")[2] == f"{name}.zip"]
            if zips:
                return list_source(root / photo_path(min(zips)))._replace(around=listing)
    return listing


def _find_lists(files: pa.ChunkedArray) -> dict[str, str]:
    """Return the lists among some files, by their names: of several the least deeply nested one."""
    found: dict[str, list[str]] = {}
    for file in iter_texts(files):
        if (name := file.rpartition("/")[2]) in LISTS:
            found.setdefault(name, []).append(file)
    return {name: min(paths, key=lambda path: (path.count("/"), path)) for name, paths in found.items()}


class Images(NamedTuple):
    """The photos and videos of the image folder."""

    folder: str
    """The image folder below the root, ending in ``/``."""
    names: pa.Array
    """Paths of the photos and videos below the image folder, in byte order."""
    is_video: BoolArray
    rows: Int64Array
    """The number of each in the listing's files."""
    other_files: int
    notes: list[str]


def face_rule(folder: str) -> str:
    """Return the face rule of an image folder: aligned photos have their face in the centre."""
    return "largest" if folder.endswith("img_celeba/") else "center"


def find_folder(source: Listing) -> tuple[str, int]:
    """Choose the image folder; return it, ending in ``/``, and how many photos are elsewhere.

    Raises:
        SourceError: there is none.
    """
    parents = Counter(file.rpartition("/")[0] for file in iter_texts(source.files) if is_photo_name(file))
    for name in IMAGE_FOLDERS:
        # Kaggle's archive has img_align_celeba in img_align_celeba, and a zip may hold __MACOSX/…/img_celeba
        candidates = [parent for parent in parents if parent.rpartition("/")[2] == name]
        if candidates:
            folder = max(candidates, key=lambda parent: (parents[parent], parent)) + "/"
            return folder, sum(
                count for parent, count in parents.items() if not f"{parent}/".startswith(folder)
            )
    raise SourceError(
        f"{source.root} holds photos in neither {' nor '.join(f'{name}/' for name in IMAGE_FOLDERS)}, "
        "nor a zip of that name; name the folder or zip that holds one of them"
    )


def find_images(source: Listing) -> Images:
    """Sort the files of the image folder.

    Raises:
        SourceError: there is none.
    """
    folder, outside = find_folder(source)
    rows, kinds = array("q"), array("b")
    others = 0

    def names() -> Iterator[str]:
        nonlocal others
        for row, file in enumerate(iter_texts(source.files)):
            if file.startswith(folder):
                kind = kind_of_file(file, partial(source.reader, file))
                others += kind == "other"
                if kind != "other":
                    rows.append(row)
                    kinds.append(kind == "video")
                    yield file[len(folder) :]

    found = as_array(collect_texts(names()))
    order = pc.sort_indices(found).to_numpy()
    notes = [f"{outside} photos outside {folder} were left aside"] if outside else []
    is_video = np.array(kinds, np.bool_)[order]
    return Images(
        folder, found.take(pa.array(order)), is_video, np.array(rows, np.int64)[order], others, notes
    )
