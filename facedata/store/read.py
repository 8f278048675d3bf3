"""Read one crop's bytes by its (file, offset, length), in any store."""

from __future__ import annotations

from pathlib import Path

from ..errors import StoreError
from ..files.remote import Location
from ..photos.paths import photo_path


def crop_location(root: Location, file: str) -> Location:
    """Return where a crop's file is, whatever the locale of this process."""
    return root / photo_path(file) if isinstance(root, Path) else root / file


def read_crop(root: Location, file: str, offset: int, length: int) -> bytes:
    """Read a crop's bytes.

    Args:
        root: the set's folder, or its URL.
        file: the file below it: the crop itself, or the tar that holds it.
        offset: first byte in that file.
        length: number of bytes.

    Raises:
        StoreError: the file is gone, or shorter than it should be.
    """
    path = crop_location(root, file)
    try:
        if isinstance(path, Path):
            with path.open("rb", buffering=0) as stream:
                stream.seek(offset)
                data = stream.read(length)
        else:
            data = path.read_bytes(offset, offset + length)
    except OSError as error:
        raise StoreError(f"cannot read the crop {path}: {error.strerror or error}") from error
    if len(data) != length:
        raise StoreError(
            f"the crop {path} has {len(data)} bytes at {offset}, not {length}: run `facedata prepare` again"
        )
    return data
