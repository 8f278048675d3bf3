"""Places that are no folder here: objects behind an fsspec URL, with further tries after a failure."""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from ..errors import MissingExtraError, StoreError, UsageError

logger = logging.getLogger(__name__)

TRIES = 5
FIRST_WAIT_S = 0.5
"""Before the second try; twice as long before each further one."""

_URL = re.compile(r"([a-z0-9+.-]+::)*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_EXTRAS = {"s3": "s3", "s3a": "s3"}
_OPTIONS: dict[str, dict[str, Any]] = {
    # one place tries again, and that is here; three layers of it multiply to minutes
    "s3": {"config_kwargs": {"retries": {"total_max_attempts": 1}}, "use_listings_cache": False},
    # objects need no folders made before them; neither shall files
    "file": {"auto_mkdir": True},
}
_HOPELESS = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    ImportError,
    TypeError,
    ValueError,
)
_HOPELESS_NAMES = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "ParamValidationError")
_STAMPS = ("ETag", "etag", "md5", "LastModified", "last_modified", "mtime", "modified", "updated", "created")
_SINGLE_PUT_BYTES = 5 << 30
"""S3 takes no larger object in one request."""

_RANGE_BYTES = 8 << 20
"""Read in one request when an object is read from beginning to end."""

ResultT = TypeVar("ResultT")


class Entry(NamedTuple):
    """An object as a listing has it: size in bytes, and a stamp that changes when the object does."""

    size: int
    stamp: str

    @property
    def stamp_ns(self) -> int:
        """The stamp as a number, where a file's time of change stands otherwise."""
        return int.from_bytes(hashlib.sha256(self.stamp.encode()).digest()[:8], "little") >> 1


def is_url(path: object) -> bool:
    """Tell an fsspec URL from a path.

    >>> is_url("s3://bucket/photos"), is_url("photos/"), is_url("lfw=photos")
    (True, False, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def place_of(path: str | os.PathLike[str] | Remote) -> Place:
    """Return what a user's path or URL means."""
    if isinstance(path, Remote):
        return path
    return Remote(path) if isinstance(path, str) and is_url(path) else Path(path)


