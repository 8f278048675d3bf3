"""Where results may be written: only on this machine, and never over a file of another kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from facedata.errors import NotASetError, SchemaVersionError, StoreError, UsageError
from facedata.files.remote import is_url
from facedata.options import is_utf8
from facedata.tables.parquet import read_footer

PARQUET = ".parquet"


def local_out(out: str | os.PathLike[str]) -> Path:
    """Return ``--out`` as a path on this machine.

    Raises:
        UsageError: it is a URL, empty, or not UTF-8 (TensorBoard, among others, cannot write to such a path).
    """
    text = os.fspath(out)
    if is_url(text):
        raise UsageError(
            f"--out {text}: facemodel writes to this machine only; copy the result to the URL yourself"
        )
    if not text or not is_utf8(text):
        raise UsageError(f"--out {text!r}: it takes a path in UTF-8")
    return Path(text)


def folder_out(out: str | os.PathLike[str]) -> Path:
    """Return ``--out`` as a folder to write to; it need not exist yet.

    Raises:
        UsageError: as :func:`local_out` does.
        StoreError: it is a file, or below one.
    """
    path = local_out(out)
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise StoreError(f"cannot write to the folder {path}: {nearest} is a file")
    return path


def parquet_out(out: str | os.PathLike[str], what: str, is_one: Callable[[Path], bool]) -> Path:
    """Return ``--out`` as a Parquet file to write; only a file of the same kind may be there already.

    Args:
        out: the file.
        what: its kind, as messages call it: "a gallery".
        is_one: tells whether a file is of this kind.

    Raises:
        UsageError: its name does not end in ``.parquet``, or a file of another kind is there.
        StoreError: it is a folder, or its parent is a file.
    """
    path = local_out(out)
    if path.suffix != PARQUET:
        raise UsageError(f"--out {path}: the name of {what} must end in {PARQUET}")
    if path.is_dir():
        raise StoreError(f"cannot write {path}: it is a folder")
    folder_out(path.parent)
    if path.exists() and not is_one(path):
        raise UsageError(f"--out {path} exists and is not {what}: choose another name")
    return path


def is_table_of(path: Path, kind: str) -> bool:
    """Tell whether a file is a table of facedata or facemodel, of this kind (``facedata.kind``)."""
    try:
        return read_footer(path).kind == kind
    except SchemaVersionError:  # one of ours, in another version
        return True
    except NotASetError:
        return False
