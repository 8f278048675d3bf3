"""The protocol of a cluster, and the functions that run on its workers."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Any, Protocol

import cv2

from ...errors import FacedataError, MissingExtraError
from ...processes import ONE_THREAD
from ...sources.base import PhotoReader
from ...types import Photo, Row
from ..stage import Stage


class Cluster(Protocol):
    """Workers on other machines, or on this one.

    Attributes:
        title: its name in errors, such as ``the Dask cluster at tcp://10.0.0.1:8786``.
        failures: exceptions of the cluster itself, not of a shard.
    """

    title: str
    failures: tuple[type[BaseException], ...]

    def names(self) -> set[str]:
        """Return the names of the current workers."""
        ...

    def workers(self) -> int:
        """Return how many shards can run at once with the current workers."""
        ...

    def submit(self, photos: Sequence[Photo], stage: Stage) -> Any:
        """Submit a call of :func:`run_job` to a worker; return its future."""
        ...

    def first_done(self, futures: Sequence[Any]) -> Collection[Any]:
        """Wait until at least one future is done; return all that are."""
        ...

    def result(self, future: Any) -> list[Row]:
        """Return the rows of a finished future, or raise the exception of its shard or the cluster."""
        ...

    def deaths(self, error: BaseException) -> int:
        """Return how many workers died in a failure; 0 if it is of another kind."""
        ...

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function once on each worker.

        Returns:
            Each worker's answer, or the exception it raised, by the worker's name.
        """
        ...

    def hosts(self) -> dict[str, str]:
        """Return the name of each worker's machine, by the worker's name."""
        ...


_ONE_AT_A_TIME = Lock()


def run_job(photos: Sequence[Photo], stage: Stage) -> list[Row]:
    """Run one shard in a worker; return its rows, each kept one with its crop's bytes.

    Raises:
        FacedataError: the worker lacks a package, weights or a GPU; the text names its machine.
    """
    host = f"(on the host {socket.gethostname()})"
    with _ONE_AT_A_TIME:  # a Dask worker may have several threads, and detectors are not thread-safe
        # a local worker gets these when it starts; a cluster's process may be running already
        os.environ.update(ONE_THREAD)
        cv2.setNumThreads(1)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        try:
            return stage.run(photos)
        except ImportError as error:
            raise MissingExtraError(f"a worker lacks a package: {error} {host}") from error
        except FacedataError as error:
            if host not in str(error):
                error.args = (f"{error} {host}",)
            raise


def one_line(error: BaseException) -> str:
    """Return an error's type and text on one line, at most 200 letters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker reports before it gets shards.

    Attributes:
        versions: of the packages asked for, without those that are not installed.
        digest: SHA-256 of the photo's bytes, or None.
        trouble: why the photo cannot be read.
    """

    versions: Mapping[str, str]
    digest: str | None = None
    trouble: str = ""


def inspect_worker(packages: Sequence[str], reader: PhotoReader, photo: str | None) -> WorkerInfo:
    """Return this process's versions of some packages, and the digest of a photo as it reads it."""
    versions = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    if photo is None:
        return WorkerInfo(versions)
    try:
        return WorkerInfo(versions, hashlib.sha256(reader(photo)).hexdigest())
    except OSError as error:
        return WorkerInfo(versions, trouble=f"{socket.gethostname()}: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001  a fault of the photo, such as its size, not of the worker
        return WorkerInfo(versions, hashlib.sha256(repr(error).encode()).hexdigest())
