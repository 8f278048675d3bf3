"""LFW: one folder of photos per person, and the official views: splits of people, and pairs.

Huang, Ramesh, Berg, Learned-Miller, Labeled Faces in the Wild, UMass Amherst 07-49, 2007. View 1 is for
development: people and pairs of DevTrain are ``train``, those of DevTest ``test``. View 2 is for reporting:
all is ``test``, its pairs in ten folds.
"""

from __future__ import annotations

import csv
import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ..config import PrepareConfig
from ..errors import SourceError, UsageError
from ..files.download import PinnedFile, default_cache, fetch
from ..files.remote import Location
from ..interchange.export_note import read_export_note
from ..options import is_file
from ..photos.paths import photo_path, photo_text
from ..tables.blocks import iter_texts
from ..tables.schema import PROTOCOL
from .archive import unpack_tar
from .base import Scan
from .folder import FolderSource
from .open import SourceKind, local_paths
from .text_lists import bad_line, read_lines

LISTS = (
    "pairs.txt",
    "pairsDevTrain.txt",
    "pairsDevTest.txt",
    "peopleDevTrain.txt",
    "peopleDevTest.txt",
    "people.txt",
)
"""The protocol's files; the last one is not read."""

_CSV_LISTS = (
    *(
        "pairs.csv",
        "people.csv",
        "peopleDevTrain.csv",
        "peopleDevTest.csv",
        "lfw_allnames.csv",
        "lfw_readme.csv",
    ),
    *(
        "matchpairsDevTrain.csv",
        "matchpairsDevTest.csv",
        "mismatchpairsDevTrain.csv",
        "mismatchpairsDevTest.csv",
    ),
)
"""The same as Kaggle has it, in CSV with a header and without counts."""

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
        lists = _Lists.around(folder, photos.folder, archive if archive != folder else None)
        view = _read_view(lists, self.view)
        people = scan.photos.column("identity")
        table = _replace_texts(scan.photos, "official_split", people, view.split_of)
        if (note := read_export_note(folder)) is not None:
            called = note.people
            table = _replace_texts(table, "identity", people, lambda name: name and called.get(name, name))
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


def _replace_texts(
    table: pa.Table, column: str, source: pa.ChunkedArray, text_of: Callable[[str | None], str | None]
) -> pa.Table:
    """Return a table with a column made from another one's texts; of a block, each text is asked once."""
    chunks = []
    for chunk in source.chunks:
        coded = chunk.dictionary_encode(null_encoding="encode")
        texts = pa.array([text_of(text) for text in coded.dictionary.to_pylist()], pa.string())
        chunks.append(texts.take(coded.indices))
    return table.set_column(table.column_names.index(column), column, pa.chunked_array(chunks, pa.string()))


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


@dataclass(frozen=True)
class _Lists:
    """Where the protocol's files are looked for, best folder first."""

    folders: Sequence[Path]

    @classmethod
    def around(cls, source: Path, people: str, archive: Path | None) -> _Lists:
        """Look in the source, beside the folder of people's folders, beside the archive."""
        beside = (source / photo_path(people)).absolute().parent
        parents = [source.absolute(), beside, *([archive.absolute().parent] if archive else [])]
        outer = source.absolute().parent
        if source.absolute().name in (people.rstrip("/"), outer.name):  # Kaggle's lfw-deepfunneled twice
            parents += [outer, outer.parent] if not people else [outer]
        return cls([folder for parent in parents for folder in (parent, parent / "protocol")])

    def path(self, name: str) -> Path | None:
        """Return a file's path; None if there is none."""
        return next((folder / name for folder in self.folders if (folder / name).is_file()), None)

    def count_below(self, source: Path) -> int:
        """Count the protocol's files that lie inside the source."""
        folders = {folder for folder in self.folders if folder.is_relative_to(source.absolute())}
        return sum((folder / name).is_file() for folder in folders for name in (*LISTS, *_CSV_LISTS))


class _Pair(NamedTuple):
    left: tuple[str, int]
    right: tuple[str, int]
    """Person and photo number."""
    split: str
    fold: int | None


class _View(NamedTuple):
    split_of: Callable[[str | None], str | None]
    pairs: Sequence[_Pair] | None
    notes: Sequence[str]


