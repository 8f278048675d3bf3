"""A card: what it is told is text, what is not known is open, and what somebody has written stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from jinja2 import UndefinedError

from facedata.errors import StoreError
from facedata.pages.card import Markdown, is_edited, render_card, to_yaml, write_card
from tests.support.carded_sets import body_of, shown_text


def render(folder: Path, template: str, head: Mapping[str, object] | None = None, **values: object) -> str:
    file = folder / "template.md"
    file.write_text(template, encoding="utf-8")
    return render_card(file, head or {"license": "mit"}, **values)


def test_values_are_text_numbers_have_separators_and_markdown_stays(tmp_path: Path) -> None:
    card = render(
        tmp_path, "# {{ name }}\n\n{{ count }} photos, {{ code }}, {{ share }}\n",
        name="a *b* <i>\n---\n# c", count=1234567, code=Markdown("`x`"), share=0.5,
    )  # fmt: skip
    assert "1,234,567 photos, `x`, 0.5" in card
    assert shown_text(body_of(card)) == "a *b* <i> --- # c 1,234,567 photos, x , 0.5"


def test_the_head_is_yaml_and_cannot_be_left(tmp_path: Path) -> None:
    head = {"license": "other", "license_name": "x\n---\nlicense: mit", "tags": ["no", "1e3", ": #"]}
    card = render(tmp_path, "text", head)
    start, text, _ = card.split("---\n", 2)
    assert start == ""
    assert yaml.safe_load(text) == head


def test_what_is_open_says_so(tmp_path: Path) -> None:
    assert "_Not stated. Write here whom to ask._" in render(tmp_path, '{{ open("whom to ask") }}')


def test_a_name_that_nobody_gives_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        render(tmp_path, "{{ nothing }}")


def test_a_card_that_was_edited_is_kept(tmp_path: Path) -> None:
    file, first, second = tmp_path / "README.md", render(tmp_path, "one"), render(tmp_path, "two")
    assert not is_edited(file)
    assert write_card(file, first)
    assert not is_edited(file)
    assert write_card(file, second)
    assert file.read_text(encoding="utf-8") == second
    for edited in (second.replace("two", "two and mine"), second + "mine\n", "mine", second[:-9]):
        file.write_text(edited, encoding="utf-8")
        assert is_edited(file)
        assert not write_card(file, first)
        assert file.read_text(encoding="utf-8") == edited
    file.write_bytes(b"\xff\xfe no text")
    assert is_edited(file)


def test_a_card_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError):
        write_card(tmp_path / "file" / "README.md", render(tmp_path, "one"))


def test_half_a_letter_is_written_as_one_that_is_missing() -> None:
    assert yaml.safe_load(to_yaml({"name": "a\udcffb"})) == {"name": "a\N{REPLACEMENT CHARACTER}b"}
