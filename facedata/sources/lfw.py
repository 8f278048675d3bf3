"""LFW: one folder of photos per person, and the official views: splits of people, and pairs.

Huang, Ramesh, Berg, Learned-Miller, Labeled Faces in the Wild, UMass Amherst 07-49, 2007. View 1 is for
development: people and pairs of DevTrain are ``train``, those of DevTest ``test``. View 2 is for reporting:
all is ``test``, its pairs in ten folds.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..config import PrepareConfig
from ..errors import UsageError
from ..files.download import PinnedFile, default_cache, fetch
from ..files.remote import Location
from ..interchange.export_note import read_export_note
from ..options import is_file
from ..photos.paths import photo_text
from ..tables.blocks import iter_texts, map_texts
from ..tables.schema import PROTOCOL
from .archive import unpack_tar
from .base import Scan
from .folder import FolderSource
from .listed.lfw_protocol import ProtocolFiles, read_view
from .open import SourceKind, local_paths

_NAMED_AT_MOST = 5

_NAMED_AT_MOST = 5


class LfwSource:
    """Labeled Faces in the Wild.

    A photo's identity is the folder it lies in. The official pairs are those of the view, including pairs of
    absent photos (which are in :attr:`Scan.missing`); without View 1's files there are no official pairs
    or splits. The protocol's files are looked for in the source, its ``protocol/``, beside the folder
    of people's folders, and beside an archive; as text, or as the CSV files of Kaggle's copy.

    Attributes:
        root: the folder or archive as text, or the address of the download.
        view: 1 or 2.

    Args:
        root: a folder (people's folders at any depth), a ``.tgz``, or None to download.
        view: 1 or 2.
        cache: where downloads and unpacked archives are kept.
        images: what to download, ``original`` or ``funneled``.

    Raises:
        UsageError: there is no such view, or no such download.
    """

    kind = "lfw"
    face = "center"
    search = "photo"

    def __init__(
        self, root: Path | None = None, view: int = 1, cache: Path | None = None, images: str = "funneled"
    ) -> None:
        if view not in (1, 2):
            raise UsageError(f"--view is {view}; LFW has the views 1 and 2")
        if images not in LFW_IMAGES:
            raise UsageError(f"{images!r} cannot be downloaded; choose one of {', '.join(LFW_IMAGES)}")
        self.view = view
        self._remote = LFW_IMAGES[images]
        self.root = self._remote.url if root is None else photo_text(str(root))
        self._path = root
        self._cache = default_cache() if cache is None else cache

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> LfwSource:
        """Make the source from the user's path, if any; the URL of a download means the download itself."""
        cache = Path(config.cache) if config.cache else None
        for images, remote in LFW_IMAGES.items():
            if [remote.url] == [str(path) for path in roots.values()]:
                return cls(None, config.view, cache, images)
        root = next(iter(local_paths(roots, "lfw", 1)), None)
        return cls(root, config.view, cache, config.lfw_images)

    def scan(self) -> Scan:
        """List every photo, with its official split, and the official pairs.

        Raises:
            SourceError: the source is missing, holds no photos, or has a malformed protocol file; or View 2
                is asked for and ``pairs.txt`` is missing.
            DownloadError: no source was given, and LFW cannot be downloaded.
            StoreError: the cache cannot be written.
        """
        if self._path is None:
            for remote in LFW_PROTOCOL:
                fetch(remote, self._cache / "lfw")
        archive = self._path or fetch(self._remote, self._cache / "lfw")
        folder = unpack_tar(archive, self._cache) if is_file(str(archive)) else archive
        scan = FolderSource({"": folder}).scan()
        photos = _Photos(scan.photos.column("photo"))
        lists = ProtocolFiles.around(folder, photos.folder, archive if archive != folder else None)
        view = read_view(lists, self.view)
        people = scan.photos.column("identity")
        table = _set_texts(scan.photos, "official_split", map_texts(people, view.split_of))
        if (note := read_export_note(folder)) is not None:
            called = note.people
            people = map_texts(people, lambda name: name and called.get(name, name))
            table = _set_texts(table, "identity", people)
        pairs = view.pairs or ()
        found = photos.find({side for pair in pairs for side in (pair.left, pair.right)})
        columns: dict[str, list[Any]] = {
            "left": [found.get(pair.left) or photos.expected(*pair.left) for pair in pairs],
            "right": [found.get(pair.right) or photos.expected(*pair.right) for pair in pairs],
            "same": [pair.left[0] == pair.right[0] for pair in pairs],
            "split": [pair.split for pair in pairs],
            "fold": [pair.fold for pair in pairs],
        }
        return dataclasses.replace(
            scan,
            photos=table,
            other_files=scan.other_files - lists.count_below(folder),
            missing=sorted({*columns["left"], *columns["right"]} - set(found.values())),
            protocol=None if view.pairs is None else pa.table(columns, schema=PROTOCOL),
            notes=[*scan.notes, *photos.notes, *view.notes],
        )


def _set_texts(table: pa.Table, column: str, texts: pa.ChunkedArray) -> pa.Table:
    """Return a table with these texts in a column."""
    return table.set_column(table.column_names.index(column), column, texts)


class _Photos:
    """The photos of a source, by person and number; their paths become Python objects block by block.

    Attributes:
        folder: the folder of people's folders, below the root, empty or ending in ``/``.
        notes: what the user should know about them.
    """

    def __init__(self, photos: pa.ChunkedArray) -> None:
        self._photos = photos
        folders = Counter(
            "/".join([*photo.split("/")[:-2], ""]) for photo in iter_texts(photos) if "/" in photo
        )
        self.folder = min(folders, key=lambda folder: (-folders[folder], folder), default="")
        self.notes: list[str] = []
        if len(folders) > 1:
            some = ", ".join(folder or "the source itself" for folder in sorted(folders)[:_NAMED_AT_MOST])
            self.notes = [f"people's folders lie in {len(folders)} places ({some}); pairs are of the fullest"]

    def find(self, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """Return the photos of these people and numbers, as far as they are there."""
        sought = {f"{name}/{name}_{number:04d}": (name, number) for name, number in wanted}
        found: dict[tuple[str, int], str] = {}
        for photo in iter_texts(self._photos) if sought else ():
            one = sought.get("/".join(photo.split("/")[-2:]).rpartition(".")[0])
            # of several, the last one in the fullest folder, or else the last one
            if one and (photo.startswith(self.folder) or not found.get(one, "").startswith(self.folder)):
                found[one] = photo
        return found

    def expected(self, name: str, number: int) -> str:
        """Return the path that an absent photo would have."""
        return f"{self.folder}{name}/{name}_{number:04d}.jpg"


LFW_IMAGES = {
    "original": PinnedFile(
        "lfw.tgz",
        "https://ndownloader.figshare.com/files/5976018",
        "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
    ),
    "funneled": PinnedFile(
        "lfw-funneled.tgz",
        "https://ndownloader.figshare.com/files/5976015",
        "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
    ),
}
"""LFW's photos as archives, 180 and 243 MB, by the name of their alignment."""


LFW_PROTOCOL = (
    PinnedFile(
        "pairsDevTrain.txt",
        "https://ndownloader.figshare.com/files/5976012",
        "1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa",
    ),
    PinnedFile(
        "pairsDevTest.txt",
        "https://ndownloader.figshare.com/files/5976009",
        "7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c",
    ),
    PinnedFile(
        "pairs.txt",
        "https://ndownloader.figshare.com/files/5976006",
        "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
    ),
)
"""LFW's official pairs; the mirror has no people files."""


LFW = SourceKind(LfwSource.open)
