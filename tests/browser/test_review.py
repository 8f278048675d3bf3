"""The page to decide on, as a person uses it: keys, mouse, dialogs, what is kept, and what the file says."""

from __future__ import annotations

import itertools
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facedata import fix_set, open_set, review_set
from facedata.checks.corrections_csv import render_lines
from facedata.checks.findings import Finding
from facedata.checks.proposals import ProposedLine
from facedata.errors import CorrectionsError
from facedata.plan.correction_rules import Action, Decision, decide
from facedata.plan.corrections import correct_records
from facedata.plan.corrections_file import read_corrections
from facedata.review import review_page
from facedata.sets.prepared import PreparedSet
from facedata.tables.names import clean_name
from facedata.testing import marked_folder
from tests.support.browser import OpenPage, Visit
from tests.support.marked_photos import prepare_marked
from tests.support.people_set import face
from tests.support.review_findings import Planter
from tests.support.review_server import Serving, serve_review
from tests.support.small_set import crop_image, make_set

PEOPLE = {"Amara": 6, "Birgit": 5, "Chidi": 4, "Dolores": 3, "Emre": 3, "Farah": 2}
HOSTILE = (
    "</script><script>document.title='Ran'</script><img src=x onerror=alert(1)>", "\u202eכן ד", "🙂", "a,b",
    'q"t', "=1+1", "007", "x" * 255, "new:bie", "bell\x07", "two\nlines", "'t Hooft", " blank ", "e1; b|c",
    "\u0663\u0661/2020",
)  # fmt: skip


def plant_all(planter: Planter) -> list[Finding]:
    """Return findings of each shape, some of which settle or contradict each other.

    In their order: 0 same picture, 1 to 3 wrong person, 4 stranger, 5 swapped, 6 and 7 double name, 8
    official pair.
    """
    return [
        planter.same_picture("photos/Chidi/0.jpg", "photos/Dolores/0.jpg"),
        planter.wrong_person("photos/Amara/0.jpg", "Birgit", score=0.9),
        planter.wrong_person("photos/Birgit/0.jpg", "Amara", score=0.8, proposal=None),
        planter.wrong_person("photos/Emre/0.jpg", "Farah", score=0.7),
        planter.stranger("photos/Amara/0.jpg"),
        planter.swapped("photos/Chidi/1.jpg", "photos/Dolores/1.jpg"),
        planter.double_name("Emre", "Farah", score=0.9),
        planter.double_name("Farah", "Amara", score=0.8),
        planter.official_pair("photos/Birgit/1.jpg", "photos/Birgit/2.jpg"),
        planter.look_alikes("Amara", "Birgit"),
        planter.blurred("photos/Chidi/2.jpg"),
    ]


@pytest.fixture(scope="module")
def planted_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "faces"
    planter = Planter(make_set(folder, PEOPLE, picture=face))
    planter.write(plant_all(planter))
    review_set(folder)
    return folder


@pytest.fixture
def faces(planted_set: Path, tmp_path: Path) -> Path:
    """A set of one's own with findings, and its page."""
    return Path(shutil.copytree(planted_set, tmp_path / "faces"))


@pytest.fixture
def visit(planted_set: Path, open_page: OpenPage) -> Visit:
    """The page, opened from disk in a browser that knows nothing of it."""
    return begin(open_page, planted_set)


def begin(open_page: OpenPage, faces: Path, **how: Any) -> Visit:
    visit = open_page(faces / "review/index.html", **how)
    visit.wait_ready()
    return visit


def press(visit: Visit, *keys: str) -> None:
    for key in keys:
        visit.page.keyboard.press(key)


def csv_lines(visit: Visit) -> list[list[str]]:
    """Return the lines of the page's file without their notes."""
    lines = visit.page.evaluate("facedata.review.page.store.allLines()")
    return [line[:4] for line in lines]


def head(visit: Visit) -> str:
    visit.page.evaluate("new Promise(requestAnimationFrame)")
    return visit.page.locator("#finding-head").inner_text().replace("\n", " ")


def state(visit: Visit) -> str:
    visit.page.evaluate("new Promise(requestAnimationFrame)")
    return "".join(visit.page.locator(".state").all_inner_texts())


def refusal(visit: Visit) -> str:
    visit.page.evaluate("new Promise(requestAnimationFrame)")
    place = visit.page.locator("#refusal")
    return place.inner_text() if place.is_visible() else ""


def go(visit: Visit, number: int) -> None:
    """Look at a finding, counted from 0, by the arrows."""
    at = visit.page.evaluate("facedata.review.page.at")
    at = visit.page.evaluate("facedata.review.page.store.items.length") if at < 0 else at
    press(visit, *["ArrowRight" if number > at else "ArrowLeft"] * abs(number - at))


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_each_finding_and_dialog_is_clean_in_light_and_dark_wide_and_narrow(
    planted_set: Path, open_page: OpenPage, dark: bool, width: int
) -> None:
    visit = begin(open_page, planted_set, dark=dark, width=width)
    name = f"review-{'dark' if dark else 'light'}-{width}"
    for number in (0, 1, 6):
        go(visit, number)
        head(visit)
        visit.check_axe()
        visit.screenshot(f"{name}-{number}")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
    for key, dialog in (("?", "help"), ("g", "merge")):
        press(visit, key)
        visit.check_axe()
        visit.screenshot(f"{name}-{dialog}", whole=False)
        press(visit, "Escape")
    go(visit, 1)
    press(visit, "m")
    visit.check_axe()
    visit.screenshot(f"{name}-move", whole=False)
    press(visit, "Enter")
    visit.page.locator("#decisions-head").click()
    head(visit)
    visit.check_axe()
    for number in range(9):
        go(visit, number)
        press(visit, "s")
    assert head(visit) == "9 skipped, all others decided"
    visit.check_axe()
    visit.screenshot(f"{name}-end")


