"""What a page of a model says, as a reader without a browser sees it: tables, texts and pictures."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class PageText(HTMLParser):
    """Reads a page.

    Attributes:
        tables: by id, or by the label of the region around it: rows of cells, the head first.
        texts: every text outside of styles, in order.
        sections: by id of the section, its texts in one.
        pictures: the ``alt`` and the ``src`` of each picture.
        tags: every tag that was opened.
        addresses: the values of all attributes that a browser would load or follow.
    """

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: list[str] = []
        self.sections: dict[str, str] = {}
        self.pictures: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self._region = self._section = ""
        self._table: list[list[str]] | None = None
        self._is_cell = self._is_style = False
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.addresses += [
            values[name] for name in ("src", "href", "srcset", "action", "data") if name in values
        ]
        if values.get("role") == "region":
            self._region = values["aria-label"]
        if tag == "section":
            self._section = values["id"]
        elif tag == "img":
            self.pictures.append((values["alt"], values["src"]))
        elif tag == "table":
            self._table = self.tables.setdefault(values.get("id") or self._region, [])
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag in ("td", "th") and self._table is not None:
            self._table[-1].append("")
            self._is_cell = True
        self._is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._is_cell = self._is_cell and tag not in ("td", "th")
        self._is_style = False

    def handle_data(self, data: str) -> None:
        if self._is_style:
            return
        self.texts.append(data)
        self.sections[self._section] = self.sections.get(self._section, "") + data
        if self._is_cell and self._table is not None:
            self._table[-1][-1] += data

    @property
    def text(self) -> str:
        """All texts, blanks made one."""
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def count(self, tag: str) -> int:
        """Return how many elements of a kind the page has."""
        return self.tags.count(tag)

    def check_closed(self) -> None:
        """Fail where the page runs a script of its own or asks for something that is not in it."""
        assert not {"script", "iframe", "object", "embed", "form"} & set(self.tags)
        outside = [one for one in self.addresses if not one.startswith(("#", "data:"))]
        assert outside == []
