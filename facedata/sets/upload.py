"""Sets behind a URL: made in a local folder, then uploaded, one request per object, dataset.json last.

While a run works on a set, its URL holds ``.work/claim.json`` with the run's host and start time. Writing it
first also proves that the store accepts writes, before hours of work. The last claim wins: an earlier run
notices before it uploads, and stops.
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
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import FacedataError, LockedError, SetError, StoreError, writing
from ..files.atomic import file_sha256, write_text
from ..files.remote import Entry, Remote
from ..store.base import CROPS
from ..store.tars import DIGEST_COLUMNS, TAR_NAME, read_batches, tar_digests
from ..tables import schema
from ..tables.schema import CLAIM, DATASET, WORK
from ..tables.tombstones import FORGOTTEN_FILE

logger = logging.getLogger(__name__)

_UPLOADS = 4
"""How many objects to upload at once; each is held in memory."""

_TABLES = tuple(f"{kind}.parquet" for kind in schema.KINDS)
_FETCHED = (*_TABLES, ".seen.arrow", "log.jsonl", FORGOTTEN_FILE, DATASET)
_OURS = re.compile(
    rf"{CROPS}/{TAR_NAME.pattern}|report/.+|{re.escape(WORK)}/.+|" + "|".join(map(re.escape, _FETCHED))
)

_CHECK = "check/"
"""What a check found lies here in a set that was copied to a URL; no run of ours touches it there."""


class _Uploaded(NamedTuple):
    """An object known to be at the URL: a digest of its content, and its size and stamp in the listing."""

    content: str
    size: int
    stamp: str


class WorkingCopy:
    """The local folder of one URL: ``set/``, and ``there.json``, a record of the objects at the URL."""

    def __init__(self, remote: Remote, home: Path) -> None:
        self.remote, self.home, self.out = remote, home, home / "set"
        self._record = home / "there.json"
        self._token = secrets.token_hex(8)
        self._entries: dict[str, Entry] = {}
        self._uploaded: dict[str, _Uploaded] = {}
        self._base: str | None = None

    def begin(self, overwrite: bool) -> None:
        """Claim the URL and bring the folder up to date with it."""
        self._entries = self._list()
        self._refuse_others_files()
        self._claim()
        graves = self.out / FORGOTTEN_FILE
        kept = graves.read_bytes() if graves.is_file() else b""
        if overwrite:
            self._clear()
        elif self.out.is_dir() and not self._can_continue():
            logger.warning(
                "%s has changed since this machine worked on it: starting from its current state", self.remote
            )
            self._clear()
        if not self.out.is_dir() and not overwrite and DATASET in self._entries:
            self._fetch()
        self._keep_tombstones(kept)
        self._base = self._stamp(DATASET)
        self._write_record()

    def _keep_tombstones(self, kept: bytes) -> None:
        """Put tombstones into a folder that lacks them: its own from before, else those at the URL."""
        file = self.out / FORGOTTEN_FILE
        if file.is_file() or not (kept or FORGOTTEN_FILE in self._entries):
            return
        with writing(file):
            self.out.mkdir(exist_ok=True)
            if kept:
                file.write_bytes(kept)
            else:
                (self.remote / FORGOTTEN_FILE).download(file)

    def upload(self) -> None:
        """Upload the files that differ, remove objects that the set no longer has, and remove the folder.

        Raises:
            LockedError: another run has taken over; nothing was uploaded.
            StoreError: the store refuses writes, or does not answer.
        """
        self._check_claim()
        self._entries = self._list()  # the run that this one took over from may have uploaded something since
        wanted = self._digests_to_upload()
        todo = [name for name, content in wanted.items() if not self._is_current(name, content)]
        stale = [name for name in self._entries if name not in {*wanted, CLAIM} and _OURS.fullmatch(name)]
        if todo or stale:
            self._put({name: wanted[name] for name in todo if name == FORGOTTEN_FILE})  # nobody comes back
            self._remove([DATASET])  # a half-updated set is not a finished one
            self._put({name: wanted[name] for name in todo if name not in (DATASET, FORGOTTEN_FILE)})
            self._remove(stale)
            self._put({DATASET: wanted[DATASET]})
        self._release()
        with writing(self.home):
            shutil.rmtree(self.home)

    def withdraw(self) -> None:
        """Remove the claim after a failure, unless the URL holds a partial upload, which still needs it."""
        with contextlib.suppress(OSError, FacedataError):
            if DATASET in self._entries or set(self._entries) == {CLAIM}:
                self._release()

    def _release(self) -> None:
        """Remove the claim, unless another run has replaced it."""
        if self._read_claim().get("token") == self._token:
            self._remove([CLAIM])

    def _list(self) -> dict[str, Entry]:
        try:
            return self.remote.files()
        except OSError as error:
            raise StoreError(f"cannot list {self.remote}: {error.strerror or error}") from error

    def _refuse_others_files(self) -> None:
        others = sorted(
            name for name in self._entries if not (_OURS.fullmatch(name) or name.startswith(_CHECK))
        )
        ours = DATASET in self._entries or CLAIM in self._entries
        if others or (self._entries and not ours):
            name = (others or sorted(self._entries))[0]
            raise SetError(
                f"{self.remote} is not empty and holds no prepared set ({name!r}): choose another --out"
            )

    def _claim(self) -> None:
        if CLAIM in self._entries:
            claim = self._read_claim()
            logger.warning(
                "%s was claimed by a run on %s at %s that has not finished: if it still runs, stop one",
                self.remote, claim.get("host"), claim.get("time"),
            )  # fmt: skip
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        claim = {"host": socket.gethostname(), "pid": os.getpid(), "time": now, "token": self._token}
        with writing(self.remote):
            (self.remote / CLAIM).write_bytes(json.dumps(claim).encode())
        self._entries[CLAIM] = Entry(0, "")

    def _read_claim(self) -> dict[str, Any]:
        """Return the claim of the run that works on the set; empty if there is no readable one.

        Raises:
            StoreError: the store does not answer.
        """
        try:
            claim = json.loads((self.remote / CLAIM).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        except OSError as error:
            raise StoreError(f"cannot read {self.remote / CLAIM}: {error.strerror or error}") from error
        return claim if isinstance(claim, dict) else {}

    def _check_claim(self) -> None:
        claim = self._read_claim()
        if claim.get("token") != self._token:
            who = f"host {claim.get('host')}, since {claim.get('time')}" if claim else "it has ended"
            raise LockedError(
                f"another run ({who}) has taken over {self.remote}; nothing was uploaded. Run the same "
                "command again when it is done"
            )

    def _can_continue(self) -> bool:
        """Return whether the set at the URL is missing, the folder's own, or the one it began from."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            self._uploaded = {name: _Uploaded(*values) for name, values in record["sent"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return False
        ours = self._uploaded.get(DATASET)
        return self._stamp(DATASET) in (None, record["base"], ours and ours.stamp)

    def _clear(self) -> None:
        self._uploaded = {}
        with writing(self.home):
            for entry in self.home.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _fetch(self) -> None:
        """Download the set's tables; its tars stay at the URL, and are read there if they are needed."""
        fetched = self.home / "fetched"
        with writing(fetched):
            shutil.rmtree(fetched, ignore_errors=True)
            fetched.mkdir()
        try:
            for name in _FETCHED:
                if name in self._entries:
                    (self.remote / name).download(fetched / name)
        except OSError as error:
            raise SetError(f"cannot read the set at {self.remote}: {error.strerror or error}") from error
        with writing(self.out):
            fetched.replace(self.out)
        contents = self._digests()
        self._uploaded = {
            name: _Uploaded(contents[name], *self._entries[name])
            for name in contents
            if name in self._entries
        }

    def _digests(self) -> dict[str, str]:
        """Return a digest of each object of the set, whether its file is in the folder or at the URL."""
        classes = self.out / "classes.parquet"
        tars = tar_digests(read_batches(classes, DIGEST_COLUMNS)) if classes.is_file() else {}
        files = (name for name in _local_files(self.out) if not TAR_NAME.fullmatch(name.rpartition("/")[2]))
        return {
            **{f"{CROPS}/{name}": digest for name, digest in sorted(tars.items())},
            **{name: file_sha256(self.out / name) for name in files},
        }

    def _digests_to_upload(self) -> dict[str, str]:
        contents = self._digests()
        for name, content in contents.items():
            if not (self.out / name).is_file() and not self._is_current(name, content):
                raise StoreError(f"{self.remote / name} has changed or is gone: run the same command again")
        return contents

    def _is_current(self, name: str, content: str) -> bool:
        return name in self._entries and self._uploaded.get(name) == _Uploaded(content, *self._entries[name])

    def _put(self, contents: dict[str, str]) -> None:
        with ThreadPoolExecutor(_UPLOADS) as pool:
            uploads = {pool.submit(self._put_one, name): name for name in contents}
            try:
                for upload in as_completed(uploads):
                    name = uploads[upload]
                    self._entries[name] = upload.result()
                    self._uploaded[name] = _Uploaded(contents[name], *self._entries[name])
                    self._write_record()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _put_one(self, name: str) -> Entry:
        target, file = self.remote / name, self.out / name
        with writing(target):
            target.upload(file)
            entry = target.entry()
        if entry.size != file.stat().st_size:
            raise StoreError(f"{target} has {entry.size} bytes after its upload, not {file.stat().st_size}")
        return entry

    def _remove(self, names: Iterable[str]) -> None:
        for name in [name for name in names if name in self._entries]:
            with writing(self.remote / name):
                (self.remote / name).remove()
            del self._entries[name]

    def _stamp(self, name: str) -> str | None:
        return self._entries[name].stamp if name in self._entries else None

    def _write_record(self) -> None:
        write_text(self._record, json.dumps({"base": self._base, "sent": self._uploaded}))


def _local_files(folder: Path) -> list[str]:
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.startswith(f"{WORK}/") and not name.endswith(".tmp"))
