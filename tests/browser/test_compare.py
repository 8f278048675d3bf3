"""The page of compared runs in a real browser: clean in light and dark, narrow and wide, without scripts."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

import facemodel
from facedata import ClassManifest, PairManifest
from tests.support.browser import OpenPage
from tests.support.people_set import face
from tests.support.scored_runs import scored_run, write_run
from tests.support.small_set import make_set

NAMES = ("Anna", "李小龍", "Ben O'Neil", "<b>bold</b>", "שרה \u202e", "Zoë 🙂", "M" * 150)
BETTER, WORSE = "new", "a-folder-with-a-name-that-is-much-longer-than-anybody-would-want"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of three runs: one clearly better than the first, one the same as it."""
    home = tmp_path_factory.mktemp("compare")
    people = {f"{NAMES[number % len(NAMES)]} {number:02d}": 5 for number in range(60)}
    make_set(home / "faces", people, picture=face)
    classes, pairs = ClassManifest.open(home / "faces"), PairManifest.open(home / "faces", split="test")
    codes = {name: code for code, name in enumerate(sorted(people))}
    sides = [
        [codes[row.identity] for row in classes.take(classes.find(ids))] for ids in (pairs.left, pairs.right)
    ]
    noise = np.random.default_rng(0).normal(size=len(pairs))
    write = functools.partial(
        scored_run, left=sides[0], right=sides[1], names=sorted(people), ids=(pairs.left, pairs.right),
        set=classes.prepared.fingerprint, notes=["the model was trained on photos of 3 of the 30 people"],
    )  # fmt: skip
    for name, values in ((WORSE, noise + pairs.same), (BETTER, noise / 2 + 2 * pairs.same - 0.5)):
        write_run(home / name, write(name, values))
    facemodel.compare([home / name for name in (WORSE, BETTER, WORSE)], home / "out", set=str(home / "faces"))
    return home / "out" / "report.html"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_clean_in_light_and_dark_wide_and_narrow(
    open_page: OpenPage, page_file: Path, dark: bool, width: int
) -> None:
    visit = open_page(page_file, dark=dark, width=width)
    visit.page.locator("summary").click()
    visit.check_axe()
    visit.screenshot(f"compare-{'dark' if dark else 'light'}-{width}")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
    assert len(visit.requests) == 1 or all(url.startswith("data:") for url in visit.requests[1:])


def test_it_says_which_run_is_better_without_a_script(open_page: OpenPage, page_file: Path) -> None:
    visit = open_page(page_file, java_script_enabled=False)
    result = visit.page.get_by_role("region", name="Result", exact=True)
    texts = result.locator(".badge").all_inner_texts()
    assert ["significantly better" in text for text in texts] == [True] * 3 + [False] * 3
    assert all(text.endswith("the same in every draw") for text in texts[3:])
    good = result.locator(".badge.good").all_inner_texts()
    assert good == texts[:3]
    assert visit.page.locator("script").count() == 0


def test_dots_and_intervals_are_where_their_numbers_are(open_page: OpenPage, page_file: Path) -> None:
    visit = open_page(page_file)
    rows = visit.page.locator("#forest tbody").nth(1).locator("tr")  # of the AUC
    low, high = (float(text) for text in rows.nth(0).locator(".ends").nth(0).inner_text().split())
    for number in (1, 2, 3):
        row = rows.nth(number)
        value, start, end = (
            float(text.strip("(),"))
            for text in row.locator("td").nth(1).inner_text().replace(" to", "").split()
        )
        axis = row.locator("svg").first.bounding_box()
        dot = row.locator("svg circle").first.bounding_box()
        line = row.locator("svg line").first.bounding_box()
        assert axis
        assert dot
        assert line
        for place, number_there in (
            (dot["x"] + dot["width"] / 2, value), (line["x"], start), (line["x"] + line["width"], end),
        ):  # fmt: skip
            there = low + (place - axis["x"]) / axis["width"] * (high - low)
            assert there == pytest.approx(number_there, abs=(high - low) * 0.02)


def test_pictures_are_there_and_say_whom_they_show(open_page: OpenPage, page_file: Path) -> None:
    visit = open_page(page_file)
    pictures = visit.page.locator("#pairs img")
    assert pictures.count() == 48
    sizes = visit.page.evaluate("[...document.images].map((one) => one.naturalWidth)")
    assert min(sizes) > 0
    for about in pictures.evaluate_all("(all) => all.map((one) => one.alt)"):
        assert any(about.startswith(name) for name in NAMES)


def test_the_keyboard_reaches_every_section_and_table(open_page: OpenPage, page_file: Path) -> None:
    visit = open_page(page_file)
    reached = []
    for _ in range(12):
        visit.page.keyboard.press("Tab")
        reached.append(
            visit.page.evaluate(
                "(on => on.getAttribute('href') || on.getAttribute('aria-label') || on.textContent)"
                "(document.activeElement)"
            )
        )
    sections = ["#main", "#result", "#intervals", "#roc", "#pairs", "#made"]
    assert reached[:6] == sections
    assert reached[6:9] == ["Figures of all runs", "Figures and differences with their intervals", "Numbers"]
    for section in sections[1:]:
        assert visit.page.locator(section).count() == 1


def test_it_prints(open_page: OpenPage, page_file: Path) -> None:
    visit = open_page(page_file)
    visit.page.emulate_media(media="print")
    assert not visit.page.locator("nav").is_visible()
    assert visit.page.locator("#forest").is_visible()
    assert visit.page.pdf()[:5] == b"%PDF-"
