"""How soon the page of a set answers in Chromium: after opening, at each key of a search, at each frame."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facedata import open_set
from tests.benchmark.report_rows.row import Row
from tests.benchmark.report_rows.writing import PageSets
from tests.support.browser import OpenPage, Visit, launch_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_OPENINGS = 5
_MOST_KEY_MS, _MOST_FRAME_MS, _MEDIAN_FRAME_MS = 100, 100, 17.5
_KEYS_APART_MS, _SCROLL_S, _WHEEL_PX = 120, 3.0, 300

_NOTE_SHOWN = """
new MutationObserver((_, self) => {
  if (!document.documentElement?.dataset.ready) return;
  self.disconnect();
  // a frame with all that the page had to show, and the task after it, have run: the page answers
  requestAnimationFrame(() => setTimeout(() => { window.shownMs = performance.now(); }));
}).observe(document, { attributes: true, subtree: true, attributeFilter: ['data-ready'] });
"""

_NOTE_ANSWERS = """() => {
  window.answersMs = [];
  const searched = () => performance.getEntriesByName('facedata-searched').length;
  addEventListener('input', (event) => {
    const before = searched();
    // the task after a frame: what the frame shows has been drawn
    const look = () => requestAnimationFrame(() => setTimeout(() => {
      if (searched() === before) look();
      else window.answersMs.push(performance.now() - event.timeStamp);
    }));
    look();
  }, { capture: true });
}"""

_NOTE_FRAMES = """() => {
  window.frames = [];
  const note = (at) => { window.frames.push(at); requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""


def browsing_rows(sets: PageSets) -> Iterator[Row]:
    """Yield the rows of both pages."""
    few, _ = sets.few_crops()
    with launch_browser() as browser:
        for faces, most_s in ((few, 1.0), (sets.many_crops(), 2.0)):
            crops = open_set(faces).info["counts"]["status"]["kept"]
            for row in _rows_of_page(browser, sets.page(faces), most_s):
                yield row._replace(what=f"{crops:,} crops: {row.what}")


def _rows_of_page(browser: Browser, page: Path, most_s: float) -> Iterator[Row]:
    opened = [open_once(browser, page) for _ in range(_OPENINGS)]
    middle = statistics.median(opened)
    yield Row(
        f"interactive after opening, median of {_OPENINGS}",
        f"{middle / 1000:.2f} s (longest {max(opened) / 1000:.2f} s)",
        f"≤ {most_s:g} s",
        middle <= 1000 * most_s,
    )
    opener = OpenPage(browser)
    visit = opener(page)
    visit.wait_ready()
    answers = type_and_erase(visit)
    yield Row(
        f"the search answers a key, longest of {len(answers)}",
        f"{max(answers):.0f} ms (median {statistics.median(answers):.0f} ms)",
        f"≤ {_MOST_KEY_MS} ms",
        max(answers) <= _MOST_KEY_MS,
    )
    frames = scroll_people(visit)
    opener.close()
    middle = statistics.median(frames)
    yield Row(
        f"scrolling the people for {_SCROLL_S:g} s: {len(frames)} frames",
        f"median {middle:.1f} ms, longest {max(frames):.0f} ms",
        f"≤ {_MEDIAN_FRAME_MS} ms (60 a second); ≤ {_MOST_FRAME_MS} ms",
        middle <= _MEDIAN_FRAME_MS and max(frames) <= _MOST_FRAME_MS,
    )


def open_once(browser: Browser, page: Path) -> float:
    """Open a page in a fresh profile; return the milliseconds from navigation until it answers."""
    with browser.new_context() as context:
        context.add_init_script(_NOTE_SHOWN)
        tab = context.new_page()
        tab.goto(page.resolve().as_uri(), wait_until="commit")
        tab.wait_for_function("() => window.shownMs > 0")
        return float(tab.evaluate("window.shownMs"))


def type_and_erase(visit: Visit) -> Sequence[float]:
    """Type the first letters of a name into the search and erase them; return each key's milliseconds."""
    page = visit.page
    name = str(page.evaluate("facedata.report.set.people.name[0]"))[:6]
    box = page.locator("#people-search")
    box.scroll_into_view_if_needed()
    box.click()
    page.evaluate(_NOTE_ANSWERS)
    for key in [*name, *["Backspace"] * len(name)]:
        page.keyboard.press(key)
        page.wait_for_timeout(_KEYS_APART_MS)
    page.wait_for_function(f"() => window.answersMs.length >= {2 * len(name)}")
    return [float(answer) for answer in page.evaluate("window.answersMs")]


def scroll_people(visit: Visit) -> Sequence[float]:
    """Turn the wheel over the list of people; return each frame's milliseconds."""
    page = visit.page
    box = page.locator("#people-box")
    box.scroll_into_view_if_needed()
    box.hover()
    page.wait_for_timeout(500)
    page.evaluate(_NOTE_FRAMES)
    end = time.monotonic() + _SCROLL_S
    while time.monotonic() < end:
        page.mouse.wheel(0, _WHEEL_PX)
        page.wait_for_timeout(10)
    frames = [float(at) for at in page.evaluate("window.frames")]
    if not page.evaluate("document.querySelector('#people-box').scrollTop") > _WHEEL_PX:
        raise SystemExit("the list of people did not scroll")
    return [later - at for at, later in itertools.pairwise(frames)]
