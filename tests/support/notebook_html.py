"""What stands in a piece of HTML that a notebook shows: elements, texts, pictures, and what could run."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import cv2
import numpy as np
import numpy.typing as npt


class Piece(HTMLParser):
    """A piece of HTML, read.

    Attributes:
        elements: the names of its elements, in order.
        texts: what it says, without style and blanks.
        alts: of its pictures.
        pictures: ``(height, width, 3)`` uint8 RGB.
        runs: attributes that could run something or load something from elsewhere.
        style: what its style sheets say.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.texts: list[str] = []
        self.alts: list[str] = []
        self.pictures: list[npt.NDArray[np.uint8]] = []
        self.runs: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append(tag)
        self.runs += [name for name in given if name.startswith("on") or name in ("style", "href")]
        if tag == "img":
            self.alts.append(given["alt"])
            head, _, data = given["src"].partition(",")
            if head != "data:image/jpeg;base64":
                self.runs.append(given["src"])
                return
            image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            self.pictures.append(np.asarray(image[:, :, ::-1], np.uint8))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] == "style" and data.strip().startswith(".facedata"):
            self.style += data
        elif data.strip():
            self.texts.append(data.strip())