@pytest.mark.parametrize(
    ("number", "keys", "lines"),
    [
        (0, "n", [["keep", "photos/Dolores/0.jpg", "Dolores", ""]]),  # the later one of two copies
        (0, "1n", [["keep", "photos/Chidi/0.jpg", "Chidi", ""]]),
        (0, "d", [["drop", "photos/Dolores/0.jpg", "Dolores", ""]]),
        (0, "1d", [["drop", "photos/Chidi/0.jpg", "Chidi", ""]]),
        (0, "12d", [["drop", "photos/Dolores/0.jpg", "Dolores", ""]]),
        (1, "y", [["move", "photos/Amara/0.jpg", "Amara", "Birgit"]]),
        (1, "n", [["keep", "photos/Amara/0.jpg", "Amara", ""]]),
        (1, "d", [["drop", "photos/Amara/0.jpg", "Amara", ""]]),
        (1, "gg", [["merge", "", "Birgit", "Amara"]]),  # who has more photos stays
        (1, "g2", [["merge", "", "Amara", "Birgit"]]),
        (4, "y", [["drop", "photos/Amara/0.jpg", "Amara", ""]]),
        (
            5,
            "y",
            [
                ["move", "photos/Chidi/1.jpg", "Chidi", "Dolores"],
                ["move", "photos/Dolores/1.jpg", "Dolores", "Chidi"],
            ],
        ),
        (
            5,
            "n",
            [
                ["keep", "photos/Chidi/1.jpg", "Chidi", ""],
                ["keep", "photos/Dolores/1.jpg", "Dolores", ""],
            ],
        ),
        (5, "2d", [["drop", "photos/Dolores/1.jpg", "Dolores", ""]]),
        (6, "y", [["merge", "", "Farah", "Emre"]]),
        (6, "n", [["distinct", "", "Emre", "Farah"]]),
        (6, "s", []),
        (6, "yu", []),
    ],
)
def test_a_key_decides_what_it_says(visit: Visit, number: int, keys: str, lines: list[list[str]]) -> None:
    go(visit, number)
    press(visit, *keys)
    assert csv_lines(visit) == lines


@pytest.mark.parametrize(
    ("number", "key", "said"),
    [
        (0, "y", "Nothing is proposed here; d drops, m moves, n keeps, g merges the two people."),
        (4, "g", "This is not about two people: there is nobody to merge."),
        (6, "d", "This is about two people, not about one photo: g merges them, n says that they are two."),
        (6, "m", "This is about two people, not about one photo: g merges them, n says that they are two."),
        (4, "1", "There are not two photos to choose from."),
        (0, "u", "Nothing is left to undo here; with ← a decision can be changed."),
        (0, "ArrowLeft", "This is the first."),
        (8, "ArrowRight", "This is the last."),
    ],
)
def test_a_key_that_makes_no_sense_says_so_and_does_nothing(
    visit: Visit, number: int, key: str, said: str
) -> None:
    go(visit, number)
    before = head(visit)
    press(visit, key)
    assert refusal(visit) == said
    assert head(visit) == before
    assert csv_lines(visit) == []
    assert visit.page.evaluate("document.querySelectorAll('dialog[open]').length") == 0
    press(visit, "n")
    assert refusal(visit) == "", "it is gone with the next key"