@dataclass(frozen=True)
class Remote:
    """A place behind a URL, with the few methods of :class:`pathlib.Path` that reading a set needs.

    Picklable; no connection is part of it. A failed request is tried again, five times in all, with 0.5, 1, 2
    and 4 seconds between; then an OSError comes out, whatever the store's own library raises.

    Attributes:
        url: any that fsspec knows.
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
        """What the last part lies in."""
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
        data: bytes = self._tried("read", lambda fs, path: fs.cat_file(path, start=start, end=end))
        return data

    def read_text(self, encoding: str = "utf-8") -> str:
        """Read the object as text; errors as of :meth:`read_bytes`."""
        return self.read_bytes().decode(encoding)

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open the object for reading by ranges; only the mode ``rb`` there is."""
        if mode != "rb":
            raise ValueError(f"a remote file is opened to read, not {mode!r}")
        return io.BufferedReader(_Ranges(self), _RANGE_BYTES)

    def write_bytes(self, data: bytes) -> None:
        """Put an object, whole or not at all.

        Raises:
            OSError: the store refuses, or does not answer, after five tries.
        """
        self._tried("write", lambda fs, path: fs.pipe_file(path, data))

    def upload(self, file: Path) -> None:
        """Put a file's bytes as one object; errors as of :meth:`write_bytes`."""
        size = file.stat().st_size

        def put(fs: Any, path: str) -> None:
            whole = _protocol(fs) in _EXTRAS and size < _SINGLE_PUT_BYTES
            fs.put_file(str(file), path, **({"chunksize": max(size, 1)} if whole else {}))

        self._tried("write", put)

    def download(self, file: Path) -> None:
        """Fetch the object to a file, whole or not at all."""
        temporary = file.with_name(f".{file.name}.tmp")
        try:
            self._tried("read", lambda fs, path: fs.get_file(path, str(temporary)))
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the object; it may be gone already."""
        try:
            self._tried("remove", lambda fs, path: fs.rm_file(path))
        except FileNotFoundError:
            return

    def entry(self) -> Entry:
        """Return the object's size and stamp.

        Raises:
            OSError: it is not there, or the store does not answer.
        """
        return _entry(self._tried("look at", _looked_at))

    def is_file(self) -> bool:
        """Tell whether there is such an object."""
        try:
            return str(self._tried("look at", _looked_at)["type"]) == "file"
        except FileNotFoundError:
            return False

    def is_dir(self) -> bool:
        """Tell whether any object lies below; stores of objects have no other folders."""
        try:
            return str(self._tried("look at", _looked_at)["type"]) == "directory"
        except FileNotFoundError:
            return False

    def files(self) -> dict[str, Entry]:
        """Return every object below, by its path from here; empty when there is none."""

        def listed(fs: Any, path: str) -> dict[str, Entry]:
            fs.invalidate_cache()  # others write there too
            root = path.rstrip("/") + "/"
            found = fs.find(path, detail=True)
            return {
                name.removeprefix(root): _entry(info)
                for name, info in found.items()
                if name.startswith(root) and info.get("type", "file") == "file" and not name.endswith("/")
            }

        try:
            return self._tried("list", listed)
        except FileNotFoundError:
            return {}

    def _tried(self, what: str, call: Callable[[Any, str], ResultT]) -> ResultT:
        for number in range(TRIES):
            try:
                return call(*_opened(self.url))
            except Exception as error:  # each store's library has its own; all become an OSError
                if isinstance(error, (UsageError, MissingExtraError)):
                    raise
                failure = error
            if _is_hopeless(failure):
                raise _as_os_error(failure, self.url) from failure
            if number + 1 < TRIES:
                logger.info("cannot %s %s (%s); trying again", what, self.url, failure)
                time.sleep(FIRST_WAIT_S * 2**number)
        raise _as_os_error(failure, self.url, f" ({TRIES} tries)") from failure


Place = Path | Remote
"""A folder or file here, or one behind a URL."""


class _Ranges(io.RawIOBase):
    """A remote object as a seekable file; every read is a request of its own."""

    def __init__(self, remote: Remote) -> None:
        self._remote, self._at, self._size = remote, 0, remote.entry().size

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read anywhere."""
        return True

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte, counted from the beginning, from here or from the end; return it."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; return how many bytes there were, 0 at the end."""
        end = min(self._at + len(buffer), self._size)
        data = self._remote.read_bytes(self._at, end) if self._at < end else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def remote_writing(place: Remote) -> Iterator[None]:
    """Turn what a store says against writing into a :class:`StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {place}: {error.strerror or error}") from error


def _opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it; fsspec keeps connections."""
    import fsspec

    protocol = url.partition(":")[0].lower()
    try:
        fs, path = fsspec.core.url_to_fs(url, **_OPTIONS.get(protocol, {}))
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        remedy = f"pip install 'facedata[{extra}]'" if extra else str(error)
        raise MissingExtraError(f"{protocol}:// needs a package that is not installed: {remedy}") from error
    except ValueError as error:
        raise UsageError(f"{url} is no URL that fsspec knows: {error}") from error
    return fs, path


def _is_hopeless(error: Exception) -> bool:
    """Tell whether another try would end the same; EINVAL is a range that an object does not have."""
    return (
        isinstance(error, _HOPELESS)
        or type(error).__name__ in _HOPELESS_NAMES
        or (isinstance(error, OSError) and error.errno == errno.EINVAL)
    )


def _protocol(fs: Any) -> str:
    return fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]


def _looked_at(fs: Any, path: str) -> dict[str, Any]:
    fs.invalidate_cache(path)  # others write there too
    info: dict[str, Any] = fs.info(path)
    return info


def _entry(info: dict[str, Any]) -> Entry:
    found = next((info[name] for name in _STAMPS if info.get(name) is not None), "")
    # a listing may have the time that a single look has as a number
    return Entry(int(info.get("size") or 0), str(found.timestamp() if isinstance(found, datetime) else found))


def _as_os_error(error: Exception, url: str, suffix: str = "") -> OSError:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PermissionError):
        text = f"the store refuses it: {text}"
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(error.errno or 2, f"there is no {url}")
    kind = PermissionError if isinstance(error, PermissionError) else OSError
    return kind(getattr(error, "errno", None) or 5, text[:300] + suffix)
