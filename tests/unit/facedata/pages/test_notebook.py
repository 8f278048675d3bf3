"""A piece of HTML for notebooks: names are text, pictures are small, and nothing makes it raise."""

from __future__ import annotations

import re
import struct
import zlib

import cv2
import numpy as np
import pytest

from facedata.pages.notebook import MOST_PICTURES, Group, Picture, Shown, Table, render_object
from tests.support.notebook_html import Piece

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'&lt;", "</style></div>", "{{ 7 * 7 }}",
    "\u202eevil", "שלום", "👩‍👩‍👧", "x" * 255, "</figcaption>",
]  # fmt: skip
GREY = 128


def encoded(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    return bytes(cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())


def enormous_png() -> bytes:
    """A file of a few bytes that claims to have 10 to the 10 pixels."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0")),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_wherever_they_stand(name: str) -> None:
    plain = Picture(None, "anna", "1.jpg")
    shown = Shown((Table(("a", "b"), (("c", "d"),)),), (Group((plain,), "two"),), ("note",))
    elements = Piece(render_object("line", lambda: shown)).elements
    hostile = Shown(
        (Table((name, name), ((name, name),)),), (Group((Picture(None, name, name),), name),), (name,)
    )
    piece = Piece(render_object(name, lambda: hostile))
    assert piece.elements == elements
    assert piece.texts == [name] * 8
    assert piece.alts == [f"{name}, {name}"]
    assert piece.runs == []


@pytest.mark.parametrize(
    ("letter", "shown"), [("\0", r"\x00"), ("\x1b", r"\x1b"), ("\udce9", r"\udce9"), ("\n", r"\n")]
)
def test_letters_that_html_cannot_hold_are_escaped(letter: str, shown: str) -> None:
    html = render_object(f"a{letter}b", Shown)
    assert Piece(html).texts == [f"a{shown}b"]
    html.encode()  # as a notebook does to send it


def test_long_text_is_cut() -> None:
    (text,) = Piece(render_object("x" * 10_000, Shown)).texts
    assert text == "x" * 299 + "…"


def test_whatever_is_wrong_is_said_below_the_line() -> None:
    def fail() -> Shown:
        raise ZeroDivisionError("<b>no</b>")

    assert Piece(render_object("a set", fail)).texts == ["a set", "nothing more can be shown: <b>no</b>"]


def test_a_picture_is_small_and_what_cannot_be_read_is_grey() -> None:
    red = np.full((240, 240, 3), (200, 40, 30), np.uint8)
    files = [encoded(red), None, b"", b"no image", enormous_png()]
    groups = tuple(Group((Picture(file, "anna"),)) for file in files)
    first, *others = Piece(render_object("set", lambda: Shown(groups=groups))).pictures
    assert first.shape == (96, 96, 3)
    assert np.abs(first.astype(int) - [200, 40, 30]).max() <= 4
    for other in others:
        assert other.shape == (96, 96, 3)
        assert np.all(np.abs(other.astype(int) - GREY) <= 1)


def test_the_most_that_is_shown_stays_below_150_kb() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (MOST_PICTURES, 240, 240, 3), np.uint8)
    sharp = [image.repeat(3, 0).repeat(3, 1)[:96, :96] for image in noise]  # resizing makes nothing smooth
    groups = tuple(Group((Picture(encoded(image), "n" * 255, "p" * 4000),), "c" * 4000) for image in sharp)
    table = Table(("x" * 300, "y" * 300), (("a", "b"),) * 20)
    assert len(render_object("set", lambda: Shown((table,), groups, ("n" * 4000,) * 10))) < 150_000


def test_its_style_is_for_itself_alone_and_takes_the_notebook_s_colours() -> None:
    shown = Shown((Table(("a",), (("b",),)),), (Group((Picture(None, "anna"),), "c"),))
    style = Piece(render_object("set", lambda: shown)).style
    selectors = [one.strip() for rule in re.findall(r"([^{}]+)\{", style) for one in rule.split(",")]
    assert len(selectors) > 8
    assert all(one.startswith(".facedata-shown") for one in selectors)
    assert "color: inherit" in style
    assert not re.search(r"#[0-9a-f]{3}|url\(|@import", style)
