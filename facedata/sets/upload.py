"""Sets behind a URL: worked on in a folder here, then put there, one request per object, dataset.json last.

While somebody works on a set its URL has ``.work/claim.json``: who, and since when. It also is the first
write, so that a store that refuses writes says so before a night of work. Whoever claims last wins: an
earlier run finds that out before it uploads, and stops.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FacedataError, LockedError, NothingKeptError, SetError, StoreError, UsageError, writing
from ..files.atomic import file_sha256, write_text
from ..files.download import default_cache
from ..files.locks import locked
from ..files.remote import Entry, Place, Remote, place_of, remote_writing
from ..store.base import CROPS
from ..store.tars import TAR_NAME, read_rows, tar_digests
from ..tables import schema
from ..tables.schema import CLAIM, DATASET, WORK
from .prepared import PreparedSet, open_set

logger = logging.getLogger(__name__)

_UPLOADS = 4
"""Objects on their way at a time; each is held in memory."""

_TABLES = tuple(f"{kind}.parquet" for kind in schema.KINDS)
_FETCHED = (*_TABLES, ".seen.arrow", "log.jsonl", DATASET)
_OURS = re.compile(
    rf"{CROPS}/{TAR_NAME.pattern}|report/.+|{re.escape(WORK)}/.+|" + "|".join(map(re.escape, _FETCHED))
)

_DIGEST_COLUMNS = ("file", "id", "path", "identity", "role", "photo", "crop_sha256")


class _Sent(NamedTuple):
    """An object as we know it to be there: a digest of its content, and how the listing showed it."""

    content: str
    size: int
    stamp: str


@contextlib.contextmanager
def editing(path: str | os.PathLike[str]) -> Iterator[PreparedSet]:
    """Open a set to change its tables, locked; one behind a URL is put there again at the end.

    Raises:
        SetError: no set there, or another run is working on it.
        StoreError: the URL's store refuses writes, or does not answer.
    """
    place = place_of(path)
    if isinstance(place, Path):
        with locked(place):
            yield open_set(place)
        return
    open_set(place)  # says at once what is wrong
    with staged(place, default_cache()) as folder, locked(folder):
        yield open_set(folder)


def refuse_folders_at_url(out: Place, store: str) -> None:
    """Refuse a set at a URL that would have an object for each crop.

    Raises:
        UsageError: that is asked for.
    """
    if isinstance(out, Remote) and store != "tar":
        raise UsageError(f"--out {out}: a set at a URL keeps its crops in tars; add --store tar")


def working_folder(
    out: Place, cache: str | None, overwrite: bool = False
) -> contextlib.AbstractContextManager[Path]:
    """Return the folder to make a set in: the output itself, or the one that stands for a URL."""
    if isinstance(out, Path):
        return contextlib.nullcontext(out)
    return staged(out, Path(cache) if cache else default_cache(), overwrite)


@contextlib.contextmanager
def staged(remote: Remote, cache: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield the folder that stands for a URL, with the tables of the set there; upload it at the end.

    What an earlier run left in the folder is gone on with, unless the set at the URL has changed since.

    Args:
        remote: the set's URL.
        cache: the folder lies below it, in ``staging/``.
        overwrite: start afresh, here; what is at the URL is replaced at the end.

    Raises:
        SetError: the URL holds something else, or another run has taken over.
        StoreError: the store refuses writes, or does not answer.
    """
    home = cache / "staging" / sha256(str(remote).encode()).hexdigest()[:32]
    with writing(home):
        home.mkdir(parents=True, exist_ok=True)
    try:
        with locked(home):
            stage = _Stage(remote, home)
            stage.begin(overwrite)
            try:
                yield stage.out
            except NothingKeptError:
                stage.upload()
                raise
            except BaseException:
                stage.withdraw()
                raise
            stage.upload()
    except FacedataError as error:  # the user knows the URL, and not where we work
        error.args = (str(error).replace(str(home / "set"), str(remote)).replace(str(home), str(remote)),)
        raise


