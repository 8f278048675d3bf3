"""Who may ask the server for what: its own page alone, by its token, its host and its origin."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from facedata.errors import StoreError
from facedata.plan.corrections_file import read_corrections
from facedata.review import review_page, serve
from facedata.review.serve import ReviewServer, Served
from facedata.sets.prepared import open_set
from tests.support.packed_pages import read_data
from tests.support.people_set import face
from tests.support.review_findings import Planter
from tests.support.review_server import Serving, serve_review
from tests.support.small_set import make_set

LINE = ["drop", "photos/ana/1.jpg", "ana", "", ""]


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    planter = Planter(make_set(folder, {"ana": 3, "bo": 3}, picture=face))
    planter.write([planter.stranger("photos/ana/1.jpg")])
    (folder / "check/corrections.csv").unlink()
    return folder


@pytest.fixture
def serving(faces: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    """A server with its thumbnails in sheets."""
    monkeypatch.setattr(review_page, "_MOST_INSIDE", 0)
    with serve_review(faces) as served:
        yield served


def test_it_listens_on_this_machine_alone_and_its_token_cannot_be_guessed(
    serving: Serving, faces: Path
) -> None:
    assert serving.host.startswith("127.0.0.1:")
    assert len(serving.path.strip("/")) == 32
    with serve_review(faces) as other:
        assert other.path != serving.path
        assert other.host != serving.host


def test_the_page_may_ask_its_own_server_and_nobody_else(serving: Serving, faces: Path) -> None:
    status, page, headers = serving.ask("GET", serving.path)
    assert status == 200
    assert "connect-src 'self'" in unescape(page.decode())
    assert "connect-src 'none'" in unescape((faces / "review/index.html").read_text("utf-8"))
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


def test_the_sheets_are_given_as_they_are_on_disk(serving: Serving, faces: Path) -> None:
    status, content, headers = serving.ask("GET", f"{serving.path}sheets/sheet-00000.jpg")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert content == (faces / "review/sheets/sheet-00000.jpg").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/index.html",
        "/wrong/",
        "{token}",
        "{token}index.html",
        "{token}sheets",
        "{token}sheets/",
        "{token}sheets/../index.html",
        "{token}sheets/%2e%2e/index.html",
        "{token}../faces/dataset.json",
        "{token}sheets/sheet-00000.jpg/",
        "{token}/",
        "{token}?x",
        "{short}",
        "/x{token}",
        "{token}decisions",
        "/\u00e9/",
    ],
)
def test_every_other_path_is_not_there(serving: Serving, path: str) -> None:
    asked = path.format(token=serving.path, short=serving.path[:-2] + "/")
    if path == "{token}":
        asked = serving.path.rstrip("/")
    if not asked:
        asked = "/."
    try:
        status, content, _ = serving.ask("GET", asked)
    except UnicodeEncodeError:  # no browser sends it
        return
    assert status == 404
    assert b"there is nothing here" in content


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost", "{host}.evil.example", "127.0.0.1:1", ""]
)
def test_another_host_header_is_another_server_s(serving: Serving, host: str) -> None:
    """A name of an attacker's may lead to 127.0.0.1."""
    headers = {"Host": host.format(host=serving.host)}
    assert serving.ask("GET", serving.path, headers=headers)[0] == 404
    body = {"known": "none", "lines": [LINE]}
    assert serving.ask("POST", f"{serving.path}decisions", body, headers)[0] == 404
    assert serving.ask("POST", f"{serving.path}done", {}, headers)[0] == 404
    assert not serving.is_over


