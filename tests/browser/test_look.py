"""What all pages share, as a browser sees it: nothing gets in, text is text, data and pictures arrive."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facedata.pages.charts import draw_bars, draw_histogram, draw_lines
from facedata.pages.packed import column
from facedata.pages.page import render_page
from facedata.pages.sheets import make_sheets
from tests.support.browser import OpenPage

HOSTILE = (
    "</title></script><script>document.title='Ran'</script><img src=x onerror=alert(1)>\"'`{{ 7 * 7 }} &amp; "
    "\u202eכן 🙂 \x07"
)

_SAMPLE = Path(__file__).parent / "sample" / "sample.html"
_SIDE_PX = 32


def write_page(folder: Path, **values: Any) -> Path:
    """Write a page with all that the look has."""
    charts = [
        draw_histogram("Tilt", "degrees", [-10, 0, 10], {"train": [3, 5], "test": [1, 0]}),
        draw_histogram("Scores", "cosine", [0, 1, 2], {"same": [3, 5], "other": [9, 1]}, is_overlaid=True),
        draw_bars("Status", "status", ["kept", "no face"], {"": [40, 2]}),
        draw_lines("ROC", "FAR", "TAR", {"": ([0.001, 0.1, 1], [0.2, 0.9, 1])}, has_log_x=True),
    ]  # fmt: skip
    settings = {"title": "The look", "data": {}, "name": "Anna", "charts": charts, **values}
    file = folder / "index.html"
    file.write_bytes(render_page(_SAMPLE, scripts=["sample.js"], **settings))
    return file


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_the_look_is_clean_in_light_and_dark_wide_and_narrow(
    open_page: OpenPage, tmp_path: Path, dark: bool, width: int
) -> None:
    visit = open_page(write_page(tmp_path), dark=dark, width=width)
    visit.wait_ready()
    for summary in visit.page.locator("summary").all():
        summary.click()
    visit.check_axe()
    visit.screenshot(f"look-{'dark' if dark else 'light'}-{width}")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, background[4:-1].split(","))) < 60) is dark


def read_request(server: socket.socket) -> bytes:
    """Return what was sent to a server; a browser may connect in advance, which says nothing to anybody."""
    try:
        connection, _ = server.accept()
    except BlockingIOError:
        return b""
    with connection:
        connection.settimeout(0.5)
        try:
            return connection.recv(4096)
        except TimeoutError:
            return b""


_ATTEMPTS = (
    "const one = make('script'); one.text = 'document.title = \"Ran\"'; main.append(one)",
    "main.setAttribute('onclick', 'document.title = \"Ran\"'); main.click()",
    "setTimeout('document.title = \"Ran\"', 0)",
    "const one = make('script'); one.src = 'data:text/javascript,1'; main.append(one)",
    "const one = make('style'); one.textContent = 'h1 { color: red }'; main.append(one)",
    "main.setAttribute('style', 'color: red')",
    "new Image().src = 'http://{server}/x.png'",
    "fetch('http://{server}/').catch(() => 0)",
    "navigator.sendBeacon('http://{server}/')",
    "new EventSource('http://{server}/')",
    "new WebSocket('ws://{server}/')",
    "const one = make('link'); one.rel = 'stylesheet'; one.href = 'http://{server}/'; main.append(one)",
    "const one = make('iframe'); one.src = 'http://{server}/'; main.append(one)",
    "const one = make('object'); one.data = 'http://{server}/'; main.append(one)",
    "const one = make('base'); one.href = 'http://{server}/'; main.append(one)",
    "const one = make('form'); one.action = 'http://{server}/'; main.append(one); one.submit()",
)


def test_the_policy_lets_nothing_in_nor_out(open_page: OpenPage, tmp_path: Path) -> None:
    """As if a name had found its way into the page's elements."""
    visit = open_page(write_page(tmp_path, title="Untouched"))
    visit.wait_ready()
    visit.check_quiet()
    named = "const main = document.querySelector('main'), make = (name) => document.createElement(name)"
    heading = "document.querySelector('h1') ?? document.body"  # a form that was stopped leaves an empty page
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for attempt in _ATTEMPTS:
            visit.page.evaluate(f"() => {{ {named}; {attempt.replace('{server}', address)} }}")
            visit.page.wait_for_timeout(100)
            assert visit.page.title() in ("Untouched", ""), attempt
            assert visit.page.evaluate(f"getComputedStyle({heading}).color") != "rgb(255, 0, 0)", attempt
            assert re.search("Content.Security.Policy", "\n".join(visit.errors)), attempt
            assert not read_request(server), attempt
            visit.errors.clear()
    visit.requests.clear()


