"""Zips and tars, which are not trusted: an archive with one unsafe member is refused.

Zips are read in place, since their members can be read one by one; tars are unpacked into a cache.
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
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from ..errors import SourceError, StoreError, UnsafeArchiveError
from ..files.locks import exclusive
from ..photos.paths import photo_path, photo_text

logger = logging.getLogger(__name__)

_LARGEST_MEMBER_BYTES = 1 << 30
"""No photo is larger; a member that claims to be would fill the worker's memory."""

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)
_TAR_ERRORS = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, ValueError, OverflowError)


class ZipMember(NamedTuple):
    """One file in a zip.

    Attributes:
        name: its path in the zip, in the form of :func:`facedata.photos.paths.photo_text`.
        size: bytes, unpacked.
        mtime_ns: nanoseconds since 1970, its time (which has no zone) taken as UTC; 0 for an invalid date.
    """

    name: str
    size: int
    mtime_ns: int


def zip_members(path: Path) -> list[ZipMember]:
    """List the files in a zip, without folders, in the zip's order; of files with one name, the last counts.

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
        raise _damage(path, error) from error
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the zip was not made under Unix
        _check_member(path, member.filename, kind in (0, stat.S_IFREG, stat.S_IFDIR))
    files = {}
    for member in members:
        if not member.is_dir():
            try:
                mtime_ns = calendar.timegm((*member.date_time, 0, 0, 0)) * 10**9
            except ValueError:  # zips without dates have month 0
                mtime_ns = 0
            files[member.filename] = ZipMember(photo_text(member.filename), member.file_size, mtime_ns)
    return list(files.values())


@dataclass
class ZipReader:
    """Reads photos from a zip; picklable, since every process opens the zip itself.

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
            archive = self._open()
            member = archive.getinfo(photo_path(photo))
            if member.file_size > _LARGEST_MEMBER_BYTES:
                raise OSError(f"{photo} in {self.path} claims to hold {member.file_size} bytes")
            return archive.read(member)
        except KeyError as error:
            raise FileNotFoundError(f"there is no {photo} in {self.path}") from error
        except (*_ZIP_ERRORS, RuntimeError) as error:  # RuntimeError: encrypted
            raise OSError(f"cannot read {photo} in {self.path}: {error}") from error

    def _open(self) -> zipfile.ZipFile:
        # a forked child shares its parent's file position, so each would move it while the other reads
        if self._archive is None or self._pid != os.getpid():
            self._archive, self._pid = zipfile.ZipFile(self.path), os.getpid()
        return self._archive


def unpack_tar(archive: Path, cache: Path) -> Path:
    """Unpack a tar, compressed or not, into the cache, and return the folder that holds its members.

    The folder's name depends on the archive's absolute path, size and modification time, so it is reused
    until the archive changes. It gets its name once it is complete; leftovers of killed runs are removed.

    Args:
        archive: the file; its compression is recognised by its bytes.
        cache: where unpacked archives are kept; created if missing.

    Raises:
        UnsafeArchiveError: a member is absolute, has a drive or ``..``, or is neither file nor folder;
            nothing was written.
        SourceError: the archive is missing, truncated or damaged.
        StoreError: the cache cannot be written, or the disk is full.
    """
    try:
        info = archive.stat()
    except OSError as error:
        raise SourceError(f"cannot open the archive {archive}: {error.strerror}") from error
    key = f"{archive.absolute()}\n{info.st_size}\n{info.st_mtime_ns}"
    folder = cache / hashlib.sha256(os.fsencode(key)).hexdigest()[:16]
    with exclusive(cache):
        for stale in cache.glob("*.unpacking"):  # we hold the lock, so the processes that made them are gone
            shutil.rmtree(stale, ignore_errors=True)
        if not folder.is_dir():
            _unpack(archive, folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    temporary = folder.with_suffix(".unpacking")
    try:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            # tarfile mistakes a damaged header, or the end of a truncated file, for the end of the archive
            is_complete = False
            if stream := tar.fileobj:
                stream.seek(tar.offset)
                is_complete = stream.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)
                while stream.read(1 << 20):  # to the end, where compressed files have their checksum
                    continue
            if not is_complete:
                raise tarfile.ReadError(f"it breaks off after {len(members)} members")
            for member in members:
                _check_member(archive, member.name, member.isfile() or member.isdir())
            logger.info("unpacking %d members of %s to %s", len(members), archive, folder)
            # not extractall, which would also set owners and modes, and lacks filters in some Python 3.10
            temporary.mkdir()
            for member in members:
                path = temporary / member.name
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                if source is None:
                    raise tarfile.ReadError(f"{member.name} has no content")
                with source, path.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                # if the same archive is unpacked again, its photos must not look changed
                os.utime(path, (int(member.mtime), int(member.mtime)))
        temporary.rename(folder)
    except _TAR_ERRORS as error:
        raise _damage(archive, error) from error
    except OSError as error:
        if error.errno is None:  # how gzip and bz2 report bad data
            raise _damage(archive, error) from error
        raise StoreError(f"cannot unpack {archive} to {folder}: {error.strerror}; see --cache") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _damage(archive: Path, error: Exception) -> SourceError:
    # tarfile adds a line for every compression it tried
    why = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
    return SourceError(f"the archive {archive} is damaged: {why}; copy or download it again")


def _check_member(archive: Path, name: str, is_file_or_folder: bool) -> None:
    """Refuse a member that would lie outside the archive's folder, on Unix or on Windows."""
    path = PureWindowsPath(name)  # takes both kinds of slash
    if path.drive or path.root or ".." in path.parts or "\0" in name:
        raise UnsafeArchiveError(f"{archive} was refused: its member {name!r} points outside of it")
    if not is_file_or_folder:
        raise UnsafeArchiveError(
            f"{archive} was refused: its member {name!r} is a link or device, not a file"
        )