def test_after_a_decision_comes_the_next_that_waits_and_the_end_says_what_to_do(visit: Visit) -> None:
    assert head(visit) == "#1 of 9 same picture error"
    press(visit, "d")
    assert head(visit) == "#2 of 9 wrong person suspect"
    press(visit, "y")  # settles the stranger, the same photo
    visit.page.evaluate("new Promise(requestAnimationFrame)")
    assert visit.page.locator("#progress-text").inner_text() == "3 of 9 decided"
    press(visit, "s", "s", "y")
    assert head(visit) == "#7 of 9 double name suspect"
    press(visit, "n", "n", "n")
    assert head(visit) == "2 skipped, all others decided"
    assert visit.page.locator("pre").inner_text().startswith("facedata fix ")
    visit.page.get_by_role("button", name="Look at what was skipped").click()
    assert head(visit) == "#3 of 9 wrong person suspect"
    press(visit, "n")
    assert head(visit) == "1 skipped, all others decided"
    press(visit, "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert head(visit) == "#4 of 9 wrong person suspect"
    press(visit, "n")
    assert head(visit) == "All decided"
    assert visit.page.locator("#bar").evaluate("(bar) => [bar.value, bar.max]") == [9, 9]


def test_what_a_decision_settles_says_so_and_is_open_again_after_undo(visit: Visit) -> None:
    go(visit, 1)
    press(visit, "d")
    go(visit, 4)
    assert state(visit) == "Settled by #2."
    assert visit.page.locator("#decisions-head").inner_text() == "Decisions (1; 1 more settled)"
    assert visit.page.locator("#progress-text").inner_text() == "2 of 9 decided"
    go(visit, 6)
    press(visit, "y")  # Emre and Farah are one: the wrong person of these two is none
    go(visit, 3)
    assert state(visit) == "Settled by #7."
    press(visit, "u")
    assert head(visit) == "#7 of 9 double name suspect"
    go(visit, 3)
    assert state(visit) == ""
    press(visit, "u")
    assert head(visit) == "#2 of 9 wrong person suspect"
    assert visit.page.locator("#progress-text").inner_text() == "0 of 9 decided"


def test_what_contradicts_an_earlier_decision_is_refused_with_the_reason(visit: Visit) -> None:
    go(visit, 1)
    press(visit, "y")
    go(visit, 4)
    press(visit, "y")
    assert refusal(visit).startswith("Not done: #2 moves photos/Amara/0.jpg to Birgit.")
    visit.page.get_by_role("button", name="Go to #2").click()
    assert head(visit) == "#2 of 9 wrong person suspect"
    press(visit, "g", "Enter")  # in place of the move: Amara and Birgit are one
    assert csv_lines(visit) == [["merge", "", "Birgit", "Amara"]]
    go(visit, 6)
    press(visit, "n")
    go(visit, 7)
    press(visit, "y")  # Farah is Amara, but not Emre
    assert csv_lines(visit)[1:] == [["distinct", "", "Emre", "Farah"], ["merge", "", "Farah", "Amara"]]
    go(visit, 6)
    press(visit, "y")
    assert csv_lines(visit)[1:] == [
        ["merge", "", "Amara", "Emre"],
        ["merge", "", "Farah", "Amara"],
    ] or csv_lines(visit)[1:] == [["merge", "", "Farah", "Emre"], ["merge", "", "Emre", "Amara"]]


def test_two_who_are_distinct_are_not_merged_over_a_third(visit: Visit) -> None:
    go(visit, 6)
    press(visit, "y")  # Farah becomes Emre
    go(visit, 3)
    press(visit, "n")
    go(visit, 7)
    press(visit, "n")  # Farah, and so Emre, is not Amara
    go(visit, 1)
    press(visit, "s")
    store = "facedata.review.page.store"
    said = visit.page.evaluate(f"{store}.decide(1, {{ key: 'g', merge: ['Amara', 'Emre'] }})")
    assert said == {"text": "#8 says that Farah and Amara are two people.", "by": 7}


def test_decisions_are_there_when_the_page_is_opened_again_and_can_be_undone(visit: Visit) -> None:
    press(visit, "d", "y", "s", "n")
    before = csv_lines(visit)
    assert len(before) == 3
    visit.reopen()
    visit.wait_ready()
    assert csv_lines(visit) == before
    assert head(visit) == "#6 of 9 swapped suspect", "the first that waits, and was not skipped"
    press(visit, "u", "u", "u")
    assert csv_lines(visit) == before[:1]
    visit.reopen()
    visit.wait_ready()
    assert csv_lines(visit) == before[:1]


def test_another_set_of_findings_begins_afresh(faces: Path, open_page: OpenPage) -> None:
    visit = begin(open_page, faces)
    press(visit, "d")
    visit.page.evaluate("0")
    Planter(open_set(faces)).write([Planter(open_set(faces)).wrong_person("photos/Amara/1.jpg", "Chidi")])
    review_set(faces)
    visit.reopen()
    visit.wait_ready()
    assert csv_lines(visit) == []
    assert head(visit) == "#1 of 1 wrong person suspect"


def test_a_browser_that_keeps_nothing_is_said_and_works(visit: Visit) -> None:
    visit.page.add_init_script(
        "Object.defineProperty(window, 'localStorage',"
        " { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    visit.page.reload()
    visit.wait_ready()
    assert "keeps nothing" in visit.page.locator("#notes").inner_text()
    press(visit, "d")
    assert len(csv_lines(visit)) == 1


@pytest.mark.parametrize(
    "kept",
    [
        '{"x":', "5", "{}", '{"base":[[99,{"key":"y"}]],"steps":[]}', '{"base":[],"steps":[null]}',
        '{"base":[],"steps":[{"at":0,"key":"g"}]}',
        '{"base":[],"steps":[{"at":1,"key":"m","side":"up","to":"Emre"}]}',
    ],
)  # fmt: skip
def test_what_no_page_like_this_one_has_kept_is_left_out(visit: Visit, kept: str) -> None:
    visit.page.evaluate(
        "(kept) => { const { store } = facedata.review.page; localStorage.setItem(store.key, kept);"
        " store.keepNow = () => {} }",
        kept,
    )
    visit.reopen()
    visit.wait_ready()
    assert csv_lines(visit) == []
    press(visit, "d")
    assert len(csv_lines(visit)) == 1


def test_two_people_who_are_new_by_the_file_s_own_lines_are_not_merged(
    faces: Path, open_page: OpenPage
) -> None:
    lines = "action,photo,identity,to_identity,note\nmerge,,Emre,+One,\nmerge,,Farah,+Two,\n"
    (faces / "check/corrections.csv").write_text(lines)
    review_set(faces)
    visit = begin(open_page, faces)
    go(visit, 6)
    press(visit, "y")
    assert "new by lines of corrections.csv" in refusal(visit)
    assert len(csv_lines(visit)) == 2


def test_a_full_storage_is_said_once_it_is_full(visit: Visit) -> None:
    visit.page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') } }"
    )
    press(visit, "d")
    visit.page.evaluate("new Promise((done) => setTimeout(done, 50))")
    press(visit, "n")
    assert "keeps nothing" in visit.page.locator("#notes").inner_text()
    assert len(csv_lines(visit)) == 2


def test_shortcuts_are_off_while_somebody_types_or_presses_other_keys_with_them(visit: Visit) -> None:
    visit.page.locator("#kinds").focus()
    press(visit, "n", "d")
    visit.page.locator("#kinds").evaluate("(field) => field.blur()")
    press(visit, "Control+y", "Alt+d", "Meta+n")
    go(visit, 1)
    press(visit, "m")
    visit.page.locator("#who").press_sequentially("dny")
    assert csv_lines(visit) == []
    press(visit, "Escape")
    visit.page.evaluate(
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'd', code: 'KeyD', repeat: true }))"
    )
    assert csv_lines(visit) == [], "a key that is held down decides once"
    visit.page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'в', code: 'KeyD' }))")
    assert csv_lines(visit) == [["drop", "photos/Amara/0.jpg", "Amara", ""]], "a keyboard of Cyrillic letters"


