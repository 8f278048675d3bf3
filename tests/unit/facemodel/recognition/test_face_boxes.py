"""Pictures with boxes and names: where they are drawn, and that no name whatever breaks them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facemodel.recognition.escaped_names import escape_name, shorten_name
from facemodel.recognition.face_boxes import KNOWN_RGB, UNKNOWN_RGB, Label, _choose_font, draw_face_boxes

GREY = np.full((600, 1000, 3), 90, np.uint8)


def _where(picture: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((picture == colour).all(axis=2))
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def test_a_box_lies_where_the_face_does_and_the_name_above_it() -> None:
    picture = draw_face_boxes(GREY, [Label((400, 300, 500, 420), "Anna")])
    assert picture.shape == GREY.shape
    left, top, right, bottom = _where(picture, KNOWN_RGB)
    assert (left, right, bottom) == (400, 500, 420)
    assert 250 < top < 300  # the name's place
    assert (picture[310:415, 410:490] == 90).all()  # the face itself is not drawn on
    assert (picture[:250] == 90).all()


def test_who_is_known_and_who_is_not_have_colours_of_their_own() -> None:
    picture = draw_face_boxes(GREY, [Label((100, 300, 200, 400), "Anna"), Label((600, 300, 700, 400), None)])
    assert _where(picture, KNOWN_RGB)[2] < 500 < _where(picture, UNKNOWN_RGB)[0]


def test_a_small_photo_is_enlarged_and_its_boxes_with_it() -> None:
    picture = draw_face_boxes(np.full((90, 60, 3), 90, np.uint8), [Label((20, 30, 40, 60), "A")])
    assert picture.shape == (900, 600, 3)
    left, _, right, bottom = _where(picture, KNOWN_RGB)
    assert (left, right) == pytest.approx((204, 404), abs=2)
    assert bottom == pytest.approx(604, abs=2)


def test_a_huge_photo_is_made_smaller() -> None:
    assert draw_face_boxes(np.zeros((100, 4800, 3), np.uint8), []).shape == (50, 2400, 3)


def test_names_cover_neither_each_other_nor_a_face_where_there_is_room() -> None:
    boxes = [(100.0 + 150 * i, 300.0, 190.0 + 150 * i, 400.0) for i in range(5)]
    alone = [draw_face_boxes(GREY, [Label(box, "Annamaria B")]) for box in boxes]
    together = draw_face_boxes(GREY, [Label(box, "Annamaria B") for box in boxes])
    for box in boxes:
        inside = together[int(box[1]) + 8 : int(box[3]) - 8, int(box[0]) + 8 : int(box[2]) - 8]
        assert (inside == 90).all()
    wanted = sum(int((picture == KNOWN_RGB).all(axis=2).sum()) for picture in alone)
    found = int((together == KNOWN_RGB).all(axis=2).sum())
    assert found > 0.97 * wanted  # labels that lay on each other would leave less


def test_faces_at_and_beyond_the_edge_have_their_names_inside() -> None:
    for box in [(-50, -50, 80, 80), (950, 560, 1100, 700), (-20, 500, 1020, 640), (2000, 2000, 2100, 2100)]:
        picture = draw_face_boxes(GREY, [Label(tuple(map(float, box)), "Anna")])  # type: ignore[arg-type]
        assert ((picture == KNOWN_RGB).all(axis=2)).sum() > 300  # a label, not just a line


@settings(max_examples=40)
@given(st.text(max_size=12))
def test_no_name_breaks_a_picture(name: str) -> None:
    picture = draw_face_boxes(GREY, [Label((400, 300, 500, 420), name)])
    assert (picture == KNOWN_RGB).all(axis=2).any()


@pytest.mark.parametrize(
    "name", ["王菲", "أحمد", "אבי", "ნინო", "😀", "\ud800", "\x00", "a\nb", "", "é" * 999]
)
def test_hard_names(name: str) -> None:
    assert draw_face_boxes(GREY, [Label((400, 300, 500, 420), name)]).shape == GREY.shape


@pytest.mark.parametrize("name", ["Anna", None, "A" * 200])
def test_the_score_is_written_after_the_name(name: str | None) -> None:
    """However long the name is: the label with a score is wider by its letters."""
    colour = UNKNOWN_RGB if name is None else KNOWN_RGB
    plain, scored = (
        draw_face_boxes(GREY, [Label((100, 300, 200, 420), name, score)]) for score in (None, "0.91")
    )
    widths = []
    for picture in (plain, scored):
        columns = np.flatnonzero((picture[270:299] == colour).all(axis=2).any(axis=0))
        widths.append(int(columns.max() - columns.min()))
        assert (picture[270:299] == 255).all(axis=2).sum() > 20  # white letters on it
    assert 25 < widths[1] - widths[0] < 90


def test_letters_no_font_has_stand_as_their_number() -> None:
    assert _choose_font("a\U0010fffd", 20)[1] == "a\\U0010fffd"
    assert _choose_font("Zoë", 20)[1] == "Zoë"


def test_shown_names_stay_on_their_line_and_lose_nothing() -> None:
    assert escape_name("Zoë Łukasz 王菲 عمر") == "Zoë Łukasz 王菲 عمر"
    assert escape_name("a\r\n\x1b[2Jb\u202ec\u2028") == r"a\r\n\x1b[2Jb\u202ec\u2028"
    assert escape_name("\ud83d") == r"\ud83d"
    assert len(shorten_name("x" * 500)) == 32


@given(st.text())
def test_whatever_is_shown_is_one_line_of_utf8(name: str) -> None:
    text = escape_name(name)
    text.encode()
    assert len(text.splitlines()) <= 1
