"""The pages of runs and scores in a browser: quiet, clean, nothing sticks out, whole without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from facedata.config import SplitConfig
from facemodel import fit
from facemodel.commands.evaluate import evaluate
from tests.support.browser import OpenPage
from tests.support.colour_embedder import ColourEmbedder
from tests.support.people_set import face, people_set
from tests.support.small_set import make_set
from tests.support.tiny_fit import FEW

LONG = "a very long name " * 14
HOSTILE = (
    "<script>document.title='Ran'<",
    "<img src=x onerror=alert(1)>",
    "\u202eכן 🙂",
    LONG.strip(),
    "x" * 200,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    fit(people_set(folder / "faces").path, folder / "run", **{**FEW, "epochs": 3})
    return folder / "run" / "report.html"


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scores")
    people = {**{f"p{number:02d}": 4 for number in range(30)}, **dict.fromkeys(HOSTILE, 4)}
    split = SplitConfig(splits="test=0.6,val=0.4", seed=2)
    faces = make_set(folder / "faces", people, split=split, picture=face)
    evaluate(ColourEmbedder(), faces.path, folder / "scores", by="split")
    return folder / "scores" / "report.html"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("which", ["run", "scores"])
def test_it_is_clean_in_light_and_dark_wide_and_narrow(
    open_page: OpenPage, request: pytest.FixtureRequest, which: str, dark: bool, width: int
) -> None:
    visit = open_page(request.getfixturevalue(which), dark=dark, width=width)
    visit.screenshot(f"{which}-{'dark' if dark else 'light'}-{width}")
    for summary in visit.page.locator("summary").all():
        summary.click()
    visit.check_axe()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
    assert visit.requests[0].startswith("file:")
    assert all(url.startswith("data:") for url in visit.requests[1:])


@pytest.mark.parametrize("which", ["run", "scores"])
def test_it_needs_no_script(open_page: OpenPage, request: pytest.FixtureRequest, which: str) -> None:
    visit = open_page(request.getfixturevalue(which), java_script_enabled=False)
    assert visit.page.locator("noscript, script").count() == 0
    assert visit.page.locator("figure.chart").count() >= 3
    visit.page.locator("figure.chart summary").first.click()
    assert visit.page.locator("figure.chart table").first.is_visible()


def test_every_picture_of_the_worst_pairs_loads_and_has_words(open_page: OpenPage, scores: Path) -> None:
    visit = open_page(scores)
    pictures = visit.page.locator("ol.pairs img")
    assert pictures.count() == 2 * visit.page.locator("ol.pairs > li").count() > 0
    sizes = pictures.evaluate_all("all => all.map(one => [one.naturalWidth, one.width, one.alt.length])")
    assert all(natural == 24 and 60 < width <= 160 and words > 20 for natural, width, words in sizes)


def test_names_are_text(open_page: OpenPage, scores: Path) -> None:
    visit = open_page(scores)
    shown = visit.page.locator("#people h3, figcaption strong").all_text_contents()
    assert {*HOSTILE} & {*shown}, "the seed puts some of them into the test split"
    assert visit.page.title() == "Scores of colours.onnx on faces"
    assert visit.page.locator("script").count() == 0


def test_the_links_of_the_bar_lead_to_sections(open_page: OpenPage, run: Path, scores: Path) -> None:
    for file in (run, scores):
        visit = open_page(file)
        for link in visit.page.locator("nav a").all():
            target = link.get_attribute("href") or ""
            assert visit.page.locator(f"section{target} h2").count() == 1, target
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_it_prints(open_page: OpenPage, scores: Path) -> None:
    visit = open_page(scores, dark=True)
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert visit.page.locator("ol.pairs img").first.is_visible()
    visit.check_axe()
    assert visit.page.pdf().startswith(b"%PDF-")
