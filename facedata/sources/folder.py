"""Folders of photos, one folder per person at any depth; one root or several named ones."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..config import PrepareConfig
from ..errors import SourceError, TooLargeImageError, UsageError
from ..files.download import default_cache
from ..files.remote import Location, Remote
from ..photos.paths import photo_path, photo_text, restore_bytes
from ..photos.system_folders import PassedOver
from .archive import ZipReader, archive_kind, unpack_tar, zip_members
from .base import PlanBuilder, Scan, early_status
from .open import SourceKind, SourceLike
from .urls import ListedFile, list_keys, list_objects, read_object
from .walk import list_files, require_folder

_NAMED_AT_MOST = 5
"""The most people that a note names; it counts the others."""

logger = logging.getLogger(__name__)

_MOST_BYTES = 512 << 20
"""Larger files are not read: no photo within ``--max-pixels`` needs them."""


@dataclass(frozen=True)
class FolderReader:
    """Reads photos below one root or several; picklable, and holds no open file.

    Attributes:
        roots: the folders by name, as in :class:`FolderSource`; for a zip, its reader.
    """

    roots: Mapping[str, Location | ZipReader]

    def __reduce__(self) -> tuple[type[FolderReader], tuple[dict[str, Location | ZipReader]]]:
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
        if isinstance(root, ZipReader):
            return root.read(below, most_bytes=_MOST_BYTES)
        if below.startswith("/") or ".." in below.split("/"):
            raise OSError(f"the path {photo!r} could leave the source's folder; it was not read")
        if isinstance(root, Remote):
            return read_object(root / restore_bytes(below), _MOST_BYTES)
        file = root / photo_path(below)
        if file.exists() and not file.is_file():  # reading a pipe could block forever
            raise OSError(f"{photo!r} is no file any more")
        if file.stat().st_size > _MOST_BYTES:
            raise TooLargeImageError(f"the file has more than {_MOST_BYTES >> 20} MiB")
        return file.read_bytes()


@dataclass(frozen=True)
class FolderSource:
    """Photos in folders.

    A photo is a file with an image ending or image magic bytes. Symbolic links are followed, but not in
    cycles. Hidden files count as other files; hidden folders are skipped, and so are those of systems
    (:mod:`facedata.photos.system_folders`), which are counted.

    Attributes:
        roots: ``{"": folder}`` for one root, a folder, an archive or a URL; for several, a name for each,
            which the paths of its photos then start with. A person found in two roots is one person. A zip is
            read in place; a tar is unpacked into the cache.
        identity_from: who is in a photo. ``parent``: the folder it lies in. ``path``: all the folders below
            the root. Anything else is a regular expression searched in the path below the root: its group
            named ``identity``, else its first group, else the whole match.
        cache: where tars are unpacked; None for the default.

    Raises:
        UsageError: several roots that are not all named, or a bad regular expression.

    >>> FolderSource({"lfw": Path("/a"), "mine": Path("/b")}).root
    'lfw=/a,mine=/b'
    """

    roots: Mapping[str, Location]
    identity_from: str = "parent"
    cache: Path | None = None

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
        return cls(roots, config.identity_from, Path(config.cache) if config.cache else None)

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
            SourceError: a root is missing or neither folder nor archive, an archive is damaged or unsafe, a
                folder cannot be listed, or there is no photo.
            StoreError: the cache, for a tar, cannot be written.
        """
        opened = {name: self._open_root(root) for name, root in self.roots.items()}
        rule = _identity_rule(self.identity_from)
        plan, notes, roots_of, passed_over = PlanBuilder(), list[str](), Counter[str](), PassedOver()
        photos = other_files = 0
        for name, root in opened.items():
            prefix = photo_text(name) + "/" if name else ""
            photos_before, people = photos, set[str | None]()
            for file in _list_files(root, passed_over):
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
            elif people == {None} and len(opened) > 1:
                notes.append(
                    f"none of the {photos - photos_before} photos of {name} has a person: {rule.reason}"
                )
        if not photos:
            videos = f"{len(plan)} videos, " if len(plan) else ""
            raise SourceError(f"{self.root} holds no photos ({videos}{other_files} other files)")
        if shared := sorted(person for person, roots in roots_of.items() if roots > 1):
            names = ", ".join(shared[:_NAMED_AT_MOST])
            more = f" and {len(shared) - _NAMED_AT_MOST} more" if len(shared) > _NAMED_AT_MOST else ""
            notes.append(f"in more than one root, and taken as the same person: {names}{more}")
        notes += passed_over.notes()
        return Scan(plan.table(), FolderReader(opened), other_files=other_files, notes=notes)

    def _open_root(self, root: Location) -> Location | ZipReader:
        if isinstance(root, Remote):
            return root
        if (kind := archive_kind(root)) == "zip":
            return ZipReader(root)
        if kind == "tar":
            return unpack_tar(root, self.cache or default_cache())
        require_folder(root)
        return root


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


def _list_files(root: Location | ZipReader, passed_over: PassedOver) -> Iterator[ListedFile]:
    if isinstance(root, Remote):
        yield from list_objects(root, passed_over)
        return
    if isinstance(root, ZipReader):
        stamps = {member.name: (member.size, member.mtime_ns) for member in zip_members(root.path)}
        yield from list_keys(photo_text(str(root.path)), stamps, root.read, passed_over)
        return
    yield from list_files(root, passed_over)


FOLDER = SourceKind(FolderSource.open, FolderSource.typed)
