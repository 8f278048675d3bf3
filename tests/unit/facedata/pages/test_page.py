from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from facedata.pages.page import render_page
from tests.support.packed_pages import read_data

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'&lt;",
    "</title>",
    "\u202eevil",
    "{{ 7 * 7 }}",
]


class Reader(HTMLParser):
    """Notes the elements, the texts, and attributes that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.texts: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "own.css").write_text(".own { color: red; }\n")
    (tmp_path / "own.js").write_text("facedata.own = '</p>';\n")
    file = tmp_path / "own.html"
    file.write_text(
        '{% extends "base.html" %}{% block main %}<p title="{{ name }}">{{ name }}</p>{% endblock %}'
    )
    return file


def read(page: bytes) -> Reader:
    reader = Reader()
    reader.feed(page.decode())
    return reader


def policy_of(page: bytes) -> dict[str, str]:
    content = re.search(rb'Content-Security-Policy" content="([^"]*)"', page)
    assert content
    text = content[1].decode().replace("&#39;", "'")
    return dict(part.strip().split(" ", 1) for part in text.split(";"))


def digest_of(page: bytes, element: str) -> str:
    found = re.search(rf"<{element}>(.*?)</{element}>".encode(), page, re.DOTALL)
    assert found
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1]).digest()).decode()}'"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(template: Path, name: str) -> None:
    safe, page = (read(render_page(template, one, name=one)) for one in ("Ann", name))
    assert page.names == safe.names
    assert page.handlers == []
    assert page.texts.count(name) == 3  # the title, the heading, the paragraph


def test_the_policy_allows_the_page_s_own_script_and_style_only(template: Path) -> None:
    page = render_page(template, "A set", name="Ann", data=[1], styles=["own.css"], scripts=["own.js"])
    policy = policy_of(page)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == digest_of(page, "script")
    assert policy["style-src"] == digest_of(page, "style")
    assert policy["connect-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert b".own { color: red; }" in page
    assert page.index(b"facedata.Sheets = class") < page.index(b"facedata.own")
    assert read_data(page) == [1]


def test_a_page_without_scripts_allows_none(template: Path) -> None:
    page = render_page(template, "A run", name="Ann")
    assert policy_of(page)["script-src"] == "'none'"
    assert b"<script" not in page


def test_a_served_page_may_ask_its_server(template: Path) -> None:
    page = render_page(template, "A set", name="Ann", scripts=["own.js"], is_served=True)
    assert policy_of(page)["connect-src"] == "'self'"


def test_a_value_that_the_template_lacks_is_an_error(template: Path) -> None:
    with pytest.raises(UndefinedError, match="name"):
        render_page(template, "A set")


def test_the_same_page_has_the_same_bytes(template: Path) -> None:
    assert render_page(template, "A", name="b", data={"c": 1}) == render_page(
        template, "A", name="b", data={"c": 1}
    )
