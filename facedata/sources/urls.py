"""Photos behind a URL: objects listed by their keys, each with what tells whether it has changed."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import SourceError, TooLargeImageError
from ..files.remote import Entry, Remote
from ..photos.formats import kind_of_file
from ..photos.paths import photo_path, photo_text
from ..tables.schema import CLAIM, DATASET, KIND

logger = logging.getLogger(__name__)


class Found(NamedTuple):
    """A file below a root: its folder's text (ending in ``/``, or empty), name, kind, size and change."""

    folder: str
    name: str
    kind: str
    size: int
    mtime_ns: int


def list_objects(root: Remote) -> Iterator[Found]:
    """Yield every object below a URL; hidden folders and prepared sets are passed over.

    A change shows in ``mtime_ns``, which is made of the object's ETag (else its time of change).

    Raises:
        SourceError: it cannot be listed, or nothing is there.
    """
    try:
        listed = root.files()
    except OSError as error:
        raise SourceError(f"cannot list {root}: {error.strerror or error}") from error
    if not listed:
        raise SourceError(f"there is nothing below {root}; is the address right?")
    sets = _sets(root, listed)
    for path, entry in listed.items():
        folder, _, name = path.rpartition("/")
        parents = [path[:end] for end, letter in enumerate(path) if letter == "/"]
        if not sets.isdisjoint(parents) or any(part.startswith(".") for part in folder.split("/")):
            continue
        kind, text = _kind(root / path, name, entry), photo_text(f"{folder}/" if folder else "")
        yield Found(text, photo_text(name), kind, entry.size, entry.stamp_ns)


def _sets(root: Remote, listed: dict[str, Entry]) -> set[str]:
    """Return the folders that hold a prepared set, finished or on its way: their crops are no photos."""
    claim = f"/{CLAIM}"
    found = {path.removesuffix(claim) for path in listed if path.endswith(claim)}
    for path in listed:
        if path.endswith(f"/{DATASET}") and _is_dataset(root / path):
            found.add(path.removesuffix(f"/{DATASET}"))
    for path in sorted(found):
        logger.info("%s/%s is a prepared set: its crops are not taken as photos", root, path)
    return found


def _is_dataset(file: Remote) -> bool:
    try:
        info = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(info, dict) and info.get("kind") == KIND


def _kind(file: Remote, name: str, entry: Entry) -> str:
    if name.startswith("."):
        return "other"
    kind = kind_of_file(name, b"")
    if kind != "other" or not entry.size:
        return kind
    try:
        return kind_of_file(name, file.read_bytes(0, 16))
    except OSError:  # neither ending nor bytes tell what it is
        return kind


def read_object(root: Remote, below: str, most_bytes: int) -> bytes:
    """Return a photo's bytes.

    Raises:
        OSError: it cannot be read, after further tries, or its path could leave the root.
        TooLargeImageError: it has more than ``most_bytes``.
    """
    path = photo_path(below)
    if path.startswith("/") or ".." in path.split("/"):
        raise OSError(f"the path {below!r} could leave the source's folder; it was not read")
    try:
        data = (root / path).read_bytes(0, most_bytes + 1)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        data = (root / path).read_bytes()  # no range of an empty object can be read
    if len(data) > most_bytes:
        raise TooLargeImageError(f"the file has more than {most_bytes >> 20} MiB")
    return data
