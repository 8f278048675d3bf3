"""The folder in which a set is made or changed: its own, or the local copy of a URL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from ..errors import FacedataError, NothingKeptError, writing
from ..files.download import default_cache
from ..files.locks import locked
from ..files.remote import Location, Remote, parse_location
from .prepared import PreparedSet, open_set
from .upload import WorkingCopy


@contextlib.contextmanager
def editing(path: str | os.PathLike[str]) -> Iterator[PreparedSet]:
    """Open a set to change its tables, locked; one behind a URL is uploaded again at the end.

    Raises:
        SetError: there is no such set, or another run is working on it.
        StoreError: the URL's store refuses writes, or does not answer.
    """
    location = parse_location(path)
    if isinstance(location, Path):
        with locked(location):
            yield open_set(location)
        return
    open_set(location)  # fails early if it cannot be opened
    with working_copy(location, default_cache()) as folder, locked(folder):
        yield open_set(folder)


def reading(prepared: PreparedSet) -> contextlib.AbstractContextManager[None]:
    """Keep other runs on this machine from changing a set while it is read; not one behind a URL."""
    if isinstance(prepared.path, Path):
        return locked(prepared.path, shared=True)
    return contextlib.nullcontext()


def working_folder(
    out: Location, cache: str | None, overwrite: bool = False
) -> contextlib.AbstractContextManager[Path]:
    """Return the folder to make a set in: the output itself, or the local copy of a URL."""
    if isinstance(out, Path):
        return contextlib.nullcontext(out)
    return working_copy(out, Path(cache) if cache else default_cache(), overwrite)


@contextlib.contextmanager
def working_copy(remote: Remote, cache: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield the local copy of a URL, with the tables of its set; upload it at the end.

    A run continues from the folder that an earlier one left, unless the set at the URL has changed since.

    Args:
        remote: the set's URL.
        cache: the folder lies below it, in ``staging/``.
        overwrite: start from nothing; the set at the URL is replaced at the end.

    Raises:
        SetError: the URL holds something else, or another run has taken over.
        StoreError: the store refuses writes, or does not answer.
    """
    home = cache / "staging" / sha256(str(remote).encode()).hexdigest()[:32]
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
    try:
        with locked(home):
            copy = WorkingCopy(remote, home)
            copy.begin(overwrite)
            try:
                yield copy.out
            except NothingKeptError:
                copy.upload()
                raise
            except BaseException:
                copy.withdraw()
                raise
            copy.upload()
    except FacedataError as error:  # the user knows the URL, not this folder
        error.args = (str(error).replace(str(home / "set"), str(remote)).replace(str(home), str(remote)),)
        raise