class _Stage:
    """One URL's folder: ``set/``, and ``there.json`` with what is known to be at the URL."""

    def __init__(self, remote: Remote, home: Path) -> None:
        self.remote, self.home, self.out = remote, home, home / "set"
        self._record = home / "there.json"
        self._token = secrets.token_hex(8)
        self._there: dict[str, Entry] = {}
        self._sent: dict[str, _Sent] = {}
        self._base: str | None = None

    def begin(self, overwrite: bool) -> None:
        """Claim the URL and bring the folder up to its state."""
        self._there = self._listed()
        self._refuse_others_files()
        self._claim()
        if overwrite:
            self._clear()
        elif self.out.is_dir() and not self._goes_on():
            logger.warning("%s has changed since this machine worked on it: its state is taken", self.remote)
            self._clear()
        if not self.out.is_dir() and not overwrite and DATASET in self._there:
            self._fetch()
        self._base = self._stamp(DATASET)
        self._remember()

    def upload(self) -> None:
        """Put what differs, remove what is no longer of the set, and forget the folder.

        Raises:
            LockedError: another run has taken over; nothing was put.
            StoreError: the store refuses writes, or does not answer.
        """
        self._check_claim()
        self._there = self._listed()  # a run that we took over from may have put something since
        wanted = self._wanted()
        todo = [name for name, content in wanted.items() if not self._is_there(name, content)]
        stale = [name for name in self._there if name not in {*wanted, CLAIM} and _OURS.fullmatch(name)]
        if todo or stale:
            self._remove([DATASET])  # what is half new is no finished set
            self._put({name: wanted[name] for name in todo if name != DATASET})
            self._remove(stale)
            self._put({DATASET: wanted[DATASET]})
        self._release()
        with writing(self.home):
            shutil.rmtree(self.home)

    def withdraw(self) -> None:
        """Take the claim back after a failure; what half an earlier upload left there still needs one."""
        with contextlib.suppress(OSError, FacedataError):
            if DATASET in self._there or set(self._there) == {CLAIM}:
                self._release()

    def _release(self) -> None:
        """Remove the claim, unless it is another run's by now."""
        if self._read_claim().get("token") == self._token:
            self._remove([CLAIM])

    def _listed(self) -> dict[str, Entry]:
        try:
            return self.remote.files()
        except OSError as error:
            raise StoreError(f"cannot list {self.remote}: {error.strerror or error}") from error

    def _refuse_others_files(self) -> None:
        others = sorted(name for name in self._there if not _OURS.fullmatch(name))
        ours = DATASET in self._there or CLAIM in self._there
        if others or (self._there and not ours):
            name = (others or sorted(self._there))[0]
            raise SetError(
                f"{self.remote} is not empty and holds no prepared set ({name!r}): choose another --out"
            )

    def _claim(self) -> None:
        if CLAIM in self._there:
            claim = self._read_claim()
            logger.warning(
                "%s was claimed by a run on %s at %s that has not finished: if it still runs, stop one",
                self.remote, claim.get("host"), claim.get("time"),
            )  # fmt: skip
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        claim = {"host": socket.gethostname(), "pid": os.getpid(), "time": now, "token": self._token}
        with remote_writing(self.remote):
            (self.remote / CLAIM).write_bytes(json.dumps(claim).encode())
        self._there[CLAIM] = Entry(0, "")

    def _read_claim(self) -> dict[str, Any]:
        """Return who works on the set; empty when nobody does, or nobody can tell.

        Raises:
            StoreError: the store does not answer.
        """
        try:
            found = json.loads((self.remote / CLAIM).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        except OSError as error:
            raise StoreError(f"cannot read {self.remote / CLAIM}: {error.strerror or error}") from error
        return found if isinstance(found, dict) else {}

    def _check_claim(self) -> None:
        claim = self._read_claim()
        if claim.get("token") != self._token:
            who = f"host {claim.get('host')}, since {claim.get('time')}" if claim else "it has ended since"
            raise LockedError(
                f"another run ({who}) has taken over {self.remote}; nothing was uploaded. Run the same "
                "command again when it is done"
            )

    def _goes_on(self) -> bool:
        """Tell whether the set at the URL is the one the folder began from, or the folder's own, or none."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            self._sent = {name: _Sent(*values) for name, values in record["sent"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return False
        ours = self._sent.get(DATASET)
        return self._stamp(DATASET) in (None, record["base"], ours and ours.stamp)

    def _clear(self) -> None:
        self._sent = {}
        with writing(self.home):
            for entry in self.home.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _fetch(self) -> None:
        """Bring the set's tables here; its tars stay there, and are read from there if need be."""
        fetched = self.home / "fetched"
        with writing(fetched):
            shutil.rmtree(fetched, ignore_errors=True)
            fetched.mkdir()
        try:
            for name in _FETCHED:
                if name in self._there:
                    (self.remote / name).download(fetched / name)
        except OSError as error:
            raise SetError(f"cannot read the set at {self.remote}: {error.strerror or error}") from error
        with writing(self.out):
            fetched.replace(self.out)
        contents = self._contents()
        self._sent = {
            name: _Sent(contents[name], *self._there[name]) for name in contents if name in self._there
        }

    def _contents(self) -> dict[str, str]:
        """Return a digest of each object that the set in the folder has, at hand or not."""
        classes = self.out / "classes.parquet"
        tars = tar_digests(read_rows(classes, _DIGEST_COLUMNS)) if classes.is_file() else {}
        files = (name for name in _local_files(self.out) if not TAR_NAME.fullmatch(name.rpartition("/")[2]))
        return {
            **{f"{CROPS}/{name}": digest for name, digest in sorted(tars.items())},
            **{name: file_sha256(self.out / name) for name in files},
        }

    def _wanted(self) -> dict[str, str]:
        contents = self._contents()
        for name, content in contents.items():
            if not (self.out / name).is_file() and not self._is_there(name, content):
                raise StoreError(f"{self.remote / name} has changed or is gone: run the same command again")
        return contents

    def _is_there(self, name: str, content: str) -> bool:
        return name in self._there and self._sent.get(name) == _Sent(content, *self._there[name])

    def _put(self, contents: dict[str, str]) -> None:
        with ThreadPoolExecutor(_UPLOADS) as pool:
            uploads = {pool.submit(self._put_one, name): name for name in contents}
            try:
                for upload in as_completed(uploads):
                    name = uploads[upload]
                    self._there[name] = upload.result()
                    self._sent[name] = _Sent(contents[name], *self._there[name])
                    self._remember()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _put_one(self, name: str) -> Entry:
        target, file = self.remote / name, self.out / name
        with remote_writing(target):
            target.upload(file)
            entry = target.entry()
        if entry.size != file.stat().st_size:
            raise StoreError(f"{target} has {entry.size} bytes after its upload, not {file.stat().st_size}")
        return entry

    def _remove(self, names: Iterable[str]) -> None:
        for name in [name for name in names if name in self._there]:
            with remote_writing(self.remote / name):
                (self.remote / name).remove()
            del self._there[name]

    def _stamp(self, name: str) -> str | None:
        return self._there[name].stamp if name in self._there else None

    def _remember(self) -> None:
        write_text(self._record, json.dumps({"base": self._base, "sent": self._sent}))


def _local_files(folder: Path) -> list[str]:
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.startswith(f"{WORK}/") and not name.endswith(".tmp"))
