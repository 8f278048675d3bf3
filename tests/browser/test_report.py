"""The report of a set in a real browser: seen, searched, walked through by keyboard, harmed by no name."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import facedata
from tests.support.browser import OpenPage, Visit
from tests.support.report_pages import (
    CROWD,
    CROWD_PHOTOS,
    HOSTILE,
    MANY_PHOTOS,
    PEOPLE,
    crowd_report,
    hostile_report,
    painted_report,
)
from tests.support.small_set import crop_image

BOX = "document.getElementById('people-box')"


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted_report(tmp_path_factory.mktemp("painted"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_report(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crowd_report(tmp_path_factory.mktemp("crowd"))


@pytest.fixture
def visit(open_page: OpenPage, painted: Path) -> Visit:
    """The report of the painted people, ready."""
    visit = open_page(painted)
    visit.wait_ready()
    return visit


def table(report: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = facedata.open_set(report.parents[1]).table(name).to_pylist()
    return rows


def box_of(element: Locator) -> tuple[float, float, float, float]:
    """Return left, top, width and height of an element that is there."""
    box = element.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def names_of(page: Page) -> list[str]:
    """Return the people of the list that are in the document, in its order."""
    return page.locator("#people-rows .who").all_text_contents()


def forget_crops(visit: Visit) -> None:
    """Allow that the set's own crops were asked for, which are beside the report."""
    crops = visit.url.rpartition("/report/")[0] + "/crops/"
    visit.requests[:] = [url for url in visit.requests if not url.startswith(crops)]


def wait_until(is_so: Callable[[], object]) -> None:
    """Return once something is so; the page's policy lets playwright wait for no expression of its own.

    What follows a link within the page, or its new size, comes later than the click or the resize returns.
    """
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def shows_person(page: Page, name: str) -> bool:
    return page.locator("#person-name").text_content() == name


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_the_page_opens_from_disk_and_asks_for_nothing_else(visit: Visit, painted: Path) -> None:
    assert [url for url in visit.requests if url.startswith("file:")] == [painted.as_uri()]
    headings = visit.page.locator("main h2:visible").all_text_contents()
    assert headings == [
        "Overview", "Photos", "People", "Distributions", "Pairs and triplets", "Findings", "How it was made",
    ]  # fmt: skip
    links = visit.page.locator("nav a").all()
    assert [link.text_content() for link in links] == headings
    for link in links:
        assert visit.page.locator(f"section{link.get_attribute('href')}").count() == 1


def test_what_became_of_the_photos_is_said_with_the_numbers_of_the_set(visit: Visit, painted: Path) -> None:
    counts = facedata.open_set(painted.parents[1]).info["counts"]["status"]
    cells = visit.page.locator("#photos tbody tr").all()
    seen = {row.locator("th").inner_text(): row.locator("td").first.inner_text() for row in cells}
    assert seen == {name.replace("_", " "): str(count) for name, count in counts.items() if count}
    assert set(seen) == {"kept", "no face", "unreadable"}