def test_a_photo_is_moved_to_a_person_who_is_searched_for(visit: Visit) -> None:
    go(visit, 1)
    press(visit, "m")
    options = visit.page.locator("#people [role=option]")
    assert options.first.inner_text().split("\n") == ["Birgit", "5 photos"], (
        "whom the check means comes first"
    )
    visit.page.locator("#who").fill("ID")
    assert [text.split("\n")[0] for text in options.all_inner_texts()] == ["Chidi", "ID"]
    visit.page.locator("#who").fill("r")
    assert [text.split("\n")[0] for text in options.all_inner_texts()][:5] == [
        "Amara", "Birgit", "Dolores", "Emre", "Farah",
    ]  # fmt: skip
    press(visit, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")
    marked = visit.page.locator("#people [aria-selected=true]")
    assert marked.inner_text().split("\n")[0] == "Dolores"
    assert visit.page.locator("#who").get_attribute("aria-activedescendant") == marked.get_attribute("id")
    press(visit, "Enter")
    assert csv_lines(visit) == [["move", "photos/Amara/0.jpg", "Amara", "Dolores"]]


def test_a_photo_is_moved_to_a_new_person(visit: Visit) -> None:
    go(visit, 1)
    press(visit, "m")
    visit.page.locator("#who").fill("  Zoe\u0301   Lind ")
    press(visit, "Enter")
    assert csv_lines(visit) == [["move", "photos/Amara/0.jpg", "Amara", "new:Zoé Lind"]]
    go(visit, 1)
    assert "move photos/Amara/0.jpg to Zoé Lind" in state(visit)


def test_a_photo_is_not_moved_to_whose_it_is(visit: Visit) -> None:
    go(visit, 1)
    press(visit, "m")
    visit.page.locator("#who").fill("Amara")
    press(visit, "Enter")
    assert refusal(visit) == "Not done: This moves photos/Amara/0.jpg from Amara to Amara, whose photo it is."


def test_findings_of_one_kind_are_shown_alone(visit: Visit) -> None:
    visit.page.locator("#kinds").select_option("double_name")
    assert head(visit) == "#7 of 9 double name suspect"
    visit.page.locator("#kinds").evaluate("(field) => field.blur()")
    press(visit, "n")
    assert head(visit) == "#8 of 9 double name suspect"
    assert visit.page.locator("#progress-text").inner_text() == "1 of 2 decided"
    press(visit, "n")
    assert head(visit) == "All decided"
    visit.page.locator("#kinds").select_option("")
    assert head(visit) == "#1 of 9 same picture error"


def test_letters_decide_again_once_a_kind_is_chosen_by_mouse_or_enter(visit: Visit) -> None:
    kinds = visit.page.locator("#kinds")
    kinds.dispatch_event("pointerdown")
    kinds.select_option("stranger")
    press(visit, "n")
    assert csv_lines(visit) == [["keep", "photos/Amara/0.jpg", "Amara", ""]]
    kinds.focus()
    press(visit, "d", "d", "Enter")  # the list goes to the double names by itself
    assert csv_lines(visit) == [["keep", "photos/Amara/0.jpg", "Amara", ""]]
    assert visit.page.evaluate("document.activeElement.id") == "finding"
    assert head(visit) == "#7 of 9 double name suspect"


def test_a_finger_and_a_mouse_decide_by_the_buttons(planted_set: Path, open_page: OpenPage) -> None:
    visit = begin(open_page, planted_set, width=360, touch=True)
    answers = visit.page.locator("#answers")
    visit.page.get_by_role("button", name="choose this one").tap()
    answers.get_by_role("button", name="Drop").tap()
    answers.get_by_role("button", name="Yes").tap()
    answers.get_by_role("button", name="Keep").tap()
    answers.get_by_role("button", name="Merge").tap()
    visit.page.get_by_role("button", name="stays").first.tap()
    assert csv_lines(visit) == [
        ["drop", "photos/Chidi/0.jpg", "Chidi", ""],
        ["move", "photos/Amara/0.jpg", "Amara", "Birgit"],
        ["keep", "photos/Birgit/0.jpg", "Birgit", ""],
        ["merge", "", "Farah", "Emre"],
    ]


def test_each_finding_and_decision_is_said_to_a_screen_reader(visit: Visit) -> None:
    said = visit.page.locator("#said")
    assert head(visit)
    assert said.inner_text().startswith("#1, same picture. photos/Dolores/0.jpg is the same picture as")
    press(visit, "d")
    head(visit)
    assert said.inner_text().startswith(
        "#1: Decided: drop photos/Dolores/0.jpg. #2, wrong person. photos/Amara/0"
    )
    press(visit, "u")
    head(visit)
    assert said.inner_text().startswith("#1 undone. #1, same picture.")
    assert visit.page.get_by_role("img", name="crop of photos/Dolores/0.jpg").is_visible()
    assert visit.page.get_by_role("main").count() == 1


def test_all_photos_of_two_people_who_may_be_one_are_shown(visit: Visit) -> None:
    go(visit, 7)
    head(visit)
    for person in ("Farah", "Amara"):
        photos = visit.page.get_by_role("list", name=f"photos of {person}").get_by_role("img")
        assert photos.count() == PEOPLE[person]


def test_a_finding_shows_the_crops_that_it_is_about(open_page: OpenPage, tmp_path: Path) -> None:
    """Crops of one colour each; in sheets beside the page."""
    planter = Planter(make_set(tmp_path / "faces", {"anna": 20, "ben": 20}))
    planter.write([planter.swapped("photos/anna/3.jpg", "photos/ben/11.jpg")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(review_page, "_MOST_INSIDE", 10)
        review_set(tmp_path / "faces")
    assert (tmp_path / "faces/review/sheets/sheet-00000.jpg").is_file()
    visit = begin(open_page, tmp_path / "faces")
    for photo, number in (("photos/anna/3.jpg", 3), ("photos/ben/11.jpg", 31)):
        tile = visit.page.get_by_role("img", name=f"crop of {photo}")
        shown = cv2.imdecode(np.frombuffer(tile.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        colour = shown[40:180, 40:180].reshape(-1, 3).mean(axis=0)[::-1]
        assert np.abs(colour - crop_image(number)[0, 0]).max() < 12, photo


def test_the_file_is_downloaded_as_it_is(visit: Visit, tmp_path: Path) -> None:
    press(visit, "d", "y", "n")
    with visit.page.expect_download() as caught:
        visit.page.get_by_role("button", name="Download corrections.csv").click()
    assert caught.value.suggested_filename == "corrections.csv"
    caught.value.save_as(tmp_path / "corrections.csv")
    content = (tmp_path / "corrections.csv").read_bytes()
    assert content.decode() == visit.page.evaluate("facedata.review.csv()")
    assert [(line.action.value, line.photo) for line in read_corrections(tmp_path / "corrections.csv")] == [
        ("drop", "photos/Dolores/0.jpg"),
        ("move", "photos/Amara/0.jpg"),
        ("keep", "photos/Birgit/0.jpg"),
    ]


def test_one_s_own_lines_stay_and_proposals_that_nobody_decided_go(faces: Path, open_page: OpenPage) -> None:
    file = faces / "check/corrections.csv"
    assert b"[proposed " in file.read_bytes()
    own = 'keep,photos/Birgit/4.jpg,,,"mine, ""all"" mine"\ndistinct,,Emre,Farah,\n'
    file.write_text(file.read_text("utf-8-sig") + own, "utf-8")
    review_set(faces)
    visit = begin(open_page, faces)
    press(visit, "d")
    assert csv_lines(visit) == [
        ["keep", "photos/Birgit/4.jpg", "", ""],
        ["distinct", "", "Emre", "Farah"],
        ["drop", "photos/Dolores/0.jpg", "Dolores", ""],
    ]
    assert ',,,"mine, ""all"" mine"\n' in visit.page.evaluate("facedata.review.csv()")
    go(visit, 6)
    line = visit.page.evaluate("facedata.review.page.data.own[1].line")
    assert state(visit) == f"Settled by line {line} of corrections.csv."
    press(visit, "y")
    assert (
        refusal(visit) == f"Not done: Line {line} of corrections.csv says that Emre and Farah are two people."
    )


def test_lines_that_fix_would_refuse_are_named_and_do_not_count(faces: Path, open_page: OpenPage) -> None:
    file = faces / "check/corrections.csv"
    file.write_text(
        "action,photo,identity,to_identity\ndrop,gone.jpg,,\nmerge,,Amara,Birgitt\nmerge,,Emre,Emre\n"
    )
    review_set(faces)
    visit = begin(open_page, faces)
    notes = visit.page.locator("#notes .note").all_inner_texts()
    assert [text.partition(":")[0] for text in notes] == [
        f"Line {line} of corrections.csv will be refused by facedata fix" for line in (2, 3, 4)
    ]
    press(visit, "d")
    assert len(csv_lines(visit)) == 4


def test_the_lines_of_an_earlier_review_are_decisions_again(faces: Path, open_page: OpenPage) -> None:
    visit = begin(open_page, faces)
    press(visit, "1", "d", "y", "s", "s", "y", "y")
    before = visit.page.evaluate("facedata.review.csv()")
    (faces / "check/corrections.csv").write_text(before, "utf-8")
    review_set(faces)
    again = begin(open_page, faces)  # another browser
    assert again.page.evaluate("facedata.review.csv()") == before
    assert again.page.evaluate("facedata.review.decisions().map((one) => one.key).join('')") == "dyyy"
    go(again, 0)
    press(again, "n")
    assert csv_lines(again)[0][:2] == ["keep", "photos/Chidi/0.jpg"]
    press(again, "u")
    assert again.page.evaluate("facedata.review.csv()") == before
    visit.reopen()  # the browser that knows the steps: they can still be undone
    visit.wait_ready()
    press(visit, "u", "u", "u", "u", "u", "u")
    assert csv_lines(visit) == []


def test_hostile_names_are_text_and_come_back_from_the_file(open_page: OpenPage, tmp_path: Path) -> None:
    names = [name.replace("/", "_") for name in HOSTILE if len(name) < 250]
    faces = tmp_path / "faces"
    planter = Planter(make_set(faces, dict.fromkeys([*names, "Amara"], 2), picture=face))
    photos = {owner: photo for photo, owner in planter.owner.items()}
    planter.write(
        [
            planter.wrong_person(photos[name], other)
            for name, other in zip(names, [*names[1:], "Amara"], strict=True)
        ]
    )
    review_set(faces)
    visit = begin(open_page, faces)
    assert visit.page.title() == "Review of faces"
    for _ in names:
        press(visit, "y")
    assert head(visit) == "All decided"
    assert visit.page.locator("img").count() == 0
    file = tmp_path / "corrections.csv"
    file.write_text(visit.page.evaluate("facedata.review.csv()"), "utf-8", newline="")
    moved = {(line.photo, line.identity, line.to_identity) for line in read_corrections(file)}
    assert moved == {
        (photos[name], name, other) for name, other in zip(names, [*names[1:], "Amara"], strict=True)
    }
    correct(open_set(faces), file)


def correct(prepared: PreparedSet, file: Path) -> dict[str, dict[str, Any]]:
    """Apply a file as `fix` does; return the records that it changes nothing of, and those that it does."""
    records = prepared.table("photos", ["record", "photo", "identity", "status", "reason"])
    corrected, _ = correct_records(records, [read_corrections(file)])
    return {row["record"]: row for row in corrected.to_pylist()}


def test_the_page_writes_lines_as_python_does(visit: Visit) -> None:
    rng = np.random.default_rng(0)
    pieces = [
        *HOSTILE,
        "",
        "true",
        "FALſE",
        "1e5",
        "1,5",
        "-3",
        "@x",
        "\t",
        "\r",
        ";",
        "|",
        "\x1f",
        "\x85",
        "\ufeff",
        "''=1",
    ]
    lines = [
        ["".join(rng.choice(pieces, rng.integers(0, 3))) for _ in ProposedLine._fields] for _ in range(500)
    ]
    written = visit.page.evaluate("(lines) => facedata.review.renderCsv(lines)", lines)
    assert written.encode() == render_lines([ProposedLine(*line) for line in lines])


def test_names_are_cleaned_as_python_does(visit: Visit) -> None:
    rng = np.random.default_rng(1)
    letters = [
        "a",
        "é",
        "e\u0301",
        " ",
        "\u00a0",
        "\u200b",
        "\u200d",
        "\u2028",
        "\x1c",
        "\x85",
        "\ufeff",
        "/",
        "ﬁ",
        "\u00ad",
        "한",
    ]
    names = ["".join(rng.choice(letters, rng.integers(1, 6))) for _ in range(2000)]
    cleaned = visit.page.evaluate("(names) => names.map(facedata.review.clean)", names)
    assert cleaned == [clean_name(name) for name in names]
    assert all(unicodedata.is_normalized("NFC", name) for name in cleaned if "/" not in name and name.strip())


_JUDGE = """(cases) => cases.map((lines) => {
  const rules = new facedata.review.Rules(facedata.review.page.store.names);
  for (const line of lines) if (line.action === 'merge') rules.addMerge(line);
  for (const line of lines) if (line.action !== 'merge') rules.addLine(line);
  return rules.problem === null;
})"""


def test_what_the_page_lets_pass_fix_does_not_refuse(visit: Visit) -> None:
    """Random lines about five people and four photos, judged there and here."""
    rng = np.random.default_rng(2)
    cases: list[list[dict[str, Any]]] = []
    for _ in range(2000):
        lines: list[dict[str, Any]] = []
        for number in range(rng.integers(1, 6)):
            action = str(rng.choice([one.value for one in Action]))
            row, person, to = (int(one) for one in rng.integers(0, [4, 5, 5]))
            if action not in ("merge", "distinct"):
                person = row  # whose photo it is
            lines.append({"action": action, "row": row, "person": person, "to": to, "by": number})
        cases.append(lines)
    texts = [
        [
            {**one, "photo": f"photo {one['row']}", "person": f"P{one['person']}", "to": f"P{one['to']}"}
            for one in lines
        ]
        for lines in cases
    ]
    passed = visit.page.evaluate(_JUDGE, texts)
    refused = 0
    for lines, is_right in zip(cases, passed, strict=True):
        decisions = [
            Decision(
                one["by"],
                Action(one["action"]),
                one["row"] if one["action"] not in ("merge", "distinct") else -1,
                one["person"],
                one["to"] if one["action"] not in ("drop", "keep") else -1,
            )
            for one in lines
        ]
        _, problems = decide(decisions, str, str)
        refused += bool(problems)
        merged = [one["person"] for one in lines if one["action"] == "merge"]
        same_person = any(one["action"] == "distinct" and one["person"] == one["to"] for one in lines)
        if len(merged) == len(set(merged)) and not same_person:
            assert is_right is not bool(problems), lines
        assert not is_right or not problems, lines
    assert 300 < refused < 1700, "both happen"


_WALK = """(steps) => {
  const { store } = facedata.review.page;
  const files = [];
  for (const { at, undo, ...step } of steps) {
    if (undo) store.undo();
    else if (step.key === 's' || !facedata.review.whyNot(store.items[at], step.key)) store.decide(at, step);
    files.push(facedata.review.csv());
  }
  return files;
}"""


def test_whatever_is_decided_in_whatever_order_the_file_can_be_applied(
    planted_set: Path, visit: Visit, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    prepared = open_set(planted_set)
    people = [*PEOPLE, "new:Zoë", "new:Yves"]
    items = visit.page.evaluate("facedata.review.page.store.items")
    steps = []
    for _ in range(800):
        at = int(rng.integers(0, len(items)))
        merge = items[at].get("merge", ["Amara", "Emre"])
        steps.append(
            {
                "at": at,
                "key": str(rng.choice([*"ynndmgs"])),
                "side": "right" if items[at]["shape"] == "pair" and rng.random() < 0.5 else "left",
                "to": str(rng.choice(people)),
                "merge": merge if rng.random() < 0.5 else merge[::-1],
                "undo": bool(rng.random() < 0.15),
            }
        )
    files = visit.page.evaluate(_WALK, steps)
    distinct = sorted(set(files))
    assert len(distinct) > 150
    file = tmp_path / "corrections.csv"
    most = 0
    for content in distinct:
        file.write_text(content, "utf-8")
        try:
            correct(prepared, file)
        except CorrectionsError as error:
            pytest.fail(f"{error}\n{content}")
        most = max(most, len(read_corrections(file)))
    assert most >= 6


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of real photos and crops with 50 findings of four kinds, and its page."""
    home = tmp_path_factory.mktemp("crowd")
    marked_folder(home / "photos", people=24, photos=6)
    made = prepare_marked(home / "photos", home / "faces", size=64, splits="train=0.5,test=0.5", report=False)
    planter = Planter(made)

    def photo(person: int, number: int) -> str:
        return f"person-{person:02d}/{number:02d}.png"

    planter.write(
        [
            *(planter.wrong_person(photo(one, 0), f"person-{one + 1:02d}") for one in range(16)),
            *(planter.wrong_person(photo(one, 3), f"person-{one + 2:02d}") for one in range(4)),
            *(planter.stranger(photo(one, 1)) for one in range(15)),
            *(planter.swapped(photo(one, 2), photo(one + 8, 2)) for one in range(8)),
            *(planter.double_name(f"person-{one}", f"person-{one + 1}") for one in (18, 20, 22)),
            *(planter.official_pair(photo(one, 4), photo(one, 5)) for one in range(4)),
        ],
        blurred=0, flat=0,
    )  # fmt: skip
    review_set(home / "faces")
    return home / "faces"


def test_fifty_findings_by_keyboard_become_a_corrected_set(
    crowd: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    """No key is lost, whatever the speed; the file says what the keys do, and so does the set of `fix`."""
    visit = begin(open_page, crowd)
    items = visit.page.evaluate("facedata.review.page.store.items.map(({ groups, ...item }) => item)")
    photo_of = visit.page.evaluate("facedata.review.page.store.crops.photo")
    assert len(items) == 50
    keys = list(itertools.islice(itertools.cycle("yndyys"), 50))
    for at, item in enumerate(items):
        if keys[at] == "d" and item["shape"] == "people":
            keys[at] = "y"
        if keys[at] == "y" and item["proposal"] is None:
            keys[at] = "n"
    for key in keys:
        visit.page.keyboard.press(key)
    decided = visit.page.evaluate("facedata.review.decisions().map((one) => [one.finding, one.key])")
    assert decided == [[item["finding"], key] for item, key in zip(items, keys, strict=True) if key != "s"]

    before = {row["record"]: row["identity"] for row in open_set(crowd).table("photos").to_pylist()}
    wanted: dict[str, str | None] = dict(before)
    for item, key in zip(items, keys, strict=True):
        left, right = (None if item[side] is None else photo_of[item[side]] for side in ("left", "right"))
        if key == "d" or (key == "y" and item["proposal"] == "drop"):
            wanted[str(left)] = None
        elif key == "y" and item["kind"] == "swapped":
            wanted[str(left)], wanted[str(right)] = before[str(right)], before[str(left)]
        elif key == "y" and item["proposal"] == "move":
            wanted[str(left)] = item["to_identity"]
        elif key == "y" and item["proposal"] == "merge":
            goes, stays = item["merge"]
            wanted |= {record: stays for record, person in before.items() if person == goes}
    file = tmp_path / "corrections.csv"
    file.write_text(visit.page.evaluate("facedata.review.csv()"), "utf-8")
    fixed = fix_set(crowd, file, tmp_path / "fixed", workers=1)
    ledger = {row["record"]: row for row in fixed.table("photos").to_pylist()}
    dropped = {record for record, person in wanted.items() if person is None}
    assert {record for record, row in ledger.items() if row["status"] == "excluded"} == dropped
    assert {record: row["identity"] for record, row in ledger.items() if record not in dropped} == {
        record: person for record, person in wanted.items() if person is not None
    }
    assert sum(wanted[record] != person for record, person in before.items()) > 25


@pytest.fixture
def serving(faces: Path) -> Iterator[Serving]:
    """A review that is served, of a set of one's own."""
    with serve_review(faces) as served:
        yield served


def wait_text(visit: Visit, pattern: str) -> None:
    """Wait until the page says how its saving stands."""
    visit.page.locator("#saving", has_text=re.compile(f"^{pattern}$")).wait_for()


def saved(faces: Path) -> list[tuple[str, str | None]]:
    lines = read_corrections(faces / "check/corrections.csv")
    return [(line.action.value, line.photo) for line in lines]


def test_the_server_s_page_saves_after_each_decision_and_stops_when_it_is_done(
    serving: Serving, faces: Path, open_page: OpenPage
) -> None:
    visit = open_page(serving.url)
    visit.wait_ready()
    saving = visit.page.locator("#saving")
    press(visit, "d")
    wait_text(visit, "saved")
    assert saved(faces) == [("drop", "photos/Dolores/0.jpg")]
    press(visit, *"yns")
    press(visit, "u", "u")
    wait_text(visit, "saved")
    assert saved(faces) == [("drop", "photos/Dolores/0.jpg"), ("move", "photos/Amara/0.jpg")]
    assert (faces / "check/corrections.csv").read_text("utf-8") == visit.page.evaluate(
        "facedata.review.csv()"
    )
    visit.check_axe()
    visit.screenshot("review-served")
    visit.page.get_by_role("button", name="Done").click()
    visit.page.get_by_text("you may close this page").wait_for()
    assert serving.wait() == 2
    assert saving.inner_text() == "saved"
    press(visit, "n")
    assert len(visit.page.evaluate("facedata.review.decisions()")) == 2
    visit.check_axe()


def test_a_page_that_is_loaded_again_from_the_server_has_the_decisions_and_can_undo_them(
    serving: Serving, faces: Path, open_page: OpenPage
) -> None:
    visit = open_page(serving.url)
    visit.wait_ready()
    press(visit, *"dyn")
    wait_text(visit, "saved")
    visit.page.reload()
    visit.wait_ready()
    assert len(csv_lines(visit)) == 3
    press(visit, *"uuu")
    wait_text(visit, "saved")
    assert saved(faces) == []
    other = open_page(serving.url)
    other.wait_ready()
    assert csv_lines(other) == []


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(
    serving: Serving, faces: Path, open_page: OpenPage
) -> None:
    visit = open_page(serving.url)
    visit.wait_ready()
    file = faces / "check/corrections.csv"
    file.write_text("action,photo,identity,to_identity,note\ndistinct,,Emre,Farah,I know them\n")
    press(visit, "d")
    wait_text(visit, "not saved: .*")
    assert "has changed since this page was opened" in visit.page.locator("#saving").inner_text()
    assert file.read_text().endswith("distinct,,Emre,Farah,I know them\n")
    assert any("409" in error for error in visit.errors)
    visit.errors.clear()
    visit.page.on("dialog", lambda dialog: dialog.accept())  # the browser asks whether to leave
    visit.page.reload()
    visit.wait_ready()
    wait_text(visit, "saved")
    assert saved(faces) == [("distinct", None), ("drop", "photos/Dolores/0.jpg")]


def test_a_server_that_is_gone_is_said_and_tried_again(serving: Serving, open_page: OpenPage) -> None:
    visit = open_page(serving.url)
    visit.wait_ready()
    visit.page.route("**/decisions", lambda route: route.abort())
    press(visit, "d")
    wait_text(visit, "not saved, trying again: .*")
    visit.page.unroute("**/decisions")
    wait_text(visit, "saved")
    visit.errors.clear()  # the browser's own, of the requests that failed
