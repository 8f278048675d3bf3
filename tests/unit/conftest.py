"""A file server for tests of downloads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.local_server import Server, serve_file


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on loopback, reached without any proxy."""
    monkeypatch.setenv("no_proxy", "*")
    with serve_file() as server:
        yield server