def test_the_boxes_lie_on_the_photo_where_the_ledger_has_them(visit: Visit, painted: Path) -> None:
    ledger = {row["photo"]: row for row in table(painted, "photos")}
    figures = visit.page.locator("#status-kept figure").all()
    assert len(figures) == 8
    others = 0
    for figure in figures:
        row = ledger[figure.locator(".file").text_content() or ""]
        view = (figure.locator("svg").get_attribute("viewBox") or "").split()
        scale = float(view[2]) / row["width"]
        assert scale == pytest.approx(float(view[3]) / row["height"], rel=0.01)
        taken = figure.locator("rect.taken")
        drawn = [float(taken.get_attribute(name) or "nan") for name in ("x", "y", "width", "height")]
        x0, y0, x1, y1 = row["box"]
        assert drawn == pytest.approx([v * scale for v in (x0, y0, x1 - x0, y1 - y0)], abs=0.6)
        points = [
            [float(one.get_attribute(name) or "nan") for name in ("cx", "cy")]
            for one in figure.locator("circle").all()
        ]
        assert np.array(points) == pytest.approx(np.reshape(row["landmarks"], (5, 2)) * scale, abs=0.6)
        assert figure.locator("rect.other").count() == row["faces"] - 1
        others += row["faces"] - 1
        assert figure.locator("img").evaluate("one => one.naturalWidth") > 0
    assert others, "some photo shows two faces"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("bjorn", ["Björn Åkesson"]),
        ("ÅKES", ["Björn Åkesson"]),
        ("zoe", ["Zoë"]),
        ("Zoe\u0308", ["Zoë"]),
        ("emile zola", ["Émile_Zola"]),
        ("ra", ["Amara", "Farah"]),
        (" jose ", ["José"]),
        ("", sorted(PEOPLE, key=str.encode)),
    ],
)
def test_a_search_needs_no_accents_no_capitals_and_any_part_of_the_name(
    visit: Visit, typed: str, found: list[str]
) -> None:
    visit.page.get_by_role("searchbox").fill("nobody is called that")
    expect(visit.page.locator("#people-hits")).to_have_text("Nobody here has such a name")
    assert not visit.page.locator("#people-box").is_visible()
    visit.page.evaluate("performance.clearMarks('facedata-searched')")
    visit.page.get_by_role("searchbox").fill(typed)
    assert names_of(visit.page) == found
    wait_until(lambda: visit.page.evaluate("performance.getEntriesByName('facedata-searched').length === 1"))
    said = f"{len(found)} of 6 people" if typed else "6 people, 31 crops"
    expect(visit.page.get_by_role("status").filter(has_text=said)).to_be_visible()


def test_people_are_sorted_by_what_is_asked_for(visit: Visit, painted: Path) -> None:
    crops, findings = table(painted, "classes"), facedata.open_set(painted.parents[1])
    photos = {name: sum(crop["identity"] == name for crop in crops) for name in PEOPLE}
    assert len(set(photos.values())) > 1, findings
    for order, sign in (("most photos", -1), ("fewest photos", 1)):
        visit.page.get_by_role("combobox", name="Sort by").select_option(order)
        assert names_of(visit.page) == sorted(PEOPLE, key=lambda name: (sign * photos[name], name.encode()))
    for order, sign in (("worst quality", 1), ("best quality", -1)):
        visit.page.get_by_role("combobox", name="Sort by").select_option(order)
        shown = visit.page.locator("#people-rows .about").all_text_contents()
        quality = [float(re.findall(r"quality ([\d.]+)", text)[0]) for text in shown]
        assert quality == sorted(quality, key=lambda value: sign * value)
        assert len(set(quality)) > 1
    visit.page.get_by_role("combobox", name="Sort by").select_option("most findings")
    badges = visit.page.locator("#people-rows .badge.suspect").all_text_contents()
    numbers = [int(text.split()[0]) for text in badges]
    assert len(numbers) == len(PEOPLE)
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[-1]


def test_a_person_s_page_shows_all_crops_and_going_back_leads_to_the_row(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Farah").first.click()
    dialog = page.get_by_role("dialog", name="Farah")
    expect(dialog).to_be_visible()
    assert page.url.endswith("#person=Farah")
    crops = dialog.get_by_role("listitem").get_by_role("button").all()
    labels = [crop.get_attribute("aria-label") or "" for crop in crops]
    assert [label.split(",")[0] for label in labels] == [
        *(f"Farah/{number}.png" for number in range(5)), "Farah/copy.png",
    ]  # fmt: skip
    assert "finding" in labels[5]
    assert dialog.locator("article").filter(has_text="Amara/0.png").count() >= 1
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    wait_until(lambda: page.evaluate("location.hash === ''"))
    assert focused(page) == "Farah"
    page.go_forward()
    expect(dialog).to_be_visible()
    page.go_back()
    expect(dialog).to_be_hidden()
    wait_until(lambda: focused(page) == "Farah")


def test_one_goes_from_person_to_person_and_back_in_one_step(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Amara").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", level=2, name="Björn Åkesson")).to_be_visible()
    assert page.get_by_role("button", name="Previous").is_enabled()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    wait_until(lambda: page.evaluate("location.hash === ''"))
    assert focused(page) == "Björn Åkesson"


