"""A server on this machine for one review: it gives the page, and takes what is decided.

It listens on 127.0.0.1 only. Other programs and pages of this machine's browser can reach that, too: so every
address begins with a random token, the Host header must be this server's (a name that an attacker points to
127.0.0.1 is not), and what is sent must come from the page itself (Origin).
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..errors import ChangedMeanwhileError, FacedataError, StoreError, UsageError
from .saved_lines import check_lines, save_lines

logger = logging.getLogger(__name__)

MOST_BYTES = 64 << 20
"""The largest request: some hundred thousand decisions."""

_SHEETS = "sheets"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Served:
    """What a server gives and where it saves.

    Attributes:
        render: returns the page as it is now, with the lines that corrections.csv has now.
        folder: the page's, with its sheets.
        check: where corrections.csv is.
    """

    render: Callable[[], bytes]
    folder: Path
    check: Path


class ReviewServer(ThreadingHTTPServer):
    """Serves one review until it is done.

    Attributes:
        token: what every path begins with.
        saved: how many lines were saved last; None for not at all.
        is_done: the user has said that it is.

    Args:
        served: what it gives.
        port: where it listens; 0 for any that is free.

    Raises:
        StoreError: the port is in use.
    """

    daemon_threads = True

    def __init__(self, served: Served, port: int = 0) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise StoreError(
                f"cannot listen on 127.0.0.1:{port} ({error.strerror}): choose another --port, or none"
            ) from error
        self.served, self.token = served, secrets.token_urlsafe(24)
        self.saved: int | None = None
        self.is_done = False
        self._saving = threading.Lock()

    @property
    def hosts(self) -> tuple[str, str]:
        """What a request's Host header may be."""
        return f"127.0.0.1:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{self.hosts[0]}/{self.token}/"

    def save(self, known: str, lines: Any) -> str:
        """Save lines as :func:`.saved_lines.save_lines` does; one request at a time."""
        checked = check_lines(lines)
        with self._saving:
            saved = save_lines(self.served.check, checked, known)
        self.saved = len(checked)
        return saved

    def stop(self) -> None:
        """End :meth:`serve_forever` once the answer is on its way."""
        self.is_done = True
        threading.Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log it: a browser that closes a connection is no error of ours."""
        logger.debug("a request from %s failed", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = 60  # for a client that sends no more

    def do_GET(self) -> None:
        """Give the page or one of its sheets."""
        path = self._path()
        if path == "":
            try:
                self._answer(HTTPStatus.OK, self.server.served.render(), "text/html; charset=utf-8")
            except (FacedataError, OSError) as error:
                self._refuse(HTTPStatus.CONFLICT, str(error))
            return
        folder, _, name = (path or "").partition("/")
        sheets = self.server.served.folder / _SHEETS
        # a name of the folder's own list, so that no path leads out of it
        if folder == _SHEETS and sheets.is_dir() and name in {entry.name for entry in sheets.iterdir()}:
            self._answer(HTTPStatus.OK, (sheets / name).read_bytes(), "image/jpeg")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """Take what is decided, or that all is done."""
        path = self._path()
        if path not in ("decisions", "done"):
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
            return
        sent = self._sent()
        if sent is None:
            return
        if path == "done":
            self._answer_json({"saved": self.server.saved})
            self.server.stop()
            return
        try:
            self._answer_json({"known": self.server.save(str(sent.get("known")), sent.get("lines"))})
        except ChangedMeanwhileError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        except UsageError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except (FacedataError, OSError) as error:  # it may be better next time
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))

    def _path(self) -> str | None:
        """Return what is asked for, after the token; None if it is not for the page to ask."""
        token, slash, path = self.path.removeprefix("/").partition("/")
        is_ours = secrets.compare_digest(token.encode(), self.server.token.encode()) and slash
        return path if is_ours and self.headers.get("Host") in self.server.hosts else None

    def _sent(self) -> dict[str, Any] | None:
        """Return a request's JSON; None, and an answer, if it is not taken."""
        if self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            self._refuse(HTTPStatus.FORBIDDEN, "this does not come from the page")
            return None
        text = self.headers.get("Content-Length", "")
        if not (text.isascii() and text.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the request does not say how long it is")
            return None
        if len(text) > 20 or int(text) > MOST_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MOST_BYTES:,} bytes")
            return None
        try:
            sent = json.loads(self.rfile.read(int(text)))
        except (ValueError, RecursionError):  # brackets in brackets in brackets …
            sent = None
        if not isinstance(sent, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "the request is no JSON object")
            return None
        return sent

    def _answer_json(self, value: dict[str, Any]) -> None:
        self._answer(HTTPStatus.OK, json.dumps(value).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True  # what else was sent is not read
        self._answer(status, json.dumps({"why": why}).encode(), "application/json")

    def _answer(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        """Return what the server calls itself."""
        return "facedata"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Log requests only where all is logged, and never with the token."""
        logger.debug("%s", (format % args).replace(self.server.token, "…"))