def test_localhost_is_this_machine_too(serving: Serving) -> None:
    port = serving.host.partition(":")[2]
    assert serving.ask("GET", serving.path, headers={"Host": f"localhost:{port}"})[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "https://{host}", "http://127.0.0.1:1", "{host}"]
)
def test_what_another_page_sends_is_not_taken(serving: Serving, faces: Path, origin: str) -> None:
    headers = {"Origin": origin.format(host=serving.host)}
    for path, body in (("decisions", {"known": "none", "lines": [LINE]}), ("done", {})):
        status, content, _ = serving.ask("POST", f"{serving.path}{path}", body, headers)
        assert (status, content) == (403, b'{"why": "this does not come from the page"}')
    assert not (faces / "check/corrections.csv").exists()
    assert not serving.is_over


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b'"x"', 400),
        (b"\xff\xfe", 400),
        (b"{}", 400),
        (b'{"known": "none", "lines": [["erase", "", "", "", ""]]}', 400),
        (b'{"known": "none", "lines": "drop"}', 400),
        (b"[" * 100_000, 400),
        (b'{"known": 7, "lines": []}', 409),
        (b'{"lines": []}', 409),
    ],
)
def test_what_is_no_request_changes_nothing(serving: Serving, faces: Path, body: bytes, status: int) -> None:
    assert serving.ask("POST", f"{serving.path}decisions", body)[0] == status
    assert not (faces / "check/corrections.csv").exists()
    assert serving.ask("GET", serving.path)[0] == 200, "the server goes on"


@pytest.mark.parametrize(
    ("length", "status"), [("x", 411), ("", 411), ("-1", 411), ("67108865", 413), ("9" * 400, 413)]
)
def test_a_request_says_how_long_it_is_and_is_not_too_long(
    serving: Serving, length: str, status: int
) -> None:
    headers = {"Content-Length": length}
    assert serving.ask("POST", f"{serving.path}decisions", b"", headers)[0] == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_not_known(serving: Serving, method: str) -> None:
    assert serving.ask(method, serving.path)[0] == 501


def test_decisions_are_saved_one_state_after_another(serving: Serving, faces: Path) -> None:
    known = "none"
    for lines in ([LINE], [LINE, ["keep", "photos/bo/1.jpg", "", "", ""]], []):
        status, content, _ = serving.ask("POST", f"{serving.path}decisions", {"known": known, "lines": lines})
        assert status == 200
        known = json.loads(content)["known"]
        saved = read_corrections(faces / "check/corrections.csv")
        assert [line.action.value for line in saved] == [line[0] for line in lines]
    status, content, _ = serving.ask("POST", f"{serving.path}decisions", {"known": "none", "lines": [LINE]})
    assert status == 409
    assert "has changed since" in json.loads(content)["why"]
    assert read_corrections(faces / "check/corrections.csv") == []
    assert serving.finish() == 0


def test_a_page_that_cannot_be_made_is_said_and_the_server_stays(serving: Serving, faces: Path) -> None:
    file = faces / "check/corrections.csv"
    file.write_text("action,photo\nerase,x\n")
    status, content, _ = serving.ask("GET", serving.path)
    assert status == 409
    assert "'erase' is no action" in json.loads(content)["why"]
    file.unlink()
    assert serving.ask("GET", serving.path)[0] == 200


def test_a_port_in_use_is_said(faces: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StoreError, match=rf"cannot listen on 127.0.0.1:{port} .*choose another --port"):
            ReviewServer(Served(lambda: b"", faces, faces), port)


def test_the_token_is_in_no_log(
    serving: Serving, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level("DEBUG", serve.__name__):
        serving.ask("GET", serving.path)
        serving.ask("GET", serving.path + "nothing")
    assert "GET /…/" in caplog.text
    assert serving.path.strip("/") not in caplog.text


def test_a_set_s_own_page_is_served(serving: Serving, faces: Path) -> None:
    """What the server gives is of this set: its fingerprint is the key of what is kept."""
    data = read_data(serving.ask("GET", serving.path)[1])
    assert data["key"].startswith(open_set(faces).fingerprint[:16])
    assert data["served"] is True
    assert data["known"] == "none"
    assert data["sheets"]["files"] == ["sheets/sheet-00000.jpg"]
