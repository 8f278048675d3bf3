"""Objects in S3, or in a store that speaks its protocol, through Amazon's own package."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

_SINGLE_PUT_BYTES = 5 << 30
"""S3 takes no larger object in one request."""

_CONNECTIONS = 64
"""Connections that are kept: as many threads can ask at once without new ones."""

_CONNECT_S, _ANSWER_S = 10, 60
_COPY_BYTES = 1 << 20
_NOT_THERE, _NO_SUCH_RANGE, _REFUSED = 404, 416, (401, 403)
_REFUSED_CODES = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")
"""Refusals that come with another status."""

ResultT = TypeVar("ResultT")


class Clients:
    """A client for each process, made when it first asks for something."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self._renew_lock()
        os.register_at_fork(after_in_child=self._renew_lock)

    def mine(self) -> Any:
        """Return this process's client; it finds credentials and the store where Amazon's programs do."""
        process = os.getpid()
        with nullcontext() if process in self._made else self._lock:
            if process not in self._made:
                from boto3.session import Session
                from botocore.config import Config

                config = Config(
                    # only Remote retries: retries in two layers would multiply to minutes
                    retries={"total_max_attempts": 1},
                    max_pool_connections=_CONNECTIONS,
                    connect_timeout=_CONNECT_S,
                    read_timeout=_ANSWER_S,
                )
                self._made[process] = Session().client("s3", config=config)
            return self._made[process]

    def forget(self) -> None:
        """Forget the clients: the next request looks for the store and for credentials again."""
        self._made.clear()

    def _renew_lock(self) -> None:
        """Take a lock that nobody has: in a forked process, whoever had the old one is not there."""
        self._lock = threading.Lock()


CLIENTS = Clients()


class S3Objects:
    """The methods of fsspec's file systems that :class:`.Remote` uses; a path is ``bucket/key``, as it is.

    Each request is sent once, by the thread that asks, and each process has connections of its own, so a
    process may be forked. Objects are sent and received as streams: a file is never in memory.

    Raises:
        FileNotFoundError: from any method: there is no such object or bucket.
        PermissionError: from any method: the store refuses the request or the credentials.
        OSError: from any method: ``EINVAL`` for a range outside the object, ``EIO`` for other answers. What
            botocore raises without an answer (no connection, no credentials) is passed on.
    """

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Read an object, or its bytes from ``start`` to ``end``, or fewer at its end."""
        first = start or 0
        if end is not None and end <= first:
            return b""
        ranged = start is not None or end is not None
        wanted = {"Range": f"bytes={first}-{'' if end is None else end - 1}"} if ranged else {}
        data: bytes = _ask(path, lambda s3, place: s3.get_object(**place, **wanted)["Body"].read())
        return data

    def pipe_file(self, path: str, data: bytes) -> None:
        """Write an object."""
        _ask(path, lambda s3, place: s3.put_object(**place, Body=data))

    def put_file(self, file: str, path: str) -> None:
        """Upload a file, in one request unless S3 takes none of its size."""

        def put(s3: Any, place: dict[str, str]) -> None:
            if Path(file).stat().st_size >= _SINGLE_PUT_BYTES:
                s3.upload_file(file, **place)
                return
            with Path(file).open("rb") as body:
                s3.put_object(**place, Body=body)

        _ask(path, put)

    def get_file(self, path: str, file: str) -> None:
        """Download an object to a file."""

        def get(s3: Any, place: dict[str, str]) -> None:
            with Path(file).open("wb") as copy:
                copy.writelines(s3.get_object(**place)["Body"].iter_chunks(_COPY_BYTES))

        _ask(path, get)

    def rm_file(self, path: str) -> None:
        """Remove an object; it may be gone already."""
        _ask(path, lambda s3, place: s3.delete_object(**place))

    def info(self, path: str) -> dict[str, Any]:
        """Return an object's ``type``, ``size`` and ``ETag``; of a prefix with objects below, the type."""
        bucket, _, key = path.partition("/")
        with suppress(FileNotFoundError):
            if key:
                return _info(path, _ask(path, lambda s3, place: s3.head_object(**place)), "ContentLength")
        prefix = f"{key}/" if key else ""
        listed = _ask(path, lambda s3, _: s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1))
        if key and not listed.get("Contents"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return {"name": path, "size": 0, "type": "directory"}

    def find(self, path: str, detail: bool = True) -> dict[str, dict[str, Any]]:
        """Return what :meth:`info` returns for every object below a prefix, by ``bucket/key``."""
        bucket, _, key = path.rstrip("/").partition("/")
        prefix = f"{key}/" if key else ""

        def find(s3: Any, place: dict[str, str]) -> dict[str, dict[str, Any]]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            entries = ((f"{bucket}/{one['Key']}", one) for page in pages for one in page.get("Contents", []))
            return {name: _info(name, one, "Size") for name, one in entries}

        return _ask(path, find)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Do nothing: nothing is cached."""


def _info(name: str, answer: dict[str, Any], size: str) -> dict[str, Any]:
    stamps = {stamp: answer.get(stamp) for stamp in ("ETag", "LastModified")}
    return {"name": name, "size": answer[size], "type": "file", **stamps}


def _ask(path: str, call: Callable[[Any, dict[str, str]], ResultT]) -> ResultT:
    from botocore.exceptions import ClientError

    bucket, _, key = path.partition("/")
    try:
        return call(CLIENTS.mine(), {"Bucket": bucket, "Key": key})
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        code = error.response.get("Error", {}).get("Code")
        if status == _NOT_THERE:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        if status in _REFUSED or code in _REFUSED_CODES:
            raise PermissionError(errno.EACCES, str(error)) from error
        raise OSError(errno.EINVAL if status == _NO_SUCH_RANGE else errno.EIO, str(error)) from error
