"""What a cluster has to be able to do, and what runs on its workers."""

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
from ...sources.base import PhotoReader
from ...types import Photo, Row
from ..processes import ONE_THREAD
from ..stage import Stage


class Cluster(Protocol):
    """Workers somewhere.

    Attributes:
        title: what an error calls it, such as ``the Dask cluster at tcp://10.0.0.1:8786``.
        failures: what the cluster itself raises, rather than a shard.
    """

    title: str
    failures: tuple[type[BaseException], ...]

    def names(self) -> set[str]:
        """Return the names of the workers there are now."""
        ...

    def workers(self) -> int:
        """Return how many shards can run at once now."""
        ...

    def submit(self, photos: Sequence[Photo], stage: Stage) -> Any:
        """Have a worker call :func:`run_job`; return its future."""
        ...

    def first_done(self, futures: Sequence[Any]) -> Collection[Any]:
        """Wait until one of some futures is done; return those that are."""
        ...

    def result(self, future: Any) -> list[Row]:
        """Return the rows of a future that is done, or raise what its shard or the cluster raised."""
        ...

    def deaths(self, error: BaseException) -> int:
        """Return how many workers' deaths a failure stands for; 0 when it is of another kind."""
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
    with _ONE_AT_A_TIME:  # Dask's workers may have several threads; detectors have one
        # a worker of our own gets these at its start; here the process may have been running before
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
    """Return an error's kind and text on one line, cut where it gets long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


@dataclass(frozen=True)
class Look:
    """What a worker has.

    Attributes:
        versions: of each package asked for; a package that is not installed is missing.
        digest: SHA-256 of the photo's bytes, or None.
        trouble: why the photo cannot be read.
    """

    versions: Mapping[str, str]
    digest: str | None = None
    trouble: str = ""


def look(packages: Sequence[str], reader: PhotoReader, photo: str | None) -> Look:
    """Return which versions of packages this process has, and what it reads as a photo."""
    versions = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    if photo is None:
        return Look(versions)
    try:
        return Look(versions, hashlib.sha256(reader(photo)).hexdigest())
    except OSError as error:
        return Look(versions, trouble=f"{socket.gethostname()}: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001  the photo's own fault, such as its size, is not the worker's
        return Look(versions, hashlib.sha256(repr(error).encode()).hexdigest())
