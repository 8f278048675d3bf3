"""Locations: a local path, or an object behind a URL, whose failed requests are retried.

S3's are asked for by :mod:`.s3`, others through the file system that fsspec has for the URL.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from ..errors import MissingExtraError, UsageError
from .s3 import S3Objects
from .staged import StagedFiles

logger = logging.getLogger(__name__)

TRIES = 5
FIRST_WAIT_S = 0.5
"""Wait before the second try; doubled before each further one."""

_URL = re.compile(r"([a-z0-9+.-]+::)*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_S3 = ("s3", "s3a")
_OPTIONS: dict[str, dict[str, Any]] = {
    # objects need no folders; let files create theirs
    "file": {"auto_mkdir": True},
}
_NOT_RETRIED = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    ImportError,
    TypeError,
    ValueError,
)
_NOT_RETRIED_NAMES = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "ParamValidationError",
)
_STAMPS = ("ETag", "etag", "md5", "LastModified", "last_modified", "mtime", "modified", "updated", "created")
_RANGE_BYTES = 8 << 20
"""Bytes per request when an object is read from beginning to end."""

ResultT = TypeVar("ResultT")


class Entry(NamedTuple):
    """An object in a listing: its size in bytes, and a stamp that changes when the object does."""

    size: int
    stamp: str

    @property
    def stamp_ns(self) -> int:
        """The stamp as a number, used like a file's modification time."""
        return int.from_bytes(hashlib.sha256(self.stamp.encode()).digest()[:8], "little") >> 1


def is_url(path: object) -> bool:
    """Return whether this is an fsspec URL, not a path.

    >>> is_url("s3://bucket/photos"), is_url("photos/"), is_url("lfw=photos")
    (True, False, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def parse_location(path: str | os.PathLike[str] | Remote) -> Location:
    """Return the location for a user's path or URL."""
    if isinstance(path, Remote):
        return path
    return Remote(path) if isinstance(path, str) and is_url(path) else Path(path)


@dataclass(frozen=True)
class Remote:
    """A location behind a URL, with the few methods of :class:`pathlib.Path` that reading a set needs.

    Picklable, since it holds no connection. A request is tried up to five times, with waits of 0.5, 1, 2 and
    4 seconds; then it raises an OSError, whatever the store's own library raised.

    Attributes:
        url: ``s3://`` with a bucket and a key, or any that fsspec knows.
    """

    url: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url if self.url.endswith("://") else self.url.rstrip("/"))

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Remote:
        return Remote(f"{self.url}/{name}" if name else self.url)

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> Remote:
        """The location without its last part."""
        return Remote(self.url.rpartition("/")[0])

    @property
    def suffix(self) -> str:
        """The last part's ending."""
        return Path(self.name).suffix

    def read_bytes(self, start: int | None = None, end: int | None = None) -> bytes:
        """Read the object, or some of its bytes.

        Raises:
            OSError: it is gone, or cannot be read after five tries.
        """
        data: bytes = self._try("read", lambda fs, path: fs.cat_file(path, start=start, end=end))
        return data

    def read_text(self, encoding: str = "utf-8") -> str:
        """Read the object as text; raises as :meth:`read_bytes` does."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open the object for reading by ranges; ``rb`` is the only mode."""
        if mode != "rb":
            raise ValueError(f"a remote file can only be opened with the mode 'rb', not {mode!r}")
        return io.BufferedReader(_Ranges(self), _RANGE_BYTES)

    def write_bytes(self, data: bytes) -> None:
        """Write the object, completely or not at all.

        Raises:
            OSError: the store refuses, or does not answer, after five tries.
        """
        self._try("write", lambda fs, path: fs.pipe_file(path, data))

    def upload(self, file: Path) -> None:
        """Upload a file as one object; raises as :meth:`write_bytes` does."""
        self._try("write", lambda fs, path: fs.put_file(str(file), path))

    def download(self, file: Path) -> None:
        """Download the object to a file, completely or not at all."""
        with StagedFiles() as staged:
            temporary = staged.path(file)
            self._try("read", lambda fs, path: fs.get_file(path, str(temporary)))
            staged.commit()

    def remove(self) -> None:
        """Remove the object; it may be gone already."""
        try:
            self._try("remove", lambda fs, path: fs.rm_file(path))
        except FileNotFoundError:
            return

    def entry(self) -> Entry:
        """Return the object's size and stamp.

        Raises:
            OSError: it does not exist, or the store does not answer.
        """
        return _entry(self._try("look at", _look_at))

    def is_file(self) -> bool:
        """Return whether this is an object."""
        return self._type() == "file"

    def is_dir(self) -> bool:
        """Return whether any object lies below; object stores have no other folders."""
        return self._type() == "directory"

    def _type(self) -> str | None:
        try:
            return str(self._try("look at", _look_at)["type"])
        except FileNotFoundError:
            return None

    def files(self) -> dict[str, Entry]:
        """Return every object below, by its relative path; empty if there are none."""

        def list_objects(fs: Any, path: str) -> dict[str, Entry]:
            fs.invalidate_cache()  # other processes write to the store too
            root = path.rstrip("/") + "/"
            infos = fs.find(path, detail=True)
            return {
                name.removeprefix(root): _entry(info)
                for name, info in infos.items()
                if name.startswith(root) and info.get("type", "file") == "file" and not name.endswith("/")
            }

        try:
            return self._try("list", list_objects)
        except FileNotFoundError:
            return {}

    def _try(self, what: str, call: Callable[[Any, str], ResultT]) -> ResultT:
        for number in range(TRIES):
            try:
                return call(*_file_system(self.url))
            except Exception as error:  # each store's library has its own errors; all become OSErrors
                if isinstance(error, (UsageError, MissingExtraError)):
                    raise
                failure = error
            # a retry cannot help; EINVAL means a range outside the object
            is_invalid = isinstance(failure, OSError) and failure.errno == errno.EINVAL
            if (
                is_invalid
                or isinstance(failure, _NOT_RETRIED)
                or type(failure).__name__ in _NOT_RETRIED_NAMES
            ):
                raise _as_os_error(failure, self.url) from failure
            if number + 1 < TRIES:
                logger.info("cannot %s %s (%s); trying again", what, self.url, failure)
                time.sleep(FIRST_WAIT_S * 2**number)
        raise _as_os_error(failure, self.url, f" ({TRIES} tries)") from failure


