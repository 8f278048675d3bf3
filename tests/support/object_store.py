"""A real S3 server on loopback (moto's), that can be told to fail, to refuse or to wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from facedata.files import s3

BUCKET = "faces-bucket"
_ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code} says the test</Message></Error>'
_STATUS = {"InternalError": "500 Internal", "ServiceUnavailable": "503 Busy", "AccessDenied": "403 Forbidden"}


@dataclass
class ObjectStore:
    """The server, what was asked of it, and how it shall misbehave.

    Attributes:
        url: where it listens.
        asked: method and key of every request that came.
        failures: called with method and key; the code of an S3 error, or None to serve the request.
    """

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    failures: Callable[[str, str], str | None] = lambda method, key: None

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, key = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(f"/{BUCKET}/")
        self.asked.append((method, key))
        code = self.failures(method, key)
        if code is None:
            served: Iterable[bytes] = self._app(environ, start)
            return served
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(_STATUS[code], [("Content-Type", "application/xml")])
        return [_ERROR.format(code=code).encode()]

    def __post_init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)

    @property
    def client(self) -> Any:
        """A client of Amazon's own library."""
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1")

    def fill(self, folder: Path, prefix: str) -> None:
        """Put a folder's files there."""
        for file in folder.rglob("*"):
            if file.is_file():
                key = f"{prefix}/{file.relative_to(folder).as_posix()}"
                self.client.put_object(Bucket=BUCKET, Key=key, Body=file.read_bytes())

    def empty(self) -> None:
        """Remove every object."""
        for entry in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            self.client.delete_object(Bucket=BUCKET, Key=entry["Key"])

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Every object below a prefix, by the rest of its key."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {
            key.removeprefix(f"{prefix}/"): self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            for key in keys
        }

    def puts(self) -> list[str]:
        """The keys that were put so far, in order."""
        return [key for method, key in self.asked if method == "PUT"]

    def well(self) -> None:
        """Serve everything again, and forget what was asked."""
        self.failures = lambda method, key: None
        self.asked.clear()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  the name is werkzeug's
        """Say nothing."""


@contextmanager
def serve() -> Iterator[ObjectStore]:
    """Serve an empty bucket; this process and those it starts find it by their environment."""
    store = ObjectStore()
    server = make_server("127.0.0.1", 0, store, threaded=True, request_handler=_Quiet)
    store.url = f"http://127.0.0.1:{server.server_port}"
    environment = {
        "AWS_ENDPOINT_URL": store.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    s3.CLIENTS.forget()  # one that is kept would ask the server before this one
    with patch.dict(os.environ, environment):
        thread.start()
        store.client.create_bucket(Bucket=BUCKET)
        store.empty()  # moto keeps its buckets as long as this process lives
        try:
            yield store
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
