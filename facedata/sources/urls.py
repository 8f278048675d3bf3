"""Photos listed by key, as behind a URL or in a zip, each with a stamp that changes when the photo does."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from ..errors import SourceError, TooLargeImageError
from ..files.remote import Remote
from ..photos.formats import HEAD_BYTES, kind_of_file
from ..photos.paths import escape_bytes, restore_bytes
from ..photos.system_folders import PassedOver, is_system_folder
from ..tables.schema import CLAIM, DATASET, KIND

logger = logging.getLogger(__name__)


class ListedFile(NamedTuple):
    """A file below a root: its folder (ending in ``/``, or empty), name, kind, size and modification time."""

    folder: str
    name: str
    kind: str
    size: int
    mtime_ns: int


def list_objects(root: Remote, passed_over: PassedOver) -> Iterator[ListedFile]:
    """Yield every object below a URL, as :func:`list_keys` does.

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
        raise SourceError(
            f"there is nothing below {root}; is the address right? (an archive has to be downloaded first)"
        )
    stamps = {escape_bytes(path): (entry.size, entry.stamp_ns) for path, entry in listed.items()}

    def read(key: str, count: int | None) -> bytes:
        return (root / restore_bytes(key)).read_bytes(None if count is None else 0, count)

    yield from list_keys(str(root), stamps, read, passed_over)


def list_keys(
    where: str,
    stamps: Mapping[str, tuple[int, int]],
    read: Callable[[str, int | None], bytes],
    passed_over: PassedOver,
) -> Iterator[ListedFile]:
    """Yield every file of a listing, without those in hidden folders, system folders and prepared sets.

    Args:
        where: what was listed, for the log.
        stamps: size and time of each file, by its path as text.
        read: returns a file's first bytes, or with None all of them.
        passed_over: counts system folders.
    """
    # folders that hold a prepared set, finished or in progress: their crops are not photos
    sets = {path.removesuffix(f"/{CLAIM}") for path in stamps if path.endswith(f"/{CLAIM}")}
    for path in stamps:
        if path.endswith(f"/{DATASET}"):
            try:
                info = json.loads(read(path, None))
            except (OSError, ValueError):
                continue
            if isinstance(info, dict) and info.get("kind") == KIND:
                sets.add(path.removesuffix(f"/{DATASET}"))
    for path in sorted(sets):
        logger.info("%s/%s is a prepared set: its crops are not taken as photos", where, path)
    system = set[str]()
    for path, (size, mtime_ns) in stamps.items():
        folder, _, name = path.rpartition("/")
        parts = folder.split("/")
        at = next((number for number, part in enumerate(parts) if is_system_folder(part)), None)
        if at is not None and not any(part.startswith(".") for part in parts[:at]):
            system.add("/".join(parts[: at + 1]))
            passed_over.photos += kind_of_file(name, bytes) != "other"
            continue
        parents = [path[:end] for end, letter in enumerate(path) if letter == "/"]
        if not sets.isdisjoint(parents) or any(part.startswith(".") for part in parts):
            continue
        kind = kind_of_file(name, partial(read, path, HEAD_BYTES) if size else bytes)
        yield ListedFile(f"{folder}/" if folder else "", name, kind, size, mtime_ns)
    passed_over.folders.update(folder.rpartition("/")[2] for folder in system)


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
