"""One request for the bytes that a partly downloaded file lacks."""

from __future__ import annotations

import logging
import os
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from .atomic import file_sha256

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 18
_LOG_EVERY_BYTES = 1 << 24
_RETRIED_STATUSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class BrokenError(Exception):
    """A network failure that a retry may fix; disk errors stay OSErrors."""


class RefusedError(Exception):
    """The server will not send the file, however often it is asked."""


def part_size(part: Path) -> int:
    """Return how many bytes of a file have arrived."""
    return part.stat().st_size if part.exists() else 0


def download_rest(url: str, sha256: str, part: Path, timeout_s: float) -> None:
    """Make one request for the bytes that the part file lacks, and append what arrives.

    Args:
        url: the file's address.
        sha256: of the whole file, or its first digits.
        part: what has arrived so far.
        timeout_s: how long to wait for the server's next bytes.

    Raises:
        BrokenError: the connection broke, or the answer makes no sense now.
        RefusedError: the server has no such file, or does not give it.
        OSError: the part file cannot be written.
    """
    start = part_size(part)
    response = _open(url, start, timeout_s)
    if response is None:  # the server has no more bytes: the part is complete, or of another file
        if not file_sha256(part).startswith(sha256):
            part.unlink()
            raise BrokenError("the partial file belonged to another file and was removed")
        return
    with response:
        if response.status == HTTPStatus.OK:
            start = 0  # the server ignores ranges
        elif response.status != HTTPStatus.PARTIAL_CONTENT:
            raise BrokenError(f"the server answered {response.status} {response.reason}")
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise BrokenError("the server sent a different range than requested")
        length = response.headers.get("Content-Length", "")
        end = start + int(length) if length.isdigit() else None
        size = logged = start
        with part.open("ab" if start else "wb") as file:
            while True:
                try:
                    chunk = response.read(_CHUNK_BYTES)
                except (OSError, HTTPException) as error:
                    raise BrokenError(_reason(error)) from error
                if not chunk:
                    break
                file.write(chunk)
                size += len(chunk)
                if size - logged >= _LOG_EVERY_BYTES:
                    logged = size
                    total = f"{end / 1e6:.0f}" if end else "?"
                    logger.info("%s: %.0f of %s MB", part.stem, size / 1e6, total)
            file.flush()
            os.fsync(file.fileno())
    if end is not None and size < end:  # http.client raises nothing when the connection breaks between chunks
        raise BrokenError(f"the connection broke off after {size} of {end} bytes")


def _open(url: str, start: int, timeout_s: float) -> HTTPResponse | None:
    """Request the file from byte ``start`` on; return None if the file has no more bytes."""
    headers = {"User-Agent": "facedata"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        reason = f"the server answered {error.code} {error.reason}"
        if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _RETRIED_STATUSES:
            raise RefusedError(reason) from error
        raise BrokenError(reason) from error
    except (OSError, HTTPException) as error:
        raise BrokenError(_reason(error)) from error
    return response


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__