def _read_view(lists: _Lists, number: int) -> _View:
    if number == 2:
        path = lists.path("pairs.txt") or lists.path("pairs.csv")
        if path is None:
            where = ", ".join(map(str, dict.fromkeys(lists.folders)))
            raise SourceError(f"--view 2 needs pairs.txt, and there is none in {where}; put it there")
        return _View(lambda identity: "test", _read_pairs(path, "test", folds=True), [])
    people: dict[str, set[str]] = {}
    pairs: list[_Pair] = []
    absent = []
    for split, name in (("train", "DevTrain"), ("test", "DevTest")):
        paths = [lists.path(f"pairs{name}.txt")]
        if paths == [None]:
            paths = [lists.path(f"{kind}pairs{name}.csv") for kind in ("match", "mismatch")]
        if None not in paths:
            of_split = [pair for path in paths if path for pair in _read_pairs(path, split, folds=False)]
            pairs += of_split
            people[split] = {person for pair in of_split for person in (pair.left[0], pair.right[0])}
        else:
            absent.append(f"pairs{name}.txt")
        if path := lists.path(f"people{name}.txt") or lists.path(f"people{name}.csv"):
            for line, fields in _read_rows(path, "people", most_counts=1)[1]:
                if len(fields) != 2 or not _is_count(fields[1]):
                    raise bad_line(str(path), *line, "is not a name and a number of photos")
                people.setdefault(split, set()).add(photo_text(fields[0]))
    notes = [f"no official pairs: there is no {' and no '.join(absent)}"] if absent else []
    if len(people) < 2:
        return _View(lambda identity: None, None, [*notes, "no official splits either"])
    if both := sorted(people["train"] & people["test"]):
        some = ", ".join(both[:_NAMED_AT_MOST])
        raise SourceError(
            f"{len(both)} people are in both DevTrain and DevTest ({some}); download their files again"
        )
    splits = {person: split for split, persons in people.items() for person in persons}
    return _View(lambda identity: splits.get(identity or ""), None if absent else pairs, notes)


def _read_pairs(path: Path, split: str, *, folds: bool) -> list[_Pair]:
    """Read a pairs file; ``folds`` tells whether to number its folds.

    The first line holds a count n, after the number of folds if there are several. Each fold then has n
    lines ``name number number``, pairs of one person, and n lines ``name number name number``, of two. A CSV
    file has a header in place of the counts, and a fold begins with each pair of one person after one of two.
    """
    counts, rows = _read_rows(path, "pairs", most_counts=2, lines_each=2)
    pairs: list[_Pair] = []
    fold = 0
    for index, (line, fields) in enumerate(rows):
        if len(fields) == 3:
            fields.insert(2, fields[0])
        elif len(fields) != 4 or fields[0] == fields[2]:
            raise bad_line(str(path), *line, "has neither one person's 3 fields nor two people's 4")
        if not (_is_count(fields[1]) and _is_count(fields[3])):
            raise bad_line(str(path), *line, "has no photo number where one should be")
        left, right = (photo_text(fields[0]), int(fields[1])), (photo_text(fields[2]), int(fields[3]))
        if left == right:
            raise bad_line(str(path), *line, "pairs a photo with itself")
        if counts:
            fold = index // (2 * counts[-1])
        elif pairs and pairs[-1].left[0] != pairs[-1].right[0] and left[0] == right[0]:
            fold += 1
        pairs.append(_Pair(left, right, split, fold if folds else None))
    return pairs


_Row = tuple[tuple[int, str], list[str]]
"""A numbered line, and its fields."""


def _read_rows(path: Path, what: str, most_counts: int, lines_each: int = 1) -> tuple[list[int], list[_Row]]:
    """Return the counts in a protocol file's first line, and the rows after it, whose number must match.

    A CSV file has a header and no counts.
    """
    if path.suffix == ".csv":
        lines = [line for line in read_lines(str(path), path.read_bytes) if line[1].strip(" ,")]
        fields_of = [[field.strip() for field in next(csv.reader([text]))] for _, text in lines]
        trimmed = [fields[: max(at for at, field in enumerate(fields) if field) + 1] for fields in fields_of]
        is_header = bool(trimmed) and trimmed[0][0].lower() == "name"
        return [], list(zip(lines, trimmed, strict=True))[is_header:]
    head, *lines = read_lines(str(path), path.read_bytes) or [(1, "")]
    counts = head[1].split()
    if not 1 <= len(counts) <= most_counts or not all(map(_is_count, counts)):
        raise bad_line(str(path), *head, f"is not the number of {what}")
    numbers = [int(count) for count in counts]
    promised = math.prod(numbers) * lines_each
    if promised != len(lines):
        raise SourceError(
            f"{path}: its first line promises {promised} {what}, and there are {len(lines)}; "
            "download it again"
        )
    # names may hold spaces where tabs separate the fields
    return numbers, [(line, line[1].split("\t" if "\t" in line[1] else None)) for line in lines]


def _is_count(field: str) -> bool:
    return field.isascii() and field.isdigit() and len(field) < 10 and int(field) > 0


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
