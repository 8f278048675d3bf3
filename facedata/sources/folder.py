"""Folders of photos, one folder per person at any depth; one root or several named ones."""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ..config import PrepareConfig
from ..errors import SourceError, TooLargeImageError, UsageError
from ..files.remote import Location, Remote
from ..photos.formats import kind_of_file
from ..photos.paths import photo_path, photo_text
from ..tables.schema import is_set
from .base import PlanBuilder, Scan, early_status
from .open import SourceKind, SourceLike
from .urls import ListedFile, list_objects, read_object

_NAMED_AT_MOST = 5
"""The most people that a note names; it counts the others."""

logger = logging.getLogger(__name__)

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})

_MOST_BYTES = 512 << 20
"""Larger files are not read: no photo within ``--max-pixels`` needs them."""


@dataclass(frozen=True)
class FolderReader:
    """Reads photos below one root or several; picklable, and holds no open file.

    Attributes:
        roots: the folders by name, as in :class:`FolderSource`.
    """

    roots: Mapping[str, Location]

    def __reduce__(self) -> tuple[type[FolderReader], tuple[dict[str, Location]]]:
        """Pickle absolute paths: a worker may have another working directory."""
        return FolderReader, (
            {name: root.absolute() if isinstance(root, Path) else root for name, root in self.roots.items()},
        )

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of the photo with this path.

        Raises:
            OSError: it cannot be read, or its path holds ``..`` and could leave the root.
            TooLargeImageError: it has more than 512 MiB.
        """
        name, _, below = ("", "", photo) if "" in self.roots else photo.partition("/")
        root = self.roots.get(photo_path(name))
        if root is None:
            raise FileNotFoundError(f"the path {photo!r} starts with the name of no root of this source")
        below = photo_path(below)
        if below.startswith("/") or ".." in below.split("/"):
            raise OSError(f"the path {photo!r} could leave the source's folder; it was not read")
        if isinstance(root, Remote):
            return read_object(root / below, _MOST_BYTES)
        file = root / below
        if file.stat().st_size > _MOST_BYTES:
            raise TooLargeImageError(f"the file has more than {_MOST_BYTES >> 20} MiB")
        return file.read_bytes()


@dataclass(frozen=True)
class FolderSource:
    """Photos in folders.

    A photo is a file with an image ending or image magic bytes. Symbolic links are followed, but not in
    cycles. Hidden files count as other files; hidden folders are skipped.

    Attributes:
        roots: ``{"": folder}`` for one root, a folder or a URL; for several, a name for each, which the paths
            of its photos then start with. A person found in two roots is one person.
        identity_from: who is in a photo. ``parent``: the folder it lies in. ``path``: all the folders below
            the root. Anything else is a regular expression searched in the path below the root: its group
            named ``identity``, else its first group, else the whole match.

    Raises:
        UsageError: several roots that are not all named, or a bad regular expression.

    >>> FolderSource({"lfw": Path("/a"), "mine": Path("/b")}).root
    'lfw=/a,mine=/b'
    """

    roots: Mapping[str, Location]
    identity_from: str = "parent"

    # Without annotations these are not fields: they are the same for every folder.
    kind = "folder"
    face = "largest"
    search = "photo"

    def __post_init__(self) -> None:
        """Refuse root names that cannot start a path, and expressions that do not compile."""
        for name in self.roots:
            if "/" in name or name in (".", "..") or (not name and len(self.roots) > 1):
                raise UsageError(
                    f"{name!r} cannot be the name of a root; write several roots as NAME=DIR NAME=DIR"
                )
        if not self.roots:
            raise UsageError("no folder of photos is given")
        _identity_rule(self.identity_from)

    @classmethod
    def open(cls, roots: Mapping[str, Location], config: PrepareConfig) -> FolderSource:
        """Make the source from the user's paths by name; several need names."""
        if not roots:
            raise UsageError("no source is given; this kind takes a folder")
        if len(roots) == 1:
            roots = {"" if name.startswith("#") else name: path for name, path in roots.items()}
        elif unnamed := [str(path) for name, path in roots.items() if name.startswith("#")]:
            raise UsageError(f"several folders need names, as in lfw=DIR mine=DIR; {unnamed[0]} has none")
        return cls(roots, config.identity_from)

    @property
    def root(self) -> str:
        """The folder as text, or ``name=folder`` of each, separated by commas."""
        return ",".join(
            photo_text(f"{name}={root}" if name else str(root)) for name, root in self.roots.items()
        )

    @staticmethod
    def typed(root: str, moved: SourceLike | None) -> SourceLike:
        """Split the text of several roots, unless a folder with exactly that name exists.

        >>> FolderSource.typed("lfw=a/lfw,mine=b", None)
        {'lfw': 'a/lfw', 'mine': 'b'}
        """
        if moved is not None:
            return moved
        if not re.match(r"[^/=,]+=", root) or Path(root).exists():
            return root
        return dict(part.split("=", 1) for part in re.split(r",(?=[^/=,]+=)", root))

    def scan(self) -> Scan:
        """List every photo and video below the roots.

        Raises:
            SourceError: a root is missing or not a folder, a folder cannot be listed, or there is no photo.
        """
        for root in self.roots.values():
            if isinstance(root, Path):
                require_folder(root)
        rule = _identity_rule(self.identity_from)
        plan, notes, roots_of = PlanBuilder(), list[str](), Counter[str]()
        photos = other_files = 0
        for name, root in self.roots.items():
            prefix = photo_text(name) + "/" if name else ""
            photos_before, people = photos, set[str | None]()
            for file in list_objects(root) if isinstance(root, Remote) else _list_files(root):
                if file.kind == "other":
                    other_files += 1
                    continue
                photos += file.kind == "photo"
                identity = rule.identity(file.folder, file.name)
                people.add(identity)
                plan.add(
                    prefix + file.folder + file.name, size=file.size, mtime_ns=file.mtime_ns,
                    identity=identity, **early_status(file.kind, identity, rule.reason),
                )  # fmt: skip
            roots_of.update(person for person in people if person)
            if photos == photos_before:
                notes.append(f"the root {name} holds no photos")
        if not photos:
            videos = f"{len(plan)} videos, " if len(plan) else ""
            raise SourceError(f"{self.root} holds no photos ({videos}{other_files} other files)")
        if shared := sorted(person for person, roots in roots_of.items() if roots > 1):
            names = ", ".join(shared[:_NAMED_AT_MOST])
            more = f" and {len(shared) - _NAMED_AT_MOST} more" if len(shared) > _NAMED_AT_MOST else ""
            notes.append(f"in more than one root, and taken as the same person: {names}{more}")
        return Scan(plan.table(), FolderReader(self.roots), other_files=other_files, notes=notes)


