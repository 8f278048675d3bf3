"""Where results may go: onto this machine, and never over a file that is something else."""

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
    """Return where something is to be written.

    Raises:
        UsageError: it is a URL, empty, or not UTF-8 (which TensorBoard, among others, cannot write to).
    """
    text = os.fspath(out)
    if is_url(text):
        raise UsageError(f"--out {text}: facemodel writes to this machine; copy what it made to the URL")
    if not text or not is_utf8(text):
        raise UsageError(f"--out {text!r}: it takes a path, in UTF-8")
    return Path(text)


def folder_out(out: str | os.PathLike[str]) -> Path:
    """Return the folder that something is to be written to; it need not be there yet.

    Raises:
        UsageError: as of :func:`local_out`.
        StoreError: it is a file, or lies in one.
    """
    path = local_out(out)
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not there.is_dir():
        raise StoreError(f"cannot write to the folder {path}: {there} is a file")
    return path


def parquet_out(out: str | os.PathLike[str], what: str, is_one: Callable[[Path], bool]) -> Path:
    """Return the Parquet file that something is to be written to; one of the same kind is written anew.

    Args:
        out: the file.
        what: such a file, for people: "a gallery".
        is_one: tells whether a file is such a one.

    Raises:
        UsageError: its name does not end in ``.parquet``, or it holds something else.
        StoreError: it is a folder, or lies in what is none.
    """
    path = local_out(out)
    if path.suffix != PARQUET:
        raise UsageError(f"--out {path}: the name of {what} ends in {PARQUET}")
    if path.is_dir():
        raise StoreError(f"cannot write {path}: it is a folder")
    folder_out(path.parent)
    if path.exists() and not is_one(path):
        raise UsageError(f"--out {path} holds something else than {what}: choose another name")
    return path


def is_table_of(path: Path, kind: str) -> bool:
    """Tell whether a file is a table of facedata's or facemodel's, of this kind (``facedata.kind``)."""
    try:
        return read_footer(path).kind == kind
    except SchemaVersionError:  # ours, if of another version
        return True
    except NotASetError:
        return False
