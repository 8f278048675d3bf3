"""A review that is served from a thread of this process, and requests to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from facedata import review_set

_TIMEOUT_S = 60


@dataclass
class Serving:
    """A review on its way.

    Attributes:
        url: the page's address.
    """

    url: str
    _thread: threading.Thread
    _results: list[Any] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Where the server listens: 127.0.0.1 and its port."""
        return urlsplit(self.url).netloc

    @property
    def path(self) -> str:
        """What every path begins with."""
        return urlsplit(self.url).path

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send a request; return the answer's status, content and headers.

        Args:
            method: ``GET`` or ``POST``.
            path: the whole path.
            body: sent as JSON; bytes as they are.
            headers: in place of those that the page sends; empty text leaves one out.
        """
        own = {"Host": self.host, **({"Origin": f"http://{self.host}"} if method == "POST" else {})}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            own["Content-Length"] = str(len(data))
        connection = HTTPConnection(self.host, timeout=_TIMEOUT_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**own, **(headers or {})}.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders(data)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.headers)
        finally:
            connection.close()

    def finish(self) -> int | None:
        """Say that all is done; see :meth:`wait`."""
        status, _, _ = self.ask("POST", f"{self.path}done", {})
        assert status == 200
        return self.wait()

    def wait(self) -> int | None:
        """Wait until the server has stopped; return how many lines it saved at last."""
        self._thread.join(_TIMEOUT_S)
        assert not self._thread.is_alive(), "the server has not stopped"
        saved: int | None = self._results[0].saved
        return saved

    @property
    def is_over(self) -> bool:
        """Whether the server has stopped."""
        return not self._thread.is_alive()


@contextmanager
def serve_review(faces: Path, **options: Any) -> Iterator[Serving]:
    """Serve a set's review until the block ends, or the page says that it is done."""
    listening, urls, results = threading.Event(), list[str](), list[Any]()

    def show(url: str) -> None:
        urls.append(url)
        listening.set()

    thread = threading.Thread(
        target=lambda: results.append(review_set(faces, serve=True, on_serve=show, **options)), daemon=True
    )
    thread.start()
    assert listening.wait(_TIMEOUT_S), "nothing listens"
    serving = Serving(urls[0], thread, results)
    yield serving
    if not serving.is_over:
        serving.finish()