Location = Path | Remote
"""A local file or folder, or one behind a URL."""


class _Ranges(io.RawIOBase):
    """A remote object as a seekable file; every read is one request."""

    def __init__(self, remote: Remote) -> None:
        self._remote, self._at, self._size = remote, 0, remote.entry().size

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: it can be read from any byte."""
        return True

    def tell(self) -> int:
        """Return the position of the byte that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte, counted from the beginning, the current byte or the end; return its position."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return the number of bytes read, 0 at the end."""
        end = min(self._at + len(buffer), self._size)
        data = self._remote.read_bytes(self._at, end) if self._at < end else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it; both kinds reuse connections."""
    protocol = url.partition(":")[0].lower()
    if protocol in _S3:
        if find_spec("boto3") is None:
            raise MissingExtraError.of(f"{protocol}://", "s3")
        return S3Objects(), url.partition("://")[2]
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(url, **_OPTIONS.get(protocol, {}))
    except ImportError as error:
        raise MissingExtraError(f"{protocol}:// needs a package that is not installed: {error}") from error
    except ValueError as error:
        raise UsageError(f"{url} is not a URL that fsspec knows: {error}") from error
    return fs, path


def _look_at(fs: Any, path: str) -> dict[str, Any]:
    fs.invalidate_cache(path)  # other processes write to the store too
    info: dict[str, Any] = fs.info(path)
    return info


def _entry(info: dict[str, Any]) -> Entry:
    stamp = next((info[name] for name in _STAMPS if info.get(name) is not None), "")
    # a listing may give a datetime where a request for one object gives a number
    return Entry(int(info.get("size") or 0), str(stamp.timestamp() if isinstance(stamp, datetime) else stamp))


def _as_os_error(error: Exception, url: str, suffix: str = "") -> OSError:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PermissionError):
        text = f"the store refuses it: {text}"
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(error.errno or 2, f"there is no {url}")
    kind = PermissionError if isinstance(error, PermissionError) else OSError
    return kind(getattr(error, "errno", None) or 5, text[:300] + suffix)
