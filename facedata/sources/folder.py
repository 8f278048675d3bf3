"""Folders of photos, a folder per person at any depth; one root or several named ones."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import SourceError, TooLargeImageError, UsageError
from ..files.remote import Place, Remote
from ..photos.formats import kind_of_file
from ..photos.paths import photo_path, photo_text
from ..tables.schema import is_set
from ..types import Status
from .base import PlanBuilder, Scan
from .urls import Found, list_objects, read_object

_NAMED_AT_MOST = 5
"""How many people a note names before it only counts."""

logger = logging.getLogger(__name__)

_MOST_BYTES = 512 << 20
"""Larger files are not read: no photo within ``--max-pixels`` needs them."""


@dataclass(frozen=True)
class FolderReader:
    """Reads photos below one root or several; picklable, and holds no open file.

    Attributes:
        roots: the folders by name, as :class:`FolderSource` has them.
    """

    roots: Mapping[str, Place]

    def __reduce__(self) -> tuple[type[FolderReader], tuple[dict[str, Place]]]:
        """Travel with absolute paths: a worker may stand in another folder."""
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
        if isinstance(root, Remote):
            return read_object(root, below, _MOST_BYTES)
        below = photo_path(below)
        if below.startswith("/") or ".." in below.split("/"):
            raise OSError(f"the path {photo!r} could leave the source's folder; it was not read")
        file = root / below
        if file.stat().st_size > _MOST_BYTES:
            raise TooLargeImageError(f"the file has more than {_MOST_BYTES >> 20} MiB")
        return file.read_bytes()


@dataclass(frozen=True)
class FolderSource:
    """Photos in folders.

    A photo is a file with an image ending or image magic bytes. Symbolic links are followed, but never round
    in a circle. Hidden files count as other files; hidden folders are passed over.

    Attributes:
        roots: ``{"": folder}`` for one root, a folder or a URL; for several, a name for each, with which the
            paths of its photos then start. A person found in two roots is one person.
        identity_from: who a photo shows. ``parent``: the folder it lies in. ``path``: all the folders below
            the root. Anything else is a regular expression searched in the path below the root: its group
            named ``identity``, else its first group, else the whole match.

    Raises:
        UsageError: several roots that are not all named, or a regular expression that is none.

    >>> FolderSource({"lfw": Path("/a"), "mine": Path("/b")}).root
    'lfw=/a,mine=/b'
    """

    roots: Mapping[str, Place]
    identity_from: str = "parent"

    # Not annotated, and so no fields: they are the same for every folder.
    kind = "folder"
    face = "largest"
    search = "photo"

    def __post_init__(self) -> None:
        """Refuse root names that make no path, and expressions that do not compile."""
        for name in self.roots:
            if "/" in name or name in (".", "..") or (not name and len(self.roots) > 1):
                raise UsageError(f"{name!r} is no name for a root; write several roots as NAME=DIR NAME=DIR")
        if not self.roots:
            raise UsageError("no folder of photos was named")
        _identity_rule(self.identity_from)

    @property
    def root(self) -> str:
        """The folder as text, or ``name=folder`` of each, with commas."""
        return ",".join(
            photo_text(f"{name}={root}" if name else str(root)) for name, root in self.roots.items()
        )

    def scan(self) -> Scan:
        """List every photo and video below the roots.

        Raises:
            SourceError: a root is missing or no folder, a folder cannot be listed, or there is no photo.
        """
        for root in self.roots.values():
            if isinstance(root, Path):
                require_folder(root)
        rule = _identity_rule(self.identity_from)
        plan = PlanBuilder()
        counts = {name: _add_root(plan, name, root, rule) for name, root in self.roots.items()}
        other_files = sum(count.other_files for count in counts.values())
        if not any(count.photos for count in counts.values()):
            videos = f"{len(plan)} videos, " if len(plan) else ""
            raise SourceError(f"{self.root} holds no photos ({videos}{other_files} other files)")
        return Scan(plan.table(), FolderReader(self.roots), other_files=other_files, notes=_notes(counts))


def require_folder(root: Path) -> None:
    """Check that a root is a folder.

    Raises:
        SourceError: it is missing, a file, or out of reach.
    """
    try:
        mode = root.stat().st_mode
    except OSError as error:
        raise SourceError(f"cannot open the folder {photo_text(str(root))}: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        raise SourceError(f"{photo_text(str(root))} is a file; name the folder that holds the photos")


class _IdentityRule(NamedTuple):
    identity: Callable[[str, str], str | None]
    """Takes a folder below the root (ending in ``/``, or empty) and a file name."""
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

    def searched(folder: str, name: str) -> str | None:
        match = pattern.search(folder + name)
        return (match[group] or None) if match else None

    return _IdentityRule(searched, f"its path does not match --identity-from {identity_from!r}")


@dataclass
class _Count:
    """What was found below one root."""

    people: set[str]
    photos: int = 0
    other_files: int = 0


def _add_root(plan: PlanBuilder, name: str, root: Place, rule: _IdentityRule) -> _Count:
    prefix = photo_text(name) + "/" if name else ""
    count = _Count(set())
    found = list_objects(root) if isinstance(root, Remote) else _list_files(root)
    for folder, text, kind, size, mtime_ns in found:
        if kind == "other":
            count.other_files += 1
            continue
        identity = rule.identity(folder, text)
        status, reason = (None, None) if identity else (str(Status.NO_IDENTITY), rule.reason)
        if kind == "video":
            status, reason = str(Status.UNSUPPORTED), "a video"
        else:
            count.photos += 1
        if identity:
            count.people.add(identity)
        plan.add(
            prefix + folder + text,
            size=size,
            mtime_ns=mtime_ns,
            identity=identity,
            status=status,
            reason=reason,
        )
    return count


_Chain = tuple[tuple[int, int], ...]
"""Device and inode of every folder on the way from the root; tells a link that leads back up."""


def _list_files(root: Path) -> Iterator[Found]:
    for folder, entry in _files(root):
        yield Found(folder, photo_text(entry.name), *_look(entry))


def _files(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield all that is no folder, each with the text of its folder below the root (ending in ``/``).

    Prepared sets below the root are passed over: crops are no photos, least of all a run's own.
    """
    pending: list[tuple[str, str, _Chain]] = [(str(root), "", ())]
    while pending:
        path, folder, chain = pending.pop()
        try:
            found = Path(path).stat()
            here = (found.st_dev, found.st_ino)
            if here in chain:
                continue
            with os.scandir(path) as entries:
                for entry in entries:
                    if not _is_folder(entry):
                        yield folder, entry
                    elif is_set(Path(entry.path)):
                        logger.info(
                            "%s is a prepared set: its crops are not taken as photos", photo_text(entry.path)
                        )
                    elif not entry.name.startswith("."):
                        pending.append((entry.path, f"{folder}{photo_text(entry.name)}/", (*chain, here)))
        except OSError as error:
            raise SourceError(
                f"cannot list the folder {photo_text(path)}: {error.strerror}; "
                "make it readable or move it out of the source"
            ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or to where we may not look
        return False


def _look(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    """Return the file's kind, size and time of change; the file is opened only if its ending says nothing."""
    if entry.name.startswith("."):
        return "other", 0, 0
    kind = kind_of_file(entry.name, b"")
    try:
        found = entry.stat()
    except OSError:  # a broken link: it gets its row, and the reader's error is that row's reason
        return kind, 0, 0
    if not stat.S_ISREG(found.st_mode):  # reading a pipe would wait for ever
        return "other", 0, 0
    if kind == "other":
        kind = kind_of_file(entry.name, _head(entry.path))
    return kind, found.st_size, found.st_mtime_ns


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb", buffering=0) as file:
            return file.read(16)
    except OSError:  # neither ending nor bytes tell what it is
        return b""


def _notes(counts: Mapping[str, _Count]) -> list[str]:
    notes = [f"the root {name} holds no photos" for name, count in counts.items() if not count.photos]
    roots_of = Counter(person for count in counts.values() for person in count.people)
    shared = sorted(person for person, roots in roots_of.items() if roots > 1)
    if shared:
        named = ", ".join(shared[:_NAMED_AT_MOST])
        more = f" and {len(shared) - _NAMED_AT_MOST} more" if len(shared) > _NAMED_AT_MOST else ""
        notes.append(f"in more than one root, and taken as the same person: {named}{more}")
    return notes
