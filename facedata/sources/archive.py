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
from ..photos.formats import kind_of_file
from ..photos.paths import escape_bytes, photo_path, photo_text

logger = logging.getLogger(__name__)

_LARGEST_MEMBER_BYTES = 1 << 30
"""No photo is larger; a member that claims to be would fill the worker's memory."""

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_IS_ENCRYPTED, _IS_UTF8 = 0x1, 0x800
"""Bits of a zip member's flags."""
_FROM_DOS = 0
"""The system that old Windows programs name as a member's."""
_UNREAD = {b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}
"""First bytes of the archives that are not read."""

_WORKBOOKS = (".xlsx", ".xlsm", ".ods")
"""Endings of tables that are zips inside."""
_TAR_ENDINGS = (".tgz", ".tbz", ".tbz2", ".txz")
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
        SourceError: the zip is missing or damaged, or holds a photo that is encrypted or is packed in a way
            that Python cannot read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _member_names(archive)
    except OSError as error:
        raise SourceError(
            f"cannot read the zip {photo_text(str(path))}: {error.strerror or error}"
        ) from error
    except _ZIP_ERRORS as error:
        raise _damage(path, error) from error
    for name, member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the zip was not made under Unix
        _check_member(path, name, kind in (0, stat.S_IFREG, stat.S_IFDIR))
    files = {}
    for name, member in members:
        if name.endswith("/"):
            continue
        is_encrypted = bool(member.flag_bits & _IS_ENCRYPTED)
        if (is_encrypted or member.compress_type not in _READABLE) and kind_of_file(name, bytes) == "photo":
            how = "is encrypted" if is_encrypted else f"is packed by the method {member.compress_type}"
            raise SourceError(
                f"{photo_text(str(path))}: its member {name!r} {how}, which is not read here: unpack the zip "
                "and name the folder"
            )
        try:
            mtime_ns = calendar.timegm((*member.date_time, 0, 0, 0)) * 10**9
        except ValueError:  # zips without dates have month 0
            mtime_ns = 0
        files[name] = ZipMember(escape_bytes(name), member.file_size, mtime_ns)
    return list(files.values())


def _member_names(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return a zip's members with their names; folders end in a slash.

    A name without the flag for UTF-8 is UTF-8 all the same where it can be, since macOS leaves the flag out;
    else it is in the code page of DOS. Some old Windows programs write backslashes between the parts.
    """
    members = []
    for member in archive.infolist():
        name = member.filename
        if not member.flag_bits & _IS_UTF8:
            try:
                name = name.encode("cp437").decode()
            except UnicodeError:  # the code page of DOS, or read from a field that says it in Unicode
                name = member.filename
        if member.create_system == _FROM_DOS and "/" not in name:
            name = name.replace("\\", "/")
        members.append((name, member))
    return members


def archive_kind(path: Path) -> str:
    """Return ``zip`` or ``tar`` for an archive that is read, by its bytes; empty for all else.

    Raises:
        SourceError: it is an archive of another kind.
    """
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            head = file.read(8)
        if kind := next((kind for magic, kind in _UNREAD.items() if head.startswith(magic)), None):
            raise SourceError(
                f"{photo_text(str(path))} is a {kind} archive, which is not read here: unpack it and name "
                "the folder, or make a zip of it"
            )
        if path.suffix.lower() in _WORKBOOKS:
            return ""
        if head.startswith(b"PK") or path.suffix.lower() == ".zip":
            return "zip"
        is_tar = ".tar" in path.suffixes or path.suffix.lower() in _TAR_ENDINGS or tarfile.is_tarfile(path)
    except (OSError, ValueError):  # whoever opens it says what is wrong
        return ""
    return "tar" if is_tar else ""


@dataclass
class ZipReader:
    """Reads photos from a zip; picklable, since every process opens the zip itself.

    Attributes:
        path: the zip.
    """

    path: Path
    _archive: zipfile.ZipFile | None = field(default=None, init=False, repr=False, compare=False)
    _pid: int = field(default=0, init=False, repr=False, compare=False)
    _members: dict[str, zipfile.ZipInfo] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path.absolute(),)  # a worker may have another working directory

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of the member of this name.

        Raises:
            OSError: there is no such member, it is damaged, encrypted or claims to be over 1 GiB.
        """
        return self.read(photo)

    def read(self, photo: str, count: int | None = None, most_bytes: int = _LARGEST_MEMBER_BYTES) -> bytes:
        """Return a member's bytes, or the first ``count`` of them.

        Raises:
            OSError: there is no such member, it is damaged, encrypted or claims to be over ``most_bytes``.
        """
        try:
            archive = self._open()
            member = self._members[photo]
            if member.file_size > most_bytes:
                raise OSError(f"{photo} in {self.path} claims to hold {member.file_size} bytes")
            with archive.open(member) as file:
                return file.read(-1 if count is None else count)
        except KeyError as error:
            raise FileNotFoundError(f"there is no {photo} in {self.path}") from error
        except (*_ZIP_ERRORS, RuntimeError) as error:  # RuntimeError: encrypted
            raise OSError(f"cannot read {photo} in {self.path}: {error}") from error

    def _open(self) -> zipfile.ZipFile:
        # a forked child shares its parent's file position, so each would move it while the other reads
        if self._archive is None or self._pid != os.getpid():
            self._archive, self._pid = zipfile.ZipFile(self.path), os.getpid()
            self._members = {escape_bytes(name): member for name, member in _member_names(self._archive)}
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
        with tarfile.open(archive, encoding="utf-8") as tar:
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
                path = temporary / photo_path(escape_bytes(member.name))
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
