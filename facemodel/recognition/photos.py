"""The photos that the user gave: files, and everything in folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facedata.errors import SourceError, UsageError
from facedata.files.remote import is_url
from facedata.photos.paths import photo_path, photo_text
from facedata.photos.system_folders import is_system_folder
from facedata.sources.folder import FolderSource
from facedata.tables.schema import is_set
from facedata.types import Status


@dataclass(frozen=True)
class PhotoFile:
    """A photo.

    Attributes:
        photo: its path as text; below the folder, if a folder was given.
        identity: the name of its folder, which is the person's name if people have folders; None if there is
            none.
        path: where it can be read; None for a video.
        reason: why it will not be read; None for a photo.
    """

    photo: str
    identity: str | None
    path: Path | None = field(repr=False)
    reason: str | None = None


def list_photos(photos: Sequence[str | os.PathLike[str]]) -> list[PhotoFile]:
    """List the photos that were given, and all photos in the folders that were given.

    Raises:
        SourceError: one of them is missing, or is a folder without photos.
        UsageError: one of them is a URL, or empty.
    """
    files: list[PhotoFile] = []
    for photo in photos:
        path = Path(photo)
        text = photo_text(str(path))
        if not str(photo) or is_url(photo):
            raise UsageError(
                f"{str(photo)!r} is not a photo on this machine: download it, then give the file's path"
            )
        if path.is_dir():
            files += [
                PhotoFile(f"{text}/{one.photo}", one.identity, one.path, one.reason)
                for one in list_folder(path)
            ]
        elif path.is_file():
            files.append(PhotoFile(text, photo_text(path.absolute().parent.name) or None, path))
        else:
            raise SourceError(f"there is no photo {text}")
    return files


def list_folder(folder: str | os.PathLike[str]) -> list[PhotoFile]:
    """List a folder's photos and videos, at any depth, in byte order of their paths.

    Raises:
        SourceError: it is missing, holds no photo, or is a prepared set.
    """
    root = Path(folder)
    if root.is_file():
        raise SourceError(
            f"{photo_text(str(root))} is a file: give a folder of photos (unpack a zip or tar first)"
        )
    if is_set(root):
        raise SourceError(
            f"{photo_text(str(root))} is a prepared set: give the folder of the photos themselves"
        )
    rows = FolderSource({"": root}).scan().photos.to_pylist()
    return [
        PhotoFile(row["photo"], row["identity"], None, "a video")
        if row["status"] == Status.UNSUPPORTED
        else PhotoFile(row["photo"], row["identity"], root / photo_path(row["photo"]))
        for row in sorted(rows, key=lambda row: row["photo"].encode())
    ]


def empty_folders(folder: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """List the empty folders below a folder, but the system's: each one's path below it, and its name."""
    root = Path(folder)
    every = (Path(at).relative_to(root) for at, folders, files in os.walk(root) if not folders and not files)
    return [
        (photo_text(str(path)), photo_text(path.name))
        for path in every
        if path.parts and not any(map(is_system_folder, path.parts))
    ]