def test_a_hostile_title_and_name_are_text(open_page: OpenPage, tmp_path: Path) -> None:
    visit = open_page(write_page(tmp_path, title=HOSTILE, name=HOSTILE))
    visit.wait_ready()
    heading = visit.page.locator("h1")
    assert heading.text_content() == HOSTILE
    assert visit.page.evaluate("document.querySelector('title').textContent") == HOSTILE
    assert HOSTILE in (visit.page.locator("#tools p").first.text_content() or "")
    assert visit.page.locator("img").count() == 0


def test_a_page_s_data_arrives_as_it_was(open_page: OpenPage, tmp_path: Path) -> None:
    given = {"name": HOSTILE, "none": None, "nested": [[1, 2.5], {"é": True}], "big": 2**40}
    visit = open_page(write_page(tmp_path, data=given))
    visit.wait_ready()
    assert visit.page.evaluate("facedata.given") == given


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("u1", [0, 7, 255]),
        ("u2", [0, 256, 65535]),
        ("u4", [0, 65536, 2**32 - 1]),
        ("i1", [-128, 0, 127]),
        ("i2", [-32768, 0, 32767]),
        ("i4", [-(2**31), 0, 2**31 - 1]),
        ("f4", [-0.5, 0, 2.0**100]),
        ("u4", []),
    ],
)
def test_a_column_of_numbers_arrives_as_it_was(
    open_page: OpenPage, tmp_path: Path, kind: str, numbers: list[float]
) -> None:
    visit = open_page(write_page(tmp_path, data=column(numbers, kind)))
    visit.wait_ready()
    assert visit.page.evaluate("Array.from(facedata.column(facedata.given))") == numbers


def test_a_thumbnail_shows_its_own_piece_of_its_sheet(open_page: OpenPage, tmp_path: Path) -> None:
    """300 pictures of one colour each, in sheets of 256: some of the first, and some of the second."""
    colours = np.random.default_rng(0).integers(0, 256, (300, 3))

    def read(number: int) -> bytes:
        image = np.full((_SIDE_PX, _SIDE_PX, 3), colours[number], np.uint8)
        return bytes(cv2.imencode(".png", image)[1])

    (tmp_path / "sheets").mkdir()
    sheets = make_sheets(300, read, _SIDE_PX, tmp_path / "sheets")
    visit = open_page(write_page(tmp_path, data={"sheets": sheets.describe()}))
    visit.wait_ready()
    for number in (0, 15, 16, 100, 255, 256, 257, 299):
        tile = visit.page.get_by_role("img", name=f"thumbnail {number}", exact=True)
        tile.scroll_into_view_if_needed()
        visit.page.wait_for_load_state("networkidle")
        shown = cv2.imdecode(np.frombuffer(tile.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        middle = shown[4:28, 4:28].reshape(-1, 3).astype(int)
        assert np.abs(middle - colours[number]).max() < 12, f"thumbnail {number}"
    assert sorted(url.rpartition("/")[2] for url in visit.requests if "/sheets/" in url) == [
        Path(name).name for name in sheets.files
    ]


def test_a_chart_says_on_hover_what_its_table_says(open_page: OpenPage, tmp_path: Path) -> None:
    visit = open_page(write_page(tmp_path))
    figure = visit.page.locator("figure").filter(has_text="Status")
    assert figure.locator("rect title").all_text_contents() == ["kept: 40", "no face: 2"]
    assert figure.locator("tbody td").all_text_contents() == ["kept", "40", "no face", "2"]
    # heights are as the numbers are
    tall, short = (float(bar.get_attribute("height") or 0) for bar in figure.locator("rect").all())
    assert tall / short == pytest.approx(20, rel=0.01)


def test_the_keyboard_skips_to_the_content_and_reaches_every_control(
    open_page: OpenPage, tmp_path: Path
) -> None:
    visit = open_page(write_page(tmp_path))
    visit.wait_ready()
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(6):
        visit.page.keyboard.press("Tab")
        reached.append(visit.page.evaluate("document.activeElement.tagName"))
        outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached
    assert reached == ["A", "INPUT", "SELECT", "BUTTON", "BUTTON", "BUTTON"]


def test_a_page_without_scripts_shows_its_text_and_says_so(open_page: OpenPage, tmp_path: Path) -> None:
    visit = open_page(write_page(tmp_path), java_script_enabled=False)
    assert visit.page.locator("noscript p").is_visible()
    assert visit.page.locator("figure").count() == 4


def test_a_printed_page_is_black_on_white_and_whole(open_page: OpenPage, tmp_path: Path) -> None:
    visit = open_page(write_page(tmp_path), dark=True)
    visit.wait_ready()
    visit.page.emulate_media(media="print")
    colours = visit.page.evaluate(
        "[document.body, document.querySelector('section')].map(one => getComputedStyle(one).backgroundColor)"
        ".concat(getComputedStyle(document.querySelector('td')).color)"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert not visit.page.locator("nav").is_visible()
    visit.check_axe()
    assert visit.page.pdf().startswith(b"%PDF-")