def require_folder(root: Path) -> None:
    """Check that a root is a folder.

    Raises:
        SourceError: it is missing, a file, or not accessible.
    """
    try:
        mode = root.stat().st_mode
    except OSError as error:
        raise SourceError(f"cannot open the folder {photo_text(str(root))}: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        raise SourceError(f"{photo_text(str(root))} is a file; name the folder that holds the photos")


def size_and_time(file: Path | os.DirEntry[str]) -> tuple[int, int] | None:
    """Return a file's size in bytes and modification time in nanoseconds; None if it does not exist."""
    try:
        info = file.stat()
    except OSError as error:
        # an inaccessible file is not missing: it gets a row, with the reader's error as its reason
        return None if error.errno in _ABSENT else (0, 0)
    except ValueError:  # a NUL in the path, which no file name can hold
        return None
    return (info.st_size, info.st_mtime_ns) if stat.S_ISREG(info.st_mode) else None


class _IdentityRule(NamedTuple):
    identity: Callable[[str, str], str | None]
    """Takes the folder below the root (ending in ``/``, or empty) and the file name."""
    reason: str
    """Why a photo has no identity."""


def _identity_rule(identity_from: str) -> _IdentityRule:
    if identity_from == "parent":
        return _IdentityRule(
            lambda folder, name: folder[:-1].rpartition("/")[2] or None, "it lies in no person's folder"
        )
    if identity_from == "path":
        return _IdentityRule(lambda folder, name: folder[:-1] or None, "it lies in no person's folder")
    try:
        pattern = re.compile(identity_from)
    except re.error as error:
        raise UsageError(
            f"--identity-from {identity_from!r} is neither parent, path nor a regular expression: {error}"
        ) from error
    group: str | int = "identity" if "identity" in pattern.groupindex else min(pattern.groups, 1)

    def search(folder: str, name: str) -> str | None:
        match = pattern.search(folder + name)
        return (match[group] or None) if match else None

    return _IdentityRule(search, f"its path does not match --identity-from {identity_from!r}")


_Chain = tuple[tuple[int, int], ...]
"""Device and inode of every folder on the path from the root: a link to one of them closes a cycle."""


def walk_files(root: Path, each_folder_once: bool = False) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every entry below the root except folders, with its folder's text (ending in ``/``, or empty).

    Links are followed, but not in cycles. Hidden folders are skipped, and so are prepared sets: their crops
    are not photos.

    Args:
        root: the folder.
        each_folder_once: list a folder that links lead to only once, under its own path if it has one below
            the root; and list prepared sets too.

    Raises:
        SourceError: a folder cannot be listed.
    """
    pending: list[tuple[str, str, _Chain]] = [(str(root), "", ())]
    links: list[tuple[str, str, _Chain]] = []
    listed: set[tuple[int, int]] = set()
    while pending or links:
        path, folder, chain = pending.pop() if pending else links.pop(links.index(min(links)))
        try:
            info = Path(path).stat()
            here = (info.st_dev, info.st_ino)
            if here in (listed if each_folder_once else chain):
                continue
            listed.add(here)
            with os.scandir(path) as entries:
                for entry in entries:
                    try:
                        is_folder = entry.is_dir()
                    except OSError:  # a link to itself, or to a folder we may not read
                        is_folder = False
                    if not is_folder:
                        yield folder, entry
                    elif not each_folder_once and is_set(Path(entry.path)):
                        logger.info(
                            "%s is a prepared set: its crops are not taken as photos", photo_text(entry.path)
                        )
                    elif not entry.name.startswith("."):
                        later = links if each_folder_once and entry.is_symlink() else pending
                        later.append((entry.path, f"{folder}{photo_text(entry.name)}/", (*chain, here)))
        except OSError as error:
            raise SourceError(
                f"cannot list the folder {photo_text(path)}: {error.strerror}; "
                "make it readable or move it out of the source"
            ) from error


def _list_files(root: Path) -> Iterator[ListedFile]:
    for folder, entry in walk_files(root):
        try:
            info = entry.stat()
        except OSError:  # a broken link: it gets a row, with the reader's error as its reason
            yield ListedFile(folder, photo_text(entry.name), kind_of_file(entry.name, bytes), 0, 0)
            continue
        is_regular = stat.S_ISREG(info.st_mode)  # reading a pipe could block forever
        kind = kind_of_file(entry.name, partial(_read_head, entry.path)) if is_regular else "other"
        yield ListedFile(folder, photo_text(entry.name), kind, info.st_size, info.st_mtime_ns)


def _read_head(path: str) -> bytes:
    with Path(path).open("rb", buffering=0) as file:
        return file.read(16)


FOLDER = SourceKind(FolderSource.open, FolderSource.typed)
