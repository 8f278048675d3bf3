"""A set whose cards have something to say: consent, licences, rejected photos, names to be kept back."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from facedata import PreparedSet
from tests.support.marked_photos import prepare_marked, write_marked

PEOPLE = ("Xenia Quux", "Zoë_*Ö*", "[Bad](http://evil.example)", "<b>Wim</b>", "Yorick|Q", "Vera---V")
"""People whose names would be markup."""

LICENCE = "Ours | <script>alert(1)</script>\n---\nlicense: mit\n# Free *for* all [x](javascript:1)"


def carded_set(home: Path, name: str = "faces", licence: str | None = LICENCE, **options: Any) -> PreparedSet:
    """Prepare three photos of each of six people below ``home``, with columns about consent and licence.

    Three people say ``yes``, and three a form's name; one photo says who signed, four name somebody of the
    set, and one says nothing. One photo has no face.
    """
    source = home / "photos of Xenia Quux"
    rows = [["path", "identity", "consent", "licence", "photographer"]]
    for number, person in enumerate(PEOPLE):
        for photo in range(3):
            file = f"p{number}/{photo}.png"
            write_marked(source / file, seed=10 * number + photo)
            said = "yes" if number < 3 else "Form 7b"
            said = {0: said, 1: "ask Xenia Quux first" if number < 4 else said}.get(photo, said)
            rows.append(
                [file, person, said, "CC BY 4.0" if number < 2 else "", f"photographer {number}{photo}"]
            )
    rows[1][2], rows[3][2] = "signed by her mother, Udo Quux", ""
    write_marked(source / "none.png", seed=99, faces=())
    rows.append(["none.png", PEOPLE[0], "withdrawn", "", ""])
    with (source / "people.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    values = {"kind": "table", "size": 48, "splits": "train=0.5,test=0.5", "report": False}
    if licence is not None:
        values["licence"] = licence
    return prepare_marked(source / "people.csv", home / name, **{**values, **options})


def shown_text(markdown: str) -> str:
    """Return the text that a reader of Markdown sees, without its tags and with single blanks."""
    page = MarkdownIt("commonmark").enable("table").render(markdown)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def body_of(card: str) -> str:
    """Return a card without its YAML."""
    return card.partition("\n---\n\n")[2]
