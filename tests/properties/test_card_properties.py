"""Whatever a card is told comes back from its YAML as it was, and from its Markdown as plain text."""

from __future__ import annotations

import html
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from facedata.pages.card import escape_markdown, to_yaml

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text("-=:#'\"\\ \n\t[]{}<>|&*!%@`~,?_.0123456789eExnoNOytrueful\x00\x85\u2028\ufeff", max_size=12),
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)

READER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5))
def test_yaml_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


@given(TEXTS, st.sampled_from(["{}", "- {}", "| a | b |\n|---|---|\n| {} | 1 |", "## {}", "said: {}."]))
def test_markdown_shows_the_text_and_nothing_else(text: str, place: str) -> None:
    escaped = escape_markdown(text)
    assert "\n" not in escaped
    seen = " ".join(
        "".join(one if one.isprintable() or one in "\u200c\u200d" else " " for one in text).split()
    )
    assume(seen)
    pages = [READER.render(place.format(one)) for one in (escaped, "QQQ")]
    assert html.unescape(pages[0]) == html.unescape(pages[1]).replace("QQQ", seen)
