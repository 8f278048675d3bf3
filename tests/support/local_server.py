"""An HTTP server on loopback with one file: it resumes, breaks off, ignores ranges, refuses and lies."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from facedata.files.download import PinnedFile

CONTENT = np.random.default_rng(0).bytes(1_000_000)


class Server(ThreadingHTTPServer):
    """Serves CONTENT; its attributes are the ways in which it misbehaves."""

    content = CONTENT
    ranges = True
    break_after: int | None = None
    say_length = True
    statuses: list[int]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = []
        self.requests: list[str | None] = []

    @property
    def remote(self) -> PinnedFile:
        url = f"http://127.0.0.1:{self.server_address[1]}/x.bin"
        return PinnedFile("x.bin", url, hashlib.sha256(CONTENT).hexdigest())

    def handle_error(self, *args: Any) -> None:
        """Report everything but a client that hung up, as ours does when it has heard enough."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*args)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append(wanted)
        if self.server.statuses:
            self.send_error(self.server.statuses.pop(0))
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.ranges else 0
        content = self.server.content
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.say_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.break_after])

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@contextmanager
def serve_file() -> Iterator[Server]:
    """Run a server."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
