"""Archives, read as what they are: somebody else's. An archive with one unsafe member is refused whole.

Zips are read in place, since a member can be found without its neighbours; tars are unpacked into a cache.
"""

from __future__ import annotations

import calendar
import hashlib
import logging
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from ..errors import SourceError, StoreError, UnsafeArchiveError
from ..files.locks import exclusive
from ..photos.paths import photo_path, photo_text

logger = logging.getLogger(__name__)

TAR_ENDINGS = (".tgz", ".tar.gz", ".tar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""Endings, in lower case, of the archives :func:`unpack_tar` is meant for."""

_LARGEST_MEMBER_BYTES = 1 << 30
"""No photo is larger; a member that claims to be would fill the worker's memory."""

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)
_TAR_ERRORS = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError)


class ZipMember(NamedTuple):
    """One file in a zip.

    Attributes:
        name: its path in the zip, as :func:`facedata.sources.base.photo_text` has it.
        size: bytes, unpacked.
        mtime_ns: nanoseconds since 1970, its time (which has no zone) taken as UTC; 0 when it is no date.
    """

    name: str
    size: int
    mtime_ns: int


def zip_members(path: Path) -> list[ZipMember]:
    """List the files in a zip, folders left out, in the zip's order; the last of equal names counts.

    Raises:
        UnsafeArchiveError: a member is absolute, has a drive or ``..``, or is neither file nor folder.
        SourceError: the zip is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except OSError as error:
        raise SourceError(f"cannot read the zip {path}: {error.strerror or error}") from error
    except _ZIP_ERRORS as error:
        raise _damaged(path, error) from error
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the zip was not made under Unix
        _check_member(path, member.filename, kind in (0, stat.S_IFREG, stat.S_IFDIR))
    files = {m.filename: m for m in members if not m.is_dir()}
    return [ZipMember(photo_text(m.filename), m.file_size, _utc_ns(m.date_time)) for m in files.values()]


def _utc_ns(date_time: tuple[int, int, int, int, int, int]) -> int:
    try:
        return calendar.timegm((*date_time, 0, 0, 0)) * 10**9
    except ValueError:  # zips that know no date say month 0
        return 0


@dataclass
class ZipReader:
    """Reads photos out of a zip; picklable, and every process opens the zip for itself.

    Attributes:
        path: the zip.
    """

    path: Path
    _archive: zipfile.ZipFile | None = field(default=None, init=False, repr=False, compare=False)
    _pid: int = field(default=0, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path,)

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of the member of this name.

        Raises:
            OSError: there is no such member, it is damaged, encrypted or claims to be over 1 GiB.
        """
        try:
            archive = self._opened()
            member = archive.getinfo(photo_path(photo))
            if member.file_size > _LARGEST_MEMBER_BYTES:
                raise OSError(f"{photo} in {self.path} claims to hold {member.file_size} bytes")
            return archive.read(member)
        except KeyError as error:
            raise FileNotFoundError(f"there is no {photo} in {self.path}") from error
        except (*_ZIP_ERRORS, RuntimeError) as error:  # RuntimeError: encrypted
            raise OSError(f"cannot read {photo} in {self.path}: {error}") from error

    def _opened(self) -> zipfile.ZipFile:
        # a forked child shares its parent's file position: two readers would move it under one another
        if self._archive is None or self._pid != os.getpid():
            self._archive, self._pid = zipfile.ZipFile(self.path), os.getpid()
        return self._archive


def unpack_tar(archive: Path, cache: Path) -> Path:
    """Unpack a tar, compressed or not, into the cache, and return the folder that holds its members.

    The folder's name depends on the archive's absolute path, size and time of change, so it is reused until
    the archive changes. It gets its name once it is whole; what a killed unpacking left is removed.

    Args:
        archive: the file; its compression is told by its bytes.
        cache: where unpacked archives are kept; made when it is not there.

    Raises:
        UnsafeArchiveError: a member is absolute, has a drive or ``..``, or is neither file nor folder;
            nothing was written.
        SourceError: the archive is missing, truncated or damaged.
        StoreError: the cache cannot be written, or the disk is full.
    """
    try:
        found = archive.stat()
    except OSError as error:
        raise SourceError(f"cannot open the archive {archive}: {error.strerror}") from error
    key = f"{archive.absolute()}\n{found.st_size}\n{found.st_mtime_ns}"
    folder = cache / hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    with exclusive(cache):
        for stale in cache.glob("*.unpacking"):  # we hold the lock: whoever made them is dead
            shutil.rmtree(stale, ignore_errors=True)
        if not folder.is_dir():
            _unpack(archive, folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    temporary = folder.with_suffix(".unpacking")
    try:
        with tarfile.open(archive) as tar:
            members = _checked_members(archive, tar)
            logger.info("unpacking %d members of %s to %s", len(members), archive, folder)
            _write_members(tar, members, temporary)
        temporary.rename(folder)
    except _TAR_ERRORS as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno is None:  # so gzip and bz2 report bad data
            raise _damaged(archive, error) from error
        raise StoreError(f"cannot unpack {archive} to {folder}: {error.strerror}; see --cache") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _damaged(archive: Path, error: Exception) -> SourceError:
    # tarfile goes on with a line for every compression it tried
    why = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
    return SourceError(f"the archive {archive} is damaged: {why}; copy or download it again")


def _checked_members(archive: Path, tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Read the whole tar once; return its files and folders."""
    members = tar.getmembers()
    # tarfile takes a damaged header, or the end of a truncated file, for the end of the archive
    if not tar.fileobj or not _ends_here(tar.fileobj, tar.offset):
        raise tarfile.ReadError(f"it breaks off after {len(members)} members")
    for member in members:
        _check_member(archive, member.name, member.isfile() or member.isdir())
    return members


def _ends_here(file: Any, offset: int) -> bool:
    """Tell whether the end mark is at ``offset``; reads to the end, where a compression has its checksum."""
    file.seek(offset)
    whole: bool = file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)
    while file.read(1 << 20):
        pass
    return whole


def _write_members(tar: tarfile.TarFile, members: Sequence[tarfile.TarInfo], folder: Path) -> None:
    # by hand, as extractall would also set owners and modes, and its filters are not in every Python 3.10
    folder.mkdir()
    for member in members:
        path = folder / member.name
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        if source is None:
            raise tarfile.ReadError(f"{member.name} has no content")
        with source, path.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        # the same archive, unpacked again, shall not look like changed photos
        os.utime(path, (int(member.mtime), int(member.mtime)))


def _check_member(archive: Path, name: str, is_file_or_folder: bool) -> None:
    """Refuse what would lie outside the archive's folder, here or under Windows."""
    path = PureWindowsPath(name)  # takes both kinds of slash
    if path.drive or path.root or ".." in path.parts or "\0" in name:
        raise UnsafeArchiveError(f"{archive} was refused: its member {name!r} points outside of it")
    if not is_file_or_folder:
        raise UnsafeArchiveError(
            f"{archive} was refused: its member {name!r} is a link or device, not a file"
        )
