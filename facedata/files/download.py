"""Files from the network: pinned by SHA-256, resumed after a failure, cached only when complete.

The LFW files come from the figshare mirror that scikit-learn's ``fetch_lfw_people`` documents, since the
data set's own host is gone; addresses and hashes are those of ``sklearn/datasets/_lfw.py``.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import DownloadError, StoreError, UsageError
from .atomic import file_sha256
from .locks import exclusive

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PinnedFile:
    """A file on the network, with the only content that is accepted.

    Attributes:
        name: its name in the cache folder.
        url: its address.
        sha256: of its bytes, lower-case hex; only the first digits, if its publisher gives no more.
        otherwise: what a user can do instead of downloading it by hand, for the error message.
    """

    name: str
    url: str
    sha256: str
    otherwise: str = "name a folder that holds the data"


def default_cache() -> Path:
    """Return where downloads are kept: ``$XDG_CACHE_HOME/facedata``, or ``~/.cache/facedata``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # as the XDG specification asks, a relative path is ignored
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "facedata"


def fetch(
    remote: PinnedFile,
    folder: Path,
    *,
    timeout_s: float = 30.0,
    attempts: int = 3,
    backoff_s: float = 1.0,
) -> Path:
    """Return the file from the cache folder, downloading it if it is missing.

    Bytes arrive in ``<name>.part``; a download that broke off, now or in an earlier run, resumes where it
    stopped. The name without ``.part`` exists only once the SHA-256 is right.

    Args:
        remote: what to fetch.
        folder: the cache folder; created if missing.
        timeout_s: how long to wait for the server's next bytes.
        attempts: how many failures in a row, without new bytes, before giving up.
        backoff_s: wait after the first such failure; doubled after each further one.

    Raises:
        DownloadError: no network, the server refuses, or the bytes have another SHA-256 (they are removed).
        StoreError: the cache folder cannot be written, or the disk is full.
    """
    path, part = folder / remote.name, folder / f"{remote.name}.part"
    with exclusive(folder):
        if path.is_file():
            if file_sha256(path).startswith(remote.sha256):
                return path
            logger.warning("%s does not have the pinned SHA-256; downloading it again", path)
        try:
            _download(remote, part, timeout_s=timeout_s, attempts=attempts, backoff_s=backoff_s)
            got = file_sha256(part)
            if not got.startswith(remote.sha256):
                part.unlink()
                raise DownloadError(
                    f"{remote.url}: expected SHA-256 {remote.sha256}, got {got}; the file was removed; "
                    f"run again, or {_by_hand(remote, path)}"
                )
            part.replace(path)
        except OSError as error:  # network errors are BrokenError or DownloadError
            raise StoreError(f"cannot write {part}: {error.strerror or error}; see --cache") from error
    return path


def check_own(path: Path, remote: PinnedFile, taker: str) -> Path:
    """Return the user's own copy of a pinned file.

    Args:
        path: the copy.
        remote: the file that it must be.
        taker: what takes it, for the message.

    Raises:
        UsageError: it cannot be read, or has another SHA-256.
    """
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise UsageError(f"cannot read the weights {path}: {error.strerror or error}") from error
    if sha256 != remote.sha256:
        raise UsageError(
            f"the weights {path} have the SHA-256 {sha256}; {taker} takes {remote.name} with "
            f"{remote.sha256} ({remote.url})"
        )
    return path


def _by_hand(remote: PinnedFile, path: Path) -> str:
    return f"download it by hand to {path}, or {remote.otherwise}"


def _download(remote: PinnedFile, part: Path, *, timeout_s: float, attempts: int, backoff_s: float) -> None:
    """Fill the part file to its end, resuming and retrying."""
    from .http_part import BrokenError, RefusedError, download_rest, part_size  # http, ssl and email: .03 s

    most, failures = part_size(part), 0
    while True:
        try:
            download_rest(remote.url, remote.sha256, part, timeout_s)
            return
        except (BrokenError, RefusedError) as error:
            # new bytes reset the count, however often the connection breaks
            failures = 1 if part_size(part) > most else failures + 1
            most = max(most, part_size(part))
            if failures >= attempts or isinstance(error, RefusedError):
                advice = _by_hand(remote, part.with_name(remote.name))
                raise DownloadError(f"cannot download {remote.url}: {error}; {advice}") from error
            logger.info("%s: %s; trying again", remote.url, error)
            time.sleep(backoff_s * 2 ** (failures - 1))
