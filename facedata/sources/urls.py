"""Photos behind a URL: objects listed by key, each with a stamp that changes when the object does."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from ..errors import SourceError, TooLargeImageError
from ..files.remote import Remote
from ..photos.formats import kind_of_file
from ..photos.paths import photo_text
from ..tables.schema import CLAIM, DATASET, KIND

logger = logging.getLogger(__name__)


class ListedFile(NamedTuple):
    """A file below a root: its folder (ending in ``/``, or empty), name, kind, size and modification time."""

    folder: str
    name: str
    kind: str
    size: int
    mtime_ns: int


def list_objects(root: Remote) -> Iterator[ListedFile]:
    """Yield every object below a URL; hidden folders and prepared sets are skipped.

    ``mtime_ns`` is made from the object's ETag (else its modification time), so it changes when the object
    does.

    Raises:
        SourceError: it cannot be listed, or is empty.
    """
    try:
        listed = root.files()
    except OSError as error:
        raise SourceError(f"cannot list {root}: {error.strerror or error}") from error
    if not listed:
        raise SourceError(f"there is nothing below {root}; is the address right?")
    # folders that hold a prepared set, finished or in progress: their crops are not photos
    sets = {path.removesuffix(f"/{CLAIM}") for path in listed if path.endswith(f"/{CLAIM}")}
    for path in listed:
        if path.endswith(f"/{DATASET}"):
            try:
                info = json.loads((root / path).read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(info, dict) and info.get("kind") == KIND:
                sets.add(path.removesuffix(f"/{DATASET}"))
    for path in sorted(sets):
        logger.info("%s/%s is a prepared set: its crops are not taken as photos", root, path)
    for path, entry in listed.items():
        folder, _, name = path.rpartition("/")
        parents = [path[:end] for end, letter in enumerate(path) if letter == "/"]
        if not sets.isdisjoint(parents) or any(part.startswith(".") for part in folder.split("/")):
            continue
        kind = kind_of_file(name, partial((root / path).read_bytes, 0, 16) if entry.size else bytes)
        text = photo_text(f"{folder}/" if folder else "")
        yield ListedFile(text, photo_text(name), kind, entry.size, entry.stamp_ns)


def read_object(file: Remote, most_bytes: int) -> bytes:
    """Return a photo's bytes.

    Raises:
        OSError: it cannot be read, after several tries.
        TooLargeImageError: it has more than ``most_bytes``.
    """
    try:
        data = file.read_bytes(0, most_bytes + 1)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        data = file.read_bytes()  # an empty object has no range to read
    if len(data) > most_bytes:
        raise TooLargeImageError(f"the file has more than {most_bytes >> 20} MiB")
    return data
