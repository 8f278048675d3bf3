"""What a cluster has to be able to do, and what runs on its workers."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import Any, Protocol

from ...errors import FacedataError, MissingExtraError
from ...sources.base import PhotoReader
from ...types import Photo, Row
from ..processes import ONE_THREAD
from ..stage import Stage, run_photos


class Cluster(Protocol):
    """Workers somewhere, and joblib's way to them.

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

    def backend(self) -> Any:
        """Return a fresh joblib backend that gives results as they come."""
        ...

    def deaths(self, error: BaseException) -> int:
        """Return how many workers' deaths an error stands for; 0 when it is of another kind."""
        ...

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function once on each worker.

        Returns:
            What each worker answered, or the exception it raised, by the worker's name.
        """
        ...

    def hosts(self) -> dict[str, str]:
        """Return the name of each worker's machine, by the worker's name."""
        ...


@dataclass(frozen=True)
class Job:
    """What a worker needs of a :class:`facedata.work.task.ShardTask`: not the places to write to."""

    name: str
    photos: tuple[Photo, ...]
    stage: Stage


_ONE_AT_A_TIME = Lock()


def run_job(job: Job) -> tuple[str, list[Row]]:
    """Run one shard in a worker; returns its name and its rows, each kept one with its crop's bytes."""
    with _ONE_AT_A_TIME, _naming_the_host():  # Dask's workers may have several threads; detectors have one
        _use_one_thread()
        return job.name, run_photos(job.photos, job.stage)


@contextmanager
def _naming_the_host() -> Iterator[None]:
    """Say on which machine it is that a package, weights or a GPU is missing: it is not the user's own."""
    host = f"(on the host {socket.gethostname()})"
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(f"a worker lacks a package: {error} {host}") from error
    except FacedataError as error:
        if host not in str(error):
            error.args = (f"{error} {host}",)
        raise


@lru_cache(maxsize=1)
def _use_one_thread() -> None:
    """Set what a worker of our own gets at its start, as far as a process that runs already allows."""
    import cv2

    os.environ.update(ONE_THREAD)
    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


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
    """Say which versions of packages a process has, and what it reads where the photo should be."""
    versions = {name: found for name in packages if (found := _version(name))}
    if photo is None:
        return Look(versions)
    try:
        return Look(versions, hashlib.sha256(reader(photo)).hexdigest())
    except OSError as error:
        return Look(versions, trouble=f"{socket.gethostname()}: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001  a photo's own trouble, such as its size, is not the worker's
        return Look(versions, hashlib.sha256(repr(error).encode()).hexdigest())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
