"""The harness sees what a page does wrong: each fault here is one that some page could have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import OpenPage, find_missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_CLEAN = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Clean</title>'
    '<link rel="icon" href="data:,">{head}</head><body><main><h1>Clean</h1>{body}</main></body></html>'
)
_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def write_page(folder: Path, body: str = "", head: str = "") -> Path:
    file = folder / "page.html"
    file.write_text(_CLEAN.format(body=body, head=head), encoding="utf-8")
    return file


def test_without_a_browser_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEDATA_CHROMIUM", "/no/such/browser")
    assert "apt-get install chromium" in (find_missing() or "")


def test_a_page_that_does_nothing_wrong_is_quiet_and_clean(open_page: OpenPage, tmp_path: Path) -> None:
    body = f'<img src="{_PIXEL}" alt="black"><img src="sheet.svg" alt="empty">'
    (tmp_path / "sheet.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    visit = open_page(write_page(tmp_path, body))
    visit.check_axe()
    visit.check_quiet()
    assert [url for url in visit.requests if not url.startswith("data:")] == [
        (tmp_path / name).as_uri() for name in ("page.html", "sheet.svg")
    ]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("console.error('torn')", "console error: torn"),
        ("console.warn('worn')", "console warning: worn"),
        ("setTimeout(() => { throw new Error('thrown') })", "exception: .*thrown"),
        ("Promise.reject(new Error('lost'))", "exception: .*lost"),
    ],
)
def test_what_a_script_complains_of_is_reported(
    open_page: OpenPage, tmp_path: Path, script: str, said: str
) -> None:
    visit = open_page(write_page(tmp_path, f"<script>{script}</script>"))
    with pytest.raises(AssertionError, match=said):
        visit.check_quiet()
    visit.errors.clear()


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('<img src="http://127.0.0.1:9/x.png" alt="">', "http://127.0.0.1:9/x.png"),
        ('<img src="https://example.com/x.png" alt="">', "https://example.com/x.png"),
        ("<script>fetch('https://example.com/').catch(() => 0)</script>", "https://example.com/"),
        ("<script>navigator.sendBeacon('https://example.com/b')</script>", "https://example.com/b"),
        ("<script>new WebSocket('ws://127.0.0.1:9/')</script>", "ws://127.0.0.1:9/"),
        ('<img src="../beside.png" alt="">', "beside.png"),
    ],
)
def test_a_request_that_leaves_the_page_is_reported(
    open_page: OpenPage, tmp_path: Path, body: str, left: str
) -> None:
    (tmp_path / "page").mkdir()
    visit = open_page(write_page(tmp_path / "page", body))
    visit.page.wait_for_load_state("networkidle")
    visit.errors.clear()  # that it failed is one more
    with pytest.raises(AssertionError, match="what is not below it") as raised:
        visit.check_quiet()
    assert left in str(raised.value)
    visit.errors.clear()
    visit.requests.clear()


def test_what_the_policy_stops_is_reported(open_page: OpenPage, tmp_path: Path) -> None:
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:\">"
    visit = open_page(write_page(tmp_path, "<script>document.title = 'Ran'</script>", policy))
    assert visit.page.title() == "Clean"
    with pytest.raises(AssertionError, match="violates the following Content Security Policy"):
        visit.check_quiet()
    visit.errors.clear()


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<p style="color: #999">pale</p>', "color-contrast"),
        (f'<img src="{_PIXEL}">', "image-alt"),
        ("<input>", "label"),
        ('<div role="slider">x</div>', "aria-required-attr"),
    ],
)
def test_axe_sees_what_a_person_could_not(open_page: OpenPage, tmp_path: Path, body: str, rule: str) -> None:
    visit = open_page(write_page(tmp_path, body))
    with pytest.raises(AssertionError, match=rf"{rule} \((serious|critical)\)") as raised:
        visit.check_axe()
    assert body[:12] in str(raised.value), "the node is shown"
    visit.check_axe(exclude=["main"])


def test_axe_runs_where_the_policy_lets_no_script_run(open_page: OpenPage, tmp_path: Path) -> None:
    policy = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:\">"
    visit = open_page(write_page(tmp_path, "<input>", policy))
    with pytest.raises(AssertionError, match="label"):
        visit.check_axe()
    assert visit.page.evaluate("typeof axe") == "undefined"


def test_a_test_that_forgot_to_look_fails_all_the_same(browser: Browser, tmp_path: Path) -> None:
    opener = OpenPage(browser)
    visit = opener(write_page(tmp_path, "<script>console.error('torn')</script>"))
    with pytest.raises(AssertionError, match="torn"):
        opener.close()
    assert visit.page.is_closed()


def test_a_window_is_as_it_was_asked_for(open_page: OpenPage, tmp_path: Path) -> None:
    head = '<meta name="viewport" content="width=device-width">'
    page = write_page(tmp_path, head=head)
    asks = (
        "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches,"
        " matchMedia('(prefers-reduced-motion: reduce)').matches, matchMedia('(pointer: coarse)').matches]"
    )
    assert open_page(page).page.evaluate(asks) == [1280, False, True, False]
    phone = open_page(page, dark=True, width=360, touch=True, reduced_motion=False)
    assert phone.page.evaluate(asks) == [360, True, False, True]


def test_what_a_page_keeps_is_there_when_it_is_opened_again_and_nowhere_else(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = write_page(tmp_path)
    visit = open_page(page)
    visit.page.evaluate("localStorage.setItem('done', '7')")
    visit.reopen()
    assert visit.page.evaluate("localStorage.getItem('done')") == "7"
    assert open_page(page).page.evaluate("localStorage.getItem('done')") is None


def test_a_screenshot_is_a_picture_of_the_whole_page(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEDATA_SCREENSHOTS", str(tmp_path / "seen"))
    visit = open_page(write_page(tmp_path, '<div style="height: 2000px"></div>'), width=400, height=300)
    file = visit.screenshot("tall")
    assert file == tmp_path / "seen" / "tall.png"
    width, height = (int.from_bytes(file.read_bytes()[at : at + 4], "big") for at in (16, 20))
    assert width == 400
    assert height > 2000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a page that a server on loopback gives."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    (tmp_path / "below").mkdir()
    script = "fetch('/other.txt').then(answer => answer.text()).then(text => document.title = text)"
    write_page(tmp_path / "below", f"<script>{script}</script>")
    (tmp_path / "other.txt").write_text("from the server")
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/below/page.html"
        server.shutdown()
        thread.join()


def test_a_page_from_a_server_may_ask_that_server(served: str, open_page: OpenPage) -> None:
    visit = open_page(served)
    visit.page.wait_for_function("() => document.title === 'from the server'")
    visit.check_quiet()
    assert len(visit.requests) == 2