def test_a_finding_of_a_crop_leads_to_the_other_person(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("link", name="Amara").first.click()
    page.get_by_role("button", name="Amara/0.png").click()
    crop = page.locator("#crop")
    for _ in range(4):
        crop.get_by_role("button", name="Next").click()
    assert crop.get_by_role("button", name="Next").is_disabled()
    page.keyboard.press("ArrowLeft")  # the button that had the focus cannot be pressed any more
    expect(page.get_by_role("dialog", name="Amara/3.png")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    crop.get_by_role("link", name="Farah").click()
    expect(page.get_by_role("dialog", name="Farah")).to_be_visible()
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    wait_until(lambda: page.evaluate("location.hash === ''"))
    wait_until(lambda: focused(page) == "Farah")
    forget_crops(visit)


def test_a_person_has_an_address(open_page: OpenPage, painted: Path) -> None:
    visit = open_page(painted.as_uri() + "#person=" + quote("Björn Åkesson"))
    visit.wait_ready()
    expect(visit.page.get_by_role("dialog", name="Björn Åkesson")).to_be_visible()
    visit.page.keyboard.press("Escape")
    wait_until(lambda: visit.page.evaluate("location.hash === '#people'"))
    assert focused(visit.page) == "Björn Åkesson"
    visit.page.evaluate("location.hash = '#person=%E0%A4%A'")
    expect(visit.page.get_by_role("dialog", name="%E0%A4%A")).to_contain_text("nobody of that name")
    visit.page.evaluate("location.hash = '#person=Nobody'")
    expect(visit.page.get_by_role("dialog", name="Nobody")).to_contain_text("nobody of that name")
    visit.page.evaluate("location.hash = '#findings'")
    expect(visit.page.get_by_role("dialog")).to_be_hidden()


def test_a_crop_tells_all_that_is_known_of_it(visit: Visit, painted: Path) -> None:
    page = visit.page
    page.get_by_role("link", name="José").first.click()
    page.get_by_role("button", name="José/4.png").click()
    dialog = page.get_by_role("dialog", name="José/4.png")
    expect(dialog).to_be_visible()
    row = next(row for row in table(painted, "photos") if row["photo"] == "José/4.png")
    crop = next(row for row in table(painted, "classes") if row["photo"] == "José/4.png")
    used = sum(crop["id"] in (pair["left"], pair["right"]) for pair in table(painted, "pairs"))
    terms = dialog.locator("dt").all_text_contents()
    told = dict(zip(terms, dialog.locator("dd").all_inner_texts(), strict=True))
    assert told["Person"] == "José"
    assert told["Crop"] == "5 of 5"
    assert told["Split"] == crop["split"]
    assert float(told["Score of the face"]) == pytest.approx(row["score"], abs=0.006)
    assert float(told["Tilt"].rstrip("°")) == pytest.approx(row["tilt_deg"], abs=0.06)
    sides = (row["box"][2] - row["box"][0], row["box"][3] - row["box"][1])
    assert int(told["Size of the face"].removesuffix(" px")) == pytest.approx(max(sides), abs=1)
    assert told["In pairs"] == str(used)
    assert float(told["not dark"]) < 0.5 < float(told["uncut"])
    expect(dialog.get_by_role("article", name="note: dark")).to_contain_text("below the threshold of 0.5")
    picture = dialog.get_by_role("img").first
    wait_until(lambda: picture.evaluate("one => one.naturalWidth === 240"))
    assert picture.get_attribute("alt") == f"José/4.png of José, {crop['split']}"
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("dialog", name="José/3.png")).to_be_visible()
    page.keyboard.press("Escape")
    wait_until(lambda: page.evaluate("document.activeElement.ariaLabel.startsWith('José/3.png,')"))
    visit.requests[:] = [
        url for url in visit.requests if "/crops/" not in url
    ]  # the set's own, beside the report


def test_the_keyboard_alone_leads_everywhere(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd)
    visit.wait_ready()
    page, press = visit.page, visit.page.keyboard.press
    page.get_by_role("searchbox").focus()
    for _ in range(2):  # the order, then the list, which is one stop
        press("Tab")
    assert focused(page) == "Ada"
    for key, name in [
        ("ArrowDown", "Person 001"), ("ArrowDown", "Person 002"), ("ArrowUp", "Person 001"),
        ("End", "Person 399"), ("ArrowDown", "Person 399"), ("Home", "Ada"), ("ArrowUp", "Ada"),
    ]:  # fmt: skip
        press(key)
        assert focused(page) == name, key
        _, top, _, height = box_of(page.locator("#people-box"))
        _, row_top, _, row_height = box_of(page.locator("li:focus-within"))
        assert top - 2 <= row_top, "the row is seen"
        assert row_top + row_height <= top + height + 2
    press("PageDown")
    assert focused(page) in [f"Person {number:03d}" for number in range(3, 12)]
    press("PageUp")
    assert focused(page) == "Ada"
    press("Enter")
    expect(page.get_by_role("dialog", name="Ada")).to_be_visible()
    assert focused(page) == "Ada"
    for _ in range(4):  # previous is disabled: next, back, the crops
        press("Tab")
        if page.evaluate("document.activeElement.className") == "crop":
            break
    label = "document.activeElement.getAttribute('aria-label')"
    across = page.evaluate("document.querySelectorAll('.row')[0].childElementCount")
    for key, number in [
        ("ArrowRight", 1),
        ("ArrowDown", 1 + across),
        ("ArrowLeft", across),
        ("End", 699),
        ("Home", 0),
    ]:
        press(key)
        assert page.evaluate(label).startswith(f"photos/Ada/{number}.jpg,"), key
    press("Enter")
    expect(page.get_by_role("dialog", name="photos/Ada/0.jpg")).to_be_visible()
    press("ArrowRight")
    expect(page.get_by_role("dialog", name="photos/Ada/1.jpg")).to_be_visible()
    press("Escape")
    wait_until(lambda: page.evaluate(label).startswith("photos/Ada/1.jpg,"))
    press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    wait_until(lambda: page.evaluate("document.activeElement.className") == "who")
    assert focused(page) == "Ada"
    forget_crops(visit)


def test_the_keyboard_keeps_its_place_while_something_else_scrolls(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd)
    visit.wait_ready()
    page = visit.page
    page.locator(".who", has_text="Ada").focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.evaluate(f"{BOX}.scrollTop = 1e9")
    page.locator("#people-rows li:last-child", has_text="Person 399").wait_for()
    assert focused(page) == "Person 005"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Person 006"
    names = names_of(page)
    assert names == sorted(names), "in order, for who hears them"


def test_only_the_rows_that_are_seen_are_in_the_document(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd)
    visit.wait_ready()
    page = visit.page
    assert page.locator("#people-rows li").count() < 20
    assert page.locator("#people-rows li").first.get_attribute("aria-setsize") == str(CROWD)
    page.evaluate(f"{BOX}.scrollTop = 200 * document.querySelector('.person').offsetHeight")
    page.locator("#people-rows li:nth-child(4)", has_text="Person 200").wait_for()
    places = [int(row.get_attribute("aria-posinset") or 0) for row in page.locator("#people-rows li").all()]
    assert places == list(range(places[0], places[0] + len(places)))
    assert len(places) < 20
    tops = page.evaluate(
        "[...document.querySelectorAll('.person')].map(row => row.getBoundingClientRect().top)"
    )
    assert np.diff(tops) == pytest.approx(np.full(len(tops) - 1, np.diff(tops)[0]), abs=0.01)
    page.evaluate("document.getElementById('people-box').scrollTop = 1e9")
    page.locator("#people-rows li:last-child", has_text="Person 399").wait_for()
    page.get_by_role("searchbox").fill("person 12")
    assert names_of(page)[:2] == ["Person 120", "Person 121"]
    assert page.evaluate(f"{BOX}.scrollTop") == 0


def test_a_list_longer_than_a_browser_can_draw_still_has_both_its_ends(
    open_page: OpenPage, crowd: Path
) -> None:
    visit = open_page(crowd)
    visit.wait_ready()
    page = visit.page
    page.evaluate(
        """() => {
          const list = facedata.el('ul', { class: 'long' });
          const box = facedata.el('div', { class: 'box' }, list);
          document.getElementById('overview').append(box);
          Object.assign(box.style, { height: '430px', overflow: 'auto' });
          list.style.position = 'relative';
          const draw = (item) => {
            const row = facedata.el('li', {}, facedata.el('button', { text: item, data: { item } }));
            Object.assign(row.style, { position: 'absolute', top: 0, height: '50px' });
            return row;
          };
          const rows = new facedata.Rows({ box, list, draw, fill() {}, measure() {} });
          rows.show(1e6);
          rows.focus(0);
        }"""
    )
    assert page.evaluate("document.querySelector('.box').scrollHeight") < 2e7

    def seen() -> list[int]:
        _, start, _, _ = box_of(page.locator(".box"))
        rows = page.locator(".long li").all()
        assert len(rows) < 25
        tops = {int(row.inner_text()): box_of(row)[1] - start for row in rows}
        assert np.diff([tops[item] for item in sorted(tops)]) == pytest.approx(50, abs=0.1)
        return sorted(item for item, top in tops.items() if -1 < top < 381)

    assert seen()[0] == 0
    page.keyboard.press("End")
    assert (focused(page), seen()[-1]) == ("999999", 999_999)
    page.keyboard.press("ArrowUp")
    assert focused(page) == "999998"
    page.evaluate(
        "document.querySelector('.box').scrollTop = document.querySelector('.box').scrollHeight / 2"
    )
    wait_until(lambda: abs(int(page.locator(".long li").nth(5).inner_text()) - 500_000) < 30)
    page.locator(".long button").nth(5).focus()
    page.keyboard.press("Home")
    assert (focused(page), seen()[0]) == ("0", 0)


def test_a_person_with_many_photos_is_as_light(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd.as_uri() + "#person=Ada")
    visit.wait_ready()
    crops = visit.page.locator("button.crop")
    assert 12 < crops.count() < 250
    assert visit.page.get_by_role("dialog").get_by_role("listitem").first.get_attribute(
        "aria-setsize"
    ) == str(MANY_PHOTOS)
    visit.page.evaluate("document.querySelector('#person .body').scrollTop = 1e9")
    visit.page.get_by_role("button", name=f"photos/Ada/{MANY_PHOTOS - 1}.jpg").wait_for()
    assert crops.count() < 250


def test_sheets_are_loaded_when_their_rows_come_to_rest(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd)
    visit.wait_ready()

    def loaded() -> set[int]:
        visit.page.wait_for_timeout(300)
        visit.page.wait_for_load_state("networkidle")
        return {int(url[-9:-4]) for url in visit.requests if "/sheets/" in url}

    last = (MANY_PHOTOS + (CROWD - 1) * CROWD_PHOTOS - 1) // 256
    assert loaded() == {0, 2}, "those of the people that are seen"
    visit.page.evaluate(
        """() => new Promise((done) => {
          const box = document.getElementById('people-box');
          let frame = 0;
          const step = () => {
            box.scrollTop = (box.scrollHeight * ++frame) / 30;
            if (frame < 30) requestAnimationFrame(step);
            else done();
          };
          step();
        })"""
    )
    assert loaded() == {0, 2, last}, "what flew by was not asked for"
    samples = visit.page.locator("#samples .tile")
    numbers = {int(tile.get_attribute("data-crop") or 0) // 256 for tile in samples.all()}
    assert numbers - {0, 2, last}
    samples.last.scroll_into_view_if_needed()
    assert loaded() == {0, 2, last} | numbers, "those of the pairs, when one comes to them"


def test_thumbnails_are_of_the_crops_that_they_stand_for(open_page: OpenPage, crowd: Path) -> None:
    """Each crop of the crowd has a colour of its own, by its number in the set."""
    numbers = {row["photo"]: number for number, row in enumerate(table(crowd, "classes"))}
    visit = open_page(crowd)
    visit.wait_ready()
    for name in ("Person 002", "Person 207", "Person 299"):
        visit.page.get_by_role("searchbox").fill(name)
        visit.page.locator(".strip.filled").wait_for()
        visit.page.wait_for_load_state("networkidle")
        tiles = visit.page.locator(".strip .tile").all()
        shots = [tile.screenshot() for tile in tiles]
        visit.page.locator(".who").click()
        visit.page.locator(".row .tile[style]").first.wait_for()
        tiles = visit.page.locator(".row .tile").all()
        shots += [tile.screenshot() for tile in tiles]
        visit.page.keyboard.press("Escape")
        expect(visit.page.get_by_role("dialog")).to_be_hidden()
        assert len(shots) == 2 * CROWD_PHOTOS
        for number, shot in enumerate(shots):
            photo = number % CROWD_PHOTOS
            shown = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)
            assert shown is not None
            colour = crop_image(numbers[f"photos/{name}/{photo}.jpg"])[0, 0]
            assert np.abs(shown[16:48, 16:48, ::-1].reshape(-1, 3).mean(axis=0) - colour).max() < 8, (
                name,
                photo,
            )


def read_samples(page: Page, count: int) -> list[tuple[str, ...]]:
    """Return the photos of the samples of so many pictures, with what is said of them first."""
    found = []
    for sample in page.locator("#samples .sample").all():
        labels = [tile.get_attribute("aria-label") or "" for tile in sample.locator(".tile").all()]
        if len(labels) == count:
            said = sample.locator(".badge, .part").all_text_contents()
            found.append(("/".join(said), *(label.split(" of ")[0] for label in labels)))
    return found


def test_pairs_and_triplets_are_the_set_s_own_and_drawn_anew(visit: Visit, painted: Path) -> None:
    photo = {row["id"]: row["photo"] for row in table(painted, "classes")}
    for split in ("train", "test"):
        visit.page.get_by_role("combobox", name="Split").select_option(split)
        pairs = {
            ("same person" if row["same"] else "two people", photo[row["left"]], photo[row["right"]])
            for row in table(painted, "pairs")
            if row["split"] == split
        }
        triplets = {
            ("anchor/positive/negative", *(photo[row[part]] for part in ("anchor", "positive", "negative")))
            for row in table(painted, "triplets")
            if row["split"] == split
        }
        drawn = []
        for _ in range(3):
            two, three = read_samples(visit.page, 2), read_samples(visit.page, 3)
            assert set(two) <= pairs
            assert set(three) <= triplets
            assert len(set(two)) == 8
            assert len(set(three)) == 4
            assert sum(said == "same person" for said, *_ in two) == 4
            drawn.append((two, three))
            visit.page.get_by_role("button", name="Draw others").click()
        assert drawn[0] != drawn[1] != drawn[2]
    expect(visit.page.locator("#said")).to_have_text("8 pairs and 4 triplets of test")


def test_findings_are_filtered_and_their_photos_stand_side_by_side(visit: Visit, painted: Path) -> None:
    page = visit.page
    articles = page.locator("#findings-shown article")
    assert articles.count() == 9
    headings = page.locator("#findings-shown h3").all_inner_texts()
    assert [re.sub(r"\s+", " ", text).strip() for text in headings] == [
        "error same bytes 1", "note same picture 7", "note dark 1",
    ]  # fmt: skip
    page.get_by_role("combobox", name="Severity").select_option("error")
    assert articles.count() == 1
    assert articles.locator(".file").all_text_contents() == ["Amara/0.png", "Farah/copy.png"]
    assert articles.get_by_role("link").all_text_contents() == ["Amara", "Farah"]
    split = {row["photo"]: row["split"] for row in table(painted, "classes")}
    assert articles.locator("figure .badge").all_text_contents() == [
        split["Amara/0.png"],
        split["Farah/copy.png"],
    ]
    expect(articles).not_to_contain_text("Measured")  # the same bytes are the same
    page.get_by_role("combobox", name="Kind").select_option("dark")
    expect(page.locator("#findings-shown [role=status]")).to_have_text("No such finding")
    page.get_by_role("combobox", name="Severity").select_option("")
    expect(articles).to_have_count(1)
    expect(articles).to_contain_text("below the threshold of 0.5")
    articles.get_by_role("link", name="José").click()
    expect(page.get_by_role("dialog", name="José")).to_be_visible()
    page.keyboard.press("Escape")
    wait_until(lambda: page.evaluate("location.hash === ''"))
    assert page.evaluate("document.activeElement.closest('#findings-shown article') !== null")


def test_many_findings_come_some_at_a_time(open_page: OpenPage, painted: Path) -> None:
    visit = open_page(painted)
    visit.wait_ready()
    # as many as a page may hold: those that are there, again and again
    visit.page.evaluate(
        """() => {
          const { set } = facedata.report;
          document.getElementById('findings-shown').replaceChildren();
          set.findings = Array.from({ length: 120 }, (_, at) => set.findings[at < 20 ? 0 : 1]);
          facedata.showFindings(set);
        }"""
    )
    articles = visit.page.locator("#findings-shown article")
    assert articles.count() == 50
    visit.page.get_by_role("button", name="Show 50 more").click()
    assert articles.count() == 100
    assert visit.page.evaluate(
        "document.activeElement === document.querySelectorAll('#findings-shown article')[50]"
    )
    visit.page.get_by_role("button", name="Show 20 more").click()
    assert articles.count() == 120
    assert not visit.page.get_by_role("button", name="more").is_visible()
    expect(visit.page.locator("#findings-shown [role=status]")).to_have_text("120 of 120 findings shown")
    assert visit.page.locator("#findings-shown h3").count() == 2


def test_no_name_does_harm_and_each_is_shown_as_it_is(open_page: OpenPage, hostile: Path) -> None:
    visit = open_page(hostile)
    visit.page.on("dialog", lambda dialog: visit.errors.append(f"a dialog opened: {dialog.message}"))
    visit.wait_ready()
    page = visit.page
    folder = hostile.parents[1].name
    assert page.locator("h1").text_content() == folder
    assert page.title() != "Ran"
    listed = sorted(HOSTILE, key=str.encode)
    seen: list[str] = []
    page.locator("#people-rows .who").first.focus()
    for _ in listed:
        seen.append(focused(page))
        page.keyboard.press("ArrowDown")
    assert seen == listed
    for name in HOSTILE:
        page.get_by_role("searchbox").fill(name)
        assert name in names_of(page)
        page.locator(".who").filter(has=page.get_by_text(name, exact=True)).first.click()
        wait_until(partial(shows_person, page, name))
        page.reload()
        visit.wait_ready()
        assert page.locator("#person-name").text_content() == name, "its address leads to it"
        page.locator("button.crop").first.click()
        picture = page.locator("#crop img")
        wait_until(partial(picture.evaluate, "one => one.naturalWidth > 0"))
        assert name in (picture.get_attribute("alt") or "")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        wait_until(lambda: page.evaluate("!location.hash.startsWith('#person')"))
    counts = page.locator("#made tbody").first.locator("td bdi").all_text_contents()
    assert set(HOSTILE) <= set(counts), "what the consent column says"
    assert page.title() == folder
    assert page.locator("img[src=x], main script").count() == 0
    forget_crops(visit)


@pytest.mark.parametrize(("dark", "width"), [(False, 1920), (False, 360), (True, 1280), (True, 360)])
def test_every_state_is_clean_in_light_and_dark_wide_and_narrow(
    open_page: OpenPage, painted: Path, dark: bool, width: int
) -> None:
    visit = open_page(painted, dark=dark, width=width)
    visit.wait_ready()
    page = visit.page
    about = f"{'dark' if dark else 'light'}-{width}"
    page.wait_for_timeout(150)  # the strips are filled
    for summary in page.locator("main .group:nth-of-type(1) summary, .settings summary").all():
        summary.click()
    for state in ("page", "person", "crop"):
        if state == "person":
            page.locator(".who").first.click()
            page.locator(".row .tile[style]").first.wait_for()
        elif state == "crop":
            page.locator("button.crop").first.click()
        visit.check_axe()
        visit.screenshot(f"report-{state}-{about}", whole=state == "page")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, state
        for body in page.locator("dialog[open] .body").all():
            assert body.evaluate("one => one.scrollWidth - one.clientWidth") == 0, state
    forget_crops(visit)


@pytest.mark.parametrize("width", [1280, 320])
def test_hostile_names_neither_stick_out_nor_trouble_a_screen_reader(
    open_page: OpenPage, hostile: Path, width: int
) -> None:
    visit = open_page(hostile, width=width)
    visit.wait_ready()
    visit.check_axe()
    visit.screenshot(f"report-hostile-{width}")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("x" * 200, "\u202eמשה כהן"):
        visit.page.evaluate("name => { location.hash = '#person=' + encodeURIComponent(name) }", name)
        visit.page.get_by_role("dialog").wait_for()
        visit.check_axe()
        assert visit.page.evaluate("document.querySelector('#person').scrollWidth") <= width
        visit.screenshot(f"report-hostile-person-{len(name)}-{width}", whole=False)


def test_a_phone_shows_and_opens_the_same(open_page: OpenPage, painted: Path) -> None:
    visit = open_page(painted, width=360, height=640, touch=True)
    visit.wait_ready()
    visit.page.get_by_role("searchbox").fill("zoe")
    visit.page.locator(".who").first.tap()
    dialog = visit.page.get_by_role("dialog", name="Zoë")
    expect(dialog).to_be_visible()
    assert box_of(dialog) == (0, 0, 360, 640), "the whole screen"
    dialog.get_by_role("button", name="Back").tap()
    expect(dialog).to_be_hidden()


def test_rows_are_measured_anew_when_the_window_changes(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd)
    visit.wait_ready()
    page = visit.page
    page.locator(".who").first.focus()
    page.keyboard.press("End")
    wide = page.evaluate("document.querySelector('.person').offsetHeight")
    page.set_viewport_size({"width": 360, "height": 800})
    wait_until(lambda: page.evaluate("document.querySelector('.person').offsetHeight") > wide)
    gaps = (
        "(rows => rows.slice(1).map((row, at) => row.getBoundingClientRect().top"
        " - rows[at].getBoundingClientRect().bottom))([...document.querySelectorAll('.person')])"
    )
    # the page hears of its new size a frame after the styles have followed it
    wait_until(lambda: np.abs(page.evaluate(gaps)).max() < 0.01)
    assert focused(page) == "Person 399"


def test_without_scripts_the_rest_is_there_to_read(open_page: OpenPage, painted: Path) -> None:
    visit = open_page(painted, java_script_enabled=False)
    page = visit.page
    assert page.locator("#people noscript").is_visible()
    assert not page.get_by_role("searchbox").is_visible()
    assert page.locator("#findings tbody tr").count() == 3
    assert page.locator("#distributions figure").count() >= 5
    assert page.locator("#status-kept figure img").count() == 8
    assert "facedata prepare" in page.locator("#made pre").inner_text()


def test_a_browser_that_cannot_read_the_data_says_so(open_page: OpenPage, painted: Path) -> None:
    visit = open_page(painted)
    visit.page.add_init_script("delete globalThis.DecompressionStream")
    visit.page.reload()
    expect(visit.page.get_by_role("alert")).to_contain_text("DecompressionStream")
    assert any("DecompressionStream" in error for error in visit.errors)
    visit.errors.clear()


def test_what_is_printed_is_the_people_that_are_seen_or_one_person(
    open_page: OpenPage, painted: Path
) -> None:
    visit = open_page(painted, dark=True)
    visit.wait_ready()
    page = visit.page
    page.wait_for_timeout(150)
    page.emulate_media(media="print")
    rows = page.locator("#people-rows li").all()
    tops = [box_of(row)[1] for row in rows]
    assert len(rows) == 6
    assert tops == sorted(set(tops)), "one below another"
    assert not page.get_by_role("searchbox").is_visible()
    visit.screenshot("report-print")
    visit.check_axe()
    assert page.pdf().startswith(b"%PDF-")
    assert page.locator("#people-printed").text_content() == (
        "Printed are 6 of 6 people, those about the place where the list stood."
    )
    page.emulate_media(media="screen")
    page.evaluate("location.hash = '#person=Farah'")
    page.locator(".row .tile[style]").first.wait_for()
    page.emulate_media(media="print")
    assert not page.locator("#overview").is_visible()
    assert page.get_by_role("heading", name="Farah").is_visible()
    visit.screenshot("report-print-person")


def test_with_forced_colours_the_pictures_stay(open_page: OpenPage, painted: Path) -> None:
    visit = open_page(painted, forced_colors="active")
    visit.wait_ready()
    tile = visit.page.locator("#samples .tile").first
    tile.scroll_into_view_if_needed()
    shown = cv2.imdecode(np.frombuffer(tile.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.std() > 10, "not one colour"
    visit.screenshot("report-forced-colours")


def test_a_set_that_was_not_checked_says_so(open_page: OpenPage, crowd: Path) -> None:
    visit = open_page(crowd)
    visit.wait_ready()
    expect(visit.page.locator("#findings")).to_contain_text("This set has not been checked")
    options = visit.page.get_by_role("combobox", name="Sort by").locator("option").all_text_contents()
    assert options == ["name", "most photos", "fewest photos"], "neither quality nor findings are known"
